"""The 8-bit encoder a second time, in numpy: the numbers of docs/engine.md and docs/nodes.md to the last bit.

Real numbers are float32, each operation rounded once, in the order that the contract fixes. Shares no code with the
program; reads the same ONNX file, of which it takes constants and nodes, not the functions' bodies.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

F = np.float32
LANES = 16
HEAD = 32
LOG2_E = np.log2(np.e)

# Numbers ---------------------------------------------------------------------------------------------------------


def fma(a, b, c):
    """a * b + c of float32, rounded once. The product is exact in float64; the sum is rounded there and once more to
    float32, which goes wrong only where the first rounding ends in the middle between two float32 numbers."""
    product = np.multiply(a, b, dtype=np.float64)
    total = np.asarray(product + c)
    middle = (total.view(np.int64) & 0x1FFF_FFFF) == 0x1000_0000
    if middle.any():
        p, q, s = (np.broadcast_to(v, total.shape)[middle].astype(np.float64) for v in (product, c, total))
        rest = s - p
        lost = (p - (s - rest)) + (q - rest)  # s + lost = p + q exactly
        total[middle] = np.where(lost == 0, s, np.nextafter(s, np.copysign(np.inf, lost)))
    return total.astype(F)


def lanes(x):
    """[..., n] -> [..., n / 16, 16], zeros past the end."""
    spare = -x.shape[-1] % LANES
    x = np.concatenate([x, np.zeros((*x.shape[:-1], spare), F)], -1)
    return x.reshape(*x.shape[:-1], -1, LANES)


def fold(x):
    """[..., 16] -> [...], by the tree."""
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        x = x[..., :half] + x[..., half:]
    return x[..., 0]


def total(x):
    """The sum over the last axis."""
    parts = lanes(x)
    return fold(sum((parts[..., i, :] for i in range(parts.shape[-2])), np.zeros_like(parts[..., 0, :])))


def chain(acc, pairs):
    """One fused multiply-add after the other."""
    for a, b in pairs:
        acc = fma(a, b, acc)
    return acc


EXP2 = [F(v) for v in (1.3264727e-3, 9.671513e-3, 5.5507337e-2, 2.4022242e-1, 6.93147e-1, 1)]
GELU = [
    F(v)
    for v in (
        -1.0050348e-3,
        2.6651802e-3,
        -2.9634107e-3,
        4.4293385e-3,
        -9.61601e-3,
        1.5992785e-2,
        -2.268688e-2,
        3.0924264e-2,
        -4.055384e-2,
        5.22464e-2,
        -7.162298e-2,
        1.4423081e-1,
    )
]


def horner(coefficients, x):
    """The polynomial, highest power first."""
    p = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        p = fma(p, x, c)
    return p


def exp2(x):
    """2^x: 2^n 2^r."""
    x = np.maximum(x, F(-126))
    n = np.rint(x)
    return np.ldexp(horner(EXP2, x - n), n.astype(np.int32))


def gelu(x):
    """x Phi(x)."""
    u = fma(np.minimum(x * x, F(24.01)), F(2) / F(24.01), F(-1))
    return x * (np.clip(x * horner(GELU, u), F(-0.5), F(0.5)) + F(0.5))


def quantize(x, scale, zero):
    """Real -> uint8, by the reciprocal of the scale."""
    z = F(zero)
    return (np.rint(np.clip(x * (F(1) / scale), -z, F(255) - z)) + z).astype(np.uint8)


def real(q, scale, zero):
    """uint8 -> real."""
    return scale * (q.astype(F) - F(zero))


# Nodes: inputs by name (None: absent) and attributes, as docs/nodes.md lists them ---------------------------------


def out(y, given):
    """Quantized if the node says so."""
    return y if given["y_scale"] is None else quantize(y, given["y_scale"], given["y_zero"])


def finish(acc, given, activation):
    """Exact sums -> the output of an 8-bit node."""
    bias = F(0) if given["bias"] is None else given["bias"]
    y = fma(acc.astype(F), given["x_scale"] * given["weight_scale"], bias)
    if given.get("residual") is not None:
        r = given["residual"]
        y = y + (r if given["residual_scale"] is None else real(r, given["residual_scale"], given["residual_zero"]))
    if activation == "gelu":
        mid = given["mid_scale"], given["mid_zero"]
        y = gelu(real(quantize(y, *mid), *mid))
    return out(y, given)


def centred(given):
    """x - zero in float64, where sums of products are exact."""
    return given["x"].astype(np.float64) - given["x_zero"]


def patches(x, height, width, kernel, stride, pad):
    """[H*W, C] -> [H'*W', k*k, C], zeros outside."""
    x = np.pad(x.reshape(height, width, -1), ((pad, pad), (pad, pad), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (0, 1))[::stride, ::stride]
    return windows.transpose(0, 1, 3, 4, 2).reshape(-1, kernel * kernel, x.shape[2])


def qlinear(given, activation):
    return finish(centred(given) @ given["weight"].astype(np.float64).T, given, activation)


def qconv(given, activation, planar, **geometry):
    n, channels = given["weight"].shape[:2]
    weight = given["weight"].reshape(n, channels, -1).transpose(0, 2, 1).reshape(n, -1)
    x = centred(given)
    x = patches(x[0].reshape(channels, -1).T if planar else x, **geometry)
    return finish(x.reshape(len(x), -1) @ weight.astype(np.float64).T, given, activation)


def qdepthwise(given, activation, **geometry):
    x = patches(centred(given), kernel=3, pad=1, **geometry)
    return finish((x * given["weight"].reshape(-1, 9).T).sum(1), given, activation)


def depthwise(given, activation, **geometry):
    assert activation == "none"
    x, weight = patches(given["x"], kernel=3, pad=1, **geometry), given["weight"].reshape(-1, 9)
    start = np.broadcast_to(given["bias"], x[:, 0].shape)
    return chain(start, ((x[:, tap], weight[:, tap]) for tap in range(9)))


def layer_norm(given, epsilon, activation):
    assert activation == "none"
    x, n = given["x"], F(given["x"].shape[1])
    d = x - (total(x) / n)[:, None]
    parts = lanes(d)
    squares = fold(chain(np.zeros_like(parts[:, 0]), ((p, p) for p in parts.swapaxes(0, 1))))
    inverse = F(1) / np.sqrt(squares / n + F(epsilon))
    weight = F(1) if given["weight"] is None else given["weight"]
    return out(fma(d * inverse[:, None], weight, F(0) if given["bias"] is None else given["bias"]), given)


def window_attention(given, height, width, window, heads):
    """Windows that tile the map; keys are the cells, then the token. Scores are in units of ln 2."""
    assert given["outside"] is None
    w, ny, nx = window, height // window, width // window
    x = given["qkv"].reshape(ny, w, nx, w, heads, 3, HEAD).transpose(5, 0, 2, 4, 1, 3, 6)
    q, k, v = x.reshape(3, ny * nx, heads, w * w, HEAD)
    y, x = np.divmod(np.arange(w * w), w)
    offset = np.abs(y[:, None] - y) * w + np.abs(x[:, None] - x)
    bias = np.broadcast_to(given["biases"][:, offset], (ny * nx, heads, w * w, w * w))
    if given["token"] is not None:
        token = np.broadcast_to(given["token"], (ny * nx, heads, 1, HEAD))
        k, v = np.concatenate([k, token], 2), np.concatenate([v, token], 2)
        bias = np.concatenate([bias, np.broadcast_to(given["token_bias"], (*bias.shape[:3], 1))], 3)
    products = chain(np.zeros_like(bias), ((q[..., d, None], k[..., None, :, d]) for d in range(HEAD)))
    scores = fma(products, F(HEAD**-0.5 * LOG2_E), (bias * LOG2_E).astype(F))
    scores = exp2(scores - scores.max(-1, keepdims=True))
    y = chain(np.zeros_like(q), ((scores[..., key, None], v[..., None, key, :]) for key in range(k.shape[2])))
    y = y * (F(1) / total(scores))[..., None]
    y = y.reshape(ny, nx, heads, w, w, HEAD).transpose(0, 3, 1, 4, 2, 5)
    return out(y.reshape(height * width, heads * HEAD), given)


def qwindow_attention(given, height, width, window, heads):
    """On integers, in float64, where all of them are exact; keys are the cells, then the token."""
    assert given["outside"] is None
    w, ny, nx = window, height // window, width // window
    x = given["qkv"].astype(np.float64) - 128
    x = x.reshape(ny, w, nx, w, heads, 3, HEAD).transpose(5, 0, 2, 4, 1, 3, 6)
    q, k, v = x.reshape(3, ny * nx, heads, w * w, HEAD)
    k, v = np.clip(k, -64, 64), np.clip(v, -64, 64)
    y, x = np.divmod(np.arange(w * w), w)
    offset = np.abs(y[:, None] - y) * w + np.abs(x[:, None] - x)
    fineness = given["fineness"].reshape(heads, 1, 1)
    units = fineness * F(28 * LOG2_E)
    bias = np.broadcast_to(np.rint(given["biases"][:, offset] * units), (ny * nx, heads, w * w, w * w))
    if given["token_key"] is not None:
        key, value = (np.clip(np.rint(given[name]), -64, 64) for name in ("token_key", "token_value"))
        k, v = (np.concatenate([a, np.broadcast_to(b, (ny * nx, *b.shape))], 2) for a, b in ((k, key), (v, value)))
        token = np.rint(given["token_bias"] * units)
        bias = np.concatenate([bias, np.broadcast_to(token, (*bias.shape[:3], 1))], 3)
    scores = q @ k.swapaxes(-1, -2) + bias
    steps = np.floor((scores.max(-1, keepdims=True) - scores) / fineness + 0.5)
    weights = np.where(steps < 255, np.rint(255 * 0.5 ** (steps / 28)), 0)
    factor = F(1) / weights.sum(-1, keepdims=True).astype(F) * given["value_scale"].reshape(heads, 1, 1)
    y = (weights @ v).astype(F) * factor
    y = y.reshape(ny, nx, heads, w, w, HEAD).transpose(0, 3, 1, 4, 2, 5)
    return out(y.reshape(height * width, heads * HEAD), given)


NODES = {
    "QLinear": qlinear,
    "QConv": qconv,
    "QDepthwise": qdepthwise,
    "Depthwise": depthwise,
    "LayerNorm": layer_norm,
    "WindowAttention": window_attention,
    "QWindowAttention": qwindow_attention,
    "Quantize": lambda i: out(i["x"], i),
    "ToMap": lambda i, height, width: np.ascontiguousarray(i["x"].T).reshape(1, -1, height, width),
}
# Standard operators over constants.
STANDARD = {
    "Cast": lambda x, to: x.astype(helper.tensor_dtype_to_np_dtype(to)),
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Sqrt": np.sqrt,
    "Concat": lambda *parts, axis: np.concatenate(parts, axis),
    "Reshape": lambda x, shape: x.reshape(shape),
    "Flatten": lambda x, axis: x.reshape(int(np.prod(x.shape[:axis])), -1),
    "Identity": lambda x: x,
}


def run(path: Path, image: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
    """Every node of ours of an encoder, in order: name -> (kind, output)."""
    model = onnx.load(path)
    formal = {f.name: f.input for f in model.functions}
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer} | {"image": image, "": None}
    found = {}
    for node in model.graph.node:
        inputs = [values[name] for name in node.input]
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type in STANDARD:
            values[node.output[0]] = STANDARD[node.op_type](*inputs, **attributes)
            continue
        kind = node.op_type.rpartition("_")[0]
        attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
        absent = dict.fromkeys(
            ("weight", "bias", "y_scale", "y_zero", "residual_scale", "token", "token_key", "outside")
        )
        y = NODES[kind](absent | dict(zip(formal[node.op_type], inputs, strict=False)), **attributes)
        values[node.output[0]] = y
        found[node.name] = kind, y
    return found
