"""ESP-MedSAM as three graphs of standard ONNX operators, as a framework's exporter would write them: what other
runtimes are best fed, and what `nodes.py` is held against. Encoder, self-prompt (SPPG), decoder (QDMD):

    encoder      image [1,3,S,S]                          -> embedding [1,256,S/16,S/16]
    self_prompt  embedding                                -> patch_logits [1,1,S/32,S/32], prompted [1,256,S/16,S/16]
    decoder      prompted, modality int64 [1]             -> low_res_logits [1,1,S/4,S/4]; presence [1,1] if the weights
                                                             have its head
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from ..facts.architecture import (
    DECODER_HEADS,
    DEPTHS,
    DIMS,
    EMBED,
    EMBEDDING_STRIDE,
    HEAD_DIM,
    HEADS,
    PATCH_STRIDE,
    WINDOWS,
)
from ..weights.checkpoint import mlps
from .graph import Graph, WeightFile

PRESENCE_HEAD = "presence_head"  # of its keys, where a checkpoint has them


@dataclass(frozen=True)
class Kernel:
    """Of a convolution."""

    side: int = 1
    stride: int = 1
    groups: int = 1
    padded: bool = True  # so that the map keeps its side at stride 1


POINT = Kernel()


class PlainGraph(Graph):
    """Layers on NCHW maps and on token rows."""

    def linear(self, value: str, key: str) -> str:
        """x @ weight^T + bias."""
        transposed = self.op("Transpose", self.weight(f"{key}.weight"), perm=[1, 0])
        return self.op("Add", self.op("MatMul", value, transposed), self.weight(f"{key}.bias"))

    def layer_norm(self, value: str, key: str, eps: float = 1e-5) -> str:
        """Over the last axis."""
        return self.op(
            "LayerNormalization", value, self.weight(f"{key}.weight"), self.weight(f"{key}.bias"), axis=-1, epsilon=eps
        )

    def layer_norm_2d(self, value: str, key: str) -> str:
        """Over the channels of NCHW."""
        y = self.op("Transpose", value, perm=[0, 2, 3, 1])
        return self.op("Transpose", self.layer_norm(y, key, 1e-6), perm=[0, 3, 1, 2])

    def conv(self, value: str, weight: str, bias: str | None, kernel: Kernel) -> str:
        """Convolution of NCHW."""
        inputs = [value, weight, *([bias] if bias else [])]
        return self.op(
            "Conv",
            *inputs,
            kernel_shape=[kernel.side] * 2,
            strides=[kernel.stride] * 2,
            pads=[kernel.side // 2 if kernel.padded else 0] * 4,
            group=kernel.groups,
        )

    def conv_bn(self, value: str, key: str, kernel: Kernel = POINT) -> str:
        """Convolution with its BatchNorm folded in."""
        return self.conv(value, *self.conv_norm(key), kernel)

    def gelu(self, value: str) -> str:
        """Exact (erf) GELU."""
        return self.op("Gelu", value)


def encoder(side: int, files: list[WeightFile], controller: bool) -> PlainGraph:
    """Image encoder for one input side, with or without the modality's controller."""
    graph = PlainGraph("encoder", files)
    x = graph.input("image", [1, 3, side, side])
    root = "SemiTViT"
    graph.scope = "patch_embed"
    x = graph.gelu(graph.conv_bn(x, f"{root}.patch_embed.seq.0", Kernel(3, 2)))
    x = graph.conv_bn(x, f"{root}.patch_embed.seq.2", Kernel(3, 2))
    cells = side // 4
    for stage in range(4):
        for block in range(DEPTHS[stage]):
            key, graph.scope = f"{root}.layers.{stage}.blocks.{block}", f"stage{stage}.block{block}"
            x = _mbconv(graph, x, key) if stage == 0 else _block(graph, x, key, stage, cells, controller)
        if stage < 3:
            key, graph.scope = f"{root}.layers.{stage}.downsample", f"stage{stage}.downsample"
            stride, out = (1 if stage == 2 else 2), DIMS[stage + 1]
            x = graph.gelu(graph.conv_bn(x, f"{key}.conv1"))
            x = graph.gelu(graph.conv_bn(x, f"{key}.conv2", Kernel(3, stride, out)))
            x = graph.conv_bn(x, f"{key}.conv3")
            cells = (cells + stride - 1) // stride
    graph.scope = "neck"
    x = graph.layer_norm_2d(graph.conv(x, graph.weight(f"{root}.neck.0.weight"), None, POINT), f"{root}.neck.1")
    x = graph.layer_norm_2d(graph.conv(x, graph.weight(f"{root}.neck.2.weight"), None, Kernel(3)), f"{root}.neck.3")
    graph.output(x, "embedding", [1, EMBED, cells, cells])
    return graph


