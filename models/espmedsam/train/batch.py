"""One batch of training."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B pictures and what is to be made of them."""

    pictures: Tensor  # B x 3 x S x S float32, normalised
    target: Tensor  # masks, B x S x S in 0..1; or a teacher's embeddings, B x 256 x g x g
    modality: Tensor  # B int64
    clean: Tensor | None = None  # the pictures before they were degraded, as a teacher looks at them

    def to(self, device: torch.device) -> Batch:
        """On the device; the pictures as convolutions like them."""
        moved = {f.name: _moved(getattr(self, f.name), device) for f in fields(self)}
        pictures = moved.pop("pictures").contiguous(memory_format=torch.channels_last)
        return Batch(pictures=pictures, **moved)

    def pin_memory(self) -> Batch:
        """As a data loader asks for it where there is a GPU."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return Batch(**{name: None if part is None else part.pin_memory() for name, part in parts.items()})

    def __len__(self) -> int:
        return len(self.pictures)


def _moved(part: Tensor | None, device: torch.device) -> Tensor | None:
    return None if part is None else part.to(device, non_blocking=True)
