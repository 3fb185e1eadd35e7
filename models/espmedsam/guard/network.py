"""The guard's network, about 27 thousand parameters, and its ONNX file."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ..facts.modalities import MODALITIES
from ..facts.notice import METADATA
from ..pictures.pool import MEAN, STD

CLASSES = (*MODALITIES, "other")
SIDE = 64
WIDTHS = (16, 24, 36, 44)
OPSET, IR = 20, 10


class Guard(nn.Module):
    """Four 3 x 3 convolutions of stride 2; the mean tells of the whole picture, the maximum of what is somewhere. The
    first sees the square roots of the values as well: faint nuclei on black are a few levels high."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(inp, out, 3, 2, 1, bias=False) for inp, out in pairwise((6, *WIDTHS)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in WIDTHS)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(2 * WIDTHS[-1], len(CLASSES))
        for name, value in (("std", STD), ("mean", MEAN)):  # of the normalised values: sixteenths of 0..255 again
            self.register_buffer(name, torch.from_numpy(value / 16)[:, None, None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised pictures [B,3,64,64] -> logits [B,7]; the ONNX file goes on to their softmax."""
        x = torch.cat([x, torch.relu(x * self.std + self.mean).sqrt() - 2], 1)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.relu(norm(conv(x)))
        return self.head(self.drop(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)))


@torch.no_grad()
def scores(model: Guard, inputs: np.ndarray) -> np.ndarray:
    """[N,3,64,64] -> [N,7], as the ONNX file gives them."""
    parts = np.array_split(inputs, len(inputs) // 256 + 1)
    return torch.cat([model(torch.from_numpy(part)).softmax(1) for part in parts]).numpy()


def folded(model: Guard) -> list[tuple[np.ndarray, np.ndarray]]:
    """(weight, bias) of each convolution with its BatchNorm in it, folded in double precision."""
    out = []
    for conv, norm in zip(model.convs, model.norms, strict=True):
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None, "it keeps statistics"
        scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        bias = norm.bias.detach().double() - norm.running_mean.double() * scale
        weight = conv.weight.detach().double() * scale[:, None, None, None]
        out.append((weight.float().numpy(), bias.float().numpy()))
    return out


def save_onnx(model: Guard, folder: Path) -> Path:
    """`guard-<first 8 hex digits of its sha256>.onnx`: `image` float32 [1,3,64,64] -> `scores` [1,7]; standard
    operators only, weights inline."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []

    def tensor(name: str, value: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def op(kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    root = op(
        "Add",
        "sixteenths",
        op("Mul", "scaled", "image", tensor("image.std", model.std.numpy()[None])),
        tensor("image.mean", model.mean.numpy()[None]),
    )
    root = op("Sub", "roots", op("Sqrt", "sqrt", op("Relu", "positive", root)), tensor("two", np.array([2.0])))
    x = op("Concat", "both", "image", root, axis=1)
    for level, (weight, bias) in enumerate(folded(model)):
        parameters = tensor(f"conv{level}.weight", weight), tensor(f"conv{level}.bias", bias)
        x = op("Conv", f"conv{level}", x, *parameters, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
        x = op("Relu", f"relu{level}", x)
    x = op("Concat", "pooled", op("GlobalAveragePool", "mean", x), op("GlobalMaxPool", "max", x), axis=1)
    x = op(
        "Gemm",
        "logits",
        op("Flatten", "row", x),
        tensor("head.weight", model.head.weight.detach().numpy()),
        tensor("head.bias", model.head.bias.detach().numpy()),
        transB=1,
    )
    op("Softmax", "scores", x, axis=-1)
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    made = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, len(CLASSES)])
    graph = helper.make_graph(nodes, "guard", [given], [made], weights)
    file = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="espmedsam"
    )
    helper.set_model_props(file, METADATA)
    onnx.checker.check_model(file, full_check=True)
    content = file.SerializeToString(deterministic=True)
    path = folder / f"guard-{hashlib.sha256(content).hexdigest()[:8]}.onnx"
    path.write_bytes(content)
    return path
