"""One batch of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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
        moved = self._each(lambda part: part.to(device, non_blocking=True))
        return replace(moved, pictures=moved.pictures.contiguous(memory_format=torch.channels_last))

    def pin_memory(self) -> Batch:
        """As a data loader asks for it where there is a GPU."""
        return self._each(torch.Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        clean = None if self.clean is None else change(self.clean)
        return Batch(change(self.pictures), change(self.target), change(self.modality), clean)

    def __len__(self) -> int:
        return len(self.pictures)
