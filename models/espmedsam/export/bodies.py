"""Each kind of node of our domain with the function that writes its body."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import functions, functions_int8
from .graph import Call

BODIES: dict[str, Callable[..., str]] = {
    "Linear": functions.linear,
    "Conv": functions.conv,
    "Depthwise": functions.depthwise,
    "LayerNorm": functions.layer_norm,
    "WindowAttention": functions.window_attention,
    "Quantize": functions.quantize,
    "ToRows": functions.rows_of_map,
    "ToMap": functions.map_of_rows,
    "DensePrompt": functions.dense_prompt,
    "Add": functions.add,
    "Row": functions.row,
    "SelfAttention": functions.self_attention,
    "TokenToImage": functions.token_to_image,
    "ImageToToken": functions.image_to_token,
    "UpConv": functions.up_conv,
    "MaskHead": functions.mask_head,
    "Presence": functions.presence,
    "Roots": functions.roots,
    "Classify": functions.classify,
    "QLinear": functions_int8.qlinear,
    "QConv": functions_int8.qconv,
    "QDepthwise": functions_int8.qdepthwise,
    "QUpConv": functions_int8.qup_conv,
    "QWindowAttention": functions_int8.qwindow_attention,
}


def call(
    kind: str, inputs: Mapping[str, str], shape: Mapping[str, int] | None = None, **attributes: int | float | str
) -> Call:
    """A node of that kind; `shape` is what its body needs to know beside the attributes."""
    return Call(kind, BODIES[kind], inputs, attributes, shape or {})
