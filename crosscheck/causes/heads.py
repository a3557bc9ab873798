"""Attention of several heads, with each of its conventions to be chosen.

Y = merge(softmax(Q K^T scale + bias, over keys) V)        Q K V [n h t d], each of n t (h d) split into heads
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from crosscheck.axes import Array

SCALES: dict[str, Callable[[int, int], float]] = {
    "scores / sqrt(d)": lambda d, e: d**-0.5,
    "scores as they are": lambda d, e: 1.0,
    "scores / sqrt(h d)": lambda d, e: e**-0.5,
    "scores / d": lambda d, e: 1.0 / d,
    "scores sqrt(d)": lambda d, e: d**0.5,
}
LARGE = 2**25
"""Multiplications up to which all queries are tried at once."""
ORDERS = ("q k v", "q v k", "k q v", "k v q", "v q k", "v k q")


@dataclass(frozen=True)
class Heads:
    """How heads attend. masks: for each mask "kept", "left out", "added", "turned" (and added), "queries" (kept, along
    these), "after" (the softmax) or "unused"; fill: the score of what is masked."""

    heads: int = 1
    order: str = "q k v"
    split: str = "blocks"
    merge: str = "blocks"
    scale: str = "scores / sqrt(d)"
    position: str = "none"
    base: float = 10000.0
    causal: str = "no"
    masks: tuple[str, ...] = ()
    empty: str = "uniform"
    axis: str = "keys"
    repeat: str = "each"
    zero: bool = False
    turned: str = "q k"
    sense: int = 1
    cap: float = 0
    window: int = 0
    fill: float = -np.inf

    @property
    def local(self) -> bool:
        """Whether an output depends on its own query alone."""
        return self.merge in ("blocks", "interleaved") and self.axis != "queries"

    @property
    def likely(self) -> bool:
        return self.scale == "scores / sqrt(d)" and self.empty == "uniform"


class Attention:
    """q, k, v [n t e] with masks that broadcast against n h t s; at some queries alone, if `rows` says which."""

    def __init__(self, parts: Sequence[Array], masks: Sequence[Array], rows: Sequence[int] | None = None):
        self.parts, self.masks, self.rows = dict(zip("qkv", parts)), masks, rows
        self.split, self.bias = cache(self._split), cache(self._bias)

    def _split(self, which: str, heads: int, way: str, position: str, base: float, sense: int) -> Array:
        x = self.parts[which]
        n, t, e = x.shape
        if e % heads:
            raise ValueError("heads do not divide the width")
        if way in ("blocks", "lying"):
            x = x.swapaxes(1, 2).reshape(n, t, e) if way == "lying" else x
            y = x.reshape(n, t, heads, -1).transpose(0, 2, 1, 3)
        elif way == "interleaved":
            y = x.reshape(n, t, -1, heads).transpose(0, 3, 1, 2)
        else:
            y = x.reshape(n, heads, t, -1)
        return rotated(y, position, base, sense) if position.startswith("rotary") else y

    def __call__(self, how: Heads) -> Array:
        q, k, v = how.order.split()
        wide = self.parts[q].shape[-1]
        fewer = self.parts[k].shape[-1] * how.heads // wide
        t, s = self.parts[q].shape[1], self.parts[k].shape[1]
        bias, empty = self.bias(how.masks, how.causal, how.window, how.position, how.heads, t, s)
        if how.empty != "uniform" and not empty:
            raise ValueError("no query is without a key")
        if np.isfinite(how.fill) and np.isfinite(bias).all():
            raise ValueError("nothing is masked")
        rows = self.rows if self.rows is not None and how.local else None
        if self.rows is not None and rows is None and not (how.likely and t * s * wide < LARGE):
            raise ValueError("too much to try")
        query, key, value = (
            self.split(which, count, how.split, how.position if role in how.turned else "none", how.base, how.sense)
            for which, count, role in ((q, how.heads, "q"), (k, fewer, "k"), (v, fewer, "v"))
        )
        key, value = (repeated(x, how.heads, how.repeat) for x in (key, value))
        at = np.arange(t) if rows is None else np.asarray(rows)
        scores = query[:, :, at] @ key.swapaxes(2, 3) * SCALES[how.scale](wide // how.heads, wide)
        scores = how.cap * np.tanh(scores / how.cap) if how.cap else scores
        scores = scores + bias[:, :, at]
        weights = softmax(np.where(np.isneginf(scores), how.fill, scores), how)[..., :s]
        for mask in (mask for mask, way in zip(self.masks, how.masks) if way == "after"):
            weights = weights * np.broadcast_to(mask != 0, (*mask.shape[:2], t, s))[:, :, at]
        y = merged(weights @ value, how.merge)
        return y if self.rows is None or rows is not None else y[:, list(self.rows)]

    def _bias(
        self, masks: Sequence[str], causal: str, window: int, position: str, heads: int, t: int, s: int
    ) -> tuple[Array, bool]:
        """What is added to the scores: -inf for what is masked, and the distance times a slope; whether it leaves a
        query without a key."""
        total = np.zeros((1, 1, t, s))
        for mask, way in zip(self.masks, masks):
            total = total + added(mask, way)
        ago = np.arange(t)[:, None] - np.arange(s)
        if position.startswith("alibi"):
            total = total - (np.abs(ago) if position == "alibi, |i - j|" else ago) * slopes(heads)[:, None, None]
        if causal != "no":
            late = {"from the end": s - t, "without itself": -1, "and the next": 1}.get(causal, 0)
            total = np.where(ago + late >= 0, total, -np.inf)
        if window:
            total = np.where(ago < window, total, -np.inf)
        return total, bool(np.isneginf(total).all(-1).any())


def added(mask: Array, way: str) -> Array:
    if way == "queries" and mask.shape[2] != 1:
        raise ValueError("it is along the queries as it is")
    if way in ("unused", "after"):
        return np.zeros((1, 1, 1, 1))
    if way in ("added", "turned"):
        return (mask if way == "added" else mask.swapaxes(2, 3)).astype(np.float64)
    mask = mask.swapaxes(2, 3) if way == "queries" else mask
    keep = mask == 0 if way == "left out" else mask != 0
    return np.where(keep, 0.0, -np.inf)


def softmax(scores: Array, how: Heads) -> Array:
    if how.zero:
        scores = np.concatenate([scores, np.zeros_like(scores[..., :1])], -1)
    axis = {"keys": -1, "queries": -2, "heads": 1}[how.axis]
    top = scores.max(axis, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0))
    total = weights.sum(axis, keepdims=True)
    empty = total == 0
    fill = {"uniform": 1 / scores.shape[axis], "zero": 0.0, "NaN": np.nan}[how.empty]
    return np.asarray(np.where(empty, fill, weights / np.where(empty, 1, total)))


def rotated(x: Array, position: str, base: float, sense: int) -> Array:
    """Each pair of features turned by its angle: the halves' i-th elements are a pair, or neighbours."""
    t, d = x.shape[-2:]
    if d % 2:
        raise ValueError("an odd number of features has no pairs")
    angle = np.arange(t)[:, None] * base ** (-2 * np.arange(d // 2) / d)
    cos, sin = np.cos(angle), sense * np.sin(angle)
    if position == "rotary, halves":
        a, b = x[..., : d // 2], x[..., d // 2 :]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
    a, b = x[..., ::2], x[..., 1::2]
    return np.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape)


def slopes(heads: int) -> Array:
    """2^(-8/h), 2^(-16/h), ...; of numbers that are no power of two the next lower one's and every second of twice."""
    near = 2 ** int(np.log2(heads))
    first = 2.0 ** (-8 * np.arange(1, near + 1) / near)
    more = 2.0 ** (-4 * np.arange(1, 2 * near + 1, 2) / near)
    return np.asarray(np.concatenate([first, more[: heads - near]]))


def repeated(x: Array, heads: int, way: str) -> Array:
    """Fewer heads of keys and values shared by several queries: each for neighbouring ones, or all in turn."""
    if heads % x.shape[1]:
        raise ValueError("heads cannot be shared evenly")
    times = heads // x.shape[1]
    if times == 1:
        return x
    return np.repeat(x, times, 1) if way == "each" else np.tile(x, (1, times, 1, 1))


def merged(y: Array, way: str) -> Array:
    n, h, t, d = y.shape
    if way in ("blocks", "lying"):
        z = y.transpose(0, 2, 1, 3).reshape(n, t, h * d)
        return z if way == "blocks" else z.reshape(n, h * d, t).swapaxes(1, 2)
    if way == "heads lying":
        return y.reshape(n, h * d, t).swapaxes(1, 2)
    return y.transpose(0, 2, 3, 1).reshape(n, t, h * d) if way == "interleaved" else y.reshape(n, t, h * d)