def _mbconv(graph: PlainGraph, value: str, key: str) -> str:
    y = graph.gelu(graph.conv_bn(value, f"{key}.conv1"))
    y = graph.gelu(graph.conv_bn(y, f"{key}.conv2", Kernel(3, groups=4 * DIMS[0])))
    return graph.gelu(graph.op("Add", value, graph.conv_bn(y, f"{key}.conv3")))


def _block(graph: PlainGraph, value: str, key: str, stage: int, side: int, controller: bool) -> str:
    """Transformer block on [1,C,s,s]: windows, local convolution, MLP beside the controller's MLP."""
    channels, window = DIMS[stage], WINDOWS[stage]
    tokens = graph.transpose(value, 0, 2, 3, 1)
    pad = -side % window
    windows = (side + pad) // window
    y = graph.op("Pad", tokens, graph.ints(0, 0, 0, 0, 0, pad, pad, 0)) if pad else tokens
    y = graph.reshape(
        graph.transpose(graph.reshape(y, windows, window, windows, window, channels), 0, 2, 1, 3, 4),
        windows * windows,
        window * window,
        channels,
    )
    y = _window_attention(graph, y, f"{key}.attn", stage, controller)
    y = graph.reshape(
        graph.transpose(graph.reshape(y, windows, windows, window, window, channels), 0, 2, 1, 3, 4),
        1,
        windows * window,
        windows * window,
        channels,
    )
    if pad:
        y = graph.op("Slice", y, graph.ints(0, 0), graph.ints(side, side), graph.ints(1, 2))
    value = graph.transpose(graph.op("Add", tokens, y), 0, 3, 1, 2)
    value = graph.transpose(graph.conv_bn(value, f"{key}.local_conv", Kernel(3, groups=channels)), 0, 2, 3, 1)
    y = value
    for mlp in mlps(graph.has, key, controller):
        y = graph.op("Add", y, _mlp(graph, value, mlp))
    return graph.transpose(y, 0, 3, 1, 2)


def _mlp(graph: PlainGraph, value: str, key: str) -> str:
    return graph.linear(graph.gelu(graph.linear(graph.layer_norm(value, f"{key}.norm"), f"{key}.fc1")), f"{key}.fc2")


def bias_offsets(window: int) -> np.ndarray:
    """Index into the bias table for each pair of cells: |dy| * window + |dx|, uint8 [N, N]."""
    y, x = np.divmod(np.arange(window * window), window)
    return (np.abs(y[:, None] - y) * window + np.abs(x[:, None] - x)).astype(np.uint8)


def _window_attention(graph: PlainGraph, value: str, key: str, stage: int, controller: bool) -> str:
    """x [windows, N, C]; the controller's token is one more key and value per head, with a bias of its own."""
    channels, heads, cells = DIMS[stage], HEADS[stage], WINDOWS[stage] ** 2
    qkv = graph.linear(graph.layer_norm(value, f"{key}.norm"), f"{key}.qkv")
    qkv = graph.transpose(graph.reshape(qkv, -1, cells, heads, 3, HEAD_DIM), 3, 0, 2, 1, 4)
    q, k, v = graph.split3(qkv)
    offsets = graph.op("Cast", graph.const(bias_offsets(WINDOWS[stage]), np.uint8), to=TensorProto.INT64)
    bias = graph.op("Gather", graph.weight(f"{key}.attention_biases"), offsets, axis=1)
    bias = graph.op("Unsqueeze", bias, graph.ints(0))
    if controller:
        token = graph.op("Unsqueeze", graph.weight(f"{key}.deep_QKV_embeddings_med"), graph.ints(0))
        windows = graph.op("Shape", q, start=0, end=1)
        token = graph.op("Expand", token, graph.op("Concat", windows, graph.ints(heads, 1, HEAD_DIM), axis=0))
        k, v = graph.op("Concat", k, token, axis=2), graph.op("Concat", v, token, axis=2)
        extra = graph.op("Expand", graph.weight(f"{key}.med_attention_biases"), graph.ints(1, heads, cells, 1))
        bias = graph.op("Concat", bias, extra, axis=3)
    q = graph.op("Mul", q, graph.const(HEAD_DIM**-0.5))
    logits = graph.op("Add", graph.op("MatMul", q, graph.transpose(k, 0, 1, 3, 2)), bias)
    y = graph.op("MatMul", graph.op("Softmax", logits, axis=-1), v)
    return graph.linear(graph.reshape(graph.transpose(y, 0, 2, 1, 3), -1, cells, channels), f"{key}.proj")


