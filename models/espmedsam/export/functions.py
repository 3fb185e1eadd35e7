"""Our domain's float nodes in standard operators: the functions' bodies, and their reference (docs/nodes.md).

A body gets the writer, the names of the inputs that are there, the node's attributes and, where they are not enough,
the shape it is for (`channels`, `inner`); it returns its output's name. Maps are rows [H*W, C]; bodies turn them to NCHW
only where an ONNX operator asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..facts.architecture import HEAD_DIM
from .graph import Body


def activate(body: Body, value: str, activation: str) -> str:
    """ "none", "relu" or "gelu" (exact)."""
    return {"none": lambda: value, "relu": lambda: body.op("Relu", value), "gelu": lambda: body.op("Gelu", value)}[
        activation
    ]()


def quantized(body: Body, value: str, given: dict) -> str:
    """uint8 if the node has `y_scale` and `y_zero`: clamp(round_half_even(value / scale) + zero, 0, 255)."""
    return body.op("QuantizeLinear", value, given["y_scale"], given["y_zero"]) if "y_scale" in given else value


def to_map(body: Body, value: str, height: int, width: int) -> str:
    """[H*W, C] -> [1, C, H, W]."""
    return body.transpose(body.reshape(value, 1, height, width, -1), 0, 3, 1, 2)


def to_rows(body: Body, value: str) -> str:
    """[1, C, H, W] -> [H*W, C]."""
    return body.op("Flatten", body.transpose(value, 0, 2, 3, 1), axis=3)


def linear_to(body: Body, value: str, weight: str, bias: str | None) -> str:
    """x [R, K] times weight [N, K] transposed."""
    return body.op("Gemm", *filter(None, (value, weight, bias)), transB=1)


def linear(body: Body, given: dict, *, activation: str) -> str:
    """act(x Wᵀ + b + residual)."""
    y = linear_to(body, given["x"], given["weight"], given.get("bias"))
    if "residual" in given:
        y = body.op("Add", y, given["residual"])
    return quantized(body, activate(body, y, activation), given)


def conv(
    body: Body,
    given: dict,
    *,
    height: int,
    width: int,
    kernel: int,
    stride: int,
    pad: int,
    planar: int,
    activation: str,
) -> str:
    """Convolution of a map, or of a picture [1, C, H, W]."""
    x = given["x"] if planar else to_map(body, given["x"], height, width)
    y = body.op(
        "Conv",
        x,
        *(given[name] for name in ("weight", "bias") if name in given),
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
    )
    return quantized(body, activate(body, to_rows(body, y), activation), given)


def depthwise(body: Body, given: dict, *, height: int, width: int, stride: int, channels: int, activation: str) -> str:
    """3x3, each channel by itself."""
    y = body.op(
        "Conv",
        to_map(body, given["x"], height, width),
        *(given[name] for name in ("weight", "bias") if name in given),
        kernel_shape=[3, 3],
        strides=[stride] * 2,
        pads=[1] * 4,
        group=channels,
    )
    return activate(body, to_rows(body, y), activation)


def layer_norm(body: Body, given: dict, *, epsilon: float, activation: str, channels: int = 0) -> str:
    """Over the channels; without weight and bias, those are folded into the next layer."""
    weight = given.get("weight") or body.const(np.ones(channels))
    y = body.op(
        "LayerNormalization",
        given["x"],
        weight,
        *(given[name] for name in ("bias",) if name in given),
        axis=-1,
        epsilon=epsilon,
    )
    return quantized(body, activate(body, y, activation), given)


@dataclass(frozen=True)
class Windows:
    """How a map is cut into windows; the last ones may reach over its right and lower edge."""

    height: int
    width: int
    side: int
    heads: int

    @property
    def pad_rows(self) -> int:
        """Rows of cells below the map."""
        return -self.height % self.side

    @property
    def pad_columns(self) -> int:
        """Columns of cells beside the map."""
        return -self.width % self.side

    @property
    def down(self) -> int:
        """Windows below each other."""
        return (self.height + self.pad_rows) // self.side

    @property
    def across(self) -> int:
        """Windows beside each other."""
        return (self.width + self.pad_columns) // self.side

    @property
    def count(self) -> int:
        """Windows."""
        return self.down * self.across

    def split(self, body: Body, x: str, outside: str) -> list[str]:
        """Queries, keys and values, each [windows, heads, cells, 32], of rows [H*W, 3C]; cells outside the map have the row
        `outside`."""
        channels = self.heads * HEAD_DIM
        if self.pad_rows or self.pad_columns:
            x = body.reshape(x, self.height, self.width, 3 * channels)
            if self.pad_columns:
                shape = body.ints(self.height, self.pad_columns, 3 * channels)
                x = body.op("Concat", x, body.op("Expand", outside, shape), axis=1)
            if self.pad_rows:
                shape = body.ints(self.pad_rows, self.width + self.pad_columns, 3 * channels)
                x = body.op("Concat", x, body.op("Expand", outside, shape), axis=0)
        side = self.side
        x = body.reshape(x, self.down, side, self.across, side, self.heads, 3, HEAD_DIM)
        x = body.transpose(x, 5, 0, 2, 4, 1, 3, 6)
        return body.split3(body.reshape(x, 3, self.count, self.heads, side * side, HEAD_DIM))

    def repeated(self, body: Body, token: str) -> str:
        """The token [heads, 1, 32] for each window."""
        return body.op("Expand", token, body.ints(self.count, self.heads, 1, HEAD_DIM))

    def join(self, body: Body, y: str) -> str:
        """[windows, heads, cells, 32] -> rows of the map [H*W, C]."""
        side, channels = self.side, self.heads * HEAD_DIM
        y = body.reshape(y, self.down, self.across, self.heads, side, side, HEAD_DIM)
        y = body.reshape(body.transpose(y, 0, 3, 1, 4, 2, 5), self.down * side, self.across * side, channels)
        if self.pad_rows or self.pad_columns:
            y = body.op("Slice", y, body.ints(0, 0), body.ints(self.height, self.width), body.ints(0, 1))
        return body.reshape(y, self.height * self.width, channels)


def window_attention(body: Body, given: dict, *, height: int, width: int, window: int, heads: int) -> str:
    """Attention inside windows (TinyViT), the modality controller's token beside the keys and values.

    A window's cells outside the map take part as keys and values with the `outside` row, as in the official network,
    which pads before its LayerNorm without a mask.
    """
    windows = Windows(height, width, window, heads)
    q, k, v = windows.split(body, given["qkv"], given.get("outside", ""))
    bias = offset_bias(body, given["biases"], heads, window)
    if "token" in given:
        token = windows.repeated(body, given["token"])
        k, v = body.op("Concat", k, token, axis=2), body.op("Concat", v, token, axis=2)
        bias = token_column(body, bias, given["token_bias"], heads, window)
    q = body.op("Mul", q, body.const(HEAD_DIM**-0.5))
    logits = body.op("Add", body.op("MatMul", q, body.transpose(k, 0, 1, 3, 2)), bias)
    y = body.op("MatMul", body.op("Softmax", logits, axis=-1), v)
    return quantized(body, windows.join(body, y), given)


def token_column(body: Body, bias: str, token: str, heads: int, window: int) -> str:
    """Biases [heads, w*w, w*w] with one more column, of the token."""
    return body.op("Concat", bias, body.op("Expand", token, body.ints(heads, window * window, 1)), axis=2)


def offset_bias(body: Body, biases: str, heads: int, window: int) -> str:
    """Biases by |dy| * w + |dx| -> one for each pair of cells, [heads, w*w, w*w]."""
    distance = np.abs(np.arange(window)[:, None] - np.arange(window))
    y = body.op("Gather", body.reshape(biases, heads, window, window), body.const(distance, np.int64), axis=1)
    y = body.op("Gather", y, body.const(distance, np.int64), axis=3)  # heads, y of q, y of k, x of q, x of k
    return body.reshape(body.transpose(y, 0, 1, 3, 2, 4), heads, window * window, window * window)


def quantize(body: Body, given: dict) -> str:
    """Float32 -> uint8."""
    return quantized(body, given["x"], given)


def rows_of_map(body: Body, given: dict) -> str:
    """[1, C, H, W] -> [H*W, C]."""
    return to_rows(body, given["x"])


def map_of_rows(body: Body, given: dict, *, height: int, width: int) -> str:
    """[H*W, C] -> [1, C, H, W]."""
    return to_map(body, given["x"], height, width)


def dense_prompt(body: Body, given: dict, *, height: int, width: int) -> str:
    """SPPG's dense prompt: one of two vectors for each patch, over its 2 x 2 cells of the embedding."""
    rows, columns = height // 2, width // 2
    hard = body.op("Cast", body.op("GreaterOrEqual", given["logits"], body.const(0.0)), to=7)
    prompt = body.op("Gather", given["table"], body.reshape(hard, rows, 1, columns, 1), axis=0)
    prompt = body.op("Expand", prompt, body.ints(rows, 2, columns, 2, 1))
    return body.op("Add", given["embedding"], body.reshape(prompt, height * width, -1))


