"""Weights made by a rule, for exact comparison with the official network's outputs: no trained meaning.

The rule is in the reference folder's README ("Deterministic weights"): splitmix64 of key and index, scaled by kind.
"""

from __future__ import annotations

import zlib

import numpy as np

from .checkpoint import is_modality_key, official_keys


def _mix(x: np.ndarray) -> np.ndarray:
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _uniform(key: str, n: int, seed: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        base = _mix(np.array([(seed * 2**32 + zlib.crc32(key.encode())) % 2**64], np.uint64))
        z = _mix(base + np.arange(n, dtype=np.uint64))
    return (2 * ((z >> np.uint64(40)).astype(np.float64) / 2**24) - 1) * 1.7320508075688772


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
        n = int(np.prod(shape, dtype=np.int64))
        r = _uniform(key, n, seed + 1 + modality if is_modality_key(key) else seed).reshape(shape)
        if key.endswith("num_batches_tracked"):
            out[key] = np.zeros(shape, np.int64)
            continue
        if key.endswith("running_mean"):
            v = 0.1 * r
        elif key.endswith("running_var"):
            v = 2 ** (0.3 * r)
        elif key.endswith("attention_biases"):
            v = 0.5 * r
        elif (
            key.endswith(("deep_QKV_embeddings_med", "positional_encoding_gaussian_matrix"))
            or key.startswith("mask_query")
            or "embed.weight" in key
            or "point_embeddings" in key
        ):
            v = r
        elif key == "patch_decoder.3.bias":
            v = np.full(shape, patch_bias)
        elif key.endswith("bias"):
            v = 0.05 * r
        elif len(shape) == 1:
            v = 1 + 0.1 * r
        else:
            fan_in = shape[0] if key.startswith("mask_decoder.output_upscaling.") else int(np.prod(shape[1:]))
            v = _gain(key) / np.sqrt(fan_in) * r
        if key == "patch_decoder.3.weight":
            v = v - v.mean(axis=1, keepdims=True)
        if key == "mask_decoder.output_hypernetworks_mlps.0.layers.2.weight":
            v = v - v.mean(axis=0, keepdims=True)
        out[key] = v.astype(np.float32)
    return out
