"""ESP-MedSAM as three graphs of our domain's nodes (docs/nodes.md), with every exact saving the network allows:

- only real cells pass qkv; a window's cells outside the map are one constant row;
- the modality controller's MLP and the block's own are one MLP of both widths;
- constants of weights alone (BatchNorms, positions, the queries' first self-attention) are folded at load;
- SPPG's dense prompt is a table of two vectors;
- of the seven mask queries only the asked one looks at the image last and meets the hyper-network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from onnx import TensorProto

from ..facts.architecture import DECODER_HEADS, DEPTHS, DIMS, EMBED, EMBEDDING_STRIDE, PATCH_STRIDE
from ..weights.checkpoint import mlps
from .bodies import call
from .decoder import DecoderLayers
from .graph import Graph, WeightFile
from .layers import ROOT, BlockPlace, FloatLayers, MapShape
from .plain import PRESENCE_HEAD, position


@dataclass(frozen=True)
class Part:
    """A stretch of the encoder: rows of a map in (the picture [1, 3, S, S] into the first), rows of a map out."""

    key: str  # its weights' names begin so
    scope: str
    write: Callable[[FloatLayers, str], str]  # the value that goes in -> the one that comes out


def parts(side: int, controller: bool) -> Iterator[Part]:
    """Of the encoder before its neck, in order."""
    yield Part(f"{ROOT}.patch_embed", "patch_embed", partial(_patch_embed, side=side))
    cells = side // 4
    for stage in range(len(DIMS)):
        for block in range(DEPTHS[stage]):
            key, place = f"{ROOT}.layers.{stage}.blocks.{block}", BlockPlace(stage, cells, controller)
            yield Part(key, f"stage{stage}.block{block}", partial(_block if stage else _mbconv, key=key, place=place))
        if stage + 1 < len(DIMS):
            key, shape, stride = f"{ROOT}.layers.{stage}.downsample", MapShape(cells, DIMS[stage + 1]), 1 + (stage < 2)
            yield Part(key, f"stage{stage}.downsample", partial(_downsample, key=key, shape=shape, stride=stride))
            cells = (cells + stride - 1) // stride


def encoder(layers: FloatLayers, side: int, controller: bool) -> Graph:
    """Image encoder (TinyViT) for one input side, with or without the modality's controller (paper section III-B)."""
    graph = layers.graph
    x = graph.input("image", [1, 3, side, side])
    for part in parts(side, controller):
        graph.scope = part.scope
        x = part.write(layers, x)
    cells, graph.scope = side // EMBEDDING_STRIDE, "neck"
    x = layers.norm(layers.linear(x, f"{ROOT}.neck.0"), f"{ROOT}.neck.1", 1e-6, byte=True)
    x = layers.norm(layers.conv(x, f"{ROOT}.neck.2", cells), f"{ROOT}.neck.3", 1e-6)
    graph.output(_map(graph, x, cells), "embedding", [1, EMBED, cells, cells])
    return graph


