"""The kinds of nodes of our domain, their inputs in order and their attributes: what docs/nodes.md explains and the program
maps to its own layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DOMAIN = "espmedsam"


@dataclass(frozen=True)
class Node:
    """One kind."""

    inputs: tuple[str, ...]  # in the order in which a node has them
    optional: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()

    def check(self, inputs: Mapping[str, str], attributes: Iterable[str]) -> None:
        """Raises ValueError where an input or an attribute is unknown or missing."""
        present = {name for name, value in inputs.items() if value}
        unknown = (inputs.keys() - set(self.inputs)) | (set(attributes) ^ self.attributes)
        missing = set(self.inputs) - self.optional - present
        if unknown or missing:
            raise ValueError(f"not of this kind of node: {', '.join(sorted(unknown | missing))}")


def _node(inputs: str, attributes: str = "") -> Node:
    """From words; `?` behind an input that may be absent."""
    words = inputs.split()
    optional = frozenset(word.rstrip("?") for word in words if word.endswith("?"))
    return Node(tuple(word.rstrip("?") for word in words), optional, frozenset(attributes.split()))


_PROJECTIONS = " ".join(f"{of}_{part}" for of in ("q", "k", "v", "out") for part in ("weight", "bias"))
_EIGHT = "x x_scale x_zero weight weight_scale bias?"
_OUT = "mid_scale? mid_zero? y_scale? y_zero?"

NODES = {
    "Linear": _node("x weight bias? residual? y_scale? y_zero?", "activation"),
    "Conv": _node("x weight bias? y_scale? y_zero?", "height width kernel stride pad planar activation"),
    "Depthwise": _node("x weight bias?", "height width stride activation"),
    "LayerNorm": _node("x weight? bias? y_scale? y_zero?", "epsilon activation"),
    "WindowAttention": _node("qkv biases token? token_bias? outside? y_scale? y_zero?", "height width window heads"),
    "Quantize": _node("x y_scale y_zero"),
    "ToRows": _node("x"),
    "ToMap": _node("x", "height width"),
    "DensePrompt": _node("embedding logits table", "height width"),
    "Add": _node("a b"),
    "Row": _node("x index"),
    "SelfAttention": _node(f"qk v {_PROJECTIONS} residual?", "heads"),
    "TokenToImage": _node(f"q image position {_PROJECTIONS} residual", "heads"),
    "ImageToToken": _node(f"image position k v {_PROJECTIONS}", "heads"),
    "UpConv": _node("x weight bias", "height width activation"),
    "MaskHead": _node("x weight bias hyper", "height width"),
    "Presence": _node("x query index weight bias score_weight score_bias"),
    "Roots": _node("x scale shift"),
    "Classify": _node("x weight bias"),
    "QLinear": _node(f"{_EIGHT} residual? residual_scale? residual_zero? {_OUT}", "activation"),
    "QConv": _node(f"{_EIGHT} {_OUT}", "height width kernel stride pad planar activation"),
    "QDepthwise": _node(f"{_EIGHT} {_OUT}", "height width stride activation"),
    "QUpConv": _node(_EIGHT, "height width"),
    "QWindowAttention": _node(
        "qkv biases fineness value_scale token_key? token_value? token_bias? outside? y_scale? y_zero?",
        "height width window heads",
    ),
}
