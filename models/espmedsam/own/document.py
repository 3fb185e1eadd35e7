"""JSON files of other programs: each value is known by its place, so that what is wrong with it can be named."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import FolderError, text_of

LARGEST = 1e7  # of a number: further than any picture reaches


@dataclass(frozen=True)
class Value:
    """A value and its place. What it is asked for and is not raises FolderError."""

    value: Any
    file: str
    steps: str = ""  # from the file's own value: `annotations[3].segmentation`

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.file}: {self.steps}" if self.steps else self.file

    def wrong(self, expected: str) -> FolderError:
        """That something else was expected."""
        return FolderError(f"{self.place} is {reprlib.repr(self.value)}, expected {expected}")

    def has(self, key: str) -> bool:
        """Whether it is an object with that key."""
        return isinstance(self.value, dict) and key in self.value

    def at(self, key: str) -> Value:
        """An object's value."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        if key not in self.value:
            raise FolderError(f"{self.place} has no '{key}'")
        return Value(self.value[key], self.file, f"{self.steps}.{key}".lstrip("."))

    def _item(self, at: int) -> Value:
        return Value(self.value[at], self.file, f"{self.steps}[{at}]")

    def items(self) -> list[Any]:
        """A list's raw values."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return self.value

    def each(self) -> Iterator[Value]:
        """A list's values."""
        return (self._item(at) for at in range(len(self.items())))

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def key(self) -> int | str:
        """What tells things apart: a whole number or a text."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | str):
            raise self.wrong("a whole number or a text")
        return self.value

    def numbers(self) -> list[float]:
        """A list of numbers, none of them beyond reason."""
        for at, value in enumerate(self.items()):
            known = isinstance(value, int | float) and not isinstance(value, bool)
            if not known or not abs(value) <= LARGEST:  # of what is no number nothing is true
                raise self._item(at).wrong(f"a number up to {LARGEST:g}")
        return self.value


def read(path: Path) -> Value:
    """A JSON file's object. Raises FolderError if it is none."""
    text = text_of(path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FolderError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise FolderError(f"{path} holds no JSON object")
    return Value(found, str(path))
