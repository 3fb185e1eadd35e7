"""Our domain's 8-bit nodes in standard operators (docs/nodes.md): integer sums, then float32 scales.

acc = sum (x - x_zero) * w     int32, exact: uint8 times int8 with |w| <= 64 overflows no 16-bit pair either
real = acc * (x_scale * weight_scale[n]) + bias[n] + residual
"""

from __future__ import annotations

from onnx import TensorProto

from .attention import KEY_MOST, LIMIT, PER_NAT, WEIGHTS, ZERO
from .functions import Windows, offset_bias, quantized, to_map, to_rows, token_column
from .graph import Body


def _finish(body: Body, acc: str, given: dict, activation: str) -> str:
    """Sums -> the node's output: float32, or uint8; GELU between two quantizations, so a table of 256 entries."""
    y = body.op(
        "Mul", body.op("Cast", acc, to=TensorProto.FLOAT), body.op("Mul", given["x_scale"], given["weight_scale"])
    )
    if "bias" in given:
        y = body.op("Add", y, given["bias"])
    if "residual_scale" in given:
        y = body.op(
            "Add", y, body.op("DequantizeLinear", given["residual"], given["residual_scale"], given["residual_zero"])
        )
    elif "residual" in given:
        y = body.op("Add", y, given["residual"])
    if activation == "gelu":
        mid = body.op("QuantizeLinear", y, given["mid_scale"], given["mid_zero"])
        y = body.op("Gelu", body.op("DequantizeLinear", mid, given["mid_scale"], given["mid_zero"]))
    return quantized(body, y, given)


def qlinear(body: Body, given: dict, *, activation: str) -> str:
    """Linear layer or 1x1 convolution."""
    acc = body.op("MatMulInteger", given["x"], body.transpose(given["weight"], 1, 0), given["x_zero"])
    return _finish(body, acc, given, activation)


def qconv(
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
    """Convolution of a map, or of a picture [1, C, H, W]; a cell outside it is x_zero, real 0."""
    zero = body.const(0, "int8")
    acc = body.op(
        "ConvInteger",
        given["x"] if planar else to_map(body, given["x"], height, width),
        given["weight"],
        given["x_zero"],
        zero,
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
    )
    return _finish(body, to_rows(body, acc), given, activation)


def qdepthwise(body: Body, given: dict, *, height: int, width: int, stride: int, activation: str, channels: int) -> str:
    """3x3, each channel by itself. In float32, where sums of nine such products are exact integers: few runtimes have
    a grouped integer convolution worth the name."""
    x, zero, weight = (body.op("Cast", given[name], to=TensorProto.FLOAT) for name in ("x", "x_zero", "weight"))
    acc = body.op(
        "Conv",
        to_map(body, body.op("Sub", x, zero), height, width),
        weight,
        kernel_shape=[3, 3],
        strides=[stride] * 2,
        pads=[1] * 4,
        group=channels,
    )
    return _finish(body, to_rows(body, acc), given, activation)


def qup_conv(body: Body, given: dict, *, height: int, width: int) -> str:
    """2x2 transposed convolution of stride 2: [H*W, K] -> [4*H*W, N]. In float32, where sums of a thousand such products are
    exact integers: ONNX has no transposed convolution of bytes."""
    x, zero, weight = (body.op("Cast", given[name], to=TensorProto.FLOAT) for name in ("x", "x_zero", "weight"))
    x = to_map(body, body.op("Sub", x, zero), height, width)
    acc = body.op("ConvTranspose", x, weight, kernel_shape=[2, 2], strides=[2, 2])
    return _finish(body, to_rows(body, acc), given, "none")


def qwindow_attention(body: Body, given: dict, *, height: int, width: int, window: int, heads: int) -> str:
    """Attention inside windows on integers. In float32, where all of them up to the quotient are exact: the largest is
    below 2^24."""

    def steps(value: str, most: int) -> str:
        return body.op("Clip", body.op("Round", value), body.const(-most), body.const(most))

    windows = Windows(height, width, window, heads)
    rows = body.op("Sub", body.op("Cast", given["qkv"], to=TensorProto.FLOAT), body.const(ZERO))
    outside = body.op("Round", given["outside"]) if "outside" in given else ""
    q, k, v = windows.split(body, rows, outside)
    k, v = (body.op("Clip", x, body.const(-KEY_MOST), body.const(KEY_MOST)) for x in (k, v))
    fineness = body.reshape(given["fineness"], heads, 1)
    units = body.op("Mul", fineness, body.const(PER_NAT))
    bias = offset_bias(body, steps(body.op("Mul", given["biases"], units), LIMIT), heads, window)
    if "token_key" in given:
        token = body.op("Mul", given["token_bias"], body.reshape(units, heads, 1, 1))
        bias = token_column(body, bias, steps(token, LIMIT), heads, window)
        k, v = (
            body.op("Concat", x, windows.repeated(body, steps(given[name], KEY_MOST)), axis=2)
            for x, name in ((k, "token_key"), (v, "token_value"))
        )
    scores = body.op("Add", body.op("MatMul", q, body.transpose(k, 0, 1, 3, 2)), bias)
    below = body.op("Sub", body.op("ReduceMax", scores, body.ints(-1), keepdims=1), scores)
    below = body.op("Div", below, body.reshape(given["fineness"], heads, 1, 1))
    below = body.op("Floor", body.op("Add", below, body.const(0.5)))
    entry = body.op("Cast", body.op("Min", below, body.const(len(WEIGHTS) - 1)), to=TensorProto.INT32)
    weights = body.op("Gather", body.const(WEIGHTS), entry)
    y = body.op("Div", body.op("MatMul", weights, v), body.op("ReduceSum", weights, body.ints(-1), keepdims=1))
    y = body.op("Mul", y, body.reshape(given["value_scale"], heads, 1, 1))
    return quantized(body, windows.join(body, y), given)
