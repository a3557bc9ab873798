"""Shares with their denominators and exact (Clopper-Pearson) 95 % bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from scipy.stats import beta

from crosscheck.faults.conventional import TOLERANCES
from crosscheck.faults.score import Score
from crosscheck.faults.trial import Trial
from crosscheck.ladder import RUNGS

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """`count` of the `total` in a group of trials in a dtype; by: "crosscheck" or the name of a rule of thumb."""

    what: str
    dtype: str
    by: str
    count: int
    total: int
    group: str = "all"

    @property
    def low(self) -> float:
        return float(beta.ppf((1 - CONFIDENCE) / 2, self.count, self.total - self.count + 1)) if self.count else 0.0

    @property
    def high(self) -> float:
        more = self.total - self.count
        return float(beta.ppf((1 + CONFIDENCE) / 2, self.count + 1, more)) if more else 1.0

    def __str__(self) -> str:
        if not self.total:
            return "none"
        return f"{self.count}/{self.total} = {self.count / self.total:.1%} [{self.low:.1%}, {self.high:.1%}]"


def shares(score: Score) -> list[Share]:
    """Every share that is reported, dtype by dtype."""
    found: list[Share] = []
    for dtype in dict.fromkeys(sound.dtype for sound in score.sound):
        faulty = [trial for trial in score.faulty if trial.dtype == dtype]
        found += own(faulty, dtype)
        found += by_group(faulty, dtype)
        found += by_rung(faulty, dtype)
        found += alarms(score, dtype)
        found += conventional(score, dtype)
    return found


def own(faulty: list[Trial], dtype: str, group: str = "all") -> list[Share]:
    caught = [trial for trial in faulty if trial.detected]
    return [
        Share("detected", dtype, "crosscheck", len(caught), len(faulty), group),
        Share("right submodule", dtype, "crosscheck", count(t.blamed_right for t in caught), len(caught), group),
        Share("right column", dtype, "crosscheck", count(t.column_right for t in caught), len(caught), group),
    ]


def by_group(faulty: list[Trial], dtype: str) -> list[Share]:
    """By what a fault bites, and by the column it is planted in."""
    groups = {trial.bites for trial in faulty} | {trial.column for trial in faulty}
    return [
        share
        for group in sorted(groups)
        for share in own([trial for trial in faulty if group in (trial.bites, trial.column)], dtype, group)
    ]


def by_rung(faulty: list[Trial], dtype: str) -> list[Share]:
    """Which rung refuses a fault first, and whether it blames rightly."""
    found = []
    for rung in (rung for rung in RUNGS if any(trial.rung == rung for trial in faulty)):
        first = [trial for trial in faulty if trial.rung == rung]
        detected, *right = own(first, dtype, f"{rung} rung")
        found += [replace(detected, what="refused first", total=len(faulty)), *right]
    return found


def alarms(score: Score, dtype: str) -> list[Share]:
    """Sound pairs accused: all pairs of a sound case, and the two columns beside a faulty one; and controls refused."""
    sound = [clean for clean in score.sound if clean.dtype == dtype]
    faulty = [trial for trial in score.faulty if trial.dtype == dtype and trial.detected]
    controls = [trial for trial in score.controls if trial.dtype == dtype]
    beside = count(trial.accuses_sound for trial in faulty)
    return [
        Share(
            "sound pairs accused",
            dtype,
            "crosscheck",
            sum(len(clean.accused) for clean in sound),
            sum(len(clean.pairs) for clean in sound),
        ),
        Share("sound pairs beside a fault accused", dtype, "crosscheck", beside, len(faulty)),
        Share("controls refused", dtype, "crosscheck", count(t.detected for t in controls), len(controls)),
    ]


def conventional(score: Score, dtype: str) -> list[Share]:
    """The rules of thumb. A refusal is useful if the case passes when it is sound: who always cries finds nothing."""
    sound = {(c.case, c.seed): c.conventional for c in score.sound if c.dtype == dtype}
    asked = [trial for trial in score.faulty if trial.dtype == dtype and trial.conventional]
    controls = [trial for trial in score.controls if trial.dtype == dtype and trial.conventional]
    found = []
    for rule in TOLERANCES:
        refused = [trial for trial in asked if trial.conventional[rule]]
        useful = count(not sound[trial.case, trial.seed][rule] for trial in refused)
        found += [
            Share("detected", dtype, rule, len(refused), len(asked)),
            Share("detected usefully", dtype, rule, useful, len(asked)),
            Share("sound cases refused", dtype, rule, count(c[rule] for c in sound.values()), len(sound)),
            Share("controls refused", dtype, rule, count(t.conventional[rule] for t in controls), len(controls)),
        ]
    return found


def count(flags: Iterable[bool]) -> int:
    return sum(map(bool, flags))
