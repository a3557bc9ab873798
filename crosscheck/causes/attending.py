"""What attention makes under every choice of its conventions: of whole modules, and between their layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.attended import Rows, attended
from crosscheck.causes.attention import CAPS, CAUSAL, COUNTS, ODD_USES, POSITIONS, USES, WINDOWS
from crosscheck.causes.heads import ORDERS, SCALES, Attention, Heads
from crosscheck.causes.options import Axis, also_coarse, departures, search, settings
from crosscheck.causes.projections import Projection, separate_weights, torch_weights
from crosscheck.causes.score_terms import BIASED, masks, score_biases
from crosscheck.causes.site import Site
from crosscheck.causes.sources import near
from crosscheck.causes.variant import Variant, family

MOST = 2
"""Sets of values that may be q, k and v."""
FILLS = (0.0, 1e-9)
"""What is put for masked scores by mistake: 0, or a small number where a large one was meant."""
FAR = 9
"""Positions that are tried as a window of attention where none is told."""
PACKINGS = {"q k v h d": "all of q, then k, then v", "h q k v d": "each head's q, k, v together"} | {
    "h d q k v": "q, k, v of each feature together"
}


@dataclass(frozen=True)
class Scene:
    """parts: q, k, v [n t e], or one packed; masks, and behind them `biases` of the scores; rows: how the data lie;
    projections and biases that come after."""

    parts: tuple[Array, ...]
    masks: tuple[Array, ...]
    rows: Rows
    out: tuple[Array, Array] | None = None
    biases: int = 0


@family
def attention_wiring(site: Site) -> Iterator[Variant]:
    """What reaches the output layer, made of what the layers for q, k and v gave."""
    if site.target != "value" or site.first.dtype.kind != "f" or site.first.ndim not in (3, 4):
        return
    rows = Rows.of_value(site)
    sides = [rows.tokens(side) for side in (site.first, site.second)] if site.first.shape == site.second.shape else []
    for parts in islice(attended(site, rows), MOST):
        if any(near(side, x) for side in sides for x in parts if x.shape == side.shape):
            continue  # large scores hand on what they are given
        q, k = parts[0], parts[-1]
        biases = score_biases(site, q.shape[1], k.shape[1])
        scene = Scene(parts, (*masks(site, q, k), *biases), rows, biases=len(biases))
        yield from variants_of(site, scene, len(parts) == 1)


@family
def attention_module(site: Site) -> Iterator[Variant]:
    """MultiheadAttention as a whole."""
    if site.target != "output" or not any("HeadAttention" in s.kind or "headAttention" in s.kind for s in site.sides):
        return
    floats = [x for x in site.inputs if x.dtype.kind == "f" and x.ndim == 3]
    if not floats or site.first.ndim != 3:
        return
    torch = site.sides[0].framework == "torch"
    packed = torch_weights(site.weights) if torch else None
    found = packed or separate_weights(site.weights, "weight" if torch else "kernel")
    if found is None:
        return
    projections, out = found
    time = int(bool(site.sides[0].config.get("batch_first"))) if packed else 1
    given = (floats * 3 if len(floats) < 3 else floats)[:3]
    given = [floats[0], floats[1], floats[1]] if len(floats) == 2 else given
    for order in ORDERS[1:] if len(floats) == 3 and len({x.shape for x in floats}) == 1 else ():
        taken = [given["qkv".index(which)] for which in order.split()]
        inputs = [np.moveaxis(x, time, 1) for x in taken]
        parts = tuple(x @ kernel + bias for x, (kernel, bias) in zip(inputs, projections))
        scene = Scene(parts, tuple(masks(site, parts[0], parts[1])), Rows(time), out)
        for variant in variants_of(site, scene, False, most=0):
            yield replace(variant, departs=("attention-roles-exchanged",), says=f"{variant.says}, inputs as {order}")
    for axis in dict.fromkeys((time, 1 - time)):
        inputs = [np.moveaxis(x, axis, 1) for x in given]
        parts = tuple(x @ kernel + bias for x, (kernel, bias) in zip(inputs, projections))
        scene = Scene(parts, tuple(masks(site, parts[0], parts[1])), Rows(axis), out)
        yield from module_variants(site, scene, inputs, projections, axis != time)


def module_variants(
    site: Site, scene: Scene, inputs: Sequence[Array], projections: Sequence[Projection], swapped: bool
) -> Iterator[Variant]:
    """With the module's own biases, and without them."""
    for variant in variants_of(site, scene, False):
        yield replace(variant, departs=(*variant.departs, "attention-time-major")) if swapped else variant
    for which in ("in", "out", "both"):
        parts, out = scene.parts, scene.out
        if which != "out" and any(bias.any() for _, bias in projections):
            parts = tuple(x @ kernel for x, (kernel, _) in zip(inputs, projections))
        if which != "in" and out is not None:
            out = out[0], np.zeros_like(out[1])
        if not swapped:
            for variant in variants_of(site, replace(scene, parts=parts, out=out), False, most=0):
                yield replace(variant, departs=("attention-bias-missing",), says=f"{variant.says}, no bias ({which})")


