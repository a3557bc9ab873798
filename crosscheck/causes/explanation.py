"""What explains a divergence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crosscheck.causes.catalogue import Cause


@dataclass(frozen=True)
class Explanation:
    """first, second: what either side does, in words; causes: what they differ by; departs: "first", "second", "both"
    or "neither", whichever is not the standard way; before, after: the relative difference, and what is left of it once
    the second side's way is replaced by the first's."""

    causes: tuple[Cause, ...]
    first: str
    second: str
    departs: str
    before: float
    after: float

    @property
    def turned(self) -> Explanation:
        """With the sides exchanged."""
        departs = {"first": "second", "second": "first"}.get(self.departs, self.departs)
        return replace(self, first=self.second, second=self.first, departs=departs)

    def __str__(self) -> str:
        return f"{' and '.join(cause.id for cause in self.causes)}: {self.first} | {self.second}"
