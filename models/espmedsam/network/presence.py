"""Whether a picture shows anything of its modality's target at all: SAM 2's object score (arXiv 2408.00714, section D.1),
made of more than the query's token."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..facts.architecture import EMBED, PRESENCE_HIDDEN, QUERIES


class PresenceHead(nn.Module):
    """The query's token, which has looked at the whole picture, beside the prompted embedding's mean and maximum over its
    cells -> two linear layers, the last with a row for each modality -> a logit: above 0, more likely there than not."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * EMBED, PRESENCE_HIDDEN)
        self.score = nn.Linear(PRESENCE_HIDDEN, QUERIES)

    def forward(self, token: Tensor, prompted: Tensor, modality: Tensor) -> Tensor:
        """token: B x 256, prompted: B x 256 x s x s, modality: int64, B -> B."""
        seen = torch.cat([token, prompted.mean((2, 3)), prompted.amax((2, 3))], 1)
        scores = self.score(F.gelu(self.hidden(seen)))
        return scores.gather(1, modality[:, None])[:, 0]
