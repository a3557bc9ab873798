"""The pytest plugin: run on test files of its own."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from crosscheck import registry

pytest_plugins = ["pytester"]

REGISTERED = any(point.value == "crosscheck.pytest_plugin" for point in entry_points(group="pytest11"))
PLUGIN = () if REGISTERED else ("-p", "crosscheck.pytest_plugin")

MODELS = """
import pytest
import torch
from torch import nn


def net(act, **norm):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), act, nn.LayerNorm(7, **norm), nn.Linear(7, 3))


FIRST, SECOND = net(nn.GELU()), net(nn.GELU(approximate="tanh"))
SPEC = "x: n c = 4 5"
"""


def test_the_project_registers_the_plugin():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"crosscheck": "crosscheck.pytest_plugin"}


TESTS = """
import crosscheck


def test_apart(assert_agree):
    assert_agree(FIRST, SECOND, SPEC, rungs=("eval",))


def test_by_the_function():
    crosscheck.assert_agree(FIRST, net(nn.GELU(), eps=1e-3), SPEC, rungs=("eval",))


@pytest.mark.crosscheck(rungs=("given",), seed=3)
def test_marked(assert_agree):
    report = assert_agree(FIRST, FIRST, SPEC)
    assert report.agree
    assert [finding.rung for finding in report.findings] == ["given"]
    assert report.seed == 3
"""


@pytest.mark.skipif(bool(registry.missing("torch")), reason="torch is not installed")
def test_a_failure_is_the_report_alone_and_the_marker_sets_the_arguments(pytester):
    pytester.makepyfile(MODELS + TESTS)
    run = pytester.runpytest_subprocess(*PLUGIN, "--strict-markers", "--crosscheck-reports", "out")
    run.assert_outcomes(passed=1, failed=2)
    run.stdout.fnmatch_lines(
        ["*Sequential (torch) and * differ on eval", "*first divergence*between 0 and 2, where 1 (GELU) is"]
    )
    run.stdout.fnmatch_lines(["*Sequential (torch) and * differ on eval", "*first divergence*2 (LayerNorm)"])
    run.stdout.no_fnmatch_line("*Traceback*")
    run.stdout.no_fnmatch_line("*def test_*")
    kept = sorted(file.name.partition("_test_")[2] for file in (pytester.path / "out").iterdir())
    assert kept == ["apart.html", "apart.json", "marked.html", "marked.json"]


def test_the_plugin_loads_no_framework_where_it_is_not_used(pytester):
    pytester.makepyfile(
        """
import sys

def test_nothing():
    assert not {"torch", "jax", "flax", "rich"} & set(sys.modules)
"""
    )
    pytester.runpytest_subprocess(*PLUGIN).assert_outcomes(passed=1)
