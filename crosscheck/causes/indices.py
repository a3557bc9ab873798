"""Whole numbers that own code hands on, of tokens, positions or segments: an input, or one number everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from crosscheck.causes.catalogue import cause
from crosscheck.causes.site import Site
from crosscheck.causes.sources import sources
from crosscheck.causes.variant import ANY, Variant, family

cause(
    "index-everywhere-the-same",
    "embedding",
    "one side looks up the row that an input tells, the other the same row everywhere",
    "self.token_type_embeddings(token_type_ids)",
    "self.segments(jnp.zeros_like(input_ids))",
    "look up what JAX looks up",
    "look up what torch looks up",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html",
)


@family
def handed_on(site: Site) -> Iterator[Variant]:
    """Either side as an input, or as one number everywhere."""
    if site.target != "value" or site.first.dtype.kind not in "iu" or site.first.shape != site.second.shape:
        return
    for place, x in enumerate(x for x in sources(site) if x.dtype.kind in "iu" and x.shape == site.first.shape):
        words = site.name_of(x) or f"value {place}"
        yield Variant((), words, partial(np.asarray, x), "an input", "", ((words, "value-from-elsewhere"),))
    for side in (site.first, site.second):
        if side.size > 1 and np.ptp(side) == 0:
            made = partial(np.full_like, side, side.flat[0])
            yield Variant((), f"{side.flat[0]} everywhere", made, "constant", "index-everywhere-the-same", ((ANY, ""),))
