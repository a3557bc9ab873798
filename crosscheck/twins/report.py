"""What a comparison found, as data; `report/` turns it into text, JSON and a page."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from crosscheck.models.model import Model
from crosscheck.pairing.links import Pairing
from crosscheck.twins.hunt import Culprit
from crosscheck.twins.ladder import Finding
from crosscheck.twins.locate import Divergence
from crosscheck.twins.measure import Gap


@dataclass
class Report:
    """agree: every rung that was run agrees, and at least one was. first_divergence: the first culprit that is not
    excused; causes: every explanation that was found; tensors: every tensor compared, by rung."""

    models: list[dict[str, Any]] = field(default_factory=list)
    pairing: Pairing = field(default_factory=lambda: Pairing(()))
    dtype: str = "float64"
    findings: list[Finding] = field(default_factory=list)
    culprits: list[Culprit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    traceback: str = ""
    seconds: float = 0.0

    @property
    def agree(self) -> bool:
        run = [finding for finding in self.findings if finding.gaps]
        return not self.problem and bool(run) and not any(f.diverges and not f.excused for f in run)

    def accused(self) -> list[Culprit]:
        return [culprit for culprit in self.culprits if not culprit.excused]

    @property
    def first_divergence(self) -> Divergence | None:
        return next((culprit.divergence for culprit in self.accused()), None)

    @property
    def causes(self) -> list[Any]:
        return [culprit.explanation for culprit in self.accused() if culprit.explanation]

    @property
    def tensors(self) -> dict[str, list[Gap]]:
        return {finding.rung: finding.gaps for finding in self.findings}

    def add(self, culprits: Sequence[Culprit]) -> None:
        """Those that have not been told: what is wrong forward is wrong backward too, and on later rungs."""
        for culprit in culprits:
            place = culprit.divergence.first, culprit.divergence.wiring, culprit.divergence.before
            if place not in [(c.divergence.first, c.divergence.wiring, c.divergence.before) for c in self.culprits]:
                self.culprits.append(culprit)

    def fail(self, problem: str, error: Exception) -> None:
        self.problem = problem
        self.traceback = "".join(traceback.format_exception(error))

    def tell_pairing(self, first: Model, second: Model) -> None:
        """What of either model has no counterpart."""
        for which, model, paths in (
            ("first", first, self.pairing.first_alone),
            ("second", second, self.pairing.second_alone),
        ):
            for path in paths:
                leaf = model.leaf(path)
                self.notes.append(f"only the {which} model has {path} {leaf.shape}")
        self.notes += [f"the second model has no place for {slot}" for slot in self.pairing.lost()]
        self.notes += list(self.pairing.open)
