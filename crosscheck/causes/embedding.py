"""Embeddings: rows of a table by index, their sums and means over a bag, and sinusoidal positions.

Y = E[ids]          P[t, i] = sin(t / base^(2 i / d)), cos of the same beside it or behind all of them
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.conv import some
from crosscheck.causes.options import Axis, Option, also_coarse, departures, search, settings
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alone, each, floats
from crosscheck.causes.variant import Variant, family, of

TORCH = "https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html"
BAG = "https://docs.pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html"
TAKE = "https://docs.jax.dev/en/latest/_autosummary/jax.numpy.take.html"
TRANSFORMER = "https://arxiv.org/abs/1706.03762"
TENSOR2TENSOR = "https://github.com/tensorflow/tensor2tensor/blob/master/tensor2tensor/layers/common_attention.py"

cause(
    "embedding-scale",
    "embedding",
    "one side multiplies its embeddings by sqrt(d)",
    "Embedding: E[ids]",
    "Embed: E[ids]; Gemma and the first transformer: E[ids] sqrt(d)",
    "x * d**0.5",
    "x * d**0.5",
    TRANSFORMER,
)
cause(
    "embedding-padding-zero",
    "embedding",
    "one side gives zeros for the padding's index, the other the row that the table has there",
    "Embedding(padding_idx=p): the row as it is stored; it starts as zeros and gets no gradient",
    "Embed has no padding_idx",
    "x * (ids != p).unsqueeze(-1)",
    "jnp.where((ids == p)[..., None], 0, x)",
    TORCH,
)
cause(
    "embedding-index-offset",
    "embedding",
    "one side adds to the indices before it looks them up",
    "RoBERTa's positions begin behind padding_idx, BART's table has two rows ahead",
    "Embed: E[ids]",
    "E[ids + offset]",
    "E[ids + offset]",
    "https://github.com/huggingface/transformers/blob/main/src/transformers/models/bart/modeling_bart.py",
)
cause(
    "embedding-out-of-range",
    "embedding",
    "indices beyond the table give NaN on one side, a row of it on the other",
    "an index beyond the table raises",
    "jnp.take: NaN; x[ids] takes the last row; negative ones count from the end",
    "check the indices",
    "check the indices; jnp.take(mode='clip') for the last row",
    TAKE,
)
cause(
    "embedding-max-norm",
    "embedding",
    "one side shortens rows that are longer than max_norm",
    "Embedding(max_norm=m): rows are rescaled in place to length m as they are looked up",
    "Embed has no max_norm",
    "max_norm=None",
    "x * jnp.minimum(1, m / (jnp.linalg.norm(x, axis=-1, keepdims=True) + 1e-7))",
    TORCH,
)
cause(
    "embeddingbag-mode",
    "embedding",
    "a bag's rows become their sum, their mean or their maximum",
    "EmbeddingBag(mode='mean') by default",
    "E[ids].mean(1)",
    "mode='sum', 'mean' or 'max'",
    "E[ids].sum(1), .mean(1) or .max(1)",
    BAG,
)
cause(
    "embeddingbag-mean-padding",
    "embedding",
    "one side leaves the padding's index out of the bag, the other counts it",
    "EmbeddingBag(padding_idx=p) leaves it out of sum and count",
    "E[ids].mean(1) counts it",
    "padding_idx=None",
    "(x * kept).sum(1) / kept.sum(1), kept = (ids != p)[..., None]",
    BAG,
)
cause(
    "sinusoidal-interleave",
    "embedding",
    "sines and cosines alternate on one side, all sines come first on the other",
    "pe[:, 0::2] = sin, pe[:, 1::2] = cos",
    "jnp.concatenate((sin, cos), -1), as in tensor2tensor",
    "torch.cat((sin, cos), -1)",
    "jnp.stack((sin, cos), -1).reshape(t, d)",
    TENSOR2TENSOR,
)
cause(
    "sinusoidal-order",
    "embedding",
    "the sines come first on one side, the cosines on the other",
    "sin, then cos; diffusers' flip_sin_to_cos=True: cos, then sin",
    "sin, then cos",
    "exchange sin and cos",
    "exchange sin and cos",
    "https://github.com/huggingface/diffusers/blob/main/src/diffusers/models/embeddings.py",
)
cause(
    "sinusoidal-denominator",
    "embedding",
    "the frequencies reach down to base^(-(d - 2) / d) on one side, to 1 / base on the other",
    "base^(-2 i / d)",
    "tensor2tensor, fairseq: base^(-i / (d/2 - 1))",
    "base ** (-torch.arange(d // 2) / (d // 2 - 1))",
    "base ** (-jnp.arange(d // 2) / (d // 2))",
    TENSOR2TENSOR,
)
cause(
    "sinusoidal-start",
    "embedding",
    "the first position has different numbers",
    "positions from 0; fairseq's from padding_idx + 1",
    "positions from 0",
    "torch.arange(start, start + t)",
    "jnp.arange(start, start + t)",
    TRANSFORMER,
)
cause(
    "sinusoidal-base",
    "embedding",
    "the slowest frequencies differ",
    "base 10000",
    "base 10000",
    "base = the other side's",
    "base = the other side's",
    TRANSFORMER,
)
cause(
    "sinusoidal-scale",
    "embedding",
    "one side scales the positions, or the times of a diffusion, before it takes their sines",
    "sinusoids of t; of 1000 t where times lie between 0 and 1; DETR: of 2 pi times the part of the image",
    "sinusoids of t",
    "take the sinusoids of what JAX takes",
    "take the sinusoids of what torch takes",
    "https://github.com/huggingface/diffusers/blob/main/src/diffusers/models/embeddings.py",
)

SCALES = {1e-3: "/ 1000", 1e3: "times 1000", 2 * np.pi: "times 2 pi"}


@family
def embedding(site: Site) -> Iterator[Variant]:
    table = next((site.weights[name] for name in ("weight", "embedding") if name in site.weights), None)
    if site.target != "output" or table is None or table.ndim != 2 or not site.inputs:
        return
    ids = next((x for x in site.inputs if x.dtype.kind in "iu"), None)
    if ids is None or not any("Embed" in side.kind for side in site.sides):
        return
    if site.first.shape == (*ids.shape, table.shape[1]):
        yield from search(site, row_axes(site, ids, table), partial(rows, ids=ids, table=table), standard="E[ids]")
    elif site.first.shape == (len(ids), table.shape[1]) and ids.ndim == 2:
        yield from search(site, bag_axes(site, ids), partial(bags, ids=ids, table=table), standard="E[ids] of a bag")


def row_axes(site: Site, ids: Array, table: Array) -> Iterator[Axis]:
    width = table.shape[1]
    yield departures("scale", 1.0, (width**0.5, f"times sqrt({width})", "embedding-scale"))
    yield departures(
        "zero", None, *((p, f"zeros for index {p}", "embedding-padding-zero") for p in paddings(site, ids))
    )
    yield departures("offset", 0, *((k, f"row id {k:+d}", "embedding-index-offset") for k in (1, 2, -1)))
    if ((ids < 0) | (ids >= len(table))).any():
        ways = ("NaN", "the last row", "from the other end")
        yield settings("beyond", ways, "{} beyond the table".format, "embedding-out-of-range")
    norms = [float(m) for m in site.settings("max_norm") if isinstance(m, (int, float))]
    most = [(m, f"rows no longer than {m:g}", "embedding-max-norm") for m in dict.fromkeys((*norms, 1.0, 2.0))]
    yield departures("most", np.inf, *most)


def paddings(site: Site, ids: Array) -> list[int]:
    """Indices that may stand for padding, of those that occur."""
    own = [p for p in site.settings("padding_idx", "pad_token_id") if isinstance(p, int)]
    return [p for p in dict.fromkeys((*own, 0, 1)) if (ids == p).any()]


def rows(
    _: Site, scale: float, zero: int | None, offset: int, most: float, ids: Array, table: Array, beyond: str = "NaN"
) -> Array:
    at = ids + offset
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    table = table * np.where(lengths > most, most / (lengths + 1e-7), 1.0)
    size = len(table)
    outside = (at >= size) | (at < -size)
    if beyond == "from the other end":
        outside, at = np.zeros_like(outside), at % size
    if beyond == "the last row":
        outside, at = np.zeros_like(outside), np.clip(np.where(at < 0, at + size, at), 0, size - 1)
    found = np.where(outside[..., None], np.nan, table[np.where(outside, 0, at)]) * scale
    return found if zero is None else np.where((ids == zero)[..., None], 0.0, found)


def bag_axes(site: Site, ids: Array) -> Iterator[Axis]:
    yield settings("mode", ("mean", "sum", "max"), "the {} of the rows".format, "embeddingbag-mode")
    out = [(p, f"index {p} left out", "embeddingbag-mean-padding") for p in paddings(site, ids)]
    yield departures("zero", None, *out)


def bags(_: Site, mode: str, zero: int | None, ids: Array, table: Array) -> Array:
    kept = np.ones((*ids.shape, 1)) if zero is None else (ids != zero)[..., None].astype(np.float64)
    if mode == "max":
        return np.asarray(np.where(kept > 0, table[ids], -np.inf).max(1))
    total = (table[ids] * kept).sum(1)
    return np.asarray(total if mode == "sum" else total / kept.sum(1))


@family
def sinusoids(site: Site) -> Iterator[Variant]:
    """Sinusoidal positions added to a source; or the numbers of an input as sinusoids."""
    if (
        not alone(site)
        or site.first.dtype.kind != "f"
        or site.first.shape[-1:] in ((), (1,))
        or site.first.shape[-1] % 2
    ):
        return
    if site.first.shape != site.second.shape:
        return
    if site.first.ndim in (2, 3):
        for source, x in each(site, (x for x in floats(site) if x.shape == site.first.shape)):
            yield from of(source, variants_of(site, np.arange(x.shape[-2], dtype=np.float64), x))
    if site.first.ndim == 2:
        for source, x in each(site, (x for x in site.inputs if x.dtype.kind in "if" and x.size == len(site.first))):
            yield from of(source, variants_of(site, x.reshape(-1).astype(np.float64), None))


def variants_of(site: Site, positions: Array, x: Array | None) -> Iterator[Variant]:
    width = site.first.shape[-1]
    starts = (0, 1, 2) if x is not None else (0,)
    scaled = [(width**0.5, f"times sqrt({width})", "embedding-scale")] if x is not None else []
    axes = [
        settings("layout", ("sines and cosines in turn", "one behind the other"), str, "sinusoidal-interleave"),
        settings("start", starts, "from position {}".format, "sinusoidal-start"),
        Axis("base", [Option(base, f"base {base:g}") for base in (1e4, 1e3, 5e5, 100.0)], "sinusoidal-base"),
        departures("swapped", False, (True, "cosines first", "sinusoidal-order")),
        departures("shorter", False, (True, "frequencies down to 1 / base", "sinusoidal-denominator")),
        departures("scale", 1.0, *scaled),
        departures("times", 1.0, *((k, f"positions {words}", "sinusoidal-scale") for k, words in SCALES.items())),
    ]
    at = some(len(positions))

    def make(here: Site, start: int, scale: float, times: float, **form: Any) -> Array:
        whole = here is site
        table = sinusoid(times * ((positions if whole else positions[at]) + start), width, **form)
        if x is None:
            return table
        part = x if whole else np.take(x, at, -2)
        return np.asarray(part * scale + table)

    first, second = (np.take(side, at, -2) for side in (site.first, site.second))
    yield from also_coarse(search(site, axes, make, replace(site, first=first, second=second), "sinusoids"))


def sinusoid(positions: Array, width: int, layout: str, base: float, swapped: bool, shorter: bool) -> Array:
    half = width // 2
    if shorter and half == 1:
        raise ValueError("one frequency has no range")
    angle = positions[:, None] * base ** (-np.arange(half) / (half - 1 if shorter else half))
    parts = [np.cos(angle), np.sin(angle)] if swapped else [np.sin(angle), np.cos(angle)]
    if layout == "one behind the other":
        return np.concatenate(parts, -1)
    return np.stack(parts, -1).reshape(len(positions), width)