def self_prompt(side: int, files: list[WeightFile]) -> PlainGraph:
    """SPPG. The prompter is pointwise: run on the patch grid, then repeated x2, it equals the official order."""
    graph = PlainGraph("self_prompt", files)
    cells, patches = side // EMBEDDING_STRIDE, side // PATCH_STRIDE
    x = graph.input("embedding", [1, EMBED, cells, cells])
    graph.scope = "patch_decoder"
    root = "patch_decoder"
    y = graph.conv(x, graph.weight(f"{root}.0.weight"), graph.weight(f"{root}.0.bias"), Kernel(2, 2, padded=False))
    y = graph.gelu(graph.layer_norm_2d(y, f"{root}.1"))
    logits = graph.conv(y, graph.weight(f"{root}.3.weight"), graph.weight(f"{root}.3.bias"), POINT)
    graph.scope = "dense_prompter"
    root = "dense_prompter"
    hard = graph.op("Cast", graph.op("GreaterOrEqual", logits, graph.const(0.0)), to=TensorProto.FLOAT)
    y = graph.conv(hard, graph.weight(f"{root}.0.weight"), graph.weight(f"{root}.0.bias"), POINT)
    y = graph.gelu(graph.layer_norm_2d(y, f"{root}.1"))
    y = graph.op("Expand", graph.reshape(y, EMBED, patches, 1, patches, 1), graph.ints(EMBED, patches, 2, patches, 2))
    prompted = graph.op("Add", x, graph.reshape(y, 1, EMBED, cells, cells))
    graph.output(logits, "patch_logits", [1, 1, patches, patches])
    graph.output(prompted, "prompted", [1, EMBED, cells, cells])
    return graph


def decoder(side: int, files: list[WeightFile]) -> PlainGraph:
    """QDMD: all seven queries attend, the asked modality's one becomes the mask; and presence, if the weights have its
    head."""
    graph = PlainGraph("decoder", files)
    cells = side // EMBEDDING_STRIDE
    x = graph.input("prompted", [1, EMBED, cells, cells])
    modality = graph.input("modality", [1], TensorProto.INT64)
    image = graph.transpose(graph.reshape(x, 1, EMBED, cells * cells), 0, 2, 1)
    graph.scope = "position"
    place = graph.op("Unsqueeze", position(graph, cells), graph.ints(0))
    queries = graph.op("Unsqueeze", graph.weight("mask_query.weight"), graph.ints(0))
    tokens, root = queries, "mask_decoder.transformer"
    for number in range(2):
        key, graph.scope = f"{root}.layers.{number}", f"two_way{number}"
        if number == 0:
            y = _attention(graph, f"{key}.self_attn", tokens, tokens, tokens)
        else:
            q = graph.op("Add", tokens, queries)
            y = graph.op("Add", tokens, _attention(graph, f"{key}.self_attn", q, q, tokens))
        tokens = graph.layer_norm(y, f"{key}.norm1")
        keys = graph.op("Add", image, place)
        y = _attention(graph, f"{key}.cross_attn_token_to_image", graph.op("Add", tokens, queries), keys, image)
        tokens = graph.layer_norm(graph.op("Add", tokens, y), f"{key}.norm2")
        y = graph.linear(graph.op("Relu", graph.linear(tokens, f"{key}.mlp.lin1")), f"{key}.mlp.lin2")
        tokens = graph.layer_norm(graph.op("Add", tokens, y), f"{key}.norm3")
        y = _attention(graph, f"{key}.cross_attn_image_to_token", keys, graph.op("Add", tokens, queries), tokens)
        image = graph.layer_norm(graph.op("Add", image, y), f"{key}.norm4")
    graph.scope = "final_attention"
    y = _attention(
        graph,
        f"{root}.final_attn_token_to_image",
        graph.op("Add", tokens, queries),
        graph.op("Add", image, place),
        image,
    )
    tokens = graph.layer_norm(graph.op("Add", tokens, y), f"{root}.norm_final_attn")

    graph.scope, part = "upscaling", "mask_decoder.output_upscaling"
    up = graph.reshape(graph.transpose(image, 0, 2, 1), 1, EMBED, cells, cells)
    up = _up2(graph, up, f"{part}.0")
    up = graph.gelu(graph.layer_norm_2d(up, f"{part}.1"))
    up = graph.gelu(_up2(graph, up, f"{part}.3"))
    graph.scope, part = "hypernetwork", "mask_decoder.output_hypernetworks_mlps.0.layers"
    token = graph.op("Gather", tokens, modality, axis=1)
    hyper = graph.op("Relu", graph.linear(token, f"{part}.0"))
    hyper = graph.op("Relu", graph.linear(hyper, f"{part}.1"))
    hyper = graph.linear(hyper, f"{part}.2")
    mask = graph.op("MatMul", hyper, graph.reshape(up, 1, 32, 16 * cells * cells))
    graph.output(graph.reshape(mask, 1, 1, 4 * cells, 4 * cells), "low_res_logits", [1, 1, 4 * cells, 4 * cells])
    if graph.has(f"{PRESENCE_HEAD}.hidden.weight"):
        graph.output(_presence(graph, x, token, modality), "presence", [1, 1])
    return graph


