"""What may be added to the scores of attention: masks, and a table of relative positions by heads.

scores[n, h, i, j] = q_i k_j scale + M[n, i, j] + B[h, i, j]

B is a parameter, a table at an index of each (i, j), or a value.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import distinct
from crosscheck.causes.sums import is_own

cause(
    "attention-score-bias",
    "attention",
    "what is added to the scores (relative positions) is left out on one side, or has queries and keys exchanged",
    "scores + bias[None], or F.scaled_dot_product_attention(q, k, v, attn_mask=bias)",
    "jax.nn.dot_product_attention(q, k, v, bias=bias)",
    "add it as JAX does, [h i j] with queries ahead of keys, or leave it out",
    "add it as torch does, [h i j] with queries ahead of keys, or leave it out",
    "https://arxiv.org/abs/1803.02155",
)

BIASED = {
    "added": "a bias added to the scores",
    "unused": "no bias of the scores",
    "turned": "a bias added to the scores, keys ahead of queries",
}
MOST, HEADS, HUGE = 1, 64, -1e3


def masks(site: Site, q: Array, k: Array) -> list[Array]:
    """Inputs that may mask scores, broadcast against n h t s; at most two."""
    n, t, s = q.shape[0], q.shape[1], k.shape[1]
    found = []
    for x in site.inputs:
        shapes = {(n, s): (n, 1, 1, s), (n, t, s): (n, 1, t, s), (t, s): (1, 1, t, s)}
        if x.ndim == 3 and x.shape[1:] == (t, s) and x.shape[0] % n == 0:
            shapes[x.shape] = (n, -1, t, s)
        if x.ndim == 4 and x.shape[0] in (1, n) and x.shape[2] in (1, t) and x.shape[3] == s:
            shapes[x.shape] = x.shape
        if x.ndim == 3 and x.shape[1:] == (t, s) and n % len(x) == 0:
            x = np.tile(x, (n // len(x), 1, 1))  # the same for the windows of every image
            shapes[x.shape] = (n, 1, t, s)
        if x.shape in shapes and may_mask(x):
            found.append(marks(x.reshape(shapes[x.shape])))
    return distinct(found)[:2]


def marks(x: Array) -> Array:
    """What is kept, of a mask that puts minus infinity, or nearly so, on the rest of every query's keys."""
    is_kept = x == 0
    sure = x.dtype.kind == "f" and np.all(is_kept | (x <= HUGE)) and is_kept.any(-1).all()
    return is_kept if sure else x


def may_mask(x: Array) -> bool:
    """Marks, or what is added to scores: nothing that is above zero."""
    if x.dtype.kind in "bi":
        return bool(np.all((x == 0) | (x == 1)))
    return bool(np.all(x <= 0) or np.all((x == 0) | (x == 1)))


def score_biases(site: Site, t: int, s: int) -> list[Array]:
    """Biases [1 h t s] that the scores of t queries and s keys may have: the nearest."""
    return distinct(x[None] for x in candidates(site, t, s) if 0 < len(x) <= HEADS and not may_mask(x))[:MOST]


def candidates(site: Site, t: int, s: int) -> Iterator[Array]:
    """[h t s]"""
    for x in (x for name, x in site.weights.items() if is_own(name) and x.dtype.kind == "f"):
        y = x[0] if x.ndim == 4 and len(x) == 1 else x
        if y.ndim == 3 and y.shape[1] >= t and y.shape[2] >= s:
            yield y[:, :t, :s]
        if x.ndim == 2:
            for index in site.buffers.values():
                if index.dtype.kind in "iu" and index.size == t * s and 0 <= index.min() <= index.max() < len(x):
                    yield np.moveaxis(x[index.reshape(t, s)], -1, 0)
    for x in (*site.inputs, *site.given):
        y = x[0] if x.ndim == 4 and len(x) == 1 else x
        if y.dtype.kind == "f" and y.ndim == 3 and y.shape[1:] == (t, s):
            yield y
        if y.dtype.kind == "f" and y.ndim == 3 and y.shape[:2] == (t, s):
            yield np.moveaxis(y, -1, 0)