def variants_of(site: Site, scene: Scene, packed: bool, most: int = 1) -> Iterator[Variant]:
    if site.first.shape != site.second.shape:
        return
    if scene.rows.tokens(site.first).shape[:2] != scene.parts[0].shape[:2]:
        return
    width = scene.parts[0].shape[-1] // (3 if packed else 1)
    every = [n for n in (8, 12, 4, 2, 16, 1, 6, 3) if width % n == 0]
    known = [n for n in site.settings(*COUNTS) if isinstance(n, int) and n > 0 and width % n == 0]
    layout = Layout(site, scene, packed)
    axes = [
        settings("heads", known or every, "{} heads".format, "attention-head-count"),
        settings("scale", list(SCALES), str, "attention-scale"),
        *use_axes(site, scene),
        settings("position", POSITIONS if packed or same_heads(scene) else POSITIONS[:3], str, "rope-missing"),
        settings("causal", list(CAUSAL), CAUSAL.__getitem__, "attention-causal-alignment"),
        bases(site),
        *shape_axes(scene, packed),
        *bounds(site, scene.parts[-1].shape[1]),
    ]
    axes.append(empties(scene))
    yield from also_coarse(
        search(site, axes, layout.make, layout.small(), "softmax(q k^T) v", most=most, anchored=True)
    )


def same_heads(scene: Scene) -> bool:
    return bool(scene.parts[0].shape[-1] == scene.parts[-1].shape[-1])


def use_axes(site: Site, scene: Scene) -> Iterator[Axis]:
    first = len(scene.masks) - scene.biases
    for place in range(first, len(scene.masks)):
        yield settings(f"mask{place}", list(BIASED), BIASED.__getitem__, "attention-score-bias")
    for place, mask in enumerate(scene.masks[:first]):
        ways = ["unused", "kept", "left out"] if mask.dtype.kind != "f" else ["added", "unused", "kept", "left out"]
        if mask.dtype.kind in "iu":
            ways.append("added")
        yield settings(f"mask{place}", ways, USES.__getitem__, "attention-float-mask-added")
        if mask.dtype.kind in "biu":
            odd = [way for way in ODD_USES if way not in ways]
            yield departures(f"use{place}", "", *((way, *ODD_USES[way]) for way in odd))


def bases(site: Site) -> Axis:
    told = site.settings("rope_theta", "base", "theta", "rope_base")
    own = [float(b) for b in told if isinstance(b, (int, float)) and b > 1]
    return settings("base", [*own, 10000.0, 500000.0, 1000000.0], "base {:g}".format, "rope-base")


def bounds(site: Site, time: int) -> Iterator[Axis]:
    """Of what a query sees, and of the scores: what is told, or customary."""
    told = [n for n in site.settings(*WINDOWS) if isinstance(n, int) and 0 < n < time]
    seen = [(n, f"the last {n} positions", "attention-window") for n in told or range(1, min(time, FAR))]
    yield departures("window", 0, *seen)
    caps = [cap for cap in site.settings(*CAPS) if isinstance(cap, (int, float)) and cap > 0]
    capped = [(cap, f"{cap:g} tanh(score / {cap:g})", "attention-softcap") for cap in caps or (50, 30, 20, 10)]
    yield departures("cap", 0, *capped)