def _presence(graph: PlainGraph, prompted: str, token: str, modality: str) -> str:
    """The token [1, 1, 256] beside the prompted embedding's mean and maximum over its cells -> the modality's, [1, 1]."""
    graph.scope = PRESENCE_HEAD
    cells = [graph.op(of, prompted, graph.ints(2, 3), keepdims=0) for of in ("ReduceMean", "ReduceMax")]
    seen = graph.op("Concat", graph.reshape(token, 1, EMBED), *cells, axis=1)
    hidden = graph.gelu(graph.linear(seen, f"{PRESENCE_HEAD}.hidden"))
    return graph.op("Gather", graph.linear(hidden, f"{PRESENCE_HEAD}.score"), modality, axis=1)


def _up2(graph: PlainGraph, value: str, key: str) -> str:
    return graph.op(
        "ConvTranspose",
        value,
        graph.weight(f"{key}.weight"),
        graph.weight(f"{key}.bias"),
        kernel_shape=[2, 2],
        strides=[2, 2],
    )


def position(graph: Graph, side: int) -> str:
    """Random Fourier features of the cell centres, [s*s, 256]: constant, folded when the graph is loaded."""
    centres = ((np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)) * 2 - 1
    places = np.stack([np.tile(centres, side), np.repeat(centres, side)], -1)
    phases = graph.op(
        "MatMul", graph.const(places), graph.weight("prompt_encoder.pe_layer.positional_encoding_gaussian_matrix")
    )
    phases = graph.op("Mul", phases, graph.const(2 * math.pi))
    return graph.op("Concat", graph.op("Sin", phases), graph.op("Cos", phases), axis=1)


def _attention(graph: PlainGraph, key: str, q: str, k: str, v: str) -> str:
    """Multi-head attention with separate projections; all [1, N, 256]."""
    inner = 256 if "self_attn" in key else 128
    width = inner // DECODER_HEADS
    q, k, v = (
        graph.transpose(
            graph.reshape(graph.linear(rows, f"{key}.{name}_proj"), 1, -1, DECODER_HEADS, width), 0, 2, 1, 3
        )
        for name, rows in (("q", q), ("k", k), ("v", v))
    )
    logits = graph.op("MatMul", graph.op("Mul", q, graph.const(width**-0.5)), graph.transpose(k, 0, 1, 3, 2))
    y = graph.op("MatMul", graph.op("Softmax", logits, axis=-1), v)
    return graph.linear(graph.reshape(graph.transpose(y, 0, 2, 1, 3), 1, -1, inner), f"{key}.out_proj")
