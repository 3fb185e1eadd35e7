"""Weights made by a rule, for exact comparison with the official network's outputs: no trained meaning.

The rule is in the reference folder's README ("Deterministic weights"): splitmix64 of key and index, scaled by kind.
"""

from __future__ import annotations

import zlib

import numpy as np

from .checkpoint import is_modality_key, official_keys


def _mix(bits: np.ndarray) -> np.ndarray:
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _uniform(key: str, count: int, seed: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        base = _mix(np.array([(seed * 2**32 + zlib.crc32(key.encode())) % 2**64], np.uint64))
        mixed = _mix(base + np.arange(count, dtype=np.uint64))
    return (2 * ((mixed >> np.uint64(40)).astype(np.float64) / 2**24) - 1) * 1.7320508075688772


def _gain(key: str) -> float:
    if key.endswith(("qkv.weight", "q_proj.weight", "k_proj.weight")):
        return 1.5
    if key.endswith("v_proj.weight") or ".local_conv." in key:
        return 1.0
    if key.startswith("SemiTViT.layers."):
        if key.endswith(("attn.proj.weight", "fc2.weight")) or (".blocks." in key and key.endswith(".conv3.c.weight")):
            return 0.7
        if key.endswith("downsample.conv3.c.weight"):
            return 1.2
    return 1.4


def weights(seed: int, modality: int, patch_bias: float) -> dict[str, np.ndarray]:
    """The 504 official entries (float32, counters int64) for one modality of a reference case."""
    out = {}
    for key, shape in official_keys().items():
        count = int(np.prod(shape, dtype=np.int64))
        drawn = _uniform(key, count, seed + 1 + modality if is_modality_key(key) else seed).reshape(shape)
        if key.endswith("num_batches_tracked"):
            out[key] = np.zeros(shape, np.int64)
            continue
        if key.endswith("running_mean"):
            value = 0.1 * drawn
        elif key.endswith("running_var"):
            value = 2 ** (0.3 * drawn)
        elif key.endswith("attention_biases"):
            value = 0.5 * drawn
        elif (
            key.endswith(("deep_QKV_embeddings_med", "positional_encoding_gaussian_matrix"))
            or key.startswith("mask_query")
            or "embed.weight" in key
            or "point_embeddings" in key
        ):
            value = drawn
        elif key == "patch_decoder.3.bias":
            value = np.full(shape, patch_bias)
        elif key.endswith("bias"):
            value = 0.05 * drawn
        elif len(shape) == 1:
            value = 1 + 0.1 * drawn
        else:
            fan_in = shape[0] if key.startswith("mask_decoder.output_upscaling.") else int(np.prod(shape[1:]))
            value = _gain(key) / np.sqrt(fan_in) * drawn
        if key == "patch_decoder.3.weight":
            value = value - value.mean(axis=1, keepdims=True)
        if key == "mask_decoder.output_hypernetworks_mlps.0.layers.2.weight":
            value = value - value.mean(axis=0, keepdims=True)
        out[key] = value.astype(np.float32)
    return out
