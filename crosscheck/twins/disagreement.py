"""What assert_agree raises: an AssertionError whose message is the one screen of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crosscheck.twins.report import Report


class Disagreement(AssertionError):
    """report: the comparison."""

    def __init__(self, report: Report):
        super().__init__(f"\n{report}")
        self.report = report
