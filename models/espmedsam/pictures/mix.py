"""What a training picture borrows from another of the same data set: its lesion, or its light and colours; and parts of a
picture, with its target or beside it."""

from __future__ import annotations

import cv2
import numpy as np

from .pool import Sample

CLOSE = (0.3, 0.6)  # of the side: of a part that is cut out
TRIES = 30
ENOUGH = 0.02  # of a part's area: so much of it is target, or none
LOW = 0.06  # of the side: the largest extent of the exchanged frequencies


def paste(
    image: np.ndarray, mask: np.ndarray, donor: np.ndarray, donor_mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The donor's structure set into the picture where the donor has it, with a feathered edge and the mean of its
    surroundings made the picture's (copy-paste, Ghiasi et al., arXiv 2012.07177).

    image, donor: uint8 S x S x 3; mask, donor_mask: float32 S x S in 0..1. Returns both as they came if the donor shows
    no structure, or one that would fill most of the picture.
    """
    inside = donor_mask > 0.5
    if not 0.002 < inside.mean() < 0.35:
        return image, mask
    side = image.shape[0]
    reach = max(3, side // 40)
    near = cv2.dilate(inside.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8))
    ring = (near > 0) & ~inside
    if not ring.any():
        return image, mask
    grown = cv2.dilate(inside.astype(np.float32), np.ones((reach,) * 2))
    soft = np.maximum(cv2.GaussianBlur(grown, (0, 0), reach / 2), donor_mask)[..., None]
    shift = image[ring].mean(0) - donor[ring].mean(0)
    mixed = image * (1 - soft) + np.clip(donor + shift, 0, 255) * soft
    return mixed.astype(np.uint8), np.maximum(mask, donor_mask)


def exchange(pixels: np.ndarray, donor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Amplitudes of the lowest frequencies drawn towards the donor's, the phases kept: the donor's light and colours on
    the picture's structures (Fourier domain adaptation, Yang and Soatto, arXiv 2004.05498).

    pixels: float32 S x S x 3 in 0..255; donor: uint8 S' x S' x 3. Returns float32 S x S x 3, not clipped.
    """
    side = pixels.shape[0]
    most = max(1, int(side * rng.uniform(0.005, LOW)))
    share = rng.uniform(0.3, 1.0)
    other = cv2.resize(donor, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    basis = np.exp(-2j * np.pi / side * np.outer(np.arange(-most, most + 1), np.arange(side))).astype(np.complex64)

    def transformed(matrix: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Both axes of H x W x 3 through the matrix."""
        return np.einsum("ij,kjc->kic", matrix, np.tensordot(matrix, values, (1, 0)), optimize=True)

    # The spectrum's centre alone: two small products instead of a whole transform.
    own, theirs = (transformed(basis, values.astype(np.complex64)) for values in (pixels, other))
    amount = np.abs(own)
    wanted = (1 - share) * amount + share * np.abs(theirs)
    change = own / np.maximum(amount, 1e-6) * (wanted - amount)
    delta = transformed(np.conj(basis).T / side, change).real
    return np.ascontiguousarray(pixels + delta, np.float32)  # OpenCV draws on nothing else


def closeup(sample: Sample, target: bool, rng: np.random.Generator) -> Sample:
    """A square part of the picture that shows its target, or none of it. The picture as it is where none was found: of a
    target that fills the picture, nothing lies beside it."""
    size = sample.image.shape[0]
    for _ in range(TRIES):
        side = int(size * rng.uniform(*CLOSE))
        top, left = rng.integers(0, size - side + 1, 2)
        part = np.s_[top : top + side, left : left + side]
        area = (sample.mask[part] > 0).mean()
        if (area >= ENOUGH) if target else (area == 0):
            return Sample(sample.image[part], sample.mask[part], sample.modality)
    return sample
