"""What a comparison found, as data; `report/` turns it into text, JSON and a page."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crosscheck.models.model import Model
from crosscheck.pairing.links import Pairing
from crosscheck.report.comparison_words import MOST
from crosscheck.twins.hunt import Culprit
from crosscheck.twins.ladder import Finding
from crosscheck.twins.layers import Layer
from crosscheck.twins.layouts import conventions
from crosscheck.twins.locate import Divergence
from crosscheck.twins.measure import Gap
from crosscheck.twins.twins import Twins


def place_of(culprit: Culprit) -> tuple[str, bool, str, bool]:
    divergence = culprit.divergence
    return divergence.first, divergence.wiring, divergence.before, bool(culprit.excused)


@dataclass(repr=False)
class Report:
    """What `crosscheck.compare` returns. print(report) is one screen; in a notebook it is a page.

    agree             every rung that was run agrees, at least one was, and no model raised
    first_divergence  the first place that is to blame, or None: direction, first, second (paths), gap, where
    causes            what explains the divergences: title, both sides' ways, the figures before and after, the fix
    tensors           everything that was compared, by rung; notes: what else a reader should know
    document()        all of it as plain data (docs/compare.md); write_json(path), write_html(path)
    reproduction(dir) the diverging layer alone, as a script with its input and weights
    """

    models: list[dict[str, Any]] = field(default_factory=list)
    pairing: Pairing = field(default_factory=lambda: Pairing(()))
    dtype: str = "float64"
    findings: list[Finding] = field(default_factory=list)
    culprits: list[Culprit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    traceback: str = ""
    seconds: float = 0.0
    seed: int = 0
    inputs: list[dict[str, Any]] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    twins: Twins | None = None
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """agree, diverge, crashed (a model raised), or not run (nothing was compared)."""
        if any(f.diverges and not f.excused for f in self.findings):
            return "diverge"
        if self.problem or any(f.reason.startswith("raised") for f in self.findings):
            return "crashed"
        return "agree" if any(f.gaps for f in self.findings) else "not run"

    @property
    def agree(self) -> bool:
        return self.status == "agree"

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
            if place_of(culprit) not in map(place_of, self.culprits):
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
                if path == leaf.path:
                    self.notes.append(f"only the {which} model has {path} {leaf.shape}")
        self.notes += [f"the second model has no place for {slot}" for slot in self.pairing.lost()]
        self.notes += [
            f"{path} of the second model is 0: the first has one bias for two" for path in self.pairing.zeros
        ]
        self.notes += [
            f"{link.first} meets images that are flattened in another order: {link.pattern}"
            for link in self.pairing.links
            if link.why == "flattened images"
        ]
        self.notes += list(self.pairing.open)

    def tell_outputs(self, twins: Twins) -> None:
        """What comes out in an order of the axes that is no convention."""
        for name, (other, fit) in twins.expected.names.items():
            first, second = twins.expected.first[name].shape, twins.expected.second[other].shape
            if len(first) == len(second) and fit.pattern not in conventions(len(first), twins.images):
                self.notes.append(f"{f'output {name}'.strip()} has its axes in another order: {first} and {second}")

    def tell_narrow(self, models: Sequence[Model]) -> None:
        """Where a model makes float32 whatever dtype it is run in."""
        for which, entry, model in zip(("first", "second"), self.models, models):
            entry["narrow"] = list(model.narrow)
            if model.narrow and self.twins is not None and self.dtype == "float64":
                names = [path or "its own code" for path in model.narrow[:MOST]]
                more = f" and {len(model.narrow) - MOST} more places" if len(model.narrow) > MOST else ""
                self.notes.append(
                    f"the {which} model makes float32 of float64 in {', '.join(names)}{more}; on the rungs in "
                    "float64 it was run without that"
                )

    def tell_padding(self, finding: Finding) -> None:
        """Once for every output, whatever the rung."""
        for gap in finding.padded:
            apart = gap.problem or f"relative {gap.relative:.2g}"
            where = self.twins.padding if self.twins else ""
            note = f"{gap} is apart at padding, {where}, which is a matter of convention: {apart}"
            if not any(other.startswith(f"{gap} is apart at padding") for other in self.notes):
                self.notes.append(note)

    # What it looks like

    def __repr__(self) -> str:
        at = f" at {self.first_divergence.where}" if self.first_divergence else ""
        return f"<crosscheck Report: {self.status}{at}>"

    def __str__(self) -> str:
        from crosscheck.report.comparison_terminal import text

        return text(self.document())

    def _repr_html_(self) -> str:
        from crosscheck.report.comparison_html import framed

        return framed(self.document())

    def document(self, command: str = "") -> dict[str, Any]:
        """The report as plain data, of which docs/compare.md says what each entry means."""
        from crosscheck.report.comparison import document

        return document(self, command)

    def write_json(self, path: str | Path) -> None:
        from crosscheck.report import as_json

        as_json.write(self.document(), Path(path))

    def write_html(self, path: str | Path) -> None:
        from crosscheck.report.comparison_html import write

        write(self.document(), Path(path))

    def reproduction(self, folder: str | Path) -> Path:
        """Write the first divergence alone into a folder: reproduce.py, which needs nothing of crosscheck, and its
        arrays. Returns the script's path. Raises ValueError if nothing diverges."""
        from crosscheck.twins.reproduction import write

        return write(self, Path(folder))
