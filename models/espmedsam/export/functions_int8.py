"""Our domain's 8-bit nodes in standard operators (docs/nodes.md): integer sums, then float32 scales.

acc = sum (x - x_zero) * w     int32, exact: uint8 times int8 with |w| <= 64 overflows no 16-bit pair either
real = acc * (x_scale * weight_scale[n]) + bias[n] + residual
"""

from __future__ import annotations

from onnx import TensorProto

from .functions import quantized, to_map, to_rows
from .graph import Body


def _finish(b: Body, acc: str, i: dict, activation: str) -> str:
    """Sums -> the node's output: float32, or uint8; GELU between two quantizations, so a table of 256 entries."""
    y = b.op("Mul", b.op("Cast", acc, to=TensorProto.FLOAT), b.op("Mul", i["x_scale"], i["weight_scale"]))
    if "bias" in i:
        y = b.op("Add", y, i["bias"])
    if "residual_scale" in i:
        y = b.op("Add", y, b.op("DequantizeLinear", i["residual"], i["residual_scale"], i["residual_zero"]))
    elif "residual" in i:
        y = b.op("Add", y, i["residual"])
    if activation == "gelu":
        mid = b.op("QuantizeLinear", y, i["mid_scale"], i["mid_zero"])
        y = b.op("Gelu", b.op("DequantizeLinear", mid, i["mid_scale"], i["mid_zero"]))
    return quantized(b, y, i)


def qlinear(b: Body, i: dict, *, activation: str) -> str:
    """Linear layer or 1x1 convolution."""
    acc = b.op("MatMulInteger", i["x"], b.transpose(i["weight"], 1, 0), i["x_zero"])
    return _finish(b, acc, i, activation)


def qconv(
    b: Body, i: dict, *, height: int, width: int, kernel: int, stride: int, pad: int, planar: int, activation: str
) -> str:
    """Convolution; a cell outside the map is x_zero, real 0."""
    zero = b.const(0, "int8")
    acc = b.op(
        "ConvInteger",
        to_map(b, i["x"], height, width),
        i["weight"],
        i["x_zero"],
        zero,
        kernel_shape=[kernel] * 2,
        strides=[stride] * 2,
        pads=[pad] * 4,
    )
    return _finish(b, to_rows(b, acc), i, activation)


def qdepthwise(b: Body, i: dict, *, height: int, width: int, stride: int, activation: str, channels: int) -> str:
    """3x3, each channel by itself. In float32, where sums of nine such products are exact integers: few runtimes have
    a grouped integer convolution worth the name."""
    x, zero, weight = (b.op("Cast", i[k], to=TensorProto.FLOAT) for k in ("x", "x_zero", "weight"))
    acc = b.op(
        "Conv",
        to_map(b, b.op("Sub", x, zero), height, width),
        weight,
        kernel_shape=[3, 3],
        strides=[stride] * 2,
        pads=[1] * 4,
        group=channels,
    )
    return _finish(b, to_rows(b, acc), i, activation)
