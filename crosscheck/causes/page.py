"""The catalogue as a page of the documentation: python -m crosscheck.causes --markdown > docs/causes.md"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlparse

from crosscheck.causes.catalogue import Cause

AREAS = {
    "activation": "Activations, softmax, gates",
    "conv/pool": "Dense layers, convolution, pooling",
    "norm": "Norms",
    "recurrent": "Recurrent layers",
    "attention": "Attention",
    "embedding": "Embeddings",
    "dropout": "Dropout",
    "wiring": "Wiring, constants, masks",
    "order": "The order of elements",
    "padding": "Padding",
    "resize": "Resizing",
    "reduction": "Reductions and normalizing",
    "loss": "Losses",
    "gradient": "Backward passes",
    "optimizer": "Optimizers",
    "dtype": "Types and whole numbers",
}
"""The headings, in the order of the page; any other area comes after them under its own name."""

HEAD = """# Why a port differs

{count} ways in which PyTorch and JAX code that should compute the same does not: what either side does, and the line
that makes one match the other. Each is a hypothesis that `crosscheck.compare` runs: it computes the layer both ways
in NumPy and names the cause only if one way makes what the first model made and the other what the second made,
to rounding. `python -m crosscheck.causes WORD ...` searches this list.

{contents}
"""


def page(causes: Mapping[str, Cause]) -> str:
    """The whole page."""
    groups: dict[str, list[Cause]] = {area: [] for area in AREAS}
    for cause in causes.values():
        groups.setdefault(cause.area, []).append(cause)
    groups = {area: sorted(found, key=lambda c: c.id) for area, found in groups.items() if found}
    contents = "\n".join(entry(area, found) for area, found in groups.items())
    sections = [section(area, found) for area, found in groups.items()]
    return "\n".join([HEAD.format(count=len(causes), contents=contents), *sections])


def heading(area: str) -> str:
    return AREAS.get(area, area[:1].upper() + area[1:])


def anchor(words: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def entry(area: str, found: Sequence[Cause]) -> str:
    """A line of the table of contents."""
    links = " · ".join(f"[{cause.id}](#{anchor(cause.id)})" for cause in found)
    return f"- **[{heading(area)}](#{anchor(heading(area))})** ({len(found)}): {links}"


def section(area: str, found: Sequence[Cause]) -> str:
    return f"## {heading(area)}\n\n" + "\n".join(map(described, found))


def described(cause: Cause) -> str:
    return (
        f"### {cause.id}\n\n"
        f"{sentence(cause.title)}\n\n"
        "| | PyTorch | JAX |\n"
        "|---|---|---|\n"
        f"| does | {plain(cause.torch)} | {plain(cause.jax)} |\n"
        f"| to match the other | {code(cause.match_torch)} | {code(cause.match_jax)} |\n\n"
        f"See [{urlparse(cause.evidence).netloc}]({cause.evidence}).\n"
    )


def sentence(title: str) -> str:
    return plain(title[:1].upper() + title[1:]) + "."


def plain(text: str) -> str:
    """Text in which nothing is taken for markup."""
    return re.sub(r"([*_<>|\[\]`~])", r"\\\1", text)


def code(text: str) -> str:
    """A line of code as such, a sentence as it is."""
    return f"`{text.replace('|', chr(92) + '|')}`" if re.search(r"[(=\[]\S|\w\.\w|_", text) else plain(text)
