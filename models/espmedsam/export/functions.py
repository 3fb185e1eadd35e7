"""Our domain's float nodes in standard operators: the functions' bodies, and their reference (docs/nodes.md).

A body gets the writer, the names of the inputs that are there, the node's attributes and, where they are not enough,
the shape it is for (`channels`, `inner`); it returns its output's name. Maps are rows [H*W, C]; bodies turn them to NCHW
only where an ONNX operator asks for it.
"""

from __future__ import annotations

import numpy as np

from ..facts.architecture import HEAD_DIM
from .graph import Body


def activate(b: Body, x: str, activation: str) -> str:
    """ "none", "relu" or "gelu" (exact)."""
    return {"none": lambda: x, "relu": lambda: b.op("Relu", x), "gelu": lambda: b.op("Gelu", x)}[activation]()


def quantized(b: Body, y: str, i: dict) -> str:
    """uint8 if the node has `y_scale` and `y_zero`: clamp(round_half_even(y / scale) + zero, 0, 255)."""
    return b.op("QuantizeLinear", y, i["y_scale"], i["y_zero"]) if "y_scale" in i else y


def to_map(b: Body, x: str, height: int, width: int) -> str:
    """[H*W, C] -> [1, C, H, W]."""
    return b.transpose(b.reshape(x, 1, height, width, -1), 0, 3, 1, 2)


def to_rows(b: Body, x: str) -> str:
    """[1, C, H, W] -> [H*W, C]."""
    return b.op("Flatten", b.transpose(x, 0, 2, 3, 1), axis=3)


def linear_to(b: Body, x: str, weight: str, bias: str | None) -> str:
    """x [R, K] times weight [N, K] transposed."""
    return b.op("Gemm", *filter(None, (x, weight, bias)), transB=1)


def linear(b: Body, i: dict, *, activation: str) -> str:
    """act(x Wᵀ + b + residual)."""
    y = linear_to(b, i["x"], i["weight"], i.get("bias"))
    if "residual" in i:
        y = b.op("Add", y, i["residual"])
    return quantized(b, activate(b, y, activation), i)


def conv(
    b: Body, i: dict, *, height: int, width: int, kernel: int, stride: int, pad: int, planar: int, activation: str
) -> str:
    """Convolution of a map, or of a picture [1, C, H, W]."""
    x = i["x"] if planar else to_map(b, i["x"], height, width)
    y = b.op(
        "Conv",
        x,
        *(i[k] for k in ("weight", "bias") if k in i),
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
    )
    return quantized(b, activate(b, to_rows(b, y), activation), i)


def depthwise(b: Body, i: dict, *, height: int, width: int, stride: int, channels: int, activation: str) -> str:
    """3x3, each channel by itself."""
    y = b.op(
        "Conv",
        to_map(b, i["x"], height, width),
        *(i[k] for k in ("weight", "bias") if k in i),
        kernel_shape=[3, 3],
        strides=[stride] * 2,
        pads=[1] * 4,
        group=channels,
    )
    return activate(b, to_rows(b, y), activation)


def layer_norm(b: Body, i: dict, *, epsilon: float, activation: str, channels: int = 0) -> str:
    """Over the channels; without weight and bias, those are folded into the next layer."""
    weight = i.get("weight") or b.const(np.ones(channels))
    y = b.op("LayerNormalization", i["x"], weight, *(i[k] for k in ("bias",) if k in i), axis=-1, epsilon=epsilon)
    return quantized(b, activate(b, y, activation), i)


def window_attention(b: Body, i: dict, *, height: int, width: int, window: int, heads: int) -> str:
    """Attention inside windows (TinyViT), the modality controller's token beside the keys and values.

    A window's cells outside the map take part as keys and values with the `outside` row, as in the official network,
    which pads before its LayerNorm without a mask.
    """
    w, c = window, heads * HEAD_DIM
    ph, pw = -height % w, -width % w
    ny, nx = (height + ph) // w, (width + pw) // w
    x = i["qkv"]
    if ph or pw:
        x = b.reshape(x, height, width, 3 * c)
        if pw:
            x = b.op("Concat", x, b.op("Expand", i["outside"], b.ints(height, pw, 3 * c)), axis=1)
        if ph:
            x = b.op("Concat", x, b.op("Expand", i["outside"], b.ints(ph, width + pw, 3 * c)), axis=0)
    x = b.transpose(b.reshape(x, ny, w, nx, w, heads, 3, HEAD_DIM), 5, 0, 2, 4, 1, 3, 6)
    q, k, v = b.split3(b.reshape(x, 3, ny * nx, heads, w * w, HEAD_DIM))
    bias = offset_bias(b, i["biases"], heads, w)
    if "token" in i:
        token = b.op("Expand", i["token"], b.ints(ny * nx, heads, 1, HEAD_DIM))
        k, v = b.op("Concat", k, token, axis=2), b.op("Concat", v, token, axis=2)
        bias = b.op("Concat", bias, b.op("Expand", i["token_bias"], b.ints(heads, w * w, 1)), axis=2)
    q = b.op("Mul", q, b.const(HEAD_DIM**-0.5))
    a = b.op("Add", b.op("MatMul", q, b.transpose(k, 0, 1, 3, 2)), bias)
    y = b.op("MatMul", b.op("Softmax", a, axis=-1), v)
    y = b.transpose(b.reshape(y, ny, nx, heads, w, w, HEAD_DIM), 0, 3, 1, 4, 2, 5)
    y = b.reshape(y, ny * w, nx * w, c)
    if ph or pw:
        y = b.op("Slice", y, b.ints(0, 0), b.ints(height, width), b.ints(0, 1))
    return quantized(b, b.reshape(y, height * width, c), i)