def add(body: Body, given: dict) -> str:
    """a + b."""
    return body.op("Add", given["a"], given["b"])


def row(body: Body, given: dict) -> str:
    """The row at `index`."""
    return body.op("Gather", given["x"], given["index"], axis=0)


def attention(body: Body, given: dict, heads: int, inner: int, q: str, k: str, v: str) -> str:
    """Multi-head attention with separate projections (SAM); all [rows, 256], `inner` wide inside."""
    q, k, v = (
        body.transpose(
            body.reshape(linear_to(body, rows, given[f"{name}_weight"], given[f"{name}_bias"]), 0, heads, -1), 1, 0, 2
        )
        for name, rows in (("q", q), ("k", k), ("v", v))
    )
    logits = body.op("MatMul", body.op("Mul", q, body.const((inner // heads) ** -0.5)), body.transpose(k, 0, 2, 1))
    y = body.op("MatMul", body.op("Softmax", logits, axis=-1), v)
    y = body.op("Flatten", body.transpose(y, 1, 0, 2), axis=1)
    return linear_to(body, y, given["out_weight"], given["out_bias"])


def self_attention(body: Body, given: dict, *, heads: int, inner: int) -> str:
    """Among the mask queries (QDMD)."""
    y = attention(body, given, heads, inner, given["qk"], given["qk"], given["v"])
    return body.op("Add", y, given["residual"]) if "residual" in given else y


def token_to_image(body: Body, given: dict, *, heads: int, inner: int) -> str:
    """residual + attention(q, image + position, image)."""
    keys = body.op("Add", given["image"], given["position"])
    return body.op("Add", given["residual"], attention(body, given, heads, inner, given["q"], keys, given["image"]))


def image_to_token(body: Body, given: dict, *, heads: int, inner: int) -> str:
    """image + attention(image + position, k, v)."""
    queries = body.op("Add", given["image"], given["position"])
    return body.op("Add", given["image"], attention(body, given, heads, inner, queries, given["k"], given["v"]))


def up_conv(body: Body, given: dict, *, height: int, width: int, activation: str) -> str:
    """2x2 transposed convolution of stride 2: [H*W, K] -> [4*H*W, N]."""
    y = body.op(
        "ConvTranspose",
        to_map(body, given["x"], height, width),
        given["weight"],
        given["bias"],
        kernel_shape=[2, 2],
        strides=[2, 2],
    )
    return activate(body, to_rows(body, y), activation)


def presence(body: Body, given: dict) -> str:
    """[1, 1]: the row `index` of two linear layers over the query beside the mean and the maximum of x over its rows."""
    seen = [given["query"], *(body.op(of, given["x"], body.ints(0), keepdims=1) for of in ("ReduceMean", "ReduceMax"))]
    hidden = body.op("Gelu", linear_to(body, body.op("Concat", *seen, axis=1), given["weight"], given["bias"]))
    scores = linear_to(body, hidden, given["score_weight"], given["score_bias"])
    return body.op("Gather", scores, given["index"], axis=1)


def roots(body: Body, given: dict) -> str:
    """[1, C, H, W] -> [1, 2C, H, W]: x, and sqrt(max(scale x + shift, 0)) - 2, a scale and a shift for each channel."""
    scale, shift = (body.reshape(given[name], 1, -1, 1, 1) for name in ("scale", "shift"))
    y = body.op("Relu", body.op("Add", body.op("Mul", given["x"], scale), shift))
    return body.op("Concat", given["x"], body.op("Sub", body.op("Sqrt", y), body.const(2.0)), axis=1)


def classify(body: Body, given: dict) -> str:
    """[1, N]: the softmax of a linear layer over the mean and the maximum of x over its rows."""
    seen = (body.op(of, given["x"], body.ints(0), keepdims=1) for of in ("ReduceMean", "ReduceMax"))
    logits = linear_to(body, body.op("Concat", *seen, axis=1), given["weight"], given["bias"])
    return body.op("Softmax", logits, axis=-1)


def mask_head(body: Body, given: dict, *, height: int, width: int) -> str:
    """gelu(UpConv(x)) times the asked query's 32 weights: [4*H*W, 1] logits."""
    y = up_conv(body, given, height=height, width=width, activation="gelu")
    return body.op("MatMul", y, body.transpose(given["hyper"], 1, 0))
