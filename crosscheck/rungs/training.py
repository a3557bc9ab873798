"""training: ten steps of every optimizer, each judged from shared state: the reference's point before the step.

The points lie on the trajectory of the first optimizer; every optimizer carries its own moments along it. Beside it,
judged by nobody, the free-running trajectories: how far parameters have drifted apart after 100 steps, with every
optimizer in a net of two layers, with Adam in one of four. A relu may be dead for a step or two: a gradient is vacuous
only if it is zero in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.agreement import Verdict, compare
from crosscheck.axes import Array
from crosscheck.backends.base import Point, Rule, Slope, Subject
from crosscheck.feed import Feed
from crosscheck.locate import Divergence
from crosscheck.noise import Lift
from crosscheck.observation import Key, Observation
from crosscheck.rungs.backward import KINDS as BACKWARD
from crosscheck.rungs.finding import AGREE, DIVERGE, NOT_RUN, Finding
from crosscheck.rungs.forward import KINDS as FORWARD
from crosscheck.rungs.one_vector import OneVector
from crosscheck.rungs.passes import compare_passes
from crosscheck.session import Session

KINDS = {"loss", "gradient", "moment", "state", "parameter"}
STEPS = 10
FREE_STEPS = 100
FREE_RULES = ((4, None), (8, ("adam",)))
"""Which optimizers run freely in a net of up to so many parameters: all, or those named. In none of a larger net."""
BATCHES = 3
RULES = (
    Rule("gradient_descent", {"alpha": 0.11}),
    Rule("momentum", {"alpha": 0.13, "beta": 0.8}),
    Rule("nesterov", {"alpha": 0.07, "beta": 0.7}),
    Rule("rmsprop", {"alpha": 0.015, "beta": 0.85, "epsilon": 1e-6}),
    Rule("adam", {"alpha": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}),
    Rule("adamw", {"alpha": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6, "lambd": 0.3}),
)


def check(session: Session, rules: Sequence[Rule] = RULES, free_steps: int = FREE_STEPS) -> Finding:
    """Judge the steps of the given optimizers; with no free steps there is no drift to report."""
    if not session.case.cost:
        return Finding("training", NOT_RUN, reason="it is trained as part of a net")
    verdicts: list[Verdict] = []
    dead: set[Key] | None = None
    for step, found in enumerate(shared_steps(session, rules)):
        vacuous = {v.key for v in found if v.is_vacuous}
        dead = vacuous if dead is None else dead & vacuous
        verdicts += [v for v in found if v.key not in vacuous]
        failed = next((v for v in found if not v.agrees and v.key not in vacuous), None)
        if failed:
            return refusal(session, step, failed, verdicts)
    if dead:
        failed = next(v for v in found if v.key in dead)
        return refusal(session, STEPS - 1, failed, [*verdicts, failed])
    free = free_rules(rules, len(session.feed().params)) if free_steps else []
    drift = {rule.name: free_running_drift(session, rule, free_steps) for rule in free}
    return Finding("training", AGREE, verdicts, figures={f"drift_per_{free_steps}_steps": drift} if drift else {})


def refusal(session: Session, step: int, failed: Verdict, verdicts: list[Verdict]) -> Finding:
    """A wrong loss or gradient is the cost's doing, what is wrong after a right gradient the optimizer's; but not if
    the net is at fault already."""
    for kinds in (FORWARD, BACKWARD):
        _, net = compare_passes(session, kinds)
        if net:
            return Finding("training", DIVERGE, verdicts, net, f"{net}: {net.verdict.problem}")
    rule = failed.key.path.split(" ")[0]
    path = f"training.optimizers.{rule}" if failed.key.kind in ("moment", "parameter") else session.case.cost
    divergence = Divergence("training", path, failed.off, failed)
    return Finding("training", DIVERGE, verdicts, divergence, f"{divergence}, step {step + 1}: {failed.problem}")


def shared_steps(session: Session, rules: Sequence[Rule]) -> Iterator[list[Verdict]]:
    """Verdicts of each step, all columns starting it from where the reference stands."""
    oracle = session.oracle
    vector = OneVector(session.feed().params)
    for step, (batch, points, seen) in enumerate(steps(session, rules)):
        joined = [vector.point(point) for point in points]

        def experiment(
            lift: Lift, batch: Feed = batch, start: Point = points[0], joined: Sequence[Point] = joined
        ) -> Mapping[Key, Any]:
            slope = oracle.slope_as(lift, batch, start)
            whole = vector.slope(slope)
            after = [vector.apart(oracle.update_as(lift, rule, at, whole)) for rule, at in zip(rules, joined)]
            return tensors_of(rules, slope, after)

        yield compare(seen, session.reference(f"{rules} step {step}", experiment), KINDS, session.case.vacuous)


def steps(session: Session, rules: Sequence[Rule]) -> Iterator[tuple[Feed, Sequence[Point], list[Observation]]]:
    """The batch of each step, the points that the optimizers start from, and what every column does there."""
    feed = session.feed()
    points = [Point(feed.params, feed.state)] * len(rules)
    for step in range(STEPS):
        batch = session.feed(step % BATCHES)
        after = {column: step_of(session.subject(column), batch, rules, points) for column in session.running()}
        yield batch, points, [observed(column, rules, *result) for column, result in after.items()]
        _, (first, *others) = after["numpy"]
        points = [first, *(replace(point, params=first.params) for point in others)]


def step_of(subject: Subject, batch: Feed, rules: Sequence[Rule], points: Sequence[Point]) -> tuple[Slope, list[Point]]:
    """One slope, and where each optimizer goes from there."""
    slope = subject.slope(batch, points[0])
    return slope, [subject.update(rule, point, slope) for rule, point in zip(rules, points)]


def free_rules(rules: Sequence[Rule], parameters: int) -> list[Rule]:
    names = next((names for most, names in FREE_RULES if parameters <= most), ())
    return [rule for rule in rules if names is None or rule.name in names]


def free_running_drift(session: Session, rule: Rule, steps: int) -> float:
    """The largest difference of a parameter, in units of its scale, after the steps of each column on its own."""
    ends = [free_run(session, column, rule, steps) for column in session.running()]
    return max(drift_between(ends[0], end) for end in ends[1:])


def free_run(session: Session, column: str, rule: Rule, steps: int) -> Mapping[str, Array]:
    feed = session.feed()
    point = Point(feed.params, feed.state)
    for step in range(steps):
        point = session.subject(column).step(session.feed(step % BATCHES), rule, point)
    return point.params


def drift_between(a: Mapping[str, Array], b: Mapping[str, Array]) -> float:
    return max(float(np.abs(a[path] - b[path]).max() / max(np.abs(a[path]).max(), 1e-300)) for path in a)


def observed(column: str, rules: Sequence[Rule], slope: Slope, after: Sequence[Point]) -> Observation:
    tensors = {key: np.asarray(value) for key, value in tensors_of(rules, slope, after).items()}
    return Observation(column, tensors, dict.fromkeys(tensors, ""))


def tensors_of(rules: Sequence[Rule], slope: Slope, after: Sequence[Point]) -> dict[Key, Any]:
    """The slope's tensors, and under each optimizer's name its moments and parameters after the step."""
    tensors: dict[Key, Any] = {Key("loss"): slope.loss}
    tensors |= {Key("gradient", path): value for path, value in slope.gradients.items()}
    tensors |= {Key("state", path): value for path, value in slope.state.items()}
    for rule, point in zip(rules, after):
        for name, values in point.moments.items():
            tensors |= {Key("moment", f"{rule.name} {name} {path}"): value for path, value in values.items()}
        tensors |= {Key("parameter", f"{rule.name} {path}"): value for path, value in point.params.items()}
    return tensors
