"""The signs of a good mask that the program computes, in its order (`Signs`), each in 0..=1."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """One of them."""

    name: str
    agreement: bool  # more of it never means a worse mask


SIGNS = (
    Sign("probability", True),
    Sign("soft_dice", True),
    Sign("stability", True),
    Sign("area", False),
    Sign("overlap", True),
)
NAMES = tuple(sign.name for sign in SIGNS)