def offset_bias(b: Body, biases: str, heads: int, w: int) -> str:
    """Biases by |dy| * w + |dx| -> one for each pair of cells, [heads, w*w, w*w]."""
    distance = np.abs(np.arange(w)[:, None] - np.arange(w))
    y = b.op("Gather", b.reshape(biases, heads, w, w), b.const(distance, np.int64), axis=1)
    y = b.op("Gather", y, b.const(distance, np.int64), axis=3)  # heads, y of q, y of k, x of q, x of k
    return b.reshape(b.transpose(y, 0, 1, 3, 2, 4), heads, w * w, w * w)


def quantize(b: Body, i: dict) -> str:
    """Float32 -> uint8."""
    return quantized(b, i["x"], i)


def rows_of_map(b: Body, i: dict) -> str:
    """[1, C, H, W] -> [H*W, C]."""
    return to_rows(b, i["x"])


def map_of_rows(b: Body, i: dict, *, height: int, width: int) -> str:
    """[H*W, C] -> [1, C, H, W]."""
    return to_map(b, i["x"], height, width)


def dense_prompt(b: Body, i: dict, *, height: int, width: int) -> str:
    """SPPG's dense prompt: one of two vectors for each patch, over its 2 x 2 cells of the embedding."""
    h, w = height // 2, width // 2
    hard = b.op("Cast", b.op("GreaterOrEqual", i["logits"], b.const(0.0)), to=7)
    prompt = b.op("Gather", i["table"], b.reshape(hard, h, 1, w, 1), axis=0)
    prompt = b.op("Expand", prompt, b.ints(h, 2, w, 2, 1))
    return b.op("Add", i["embedding"], b.reshape(prompt, height * width, -1))


def add(b: Body, i: dict) -> str:
    """a + b."""
    return b.op("Add", i["a"], i["b"])


def row(b: Body, i: dict) -> str:
    """The row at `index`."""
    return b.op("Gather", i["x"], i["index"], axis=0)


def attention(b: Body, i: dict, heads: int, inner: int, q: str, k: str, v: str) -> str:
    """Multi-head attention with separate projections (SAM); all [rows, 256], `inner` wide inside."""
    q, k, v = (
        b.transpose(b.reshape(linear_to(b, t, i[f"{n}_weight"], i[f"{n}_bias"]), 0, heads, -1), 1, 0, 2)
        for n, t in (("q", q), ("k", k), ("v", v))
    )
    a = b.op("MatMul", b.op("Mul", q, b.const((inner // heads) ** -0.5)), b.transpose(k, 0, 2, 1))
    y = b.op("MatMul", b.op("Softmax", a, axis=-1), v)
    y = b.op("Flatten", b.transpose(y, 1, 0, 2), axis=1)
    return linear_to(b, y, i["out_weight"], i["out_bias"])


def self_attention(b: Body, i: dict, *, heads: int, inner: int) -> str:
    """Among the mask queries (QDMD)."""
    y = attention(b, i, heads, inner, i["qk"], i["qk"], i["v"])
    return b.op("Add", y, i["residual"]) if "residual" in i else y


def token_to_image(b: Body, i: dict, *, heads: int, inner: int) -> str:
    """residual + attention(q, image + position, image)."""
    keys = b.op("Add", i["image"], i["position"])
    return b.op("Add", i["residual"], attention(b, i, heads, inner, i["q"], keys, i["image"]))


def image_to_token(b: Body, i: dict, *, heads: int, inner: int) -> str:
    """image + attention(image + position, k, v)."""
    queries = b.op("Add", i["image"], i["position"])
    return b.op("Add", i["image"], attention(b, i, heads, inner, queries, i["k"], i["v"]))


def up_conv(b: Body, i: dict, *, height: int, width: int, activation: str) -> str:
    """2x2 transposed convolution of stride 2: [H*W, K] -> [4*H*W, N]."""
    y = b.op(
        "ConvTranspose", to_map(b, i["x"], height, width), i["weight"], i["bias"], kernel_shape=[2, 2], strides=[2, 2]
    )
    return activate(b, to_rows(b, y), activation)


def mask_head(b: Body, i: dict, *, height: int, width: int) -> str:
    """gelu(UpConv(x)) times the asked query's 32 weights: [4*H*W, 1] logits."""
    y = up_conv(b, i, height=height, width=width, activation="gelu")
    return b.op("MatMul", y, b.transpose(i["hyper"], 1, 0))
