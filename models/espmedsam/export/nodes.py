"""ESP-MedSAM as three graphs of our domain's nodes (docs/nodes.md), with every exact saving the network allows:

- only real cells pass qkv; a window's cells outside the map are one constant row;
- the modality controller's MLP and the block's own are one MLP of both widths;
- constants of weights alone (BatchNorms, positions, the queries' first self-attention) are folded at load;
- SPPG's dense prompt is a table of two vectors;
- of the seven mask queries only the asked one looks at the image last and meets the hyper-network.
"""

from __future__ import annotations

from onnx import TensorProto

from ..facts.architecture import DECODER_HEADS, DEPTHS, DIMS, EMBED
from . import functions as f
from .graph import Graph, WeightFile
from .layers import FloatLayers
from .plain import position


def encoder(layers: FloatLayers, side: int, controller: bool) -> Graph:
    """Image encoder (TinyViT) for one input side, with or without the modality's controller (paper section III-B)."""
    g, root = layers.g, "SemiTViT"
    x = g.input("image", [1, 3, side, side])
    g.scope = "patch_embed"
    x = layers.stem(x, f"{root}.patch_embed.seq.0", side)
    x = layers.conv(x, f"{root}.patch_embed.seq.2", side // 2, 2, byte=True)
    s = side // 4
    for i in range(4):
        for j in range(DEPTHS[i]):
            key, g.scope = f"{root}.layers.{i}.blocks.{j}", f"stage{i}.block{j}"
            x = _mbconv(layers, x, key, s) if i == 0 else _block(layers, x, key, i, s, controller)
        if i < 3:
            key, g.scope = f"{root}.layers.{i}.downsample", f"stage{i}.downsample"
            stride, out = (1 if i == 2 else 2), DIMS[i + 1]
            x = layers.linear(x, f"{key}.conv1", "gelu", byte=True)
            x = layers.depthwise(x, f"{key}.conv2", s, out, stride)
            x = layers.linear(x, f"{key}.conv3")
            s = (s + stride - 1) // stride
    g.scope = "neck"
    x = layers.norm(layers.linear(x, f"{root}.neck.0"), f"{root}.neck.1", 1e-6, byte=True)
    x = layers.norm(layers.conv(x, f"{root}.neck.2", s), f"{root}.neck.3", 1e-6)
    g.output(_map(g, x, s), "embedding", [1, EMBED, s, s])
    return g


def _mbconv(layers: FloatLayers, x: str, key: str, s: int) -> str:
    """Inverted bottleneck of stage 0, GELU after the residual."""
    y = layers.linear(x, f"{key}.conv1", "gelu", byte=True)
    y = layers.depthwise(y, f"{key}.conv2", s, 4 * DIMS[0], 1)
    return layers.linear(y, f"{key}.conv3", "gelu", x, byte=True)


def _block(layers: FloatLayers, x: str, key: str, i: int, s: int, controller: bool) -> str:
    """Transformer block: windows, local convolution, MLP beside the controller's MLP."""
    c, attn = DIMS[i], f"{key}.attn"
    qkv = layers.linear(layers.norm(x, f"{attn}.norm", byte=True), f"{attn}.qkv")
    y = layers.window_attention(qkv, attn, i, s, controller)
    x = layers.linear(y, f"{attn}.proj", residual=x)
    x = layers.local(x, f"{key}.local_conv", s, c)
    return layers.mlp(x, [f"{key}.mlp", *([f"{key}.med_dah"] if controller else [])], c)


def self_prompt(side: int, files: list[WeightFile]) -> Graph:
    """SPPG: patch logits, thresholded into the dense prompt (paper section III-C)."""
    g = Graph("self_prompt", files)
    e, p = side // 16, side // 32
    x = g.node(f.rows_of_map, "ToRows", {"x": g.input("embedding", [1, EMBED, e, e])})
    g.scope = k = "patch_decoder"
    inputs = {"x": x, "weight": g.weight(f"{k}.0.weight"), "bias": g.weight(f"{k}.0.bias")}
    y = g.node(f.conv, "Conv", inputs, height=e, width=e, kernel=2, stride=2, pad=0, planar=0, activation="none")
    y = _norm(g, y, f"{k}.1", 1e-6, "gelu")
    logits = _linear(g, y, f"{k}.3", flatten=True)
    g.scope = k = "dense_prompter"
    weight, bias = (g.reshape(g.weight(f"{k}.0.{n}"), 1, EMBED) for n in ("weight", "bias"))
    table = g.op("Concat", bias, g.op("Add", weight, bias), axis=0)
    table = g.op("Gelu", g.op("LayerNormalization", table, g.weight(f"{k}.1.weight"), g.weight(f"{k}.1.bias"),
                              axis=-1, epsilon=1e-6))
    y = g.node(f.dense_prompt, "DensePrompt", {"embedding": x, "logits": logits, "table": table}, height=e, width=e)
    g.output(_map(g, logits, p), "patch_logits", [1, 1, p, p])
    g.output(_map(g, y, e), "prompted", [1, EMBED, e, e])
    return g


def decoder(side: int, files: list[WeightFile]) -> Graph:
    """QDMD: seven queries attend, the asked modality's one becomes the mask (paper section III-D)."""
    g = Graph("decoder", files)
    s = side // 16
    image = g.node(f.rows_of_map, "ToRows", {"x": g.input("prompted", [1, EMBED, s, s])})
    modality = g.input("modality", [1], TensorProto.INT64)
    g.scope = "position"
    pe = position(g, s)
    queries, root = g.weight("mask_query.weight"), "mask_decoder.transformer"
    tokens = queries
    for j in range(2):
        key, g.scope = f"{root}.layers.{j}", f"two_way{j}"
        # In the first layer the queries are their own position: neither added twice nor kept beside the attention.
        inputs = {"qk": _add(g, tokens, queries) if j else tokens, "v": tokens, **_attention(g, f"{key}.self_attn"),
                  "residual": tokens if j else ""}
        y = g.node(f.self_attention, "SelfAttention", inputs, {"inner": EMBED}, heads=DECODER_HEADS)
        tokens = _norm(g, y, f"{key}.norm1")
        y = _token_to_image(g, tokens, queries, image, pe, f"{key}.cross_attn_token_to_image")
        tokens = _norm(g, y, f"{key}.norm2")
        y = _linear(g, _linear(g, tokens, f"{key}.mlp.lin1", "relu"), f"{key}.mlp.lin2", residual=tokens)
        tokens = _norm(g, y, f"{key}.norm3")
        inputs = {"image": image, "position": pe, "k": _add(g, tokens, queries), "v": tokens,
                  **_attention(g, f"{key}.cross_attn_image_to_token")}
        y = g.node(f.image_to_token, "ImageToToken", inputs, {"inner": EMBED // 2}, heads=DECODER_HEADS)
        image = _norm(g, y, f"{key}.norm4")
    g.scope = "final_attention"
    token, query = (g.node(f.row, "Row", {"x": x, "index": modality}) for x in (tokens, queries))
    y = _token_to_image(g, token, query, image, pe, f"{root}.final_attn_token_to_image")
    token = _norm(g, y, f"{root}.norm_final_attn")
    g.scope, k = "hypernetwork", "mask_decoder.output_hypernetworks_mlps.0.layers"
    hyper = _linear(g, _linear(g, _linear(g, token, f"{k}.0", "relu"), f"{k}.1", "relu"), f"{k}.2")
    g.scope, k = "upscaling", "mask_decoder.output_upscaling"
    inputs = {"x": image, "weight": g.weight(f"{k}.0.weight"), "bias": g.weight(f"{k}.0.bias")}
    up = g.node(f.up_conv, "UpConv", inputs, height=s, width=s, activation="none")
    up = _norm(g, up, f"{k}.1", 1e-6, "gelu")
    inputs = {"x": up, "weight": g.weight(f"{k}.3.weight"), "bias": g.weight(f"{k}.3.bias"), "hyper": hyper}
    y = g.node(f.mask_head, "MaskHead", inputs, height=2 * s, width=2 * s)
    g.output(_map(g, y, 4 * s), "low_res_logits", [1, 1, 4 * s, 4 * s])
    return g


def _map(g: Graph, x: str, side: int) -> str:
    return g.node(f.map_of_rows, "ToMap", {"x": x}, height=side, width=side)


def _add(g: Graph, a: str, b: str) -> str:
    return g.node(f.add, "Add", {"a": a, "b": b})


def _norm(g: Graph, x: str, key: str, epsilon: float = 1e-5, activation: str = "none") -> str:
    return g.node(f.layer_norm, "LayerNorm", {"x": x, "weight": g.weight(f"{key}.weight"),
                                              "bias": g.weight(f"{key}.bias")}, epsilon=epsilon, activation=activation)


def _linear(g: Graph, x: str, key: str, activation: str = "none", residual: str = "", flatten: bool = False) -> str:
    weight = g.weight(f"{key}.weight")
    inputs = {"x": x, "weight": g.op("Flatten", weight, axis=1) if flatten else weight,
              "bias": g.weight(f"{key}.bias"), "residual": residual}
    return g.node(f.linear, "Linear", inputs, activation=activation)


def _attention(g: Graph, key: str) -> dict[str, str]:
    """Weight and bias of q, k, v and the output, by input name."""
    return {f"{n}_{part}": g.weight(f"{key}.{n}_proj.{part}") for n in ("q", "k", "v", "out")
            for part in ("weight", "bias")}


def _token_to_image(g: Graph, tokens: str, queries: str, image: str, pe: str, key: str) -> str:
    inputs = {"q": _add(g, tokens, queries), "image": image, "position": pe, **_attention(g, key), "residual": tokens}
    return g.node(f.token_to_image, "TokenToImage", inputs, {"inner": EMBED // 2}, heads=DECODER_HEADS)
