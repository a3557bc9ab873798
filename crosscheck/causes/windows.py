"""Sliding windows over images with the batch first and the channels second, which convolutions and pooling share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.site import Site

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Of every spatial axis: size of the window, stride, dilation, and what is padded before and after."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[Pair, ...]

    def gives(self, image: Sequence[int]) -> tuple[int, ...]:
        """Sizes of the output."""
        return tuple(
            (n + lo + hi - d * (k - 1) - 1) // s + 1
            for n, k, s, d, (lo, hi) in zip(image, self.size, self.stride, self.dilation, self.padding)
        )

    def __str__(self) -> str:
        words = [f"stride {short(self.stride)}"] if set(self.stride) != {1} else []
        words += [f"dilation {short(self.dilation)}"] if set(self.dilation) != {1} else []
        return ", ".join([*words, f"padding {short(self.padding)}"])


def short(values: Sequence[Any]) -> str:
    """(1, 1) is "1", ((0, 1), (0, 1)) is "(0, 1)"."""
    if len(set(values)) > 1:
        return str(tuple(values))
    return short(values[0]) if isinstance(values[0], tuple) else str(values[0])


def same(image: Sequence[int], size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> tuple[Pair, ...]:
    """XLA's SAME: as many outputs as ceil(n / stride), the odd one of the padding after."""
    found = []
    for n, k, s, d in zip(image, size, stride, dilation):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        found.append((total // 2, total - total // 2))
    return tuple(found)


def windows(x: Array, geometry: Geometry, fill: float = 0.0, mode: str = "constant") -> Array:
    """A view [n c *out *size] of the padded images."""
    widths = [(0, 0), (0, 0), *((max(lo, 0), max(hi, 0)) for lo, hi in geometry.padding)]
    options: dict[str, Any] = {"constant_values": fill} if mode == "constant" else {}
    x = np.pad(x, widths, mode=mode, **options)  # type: ignore[call-overload]
    for axis, (lo, hi) in enumerate(geometry.padding, start=2):
        x = np.take(x, range(max(-lo, 0), x.shape[axis] + min(hi, 0)), axis) if min(lo, hi) < 0 else x
    spans = [d * (k - 1) + 1 for k, d in zip(geometry.size, geometry.dilation)]
    view = np.lib.stride_tricks.sliding_window_view(x, spans, tuple(range(2, x.ndim)))
    steps = [slice(None, None, step) for step in (*geometry.stride, *geometry.dilation)]
    return view[(slice(None), slice(None), *steps)]


def ahead(x: Array, framework: str) -> Array:
    """Images with their channels second, whatever the framework."""
    return x if framework == "torch" else np.moveaxis(x, -1, 1)


def behind(x: Array, framework: str) -> Array:
    return x if framework == "torch" else np.moveaxis(x, 1, -1)


def tuples(site: Site, rank: int, *names: str) -> list[tuple[int, ...]]:
    """The values that either module has for a setting of each spatial axis."""
    found = []
    for side in site.sides:
        for value in (side.config[name] for name in names if name in side.config):
            if isinstance(value, int) and not isinstance(value, bool):
                found.append((value,) * rank)
            elif isinstance(value, (tuple, list)) and all(isinstance(n, int) for n in value) and value:
                found.append(tuple(value) * rank if len(value) == 1 else tuple(value))
    return [value for value in dict.fromkeys(found) if len(value) == rank]


def paddings(site: Site, rank: int) -> list[tuple[Pair, ...]]:
    """The paddings that either module states in numbers."""
    found = [tuple((p, p) for p in value) for value in tuples(site, rank, "padding")]
    for side in site.sides:
        value = side.config.get("padding")
        if isinstance(value, (tuple, list)) and value and all(isinstance(pair, (tuple, list)) for pair in value):
            found.append(tuple((int(pair[0]), int(pair[-1])) for pair in value))
    return [value for value in dict.fromkeys(found) if len(value) == rank]


def around(
    image: Sequence[int], out: Sequence[int], size: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[Pair, ...]]:
    """Every padding, alike along all axes as far as sizes allow, under which the output has the sizes it has."""
    each = []
    for n, m, k, s, d in zip(image, out, size, stride, dilation):
        need = (m - 1) * s + d * (k - 1) + 1 - n
        totals = range(max(need, 0), max(need, 0) + s)
        each.append(
            [(lo, total - lo) for total in totals for lo in sorted(range(total + 1), key=lambda p: abs(total - 2 * p))]
        )
    for choice in product(*(pairs[:8] for pairs in each)):
        if len(set(choice)) == 1 or len(set(image)) > 1:
            yield tuple(choice)
