"""What lies around a leaf: leaves of which is known which is which tell it from its like."""

from __future__ import annotations

from collections.abc import Sequence

from crosscheck.models.model import Leaf

Pair = tuple[Leaf, Leaf]


class Neighbours:
    """Pairs that are known, by the modules in which their leaves lie."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.sides: tuple[dict[str, set[int]], dict[str, set[int]]] = {}, {}
        for i, pair in enumerate(pairs):
            for modules, leaf in zip(self.sides, pair):
                for module in above(leaf):
                    modules.setdefault(module, set()).add(i)

    def apart(self, a: Leaf, b: Leaf) -> float:
        """The share of what lies around one leaf that does not lie around the other: 0 if their modules go together, or
        one in the other."""
        here, there = (around(leaf, modules) for leaf, modules in zip((a, b), self.sides))
        return 1 - len(here & there) / min(len(here), len(there)) if here and there else 0.0


def around(leaf: Leaf, modules: dict[str, set[int]]) -> set[int]:
    """What is in the innermost module around a leaf's own that has any."""
    return next((modules[module] for module in above(leaf) if module in modules), set())


def above(leaf: Leaf) -> list[str]:
    """The modules around a leaf's own, innermost first, but for the whole."""
    parts = leaf.module.split(".")
    return [".".join(parts[:i]) for i in range(len(parts) - 1, 0, -1)]
