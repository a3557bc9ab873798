"""Group norm and instance norm.

Y = (X - mean) / sqrt(var + eps) scale + bias       over c/g neighbouring channels and all places of each example
Instance norm has one group a channel; with running statistics it takes those in evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.functions import MAIN
from crosscheck.causes.norm_parts import (
    Statistics,
    corrections,
    epsilons,
    moments,
    normalizer,
    own,
    roots,
    scales,
    shifts,
    small,
)
from crosscheck.causes.norms import running
from crosscheck.causes.options import departures, search, settings
from crosscheck.causes.site import Site, along
from crosscheck.causes.sources import alike, each
from crosscheck.causes.variant import Variant, family, of

GROUP = "https://docs.pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html"
INSTANCE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html"
NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/normalization.html"

cause(
    "groupnorm-eps",
    "norm",
    "the group norms have different eps",
    "GroupNorm(eps=1e-5) by default; diffusion models set 1e-6",
    "GroupNorm(epsilon=1e-6) by default",
    "eps=1e-6",
    "epsilon=1e-5",
    NNX,
)
cause(
    "instancenorm-eps",
    "norm",
    "the instance norms have different eps",
    "InstanceNorm2d(eps=1e-5) by default",
    "InstanceNorm(epsilon=1e-6) by default",
    "eps=1e-6",
    "epsilon=1e-5",
    NNX,
)
cause(
    "groupnorm-groups",
    "norm",
    "the channels are in different numbers of groups",
    "GroupNorm(num_groups, c): no default",
    "GroupNorm(c, num_groups=32) by default; group_size instead is the number of channels in each",
    "num_groups=... of the other side",
    "num_groups=..., group_size=None",
    NNX,
)
cause(
    "groupnorm-interleaved",
    "norm",
    "the groups are neighbouring channels on one side, every g-th channel on the other",
    "GroupNorm: channel i belongs to group i // (c/g)",
    "GroupNorm: channel i belongs to group i // (c/g); reshape(..., c // g, g) makes it i % g",
    "x.view(n, g, c // g, ...)",
    "x.reshape(n, ..., g, c // g)",
    GROUP,
)
cause(
    "groupnorm-leading-axes",
    "norm",
    "the statistics are taken over different axes: with all places, for each place alone, or with the batch",
    "GroupNorm on n c t: over the group's channels and t, for each n",
    "GroupNorm: over all axes but the first; an array [t c] without a batch has t for the batch",
    "x.transpose(1, 2), n c t",
    "gn(x[None])[0] for one example; reduction_axes=(-1,) for each place alone",
    NNX,
)
cause(
    "groupnorm-no-scale-or-bias",
    "norm",
    "one side lacks the scale or the bias of its group norm",
    "affine=True",
    "use_scale=True, use_bias=True",
    "affine=... as the other side",
    "use_scale=..., use_bias=... as the other side",
    GROUP,
)
cause(
    "instancenorm-affine-default",
    "norm",
    "one side's instance norm has a scale and a bias, the other's has none",
    "InstanceNorm2d(affine=False) by default",
    "InstanceNorm(use_scale=True, use_bias=True) by default",
    "affine=True",
    "use_scale=False, use_bias=False",
    INSTANCE,
)
cause(
    "instancenorm-running-stats",
    "norm",
    "one side's instance norm takes running statistics in evaluation, the other's the example's own",
    "InstanceNorm2d(track_running_stats=False) by default",
    "InstanceNorm has no running statistics",
    "track_running_stats=False",
    "BatchNorm(use_running_average=True) with the running statistics",
    INSTANCE,
)


@family
def group_norm(site: Site) -> Iterator[Variant]:
    kinds = [side.kind for side in site.sides]
    instance = all("InstanceNorm" in kind for kind in kinds)
    if site.target != "output" or not site.inputs or not any("GroupNorm" in k or "InstanceNorm" in k for k in kinds):
        return
    x, axis = site.x, site.channel % site.x.ndim
    if x.dtype.kind != "f" or not x.shape == site.first.shape == site.second.shape or x.ndim < 2:
        return
    c, kept = x.shape[axis], running(site)
    scale, bias = own(site.weights, "weight", "scale", "gamma"), own(site.weights, "bias", "beta")
    extra, more = own(site.theirs, "weight", "scale", "gamma"), own(site.theirs, "bias", "beta")
    if any(v is not None and v.shape != (c,) for v in (scale, bias)):
        return

    def statistics_of(some: Array) -> Statistics:
        """Of some examples; over the batch those of all."""

        @cache
        def statistics(groups: int, order: str, over: str, source: str, unbiased: bool) -> tuple[Array, Array]:
            if source == "running" and kept is not None:
                return along(kept[0], x, axis), along(kept[1], x, axis)
            taken = np.moveaxis(x if over == "batch" else some, axis, 1)
            stats = moments(*grouped(taken, groups, order, over), unbiased)
            mean, var = (np.moveaxis(channels(stat, c, order), 1, axis) for stat in stats)
            return mean, var

        return statistics

    usual, other = ("running", "own") if kept is not None and not site.train else ("own", "running")
    words = {"own": "each example's statistics", "running": "running statistics"}
    missing = "instancenorm-affine-default" if instance else "groupnorm-no-scale-or-bias"
    axes = [
        settings("groups", list(counts(site, c, kinds)), "{} groups".format, "groupnorm-groups"),
        epsilons(site, "instancenorm-eps" if instance else "groupnorm-eps"),
        departures("order", "neighbours", ("every", "every g-th channel", "groupnorm-interleaved")),
        departures(
            "over",
            "places",
            ("channels", "each place by its own statistics", "groupnorm-leading-axes"),
            ("batch", "the whole batch together", "groupnorm-leading-axes"),
        ),
        departures(
            "source", usual, *([(other, words[other], "instancenorm-running-stats")] if kept is not None else [])
        ),
        roots(),
        corrections(),
        scales(scale, extra, missing),
        shifts(bias, more, missing),
    ]
    one = most_apart(site)
    whole, part = normalizer(site, statistics_of(x)), normalizer(one, statistics_of(one.x))

    def make(at: Site, scale: Array, bias: Array, **rest: Any) -> Array:
        scale, bias = (along(v, x, axis) if v.ndim else v for v in (scale, bias))
        return (whole if at is site else part)(at, scale=scale, bias=bias, **rest)

    yield from search(site, axes, make, small(one), words[usual])


@family
def without_parameters(site: Site) -> Iterator[Variant]:
    """Group and instance norms that have no parameters are part of the wiring; an activation may come first."""
    kind = norm_in(site)
    if site.target != "value" or not kind or site.first.ndim < 3:
        return
    first, second = (replace(side, kind=kind) for side in site.sides)
    for source, x in each(site, alike(site)):
        for before in ("no activation", "relu(x)"):
            given = MAIN[before](x)
            made = replace(site, target="output", inputs=(given,), weights={}, sides=(first, second))
            yield from of(source, group_norm(made))


def norm_in(site: Site) -> str:
    """Which of the two norms the settings in the wiring are of, "" for neither."""
    names = [set(side.config) for side in site.sides if {"eps", "epsilon"} & set(side.config)]
    if any("num_groups" in name for name in names):
        return "GroupNorm"
    instance = any("track_running_stats" in n or ("feature_axes" in n and "reduction_axes" not in n) for n in names)
    return "InstanceNorm" if instance else ""


def most_apart(site: Site) -> Site:
    """The example in which the sides differ most."""
    gap = np.nan_to_num(np.abs(site.first - site.second), nan=np.inf).reshape(len(site.first), -1).max(1)
    at = slice(int(gap.argmax()), int(gap.argmax()) + 1)
    return replace(site, inputs=(*site.inputs[:-1], site.x[at]), first=site.first[at], second=site.second[at])


def counts(site: Site, c: int, kinds: list[str]) -> Iterator[int]:
    """Numbers of groups, the likeliest first."""
    own_counts = [int(side.config["num_groups"]) for side in site.sides if side.config.get("num_groups")]
    likely = [*own_counts, *([c] if any("Instance" in kind for kind in kinds) else []), 32, 1, c]
    yield from dict.fromkeys(n for n in (*likely, 2, 4, 8, 16, 3, 6, 64) if n and c % n == 0)


def grouped(x: Array, groups: int, order: str, over: str) -> tuple[Array, tuple[int, ...]]:
    """x [n c *s] as [n g c/g *s] or [n c/g g *s], and the axes that the statistics run over."""
    n, c, *places = x.shape
    axis = 2 if order == "neighbours" else 1
    shape = (n, groups, c // groups) if order == "neighbours" else (n, c // groups, groups)
    spatial = tuple(range(3, 3 + len(places)))
    return x.reshape(*shape, *places), {
        "places": (axis, *spatial),
        "channels": (axis,),
        "batch": (0, axis, *spatial),
    }[over]


def channels(stat: Array, c: int, order: str) -> Array:
    """A group's statistic for each of its channels: [n c *1]."""
    wide = np.broadcast_to(stat, (len(stat), *split(stat, c, order), *stat.shape[3:]))
    return wide.reshape(len(stat), c, *stat.shape[3:])


def split(stat: Array, c: int, order: str) -> tuple[int, int]:
    groups = stat.shape[1] if order == "neighbours" else stat.shape[2]
    return (groups, c // groups) if order == "neighbours" else (c // groups, groups)
