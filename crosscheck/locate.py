"""Where the columns first part: the submodule whose inputs agree and whose output does not, forward or backward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from crosscheck.agreement import Verdict
from crosscheck.observation import Key


@dataclass(frozen=True)
class Divergence:
    """The first divergence: direction "forward", "backward", "state" or "training"; the submodule's path ("" is the
    whole); the column that is off; the verdict that shows it; whether the submodule's parts are all sound, so that
    their wiring is to blame."""

    direction: str
    path: str
    off: str
    verdict: Verdict
    wiring: bool = False

    def __str__(self) -> str:
        where = ("wiring of " if self.wiring else "") + (self.path or "the whole")
        return f"{self.direction}: {where}, {self.off or 'no column to blame'} off at {self.verdict.key}"


def first_divergence(verdicts: Sequence[Verdict], modules: Sequence[str]) -> Divergence | None:
    """The first divergence in forward order; else in backward order; else in the state. None if all agree.

    `modules` are the submodules' paths in the order in which they completed. A module whose inputs already disagree
    though nothing before it does is innocent: the fault is in the wiring of the module around it.
    """
    failed = [verdict for verdict in verdicts if not verdict.agrees]
    if not failed:
        return None
    bad = {verdict.key: verdict for verdict in failed}
    at = Blame(bad, modules)
    found = (
        at.search("forward", modules, ok=["input"], wrong=lambda path: at.own(path, ["activation"]))
        or at.search(
            "backward",
            list(reversed(modules)),
            ok=["cotangent"],
            wrong=lambda path: at.own(path, ["input cotangent"]) or at.parameters(path, "gradient"),
        )
        or at.search("state", modules, ok=["input"], wrong=lambda path: at.parameters(path, "state"))
    )
    return found or Divergence(direction_of(failed[0].key), "", failed[0].off, failed[0])


class Blame:
    """Which verdicts speak against which module."""

    def __init__(self, bad: dict[Key, Verdict], modules: Sequence[str]):
        self.bad, self.modules = bad, modules

    def own(self, path: str, kinds: Iterable[str]) -> Verdict | None:
        """The failed verdict on one of the module's own inputs or outputs."""
        for key, verdict in self.bad.items():
            if key.kind in kinds and key.path.partition("[")[0] == path:
                return verdict
        return None

    def parameters(self, path: str, kind: str) -> Verdict | None:
        """The failed verdict on one of the module's own parameters or statistics."""
        base = path.partition("#")[0]
        for key, verdict in self.bad.items():
            if key.kind == kind and key.path.rpartition(".")[0] == base:
                return verdict
        return None

    def search(
        self, direction: str, order: Sequence[str], ok: Sequence[str], wrong: Callable[[str], Verdict | None]
    ) -> Divergence | None:
        """The first module in `order` that is given what it should be and gives what it should not, innermost first."""
        suspects = {path: verdict for path in order if not self.own(path, ok) and (verdict := wrong(path))}
        for path, verdict in suspects.items():
            if not any(is_below(other, path) for other in suspects):
                return Divergence(direction, path, verdict.off, verdict)
        return None


def is_below(path: str, ancestor: str) -> bool:
    return path != ancestor and (ancestor == "" or path.startswith(f"{ancestor}."))


def direction_of(key: Key) -> str:
    if "gradient" in key.kind or "cotangent" in key.kind:
        return "backward"
    return {"state": "state", "loss": "training", "parameter": "training", "moment": "training"}.get(
        key.kind, "forward"
    )
