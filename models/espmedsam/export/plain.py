"""ESP-MedSAM as three graphs of standard ONNX operators, as a framework's exporter would write them: what other
runtimes are best fed, and what `nodes.py` is held against. Encoder, self-prompt (SPPG), decoder (QDMD):

    encoder      image [1,3,S,S]                          -> embedding [1,256,S/16,S/16]
    self_prompt  embedding                                -> patch_logits [1,1,S/32,S/32], prompted [1,256,S/16,S/16]
    decoder      prompted, modality int64 [1]             -> low_res_logits [1,1,S/4,S/4]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from ..facts.architecture import DECODER_HEADS, DEPTHS, DIMS, EMBED, HEAD_DIM, HEADS, WINDOWS
from .graph import Graph as _Graph
from .graph import WeightFile


@dataclass(frozen=True)
class Kernel:
    """Of a convolution."""

    side: int = 1
    stride: int = 1
    groups: int = 1
    padded: bool = True  # so that the map keeps its side at stride 1


POINT = Kernel()


class Graph(_Graph):
    """Layers on NCHW maps and on token rows."""

    def linear(self, x: str, key: str) -> str:
        """x @ weight^T + bias."""
        w = self.op("Transpose", self.weight(f"{key}.weight"), perm=[1, 0])
        return self.op("Add", self.op("MatMul", x, w), self.weight(f"{key}.bias"))

    def layer_norm(self, x: str, key: str, eps: float = 1e-5) -> str:
        """Over the last axis."""
        return self.op(
            "LayerNormalization", x, self.weight(f"{key}.weight"), self.weight(f"{key}.bias"), axis=-1, epsilon=eps
        )

    def layer_norm_2d(self, x: str, key: str) -> str:
        """Over the channels of NCHW."""
        y = self.op("Transpose", x, perm=[0, 2, 3, 1])
        return self.op("Transpose", self.layer_norm(y, key, 1e-6), perm=[0, 3, 1, 2])

    def conv(self, x: str, weight: str, bias: str | None, kernel: Kernel) -> str:
        """Convolution of NCHW."""
        inputs = [x, weight, *([bias] if bias else [])]
        return self.op(
            "Conv",
            *inputs,
            kernel_shape=[kernel.side] * 2,
            strides=[kernel.stride] * 2,
            pads=[kernel.side // 2 if kernel.padded else 0] * 4,
            group=kernel.groups,
        )

    def conv_bn(self, x: str, key: str, kernel: Kernel = POINT) -> str:
        """Convolution with its BatchNorm folded in."""
        return self.conv(x, *self.conv_norm(key), kernel)

    def gelu(self, x: str) -> str:
        """Exact (erf) GELU."""
        return self.op("Gelu", x)


def encoder(side: int, files: list[WeightFile], controller: bool) -> Graph:
    """Image encoder for one input side, with or without the modality's controller."""
    g = Graph("encoder", files)
    x = g.input("image", [1, 3, side, side])
    root = "SemiTViT"
    g.scope = "patch_embed"
    x = g.gelu(g.conv_bn(x, f"{root}.patch_embed.seq.0", Kernel(3, 2)))
    x = g.conv_bn(x, f"{root}.patch_embed.seq.2", Kernel(3, 2))
    s = side // 4
    for i in range(4):
        for j in range(DEPTHS[i]):
            key, g.scope = f"{root}.layers.{i}.blocks.{j}", f"stage{i}.block{j}"
            x = _mbconv(g, x, key) if i == 0 else _block(g, x, key, i, s, controller)
        if i < 3:
            key, g.scope = f"{root}.layers.{i}.downsample", f"stage{i}.downsample"
            stride, out = (1 if i == 2 else 2), DIMS[i + 1]
            x = g.gelu(g.conv_bn(x, f"{key}.conv1"))
            x = g.gelu(g.conv_bn(x, f"{key}.conv2", Kernel(3, stride, out)))
            x = g.conv_bn(x, f"{key}.conv3")
            s = (s + stride - 1) // stride
    g.scope = "neck"
    x = g.layer_norm_2d(g.conv(x, g.weight(f"{root}.neck.0.weight"), None, POINT), f"{root}.neck.1")
    x = g.layer_norm_2d(g.conv(x, g.weight(f"{root}.neck.2.weight"), None, Kernel(3)), f"{root}.neck.3")
    g.output(x, "embedding", [1, EMBED, s, s])
    return g


def _mbconv(g: Graph, x: str, key: str) -> str:
    y = g.gelu(g.conv_bn(x, f"{key}.conv1"))
    y = g.gelu(g.conv_bn(y, f"{key}.conv2", Kernel(3, groups=4 * DIMS[0])))
    return g.gelu(g.op("Add", x, g.conv_bn(y, f"{key}.conv3")))


