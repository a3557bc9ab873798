"""Modules around the same parameters, one in the other: a residual block and its body, say.

Where one model has several and the other only one, that one is the module which gives the same numbers; where a fault
hides this, here or upstream, the one that is so in other places with modules of these classes. Else a class of its own
is nobody's mere sequence, and the innermost is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from crosscheck.models.model import Call

Chains = Sequence[tuple[Sequence[str], Sequence[str]]]
"""Paths of modules of either model around the same parameters, innermost first."""
NEAR = 1e-6


def counterparts(chains: Chains, calls: Sequence[Call], others: Sequence[Call]) -> dict[str, str]:
    """By a module of the first model the one of the second; of modules called often the first call counts."""
    mine, theirs = ({call.path: call for call in reversed(side)} for side in (calls, others))
    open_ = [chain for chain in chains if min(map(len, chain)) == 1 < max(map(len, chain))]
    kinds = [tuple(tuple(at[path].kind for path in side) for at, side in zip((mine, theirs), chain)) for chain in open_]
    alone = [only([alike(mine[a], theirs[b]) for a, b in options(chain)]) for chain in open_]
    told: dict[object, Counter[int]] = {}
    for kind, place in zip(kinds, alone):
        if place is not None:
            told.setdefault(kind, Counter())[place] += 1
    pairs = {a: b for chain in chains if chain not in open_ for a, b in aligned(*chain).items()}
    for chain, kind, place in zip(open_, kinds, alone):
        if place is None:
            place = told[kind].most_common(1)[0][0] if kind in told else first_of_a_class(*kind)
        a, b = options(chain)[place]
        pairs[a] = b
    return pairs


def only(same: Sequence[bool]) -> int | None:
    """The first option that gives the same numbers; None if none does, and if all do, which tells nothing."""
    return same.index(True) if any(same) and not all(same) else None


def options(chain: tuple[Sequence[str], Sequence[str]]) -> list[tuple[str, str]]:
    return [(a, b) for a in chain[0] for b in chain[1]]


def aligned(mine: Sequence[str], theirs: Sequence[str]) -> dict[str, str]:
    """Innermost with innermost, outermost with outermost."""
    pairs = {mine[0]: theirs[0]}
    if len(mine) > 1 and len(theirs) > 1:
        pairs[mine[-1]] = theirs[-1]
        pairs |= dict(zip(mine[1:-1], theirs[1:-1]))
    return pairs


def alike(call: Call, other: Call) -> bool:
    """Whether two calls give the same numbers, in whatever order."""
    (size, *a), (size_there, *b) = moments(call), moments(other)
    return size == size_there > 0 and np.allclose(a, b, rtol=NEAR, atol=NEAR * size)


def moments(call: Call) -> list[float]:
    values = [y.astype(float).ravel() for y in call.outputs.values() if y.dtype.kind == "f"]
    return [float(sum(f(y) for y in values)) for f in (np.size, np.sum, np.linalg.norm)]


def first_of_a_class(mine: Sequence[str], theirs: Sequence[str]) -> int:
    """The innermost that is more than a sequence, if the one of the other side is."""
    kinds, (one,) = (mine, theirs) if len(theirs) == 1 else (theirs, mine)
    own = [place for place, kind in enumerate(kinds) if "Sequential" not in kind]
    return own[0] if own and "Sequential" not in one else 0