def shape_axes(scene: Scene, packed: bool) -> Iterator[Axis]:
    if packed:
        yield settings("packing", list(PACKINGS), PACKINGS.__getitem__, "attention-qkv-packing")
    if packed or len({part.shape for part in scene.parts}) == 1:
        orders = [(order, f"taken as {order}", "attention-roles-exchanged") for order in ORDERS[1:]]
        yield departures("order", ORDERS[0], *orders)
    odd, plain = "attention-head-interleaved", "attention-reshaped-heads"
    yield departures(
        "layout",
        ("blocks", "blocks"),
        (("interleaved", "interleaved"), "every h-th feature a head", odd),
        (("interleaved", "blocks"), "every h-th feature a head, put together as blocks", odd),
        (("blocks", "interleaved"), "heads put together feature by feature", odd),
        (("reshaped", "blocks"), "n t (h d) read as n h t d", plain),
        (("blocks", "reshaped"), "n h t d read as n t (h d)", plain),
        (("reshaped", "reshaped"), "n t (h d) read as n h t d, and back", plain),
        (("lying", "blocks"), "n (h d) t read as n t (h d)", plain),
        (("blocks", "lying"), "n t (h d) read as n (h d) t", plain),
        (("blocks", "heads lying"), "n h t d read as n (h d) t", plain),
    )
    ways = [(way, f"softmax over {way}", "attention-softmax-axis") for way in ("queries", "heads")]
    yield departures("axis", "keys", *ways)
    turned = [(parts, f"rotary positions of {parts}", "rope-parts") for parts in ("q", "k", "q k v")]
    yield departures("turned", "q k", *turned)
    yield departures("sense", 1, (-1, "turned the other way", "rope-sense"))
    yield departures("zero", False, (True, "a key and a value of zeros", "attention-zero-key"))
    fills = [(fill, f"{fill:g} at masked places", "mask-fill-value") for fill in FILLS]
    yield departures("fill", -np.inf, *fills)
    if not packed and not same_heads(scene):
        yield departures("repeat", "each", ("turn", "key heads in turn", "attention-kv-head-repeat"))


def empties(scene: Scene) -> Axis:
    """What becomes of queries without a key: told apart only where there are masks."""
    ways = ["uniform", "zero", "NaN"] if scene.masks else ["uniform"]
    return settings("empty", ways, "{} where all is masked".format, "attention-fully-masked-row")


class Layout:
    """Makes the site's value under a choice of conventions, for the whole or at some queries of one example: where
    the sides differ most, and the first and the last."""

    def __init__(self, site: Site, scene: Scene, packed: bool):
        self.site, self.scene, self.packed = site, scene, packed
        apart = np.abs(scene.rows.tokens(site.first - site.second))
        gap = np.nan_to_num(apart, nan=np.inf).max(-1)
        self.example, row = (int(i) for i in np.unravel_index(gap.argmax(), gap.shape))
        self.rows = sorted({0, row, gap.shape[1] - 1})
        self.known: dict[tuple[str, int, bool], Attention] = {}

    def small(self) -> Site:
        return replace(self.site, first=self.cut(self.site.first), second=self.cut(self.site.second))

    def cut(self, y: Array) -> Array:
        y = self.scene.rows.tokens(y)[self.example][None, self.rows]
        return np.moveaxis(y, 1, self.scene.rows.time)

    def one(self, x: Array) -> slice:
        return slice(self.example, self.example + 1) if len(x) > 1 else slice(None)

    def attention(self, packing: str, heads: int, whole: bool) -> Attention:
        key = packing, heads if self.packed else 0, whole
        if key not in self.known:
            parts: Sequence[Array] = self.scene.parts
            masks = self.scene.masks
            if not whole:
                parts, masks = [part[self.one(part)] for part in parts], tuple(mask[self.one(mask)] for mask in masks)
            if self.packed:
                parts = unpacked(parts[0], packing, heads)
            self.known[key] = Attention(parts, masks, None if whole else self.rows)
        return self.known[key]

    def make(self, at: Site, packing: str = "q k v h d", **ways: Any) -> Array:
        uses = tuple(
            used(ways.pop(f"mask{place}"), ways.pop(f"use{place}", "")) for place in range(len(self.scene.masks))
        )
        plain = ways["base"] == 10000.0 and ways.get("turned", "q k") == "q k" and ways.get("sense", 1) == 1
        if not plain and not ways["position"].startswith("rotary"):
            raise ValueError("these are of rotary positions alone")
        split, merge = ways.pop("layout")
        y = self.attention(packing, ways["heads"], at is self.site)(Heads(masks=uses, split=split, merge=merge, **ways))
        if self.scene.out is not None:
            y = y @ self.scene.out[0] + self.scene.out[1]
        return np.moveaxis(y, 1, self.scene.rows.time).reshape(at.first.shape)


def used(way: str, odd: str) -> str:
    """How a mask is used; oddly only what would mark what is kept."""
    if odd and way != "kept":
        raise ValueError("this is another use by itself")
    return odd or way


def unpacked(x: Array, packing: str, heads: int) -> list[Array]:
    """q, k and v [n t e] of one array n t (3 e)."""
    n, t, wide = x.shape
    d = wide // 3 // heads
    if packing == "q k v h d":
        return list(np.split(x, 3, -1))
    if packing == "h q k v d":
        return [part.reshape(n, t, -1) for part in np.moveaxis(x.reshape(n, t, heads, 3, d), 3, 0)]
    return [part.reshape(n, t, -1) for part in np.moveaxis(x.reshape(n, t, heads, d, 3), 4, 0)]