def _block(g: Graph, x: str, key: str, i: int, s: int, controller: bool) -> str:
    """Transformer block on [1,C,s,s]: windows, local convolution, MLP beside the controller's MLP."""
    c, w = DIMS[i], WINDOWS[i]
    tokens = g.transpose(x, 0, 2, 3, 1)
    pad = -s % w
    n = (s + pad) // w
    y = g.op("Pad", tokens, g.ints(0, 0, 0, 0, 0, pad, pad, 0)) if pad else tokens
    y = g.reshape(g.transpose(g.reshape(y, n, w, n, w, c), 0, 2, 1, 3, 4), n * n, w * w, c)
    y = _window_attention(g, y, f"{key}.attn", i, controller)
    y = g.reshape(g.transpose(g.reshape(y, n, n, w, w, c), 0, 2, 1, 3, 4), 1, n * w, n * w, c)
    if pad:
        y = g.op("Slice", y, g.ints(0, 0), g.ints(s, s), g.ints(1, 2))
    x = g.transpose(g.op("Add", tokens, y), 0, 3, 1, 2)
    x = g.transpose(g.conv_bn(x, f"{key}.local_conv", Kernel(3, groups=c)), 0, 2, 3, 1)
    y = g.op("Add", x, _mlp(g, x, f"{key}.mlp"))
    if controller:
        y = g.op("Add", y, _mlp(g, x, f"{key}.med_dah"))
    return g.transpose(y, 0, 3, 1, 2)


def _mlp(g: Graph, x: str, key: str) -> str:
    return g.linear(g.gelu(g.linear(g.layer_norm(x, f"{key}.norm"), f"{key}.fc1")), f"{key}.fc2")


def bias_offsets(window: int) -> np.ndarray:
    """Index into the bias table for each pair of cells: |dy| * window + |dx|, uint8 [N, N]."""
    y, x = np.divmod(np.arange(window * window), window)
    return (np.abs(y[:, None] - y) * window + np.abs(x[:, None] - x)).astype(np.uint8)


def _window_attention(g: Graph, x: str, key: str, i: int, controller: bool) -> str:
    """x [windows, N, C]; the controller's token is one more key and value per head, with a bias of its own."""
    c, heads, n = DIMS[i], HEADS[i], WINDOWS[i] ** 2
    qkv = g.linear(g.layer_norm(x, f"{key}.norm"), f"{key}.qkv")
    qkv = g.transpose(g.reshape(qkv, -1, n, heads, 3, HEAD_DIM), 3, 0, 2, 1, 4)
    q, k, v = g.split3(qkv)
    offsets = g.op("Cast", g.const(bias_offsets(WINDOWS[i]), np.uint8), to=TensorProto.INT64)
    bias = g.op("Gather", g.weight(f"{key}.attention_biases"), offsets, axis=1)
    bias = g.op("Unsqueeze", bias, g.ints(0))
    if controller:
        token = g.op("Unsqueeze", g.weight(f"{key}.deep_QKV_embeddings_med"), g.ints(0))
        windows = g.op("Shape", q, start=0, end=1)
        token = g.op("Expand", token, g.op("Concat", windows, g.ints(heads, 1, HEAD_DIM), axis=0))
        k, v = g.op("Concat", k, token, axis=2), g.op("Concat", v, token, axis=2)
        extra = g.op("Expand", g.weight(f"{key}.med_attention_biases"), g.ints(1, heads, n, 1))
        bias = g.op("Concat", bias, extra, axis=3)
    q = g.op("Mul", q, g.const(HEAD_DIM**-0.5))
    a = g.op("Add", g.op("MatMul", q, g.transpose(k, 0, 1, 3, 2)), bias)
    y = g.op("MatMul", g.op("Softmax", a, axis=-1), v)
    return g.linear(g.reshape(g.transpose(y, 0, 2, 1, 3), -1, n, c), f"{key}.proj")


def self_prompt(side: int, files: list[WeightFile]) -> Graph:
    """SPPG. The prompter is pointwise: run on the patch grid, then repeated x2, it equals the official order."""
    g = Graph("self_prompt", files)
    e, p = side // 16, side // 32
    x = g.input("embedding", [1, EMBED, e, e])
    g.scope = "patch_decoder"
    k = "patch_decoder"
    y = g.conv(x, g.weight(f"{k}.0.weight"), g.weight(f"{k}.0.bias"), Kernel(2, 2, padded=False))
    y = g.gelu(g.layer_norm_2d(y, f"{k}.1"))
    logits = g.conv(y, g.weight(f"{k}.3.weight"), g.weight(f"{k}.3.bias"), POINT)
    g.scope = "dense_prompter"
    k = "dense_prompter"
    hard = g.op("Cast", g.op("GreaterOrEqual", logits, g.const(0.0)), to=TensorProto.FLOAT)
    y = g.conv(hard, g.weight(f"{k}.0.weight"), g.weight(f"{k}.0.bias"), POINT)
    y = g.gelu(g.layer_norm_2d(y, f"{k}.1"))
    y = g.op("Expand", g.reshape(y, EMBED, p, 1, p, 1), g.ints(EMBED, p, 2, p, 2))
    prompted = g.op("Add", x, g.reshape(y, 1, EMBED, e, e))
    g.output(logits, "patch_logits", [1, 1, p, p])
    g.output(prompted, "prompted", [1, EMBED, e, e])
    return g


