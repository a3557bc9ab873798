"""For pytest: the fixture `assert_agree`, the marker `crosscheck`, and failures that are the one-screen report.

    @pytest.mark.crosscheck(rungs=("eval", "train"), seed=3)      arguments of every comparison of the test
    def test_the_port(assert_agree):
        assert_agree(torch_model, flax_model, "x: n c h w = 2 3 32 32")

    pytest --crosscheck-reports DIR                               a page and a JSON file for every comparison

Registered by an entry point; imports no framework.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("crosscheck").addoption(
        "--crosscheck-reports", metavar="DIR", help="write a page and a JSON file of every comparison there"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "crosscheck(rungs=..., seed=..., pairing=...): arguments of the comparisons of assert_agree"
    )


@pytest.fixture
def assert_agree(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """crosscheck.assert_agree with the arguments of the marker; returns the report."""
    import crosscheck
    from crosscheck.twins.disagreement import Disagreement

    marked = {name: value for mark in request.node.iter_markers("crosscheck") for name, value in mark.kwargs.items()}
    folder, count = request.config.getoption("--crosscheck-reports"), 0

    def compared(first: Any, second: Any, inputs: Any, **options: Any) -> Any:
        nonlocal count
        __tracebackhide__ = True
        report = crosscheck.compare(first, second, inputs, **{**marked, **options})
        count += 1
        if folder:
            save(report, Path(folder), request.node.nodeid, count)
        if not report.agree:
            raise Disagreement(report)
        return report

    return compared


def save(report: Any, folder: Path, test: str, count: int) -> None:
    name = re.sub(r"[^\w.=-]+", "_", test) + (f"_{count}" if count > 1 else "")
    report.write_json(folder / f"{name}.json")
    report.write_html(folder / f"{name}.html")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A disagreement is told by its report alone: where in the test it arose says nothing."""
    result = yield
    if call.excinfo is not None and type(call.excinfo.value).__name__ == "Disagreement":
        from crosscheck.twins.disagreement import Disagreement

        if isinstance(call.excinfo.value, Disagreement):
            result.longrepr = str(call.excinfo.value.report)
    return result
