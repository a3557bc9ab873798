"""Masks: what is put where something is masked, which places those are, and which way round the mask is meant."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.changes import Change, changes, comparable
from crosscheck.causes.site import Site
from crosscheck.causes.sources import alike, alone, sources, written
from crosscheck.causes.sums import broadcasts
from crosscheck.causes.variant import ANY, BETWEEN, Variant, family, later

SDPA = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html"
MHA = "https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html"

cause(
    "mask-inverted",
    "wiring",
    "True means masked on one side, kept on the other",
    "key_padding_mask and attn_mask of nn.MultiheadAttention: True is left out",
    "mask of nnx.MultiHeadAttention and jax.nn.dot_product_attention: True takes part",
    "~mask",
    "~mask",
    MHA,
)
cause(
    "mask-fill-value",
    "wiring",
    "masked places hold different values (-inf, -1e9, the smallest number, 0)",
    "masked_fill(mask, float('-inf')); F.scaled_dot_product_attention puts -inf",
    "jnp.where(mask, x, jnp.finfo(x.dtype).min): rows that are masked throughout become uniform, not NaN",
    "masked_fill with the value that JAX has",
    "jnp.where with the value that torch has",
    SDPA,
)
cause(
    "mask-missing",
    "wiring",
    "one side masks places, the other does not",
    "x.masked_fill(mask, value), x * mask",
    "jnp.where(mask, x, value), x * mask",
    "apply the mask, or leave it out",
    "apply the mask, or leave it out",
    "https://docs.pytorch.org/docs/stable/generated/torch.Tensor.masked_fill_.html",
)
cause(
    "causal-mask-offset",
    "wiring",
    "the causal masks differ: the diagonal itself, one beside it, or the other triangle",
    "torch.tril(ones), torch.triu(ones, diagonal=1) for what is masked",
    "jnp.tril(ones); nnx.make_causal_mask",
    "torch.tril(scores_mask), the diagonal taking part",
    "jnp.tril(mask), the diagonal taking part",
    "https://docs.pytorch.org/docs/stable/generated/torch.triu.html",
)

ANY_FILL = ANY, ""
KEPT, LEFT_OUT, UNMASKED = "True is kept", "True is left out", "no mask"
BETWEEN[frozenset((KEPT, LEFT_OUT))] = "mask-inverted"
BETWEEN.update({frozenset((way, UNMASKED)): "mask-missing" for way in (KEPT, LEFT_OUT)})
TRIANGLES = {
    f"{'above' if k > 0 else 'on and above' if k == 0 else 'below and above'} the diagonal ({k:+d})": (np.triu, k)
    for k in (1, 0, 2)
} | {f"below the diagonal ({k:+d})": (np.tril, k) for k in (-1, 0)}
BETWEEN.update({frozenset((way, UNMASKED)): "mask-missing" for way in TRIANGLES})


@family
def masked(site: Site) -> Iterator[Variant]:
    """A source with a mask among the sources applied, either way round."""
    if not alone(site) or not comparable(site):
        return
    masks = [m for m in sources(site) if is_mask(m) and broadcasts(m.shape, site.first.shape)]
    for place, x in enumerate(alike(site)):
        for mask in masks:
            kept = np.broadcast_to(mask, x.shape).astype(bool)
            for way, where in ((KEPT, ~kept), (LEFT_OUT, kept)):
                yield from filled(site, place, x, where, way, "mask-inverted")
        if masks:
            yield unmasked(place, x)


@family
def causal(site: Site) -> Iterator[Variant]:
    """A source with a triangle of its last two axes masked."""
    if not alone(site) or not comparable(site) or site.first.ndim < 2 or site.first.shape[-1] < 3:
        return
    shape = site.first.shape
    for way, (triangle, k) in TRIANGLES.items():
        corner = triangle(np.ones(shape[-2:], bool), k)
        if corner.any() and any(len(np.unique(side.reshape(-1, *shape[-2:])[0][corner])) == 1 for side in both(site)):
            for place, x in enumerate(alike(site)):
                yield from filled(site, place, x, np.broadcast_to(corner, shape), way, "causal-mask-offset")
                yield unmasked(place, x)


def both(site: Site) -> tuple[Array, Array]:
    return site.first, site.second


def is_mask(x: Array) -> bool:
    return x.dtype.kind == "b" or (x.dtype.kind in "iu" and x.size > 1 and set(np.unique(x)) == {0, 1})


def unmasked(place: int, x: Array) -> Variant:
    return Variant((), UNMASKED, partial(np.asarray, x), UNMASKED, "mask-missing", (ANY_FILL, (f"source {place}", "")))


def filled(site: Site, place: int, x: Array, where: Array, way: str, otherwise: str) -> Iterator[Variant]:
    """With the constants that either side has at the masked places."""
    for side in (site.first, site.second):
        if where.any() and not where.all() and len(values := np.unique(side[where])) == 1:
            fill = float(values[0])
            make = partial(put, where, fill, x)
            more = (f"{fill:g}", "mask-fill-value"), (f"source {place}", "")
            yield Variant((), f"{way}, {fill:g} elsewhere", make, way, otherwise, more)


def put(where: Array, fill: float, x: Array) -> Array:
    return np.where(where, fill, x)


@later
def filled_otherwise(site: Site) -> Iterator[Variant]:
    """Wherever one side has a certain number, the other has another."""
    if not alone(site) or not comparable(site) or site.first.dtype.kind != "f":
        return
    apart = ~np.isclose(site.first, site.second, 1e-9, 1e-12)
    if 2 <= apart.sum() < 0.9 * apart.size:
        ones, others = np.unique(site.first[apart]), np.unique(site.second[apart])
        if len(ones) == len(others) == 1 and written((*ones, *others)):
            pairs = ((ones[0], others[0]), (others[0], ones[0]))
            yield from changes(site, [Change("mask-fill-value", f"{b:g} for {a:g}", swap(a, b)) for a, b in pairs])


def swap(a: float, b: float) -> partial[Array]:
    return partial(replaced, a=a, b=b)


def replaced(x: Array, a: float, b: float) -> Array:
    return np.where(x == a, b, x)
