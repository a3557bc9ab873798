"""Named axes: "n=7 m=5" names two axes and gives their sizes; "n m -> m n" turns one layout into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from einops import EinopsError, rearrange

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Spec:
    """A tensor to be made: axis names, their sizes, and what kind of numbers fills it."""

    axes: str
    sizes: tuple[int, ...]
    kind: str = "normal"


def parse(text: str) -> Spec:
    """Read "n=7 m=5 one_hot": axes with sizes, then optionally the kind of its numbers ("normal" if not given)."""
    words = text.split()
    kind = words.pop() if words and "=" not in words[-1] else "normal"
    names, sizes = [], []
    for word in words:
        name, _, size = word.partition("=")
        if not size.isdigit():
            raise ValueError(f"axes {text!r}: {word!r} is not of the form name=size")
        names.append(name)
        sizes.append(int(size))
    if len(set(names)) < len(names):
        raise ValueError(f"axes {text!r}: an axis is named twice")
    return Spec(" ".join(names), tuple(sizes), kind)


def convert(array: Array, source: str, target: str, sizes: Mapping[str, int] | None = None) -> Array:
    """The same tensor in another layout: axes permuted, grouped as "(c h w)" or split; `sizes` are for the split ones.

    Raises ValueError if the two layouts do not name the same axes or do not fit the array's shape.
    """
    if source == target:
        return array
    words = f"{source} {target}".replace("(", " ").replace(")", " ").split()
    known = {axis: size for axis, size in (sizes or {}).items() if axis in words}
    try:
        return np.asarray(rearrange(array, f"{source} -> {target}", **known))
    except EinopsError as error:
        raise ValueError(f"shape {array.shape} does not convert from {source!r} to {target!r}: {error}") from error


def place(index: tuple[int, ...], axes: str) -> str:
    """An index in named axes: (3, 0) in "n m" is "n=3 m=0"."""
    names = axes.split()
    if len(names) != len(index):
        names = [f"axis{i}" for i in range(len(index))]
    return " ".join(f"{name}={i}" for name, i in zip(names, index))