def decoder(side: int, files: list[WeightFile]) -> Graph:
    """QDMD: all seven queries attend, the asked modality's one becomes the mask."""
    g = Graph("decoder", files)
    s = side // 16
    x = g.input("prompted", [1, EMBED, s, s])
    modality = g.input("modality", [1], TensorProto.INT64)
    image = g.transpose(g.reshape(x, 1, EMBED, s * s), 0, 2, 1)
    g.scope = "position"
    pe = g.op("Unsqueeze", position(g, s), g.ints(0))
    queries = g.op("Unsqueeze", g.weight("mask_query.weight"), g.ints(0))
    tokens, root = queries, "mask_decoder.transformer"
    for j in range(2):
        key, g.scope = f"{root}.layers.{j}", f"two_way{j}"
        if j == 0:
            y = _attention(g, f"{key}.self_attn", tokens, tokens, tokens)
        else:
            q = g.op("Add", tokens, queries)
            y = g.op("Add", tokens, _attention(g, f"{key}.self_attn", q, q, tokens))
        tokens = g.layer_norm(y, f"{key}.norm1")
        keys = g.op("Add", image, pe)
        y = _attention(g, f"{key}.cross_attn_token_to_image", g.op("Add", tokens, queries), keys, image)
        tokens = g.layer_norm(g.op("Add", tokens, y), f"{key}.norm2")
        y = g.linear(g.op("Relu", g.linear(tokens, f"{key}.mlp.lin1")), f"{key}.mlp.lin2")
        tokens = g.layer_norm(g.op("Add", tokens, y), f"{key}.norm3")
        y = _attention(g, f"{key}.cross_attn_image_to_token", keys, g.op("Add", tokens, queries), tokens)
        image = g.layer_norm(g.op("Add", image, y), f"{key}.norm4")
    g.scope = "final_attention"
    y = _attention(g, f"{root}.final_attn_token_to_image", g.op("Add", tokens, queries), g.op("Add", image, pe), image)
    tokens = g.layer_norm(g.op("Add", tokens, y), f"{root}.norm_final_attn")

    g.scope, k = "upscaling", "mask_decoder.output_upscaling"
    up = g.reshape(g.transpose(image, 0, 2, 1), 1, EMBED, s, s)
    up = _up2(g, up, f"{k}.0")
    up = g.gelu(g.layer_norm_2d(up, f"{k}.1"))
    up = g.gelu(_up2(g, up, f"{k}.3"))
    g.scope, k = "hypernetwork", "mask_decoder.output_hypernetworks_mlps.0.layers"
    h = g.op("Gather", tokens, modality, axis=1)
    h = g.op("Relu", g.linear(h, f"{k}.0"))
    h = g.op("Relu", g.linear(h, f"{k}.1"))
    h = g.linear(h, f"{k}.2")
    mask = g.op("MatMul", h, g.reshape(up, 1, 32, 16 * s * s))
    g.output(g.reshape(mask, 1, 1, 4 * s, 4 * s), "low_res_logits", [1, 1, 4 * s, 4 * s])
    return g


def _up2(g: Graph, x: str, key: str) -> str:
    return g.op(
        "ConvTranspose", x, g.weight(f"{key}.weight"), g.weight(f"{key}.bias"), kernel_shape=[2, 2], strides=[2, 2]
    )


def position(g: _Graph, s: int) -> str:
    """Random Fourier features of the cell centres, [s*s, 256]: constant, folded when the graph is loaded."""
    c = ((np.arange(s, dtype=np.float32) + np.float32(0.5)) / np.float32(s)) * 2 - 1
    xy = np.stack([np.tile(c, s), np.repeat(c, s)], -1)
    p = g.op("MatMul", g.const(xy), g.weight("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"))
    p = g.op("Mul", p, g.const(2 * math.pi))
    return g.op("Concat", g.op("Sin", p), g.op("Cos", p), axis=1)


def _attention(g: Graph, key: str, q: str, k: str, v: str) -> str:
    """Multi-head attention with separate projections; all [1, N, 256]."""
    inner = 256 if "self_attn" in key else 128
    d = inner // DECODER_HEADS
    q, k, v = (
        g.transpose(g.reshape(g.linear(t, f"{key}.{n}_proj"), 1, -1, DECODER_HEADS, d), 0, 2, 1, 3)
        for n, t in (("q", q), ("k", k), ("v", v))
    )
    a = g.op("MatMul", g.op("Mul", q, g.const(d**-0.5)), g.transpose(k, 0, 1, 3, 2))
    y = g.op("MatMul", g.op("Softmax", a, axis=-1), v)
    return g.linear(g.reshape(g.transpose(y, 0, 2, 1, 3), 1, -1, inner), f"{key}.out_proj")
