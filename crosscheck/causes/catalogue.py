"""The causes: what differs, the formula on both sides, how to match either framework to the other, and who says so.

python -m crosscheck.causes            lists them
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """title: what is different, as the end of "the two sides differ: ..."; torch, jax: what either framework does, as a
    formula or a line; match_torch: what to write in torch to get what JAX does; match_jax: the other way round;
    evidence: a documentation page or thread."""

    id: str
    area: str
    title: str
    torch: str
    jax: str
    match_torch: str
    match_jax: str
    evidence: str = ""


CAUSES: dict[str, Cause] = {}


def cause(
    id: str, area: str, title: str, torch: str, jax: str, match_torch: str, match_jax: str, evidence: str = ""
) -> Cause:
    """Adds a cause to the catalogue."""
    if id in CAUSES:
        raise ValueError(f"two causes are called {id!r}")
    CAUSES[id] = Cause(id, area, title, torch, jax, match_torch, match_jax, evidence)
    return CAUSES[id]


def load() -> dict[str, Cause]:
    """The whole catalogue, with the families that can test for its causes."""
    import importlib
    import pkgutil

    from crosscheck import causes

    for module in pkgutil.iter_modules(causes.__path__, "crosscheck.causes."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return CAUSES
