"""The rung of the optimizers: both are handed the same gradients, and should move the same parameters alike.

The gradients are drawn, not computed, so that an optimizer is judged apart from the model; always in float64.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.explain import explain_first
from crosscheck.causes.site import Side, Site
from crosscheck.models.model import Arrays
from crosscheck.models.optimizers import Optimizer, drawn
from crosscheck.twins.hunt import Culprit
from crosscheck.twins.ladder import Finding
from crosscheck.twins.locate import Divergence
from crosscheck.twins.measure import ROUNDOFF, Gap, gap, rms
from crosscheck.twins.twins import Twins

STEPS = 3
ENOUGH = 60
"""Elements of a parameter by which a cause is looked for: a rule works element by element."""


def stepping(twins: Twins, optimizers: tuple[Optimizer, Optimizer]) -> tuple[Finding, list[Culprit]]:
    """By how much each parameter is moved in STEPS steps, and what explains those that are moved otherwise."""
    finding = Finding("step")
    paths = compared(twins)
    gradients = drawn(twins.first, twins.seed, STEPS)
    try:
        moves = moved(twins, optimizers, gradients)
    except Exception as error:
        finding.reason = f"raised {type(error).__name__}: {str(error)[:300]}"
        return finding, []
    culprits = []
    for path in paths:
        start = twins.random[path].astype(np.float64)
        found = [apart(path, start, mine[path], theirs[path]) for mine, theirs in moves]
        finding.gaps.append(max(found, key=lambda g: (not g.agrees, g.units)))
        first = next((i for i, g in enumerate(found) if not g.agrees), None)
        if first is not None:
            gap_ = found[-1] if not found[-1].agrees else found[first]
            culprit = Culprit("step", Divergence("step", path, ", ".join(twins.pairing.seconds(path)), gap_))
            explain_first([site(twins, optimizers, path, gradients, moves)], culprit)
            culprits.append(culprit)
    return finding, culprits


def compared(twins: Twins) -> list[str]:
    """The first's parameters that are trained on both sides, each place of them in one place of the second's."""
    trained = {leaf.path for leaf in twins.second.leaves if leaf.trainable}
    links = [k for k in twins.pairing.links if twins.first.leaf(k.first.path).trainable and k.second.path in trained]
    often = Counter((k.first.path, k.first.slot) for k in links)
    doubled = {path for (path, _), count in often.items() if count > 1}
    return [path for path in dict.fromkeys(k.first.path for k in links) if path not in doubled]


def moved(
    twins: Twins, optimizers: tuple[Optimizer, Optimizer], gradients: Sequence[Arrays]
) -> list[tuple[Arrays, Arrays]]:
    """Both models' parameters after every step, in the first's layout."""
    mine, theirs = twins.values({path: x.astype(np.float64) for path, x in twins.random.items()})
    theirs = {path: x.astype(np.float64) if x.dtype.kind == "f" else x for path, x in theirs.items()}
    zeros = {leaf.path: np.zeros(leaf.shape) for leaf in twins.second.leaves if leaf.trainable}
    there = [twins.pairing.carry(twins.pairing.kept(g) | absent(twins), zeros) for g in gradients]
    here = [twins.first.completed(g) for g in gradients]
    ways = optimizers[0].walk(twins.first.completed(mine), here), optimizers[1].walk(theirs, there)
    return [(a, twins.pairing.pull(b)) for a, b in zip(*ways)]


def absent(twins: Twins) -> Arrays:
    """Nothing for the first's buffers, which are linked too."""
    return {leaf.path: np.zeros(leaf.shape) for leaf in twins.first.leaves if not leaf.trainable}


def apart(path: str, start: Array, mine: Array, theirs: Array) -> Gap:
    noise = ROUNDOFF["float64"] * max(rms(start), rms(mine), rms(theirs))
    return gap("step", path, mine - start, theirs - start, noise)


def site(
    twins: Twins,
    optimizers: tuple[Optimizer, Optimizer],
    path: str,
    gradients: Sequence[Arrays],
    moves: Sequence[tuple[Arrays, Arrays]],
) -> Site:
    """A parameter with all its gradients, cut down to some elements."""
    start, (mine, theirs) = twins.random[path].astype(np.float64), moves[-1]
    chosen = np.linspace(0, start.size - 1, min(start.size, ENOUGH)).astype(int)
    made, instead, begun, *slopes = (
        np.ravel(x)[chosen] for x in (mine[path] - start, theirs[path] - start, start, *(g[path] for g in gradients))
    )
    own, other = (
        Side(model.framework, optimizer.name, optimizer.config(name))
        for model, optimizer, name in zip(
            (twins.first, twins.second), optimizers, (path, twins.pairing.seconds(path)[0])
        )
    )
    noise = ROUNDOFF["float64"] * max(rms(start), rms(mine[path]))
    return Site("step", made, instead, (begun, *slopes), (own, other), name=path, noise=noise)