def _patch_embed(layers: FloatLayers, value: str, side: int) -> str:
    x = layers.stem(value, f"{ROOT}.patch_embed.seq.0", side)
    return layers.conv(x, f"{ROOT}.patch_embed.seq.2", side // 2, 2, byte=True)


def _downsample(layers: FloatLayers, value: str, key: str, shape: MapShape, stride: int) -> str:
    """Patch merging: to the next stage's width, at half the side but for the last."""
    x = layers.linear(value, f"{key}.conv1", "gelu", byte=True)
    x = layers.depthwise(x, f"{key}.conv2", shape, stride)
    return layers.linear(x, f"{key}.conv3")


def _mbconv(layers: FloatLayers, value: str, key: str, place: BlockPlace) -> str:
    """Inverted bottleneck of stage 0, GELU after the residual."""
    y = layers.linear(value, f"{key}.conv1", "gelu", byte=True)
    y = layers.depthwise(y, f"{key}.conv2", MapShape(place.side, 4 * DIMS[0]), 1)
    return layers.linear(y, f"{key}.conv3", "gelu", value, byte=True)


def _block(layers: FloatLayers, value: str, key: str, place: BlockPlace) -> str:
    """Transformer block: windows, local convolution, MLP beside the controller's MLP."""
    channels, attention = DIMS[place.stage], f"{key}.attn"
    y = layers.window_attention(layers.norm(value, f"{attention}.norm", byte=True), attention, place)
    value = layers.linear(y, f"{attention}.proj", residual=value)
    value = layers.local(value, f"{key}.local_conv", MapShape(place.side, channels))
    return layers.mlp(value, mlps(layers.graph.has, key, place.controller), channels)


@dataclass(frozen=True)
class Image:
    """The embedding as the decoder looks at it."""

    rows: str
    position: str  # of its cells


def self_prompt(side: int, files: list[WeightFile]) -> Graph:
    """SPPG: patch logits, thresholded into the dense prompt (paper section III-C)."""
    graph = Graph("self_prompt", files)
    cells, patches = side // EMBEDDING_STRIDE, side // PATCH_STRIDE
    x = _node(graph, "ToRows", {"x": graph.input("embedding", [1, EMBED, cells, cells])})
    graph.scope = root = "patch_decoder"
    inputs = {"x": x, "weight": graph.weight(f"{root}.0.weight"), "bias": graph.weight(f"{root}.0.bias")}
    y = _node(graph, "Conv", inputs, height=cells, width=cells, kernel=2, stride=2, pad=0, planar=0, activation="none")
    y = _norm(graph, y, f"{root}.1", 1e-6, "gelu")
    logits = DecoderLayers(graph).linear(y, f"{root}.3")
    graph.scope = root = "dense_prompter"
    weight, bias = (graph.reshape(graph.weight(f"{root}.0.{part}"), 1, EMBED) for part in ("weight", "bias"))
    table = graph.op("Concat", bias, graph.op("Add", weight, bias), axis=0)
    table = graph.op(
        "Gelu",
        graph.op(
            "LayerNormalization",
            table,
            graph.weight(f"{root}.1.weight"),
            graph.weight(f"{root}.1.bias"),
            axis=-1,
            epsilon=1e-6,
        ),
    )
    y = _node(graph, "DensePrompt", {"embedding": x, "logits": logits, "table": table}, height=cells, width=cells)
    graph.output(_map(graph, logits, patches), "patch_logits", [1, 1, patches, patches])
    graph.output(_map(graph, y, cells), "prompted", [1, EMBED, cells, cells])
    return graph


def decoder(layers: DecoderLayers, side: int) -> Graph:
    """QDMD: seven queries attend, the asked modality's one becomes the mask (paper section III-D). A second output if the
    weights have a presence head."""
    graph = layers.graph
    cells = side // EMBEDDING_STRIDE
    prompted = image = _node(graph, "ToRows", {"x": graph.input("prompted", [1, EMBED, cells, cells])})
    modality = graph.input("modality", [1], TensorProto.INT64)
    graph.scope = "position"
    place = position(graph, cells)
    queries, root = graph.weight("mask_query.weight"), "mask_decoder.transformer"
    tokens = queries
    for number in range(2):
        key, graph.scope = f"{root}.layers.{number}", f"two_way{number}"
        # In the first layer the queries are their own position: neither added twice nor kept beside the attention.
        inputs = {
            "qk": _add(graph, tokens, queries) if number else tokens,
            "v": tokens,
            **_attention(graph, f"{key}.self_attn"),
            "residual": tokens if number else "",
        }
        y = _node(graph, "SelfAttention", inputs, {"inner": EMBED}, heads=DECODER_HEADS)
        tokens = _norm(graph, y, f"{key}.norm1")
        y = _token_to_image(graph, f"{key}.cross_attn_token_to_image", tokens, queries, Image(image, place))
        tokens = _norm(graph, y, f"{key}.norm2")
        tokens = _norm(graph, layers.mlp(tokens, f"{key}.mlp"), f"{key}.norm3")
        inputs = {
            "image": image,
            "position": place,
            "k": _add(graph, tokens, queries),
            "v": tokens,
            **_attention(graph, f"{key}.cross_attn_image_to_token"),
        }
        y = _node(graph, "ImageToToken", inputs, {"inner": EMBED // 2}, heads=DECODER_HEADS)
        image = _norm(graph, y, f"{key}.norm4")
    graph.scope = "final_attention"
    token, query = (_node(graph, "Row", {"x": x, "index": modality}) for x in (tokens, queries))
    y = _token_to_image(graph, f"{root}.final_attn_token_to_image", token, query, Image(image, place))
    token = _norm(graph, y, f"{root}.norm_final_attn")
    graph.scope, part = "hypernetwork", "mask_decoder.output_hypernetworks_mlps.0.layers"
    hyper = layers.linear(layers.linear(token, f"{part}.0", "relu"), f"{part}.1", "relu")
    hyper = layers.linear(hyper, f"{part}.2")
    graph.scope, part = "upscaling", "mask_decoder.output_upscaling"
    up = _norm(graph, layers.up_conv(image, f"{part}.0", cells), f"{part}.1", 1e-6, "gelu")
    inputs = {
        "x": up,
        "weight": graph.weight(f"{part}.3.weight"),
        "bias": graph.weight(f"{part}.3.bias"),
        "hyper": hyper,
    }
    y = _node(graph, "MaskHead", inputs, height=2 * cells, width=2 * cells)
    graph.output(_map(graph, y, 4 * cells), "low_res_logits", [1, 1, 4 * cells, 4 * cells])
    if graph.has(f"{PRESENCE_HEAD}.hidden.weight"):
        graph.scope = PRESENCE_HEAD
        inputs = {
            "x": prompted,
            "query": token,
            "index": modality,
            "weight": graph.weight(f"{PRESENCE_HEAD}.hidden.weight"),
            "bias": graph.weight(f"{PRESENCE_HEAD}.hidden.bias"),
            "score_weight": graph.weight(f"{PRESENCE_HEAD}.score.weight"),
            "score_bias": graph.weight(f"{PRESENCE_HEAD}.score.bias"),
        }
        graph.output(_node(graph, "Presence", inputs), "presence", [1, 1])
    return graph


def _node(
    graph: Graph,
    kind: str,
    inputs: dict[str, str],
    shape: dict[str, int] | None = None,
    **attributes: int | float | str,
) -> str:
    return graph.node(call(kind, inputs, shape, **attributes))


def _map(graph: Graph, value: str, side: int) -> str:
    return _node(graph, "ToMap", {"x": value}, height=side, width=side)


def _add(graph: Graph, left: str, right: str) -> str:
    return _node(graph, "Add", {"a": left, "b": right})


def _norm(graph: Graph, value: str, key: str, epsilon: float = 1e-5, activation: str = "none") -> str:
    inputs = {"x": value, "weight": graph.weight(f"{key}.weight"), "bias": graph.weight(f"{key}.bias")}
    return _node(graph, "LayerNorm", inputs, epsilon=epsilon, activation=activation)


def _attention(graph: Graph, key: str) -> dict[str, str]:
    """Weight and bias of q, k, v and the output, by input name."""
    return {
        f"{of}_{part}": graph.weight(f"{key}.{of}_proj.{part}")
        for of in ("q", "k", "v", "out")
        for part in ("weight", "bias")
    }


def _token_to_image(graph: Graph, key: str, tokens: str, queries: str, at: Image) -> str:
    inputs = {
        "q": _add(graph, tokens, queries),
        "image": at.rows,
        "position": at.position,
        **_attention(graph, key),
        "residual": tokens,
    }
    return _node(graph, "TokenToImage", inputs, {"inner": EMBED // 2}, heads=DECODER_HEADS)
