"""ESP-MedSAM as three graphs of our domain's nodes (docs/nodes.md), with every exact saving the network allows:

- only real cells pass qkv; a window's cells outside the map are one constant row;
- the modality controller's MLP and the block's own are one MLP of both widths;
- constants of weights alone (BatchNorms, positions, the queries' first self-attention) are folded at load;
- SPPG's dense prompt is a table of two vectors;
- of the seven mask queries only the asked one looks at the image last and meets the hyper-network.
"""

from __future__ import annotations

from dataclasses import dataclass

from onnx import TensorProto

from ..facts.architecture import DECODER_HEADS, DEPTHS, DIMS, EMBED
from .bodies import call
from .graph import Graph, WeightFile
from .layers import BlockPlace, FloatLayers, MapShape
from .plain import position


def encoder(layers: FloatLayers, side: int, controller: bool) -> Graph:
    """Image encoder (TinyViT) for one input side, with or without the modality's controller (paper section III-B)."""
    g, root = layers.g, "SemiTViT"
    x = g.input("image", [1, 3, side, side])
    g.scope = "patch_embed"
    x = layers.stem(x, f"{root}.patch_embed.seq.0", side)
    x = layers.conv(x, f"{root}.patch_embed.seq.2", side // 2, 2, byte=True)
    cells = side // 4
    for stage in range(len(DIMS)):
        for block in range(DEPTHS[stage]):
            key, g.scope = f"{root}.layers.{stage}.blocks.{block}", f"stage{stage}.block{block}"
            place = BlockPlace(stage, cells, controller)
            x = _block(layers, x, key, place) if stage else _mbconv(layers, x, key, cells)
        if stage + 1 < len(DIMS):
            key, g.scope = f"{root}.layers.{stage}.downsample", f"stage{stage}.downsample"
            stride = 1 if stage == 2 else 2
            x = layers.linear(x, f"{key}.conv1", "gelu", byte=True)
            x = layers.depthwise(x, f"{key}.conv2", MapShape(cells, DIMS[stage + 1]), stride)
            x = layers.linear(x, f"{key}.conv3")
            cells = (cells + stride - 1) // stride
    g.scope = "neck"
    x = layers.norm(layers.linear(x, f"{root}.neck.0"), f"{root}.neck.1", 1e-6, byte=True)
    x = layers.norm(layers.conv(x, f"{root}.neck.2", cells), f"{root}.neck.3", 1e-6)
    g.output(_map(g, x, cells), "embedding", [1, EMBED, cells, cells])
    return g


def _mbconv(layers: FloatLayers, x: str, key: str, side: int) -> str:
    """Inverted bottleneck of stage 0, GELU after the residual."""
    y = layers.linear(x, f"{key}.conv1", "gelu", byte=True)
    y = layers.depthwise(y, f"{key}.conv2", MapShape(side, 4 * DIMS[0]), 1)
    return layers.linear(y, f"{key}.conv3", "gelu", x, byte=True)


def _block(layers: FloatLayers, x: str, key: str, place: BlockPlace) -> str:
    """Transformer block: windows, local convolution, MLP beside the controller's MLP."""
    channels, attention = DIMS[place.stage], f"{key}.attn"
    qkv = layers.linear(layers.norm(x, f"{attention}.norm", byte=True), f"{attention}.qkv")
    y = layers.window_attention(qkv, attention, place)
    x = layers.linear(y, f"{attention}.proj", residual=x)
    x = layers.local(x, f"{key}.local_conv", MapShape(place.side, channels))
    return layers.mlp(x, [f"{key}.mlp", *([f"{key}.med_dah"] if place.controller else [])], channels)


@dataclass(frozen=True)
class Image:
    """The embedding as the decoder looks at it."""

    rows: str
    position: str  # of its cells


def self_prompt(side: int, files: list[WeightFile]) -> Graph:
    """SPPG: patch logits, thresholded into the dense prompt (paper section III-C)."""
    g = Graph("self_prompt", files)
    cells, patches = side // 16, side // 32
    x = _node(g, "ToRows", {"x": g.input("embedding", [1, EMBED, cells, cells])})
    g.scope = root = "patch_decoder"
    inputs = {"x": x, "weight": g.weight(f"{root}.0.weight"), "bias": g.weight(f"{root}.0.bias")}
    y = _node(g, "Conv", inputs, height=cells, width=cells, kernel=2, stride=2, pad=0, planar=0, activation="none")
    y = _norm(g, y, f"{root}.1", 1e-6, "gelu")
    logits = _linear(g, y, f"{root}.3")
    g.scope = root = "dense_prompter"
    weight, bias = (g.reshape(g.weight(f"{root}.0.{n}"), 1, EMBED) for n in ("weight", "bias"))
    table = g.op("Concat", bias, g.op("Add", weight, bias), axis=0)
    table = g.op(
        "Gelu",
        g.op(
            "LayerNormalization", table, g.weight(f"{root}.1.weight"), g.weight(f"{root}.1.bias"), axis=-1, epsilon=1e-6
        ),
    )
    y = _node(g, "DensePrompt", {"embedding": x, "logits": logits, "table": table}, height=cells, width=cells)
    g.output(_map(g, logits, patches), "patch_logits", [1, 1, patches, patches])
    g.output(_map(g, y, cells), "prompted", [1, EMBED, cells, cells])
    return g


def decoder(side: int, files: list[WeightFile]) -> Graph:
    """QDMD: seven queries attend, the asked modality's one becomes the mask (paper section III-D)."""
    g = Graph("decoder", files)
    s = side // 16
    image = _node(g, "ToRows", {"x": g.input("prompted", [1, EMBED, s, s])})
    modality = g.input("modality", [1], TensorProto.INT64)
    g.scope = "position"
    place = position(g, s)
    queries, root = g.weight("mask_query.weight"), "mask_decoder.transformer"
    tokens = queries
    for j in range(2):
        key, g.scope = f"{root}.layers.{j}", f"two_way{j}"
        # In the first layer the queries are their own position: neither added twice nor kept beside the attention.
        inputs = {
            "qk": _add(g, tokens, queries) if j else tokens,
            "v": tokens,
            **_attention(g, f"{key}.self_attn"),
            "residual": tokens if j else "",
        }
        y = _node(g, "SelfAttention", inputs, {"inner": EMBED}, heads=DECODER_HEADS)
        tokens = _norm(g, y, f"{key}.norm1")
        y = _token_to_image(g, f"{key}.cross_attn_token_to_image", tokens, queries, Image(image, place))
        tokens = _norm(g, y, f"{key}.norm2")
        y = _linear(g, _linear(g, tokens, f"{key}.mlp.lin1", "relu"), f"{key}.mlp.lin2", residual=tokens)
        tokens = _norm(g, y, f"{key}.norm3")
        inputs = {
            "image": image,
            "position": place,
            "k": _add(g, tokens, queries),
            "v": tokens,
            **_attention(g, f"{key}.cross_attn_image_to_token"),
        }
        y = _node(g, "ImageToToken", inputs, {"inner": EMBED // 2}, heads=DECODER_HEADS)
        image = _norm(g, y, f"{key}.norm4")
    g.scope = "final_attention"
    token, query = (_node(g, "Row", {"x": x, "index": modality}) for x in (tokens, queries))
    y = _token_to_image(g, f"{root}.final_attn_token_to_image", token, query, Image(image, place))
    token = _norm(g, y, f"{root}.norm_final_attn")
    g.scope, k = "hypernetwork", "mask_decoder.output_hypernetworks_mlps.0.layers"
    hyper = _linear(g, _linear(g, _linear(g, token, f"{k}.0", "relu"), f"{k}.1", "relu"), f"{k}.2")
    g.scope, k = "upscaling", "mask_decoder.output_upscaling"
    inputs = {"x": image, "weight": g.weight(f"{k}.0.weight"), "bias": g.weight(f"{k}.0.bias")}
    up = _node(g, "UpConv", inputs, height=s, width=s, activation="none")
    up = _norm(g, up, f"{k}.1", 1e-6, "gelu")
    inputs = {"x": up, "weight": g.weight(f"{k}.3.weight"), "bias": g.weight(f"{k}.3.bias"), "hyper": hyper}
    y = _node(g, "MaskHead", inputs, height=2 * s, width=2 * s)
    g.output(_map(g, y, 4 * s), "low_res_logits", [1, 1, 4 * s, 4 * s])
    return g


def _node(
    g: Graph, kind: str, inputs: dict[str, str], shape: dict[str, int] | None = None, **attributes: int | float | str
) -> str:
    return g.node(call(kind, inputs, shape, **attributes))


def _map(g: Graph, x: str, side: int) -> str:
    return _node(g, "ToMap", {"x": x}, height=side, width=side)


def _add(g: Graph, a: str, b: str) -> str:
    return _node(g, "Add", {"a": a, "b": b})


def _norm(g: Graph, x: str, key: str, epsilon: float = 1e-5, activation: str = "none") -> str:
    inputs = {"x": x, "weight": g.weight(f"{key}.weight"), "bias": g.weight(f"{key}.bias")}
    return _node(g, "LayerNorm", inputs, epsilon=epsilon, activation=activation)


def _linear(g: Graph, x: str, key: str, activation: str = "none", residual: str = "") -> str:
    weight = g.weight(f"{key}.weight")
    if len(g.shape(f"{key}.weight")) > 2:  # a 1x1 convolution
        weight = g.op("Flatten", weight, axis=1)
    inputs = {"x": x, "weight": weight, "bias": g.weight(f"{key}.bias"), "residual": residual}
    return _node(g, "Linear", inputs, activation=activation)


def _attention(g: Graph, key: str) -> dict[str, str]:
    """Weight and bias of q, k, v and the output, by input name."""
    return {
        f"{of}_{part}": g.weight(f"{key}.{of}_proj.{part}")
        for of in ("q", "k", "v", "out")
        for part in ("weight", "bias")
    }


def _token_to_image(g: Graph, key: str, tokens: str, queries: str, at: Image) -> str:
    inputs = {
        "q": _add(g, tokens, queries),
        "image": at.rows,
        "position": at.position,
        **_attention(g, key),
        "residual": tokens,
    }
    return _node(g, "TokenToImage", inputs, {"inner": EMBED // 2}, heads=DECODER_HEADS)
