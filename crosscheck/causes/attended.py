"""What attention takes and gives, as positions by features [n t e]: of sequences, by heads, or of images whose pixels
attend to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.attention import COUNTS
from crosscheck.causes.site import LAST, Site

BY_HEADS = ("LinearGeneral", "DenseGeneral")
"""Layers that take values by heads."""
FLAT = 3


def convolves(kind: str) -> bool:
    """Whether a class is one of convolutions; transformers' Conv1D is a dense layer."""
    return bool(re.search(r"Conv(?!1D)", kind))


def is_torch(site: Site) -> bool:
    return site.sides[0].framework == "torch"


class Rows(NamedTuple):
    """How a value lies in memory. time: the axis of its positions, with those of images as one and features as another;
    heads: whether it is n t h d."""

    time: int = 1
    heads: bool = False

    @classmethod
    def of_value(cls, site: Site) -> Rows:
        """Of what wiring gives: channels of torch's convolutions, and of its images, lie ahead of positions."""
        if site.first.ndim > FLAT and (site.reaches in BY_HEADS or site.first.shape[2] in site.settings(*COUNTS)):
            return cls(heads=True)
        is_image = site.first.ndim > FLAT or any(convolves(kind) for _, kind in site.called)
        return cls(2 if is_image and is_torch(site) and site.reaches not in LAST else 1)

    @classmethod
    def of_source(cls, site: Site, x: Array, kind: str, heads: bool) -> Rows:
        if x.ndim > FLAT and (heads or kind.endswith(BY_HEADS)):
            return cls(heads=True)
        return cls(2 if is_torch(site) and (x.ndim > FLAT or convolves(kind)) else 1)

    def rows(self, x: Array) -> Array:
        if x.ndim <= FLAT:
            return x
        return x.reshape(*x.shape[:2], -1) if self.heads or self.time == 2 else x.reshape(len(x), -1, x.shape[-1])

    def tokens(self, x: Array) -> Array:
        return np.moveaxis(self.rows(x), self.time, 1)


class Source(NamedTuple):
    """A value as positions by features; role: "q", "k" or "v", if the layer that made it is called so; pixels: whether
    these are the positions, so that many values nearby are alike."""

    tokens: Array
    role: str
    pixels: bool


def attended(site: Site, want: Rows) -> Iterator[tuple[Array, ...]]:
    """Of what a value may be the attention: q, k and v, or one array of all three. The nearest; of values at pixels
    those of layers of these names."""
    shape = want.tokens(site.first).shape
    packed = (*shape[:2], 3 * shape[2])
    every = [*sources(site, want)]
    for values in (every[: len(site.inputs)], every) if site.given else (every,):
        fit = [source for source in values if alike(source.tokens, shape) or source.tokens.shape == packed]
        if fit and fit[-1].tokens.shape == packed:
            yield (fit[-1].tokens,)
        roles = {source.role: source.tokens for source in fit if source.pixels and source.tokens.shape == shape}
        nearest = [source.tokens for source in fit if not source.pixels][-3:]
        for parts in ([roles[role] for role in "qkv" if role in roles], nearest):
            if len(parts) == 3 and parts[0].shape == shape and all(alike(x, shape) for x in parts):
                yield tuple(parts)


def sources(site: Site, want: Rows) -> Iterator[Source]:
    """The inputs and what is given, in their order; what cannot be attended to is empty."""
    values = *site.inputs, *site.given
    for x, (words, kind) in zip(values, chain(site.called, repeat(("", "")))):
        fits = x.dtype.kind == "f" and x.ndim >= FLAT
        rows = Rows.of_source(site, x, kind, want.heads)
        pixels = convolves(kind) or (x.ndim > FLAT and not rows.heads)
        yield Source(rows.tokens(x) if fits else np.empty(0), role_of(words), pixels)


def role_of(words: str) -> str:
    """Of `attention.to_q` "q"."""
    name = words.strip("`").rpartition(".")[2].partition("#")[0].lower()
    starts = {part.lstrip("w")[:1] for part in name.split("_")}
    return next((role for role in "qkv" if role in starts), "")


def alike(x: Array, want: tuple[int, ...]) -> bool:
    """The same examples, and a width that may be shared by several heads."""
    return x.ndim == FLAT and x.shape[0] == want[0] and want[2] % x.shape[2] == 0
