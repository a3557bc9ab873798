"""What may be added to the scores of attention: a table of relative positions, by heads.

scores[n, h, i, j] = q_i k_j scale + B[h, i, j]        B: a parameter, a table at an index of each (i, j), or a value
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import distinct

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
MOST, HEADS = 2, 64


def score_biases(site: Site, t: int, s: int) -> list[Array]:
    """Biases [1 h t s] that the scores of t queries and s keys may have, at most two."""
    return distinct(x[None] for x in candidates(site, t, s) if 0 < len(x) <= HEADS)[:MOST]


def candidates(site: Site, t: int, s: int) -> Iterator[Array]:
    """[h t s]"""
    for x in site.weights.values():
        if x.dtype.kind != "f":
            continue
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
