"""One case being checked: its feeds, its subjects in every column, and what they were seen to do (each run once)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from crosscheck import exact_feed, noise, policies, registry
from crosscheck import feed as feeds
from crosscheck.agreement import Truth, vacuity
from crosscheck.axes import Array
from crosscheck.backends.base import Subject, astuple, reference_module, subject
from crosscheck.case import Case
from crosscheck.feed import Feed, same
from crosscheck.noise import Experiment
from crosscheck.numerics.formats import arithmetic, round_to
from crosscheck.observation import Key, Observation
from crosscheck.proofs import Proof, proofs

NUMPY_DTYPES = ("float64", "float32")
"""What the reference itself can run in; in other dtypes it takes part as the float64 truth."""

ATTEMPTS, APART = 10, 1_000_003
"""How often a case's random numbers are drawn, and how far apart the seeds of the attempts are."""

Batch = int | str
"""A random batch by its number, or one of the exact data sets by its name."""


@dataclass
class Session:
    """`columns` are those that can run, the reference first; `broken` says why a column could not be built."""

    case: Case
    columns: Sequence[str]
    dtypes: Sequence[str] = ("float64",)
    device: str = "cpu"
    seed: int = 0
    dtype: str = "float64"
    broken: dict[str, str] = field(default_factory=dict)
    subjects: dict[tuple[str, str], Subject] = field(default_factory=dict)
    observations: dict[Any, Observation] = field(default_factory=dict)
    feeds: dict[Batch, Feed] = field(default_factory=dict)
    siblings: dict[str, Session] = field(default_factory=dict)
    references: dict[str, Truth] = field(default_factory=dict)
    proved: dict[Any, list[tuple[Feed, Mapping[Key, Proof]]]] = field(default_factory=dict)
    built: dict[str, Subject] = field(default_factory=dict)
    """By column the first that was built, of which those of other dtypes and modes are siblings."""

    def subject(self, column: str, mode: str = "") -> Subject:
        """The case in a column; its usual mode is jit for JAX and eager for the others."""
        key = (column, mode or usual_mode(column))
        if column == "numpy" and self.dtype not in NUMPY_DTYPES:
            return cast(Subject, self.oracle)
        if key not in self.subjects:
            device = self.device if column != "numpy" else "cpu"
            if column in self.built:
                self.subjects[key] = self.built[column].sibling(self.dtype, key[1])
            else:
                self.subjects[key] = subject(column, self.case, self.dtype, key[1], device)
                self.built[column] = self.subjects[key]
        return self.subjects[key]

    def sibling(self, dtype: str) -> Session:
        """The same case in another dtype."""
        if dtype == self.dtype:
            return self
        if dtype not in self.siblings:
            self.siblings[dtype] = replace_dtype(self, dtype)
        return self.siblings[dtype]

    def running(self) -> list[str]:
        return [column for column in self.columns if column not in self.broken]

    def reference(self, label: str, experiment: Experiment) -> Truth:
        """What the reference says in float64, and the noise of the tested dtype; `label` names the experiment."""
        if label not in self.references:
            exact = noise.exact(experiment)
            name = f"{self.case!r}|{self.seed}|{label}"
            usual = noise.Floors(exact, lambda: noise.floors(experiment, exact, self.dtype, name))
            own = noise.Floors(exact, lambda: noise.floors(experiment, exact, self.dtype, name, self.dtype))
            narrow = {column: policies.narrow(column, self.dtype, exact, self.oracle.module) for column in self.columns}
            special = {column: noise.Floors(keys, lambda: own) for column, keys in narrow.items()}
            rare = noise.Floors(exact, lambda: noise.floors(experiment, exact, self.dtype, name, rare=True))
            self.references[label] = Truth(exact, usual, special, {} if self.dtype == "float64" else rare)
        return self.references[label]

    def reference_pass(self, train: bool, batch: Batch = 0) -> Truth:
        """The reference's forward and backward pass, with its noise."""
        subject = self.oracle
        return self.reference(
            f"pass {train} {batch}", lambda lift: subject.observe_as(lift, self.feed(batch), train).tensors
        )

    def proofs(self, train: bool, data_set: str) -> Mapping[Key, Proof]:
        """What certificates prove of the reference's pass; dtypes in which the same numbers are fed share it."""
        feed, made = self.feed(data_set), self.proved.setdefault((train, data_set), [])
        for known, found in made:
            if same(known, feed):
                return found
        name = f"{self.case!r}|{self.seed}|pass {train} {data_set}"
        exact = self.reference_pass(train, data_set).tensors
        found = proofs(lambda lift: self.oracle.observe_as(lift, feed, train).tensors, exact, name)
        made.append((feed, found))
        return found

    @cached_property
    def oracle(self) -> Any:
        """The reference in float64, whatever the tested dtype."""
        return subject("numpy", self.case)

    def observe(self, column: str, train: bool, batch: Batch = 0, mode: str = "", trace: bool = True) -> Observation:
        key = (column, train, batch, mode, trace)
        if key not in self.observations:
            seen = self.subject(column, mode).observe(self.feed(batch), train, trace)
            self.observations[key] = seen if not mode else replace(seen, column=f"{column} {mode}")
        return self.observations[key]

    def observe_all(self, train: bool, batch: Batch = 0) -> list[Observation]:
        return [self.observe(column, train, batch) for column in self.running()]

    def observe_able(self, train: bool, batch: Batch = 0) -> tuple[list[Observation], dict[str, str]]:
        """Like observe_all, without the columns whose framework lacks an operation in this dtype, and what it lacks."""
        seen, lacking = [], {}
        for column in self.running():
            try:
                seen.append(self.observe(column, train, batch))
            except NotImplementedError as error:
                lacking[f"{column} {self.dtype}"] = str(error)
        return seen, lacking

    def feed(self, batch: Batch = 0) -> Feed:
        if batch not in self.feeds:
            self.feeds[batch] = self.make_feed(batch)
        return self.feeds[batch]

    def make_feed(self, batch: Batch) -> Feed:
        if isinstance(batch, int):
            return self.random_feed(batch, self.drawn)
        module = reference_module(self.case)
        return self.filled(self.exact_point(module, batch), module, batch, self.seed, exact_feed.cotangent)

    @cached_property
    def drawn(self) -> int:
        """The seed of the random batches: the given one, or where the reference's own pass on the first of them shows
        nothing (all relus of a small net can be dead) the next with which it does."""
        for attempt in range(ATTEMPTS):
            seed = self.seed + attempt * APART
            feed = self.random_feed(0, seed)
            seen = [self.oracle.observe(feed, train).tensors for train in passes(feed)]
            if not any(self.vacuities(tensors) for tensors in seen):
                return seed
        return self.seed

    def vacuities(self, tensors: Mapping[Key, Array]) -> list[Key]:
        """Which of a column's tensors would show nothing if all columns had them, and are not expected to."""
        return [key for key, t in tensors.items() if str(key) not in self.case.vacuous and vacuity(key, {"numpy": t})]

    def random_feed(self, batch: int, seed: int) -> Feed:
        module = reference_module(self.case)
        return self.filled(self.random_point(module, batch, seed), module, batch, seed, feeds.cotangent)

    def filled(self, bare: Feed, module: Any, batch: Batch, seed: int, cotangent: Callable[..., Array]) -> Feed:
        """With the cotangents and masks that the reference's own forward pass tells that it takes."""
        outputs, uniforms = self.discover(module, bare, batch, seed)
        cotangents = {i: cotangent(self.case, seed, np.shape(y), i) for i, y in enumerate(outputs)}
        return replace(bare, cotangents=tuple(self.rounded(cotangents).values()), uniforms=self.rounded(uniforms))

    def random_point(self, module: Any, batch: int, seed: int) -> Feed:
        from reference.module import shapes

        own = (shapes(module), shapes(module, "state")) if hasattr(module, "parts") else ({}, {})
        return Feed(
            self.rounded(feeds.parameters(self.case, seed, own[0])),
            self.rounded(feeds.running_state(self.case, seed, own[1])),
            self.rounded(feeds.inputs_of(self.case, seed, batch)),
            feeds.labels_of(self.case, seed, batch),
        )

    def exact_point(self, module: Any, data_set: str) -> Feed:
        return Feed(
            self.rounded(exact_feed.parameters(self.case, self.seed, module, data_set)),
            self.rounded(exact_feed.running_state(self.case, self.seed, module, data_set)),
            self.rounded(exact_feed.inputs_of(self.case, self.seed, data_set)),
            None,
        )

    def rounded(self, values: Mapping[Any, Array]) -> dict[Any, Array]:
        """The nearest values of the tested dtype, so that every column is given the same numbers."""
        format = arithmetic(self.dtype).storage
        return {key: round_to(value, format) if value.dtype.kind == "f" else value for key, value in values.items()}

    def discover(
        self, module: Any, feed: Feed, batch: Batch, seed: int
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        """The outputs of a training pass of the reference, and the uniform numbers that its dropout asked for."""
        from reference.module import Mode, nest

        if not hasattr(module, "parts"):
            result = module(*feed.inputs.values())
            return astuple(result[0] if self.case.differentiable else result), {}
        asked: dict[str, Array] = {}

        def uniform(path: str, shape: tuple[int, ...]) -> Array:
            asked[path] = feeds.uniform(self.case, seed, batch, path, shape)
            return asked[path]

        Y, _, _ = module(nest(feed.params), nest(feed.state), *feed.inputs.values(), mode=Mode(True, uniform))
        return astuple(Y), asked

    def passes(self) -> list[bool]:
        return passes(self.feed())


def passes(feed: Feed) -> list[bool]:
    """The train flags worth running."""
    return [True, False] if feed.state or feed.uniforms else [True]


def replace_dtype(session: Session, dtype: str) -> Session:
    """A fresh session for another dtype, which shares what cannot be built and what does not depend on the dtype."""
    fresh = Session(session.case, session.columns, session.dtypes, session.device, session.seed, dtype)
    return replace(fresh, broken=session.broken, proved=session.proved, built=session.built)


def usual_mode(column: str) -> str:
    return "jit" if column == "jax" else "eager"


def split_columns(wanted: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The wanted columns that can run here, the reference always among them, and why the others cannot."""
    reasons = {column: registry.missing(column) for column in wanted}
    can = [column for column in registry.PACKAGES if column == "numpy" or (column in wanted and not reasons[column])]
    return can, {column: reason for column, reason in reasons.items() if reason}
