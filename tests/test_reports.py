"""The reports: one document, and what a terminal, a program, a build server and a reader get of it."""

import io
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from crosscheck.agreement import Verdict, broken
from crosscheck.ladder import RUNGS, Outcome, Settings
from crosscheck.locate import Divergence
from crosscheck.observation import Key
from crosscheck.report import as_html, as_json, junit, terminal
from crosscheck.report.files import write_atomically
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN, Finding
from crosscheck.settings import record
from crosscheck.suite import Results

SCHEMA = Path(__file__).parents[1] / "docs" / "report-schema.md"
PARTS = ("", "layers.0", "layers.1", "layers.2")
NASTY = "</script><b onclick=alert(1)>&amp;\x1b[31m"

JOB = {
    "name": "digits",
    "accuracy": {"numpy": 0.98, "torch": 0.98, "jax": 0.98},
    "disagreements": 0,
    "examples": 359,
    "curves": {column: [[epoch, 2.0 / epoch] for epoch in range(1, 30)] for column in ("numpy", "torch", "jax")},
    "drift": [[step, 0.0 if step < 3 else step * 1e-16] for step in range(1, 500)],
}


def verdict(kind, path="", units=1.0, **changes):
    made = Verdict(
        Key(kind, path),
        units={"numpy": 0.0, "torch": units, "jax": units / 2},
        needed=units / 8,
        error=units * 1e-16,
        bound=8e-16,
        relative=units * 1e-17,
        worst="n=3 m=0",
        values={"numpy": 0.1, "torch": 0.1 + units * 1e-16, "jax": 0.1},
    )
    return replace(made, **changes)


def agreeing(rung, units=1.0):
    kinds = {"forward": ("input", "activation"), "backward": ("cotangent", "input cotangent")}
    verdicts = [verdict(kind, path, units) for path in PARTS for kind in kinds.get(rung, ("output",))]
    return Finding(rung, AGREE, verdicts)


def outcome(case, *findings, why="to be seen"):
    found = {finding.rung: finding for finding in findings}
    rungs = [found.get(rung, agreeing(rung)) for rung in RUNGS]
    return Outcome(case, rungs, {}, 0.25, Settings(), why)


def diverging(rung="forward", path="layers.1"):
    bad = verdict("activation", path, 1e6, problem="differs", off="torch")
    divergence = Divergence("forward", path, "torch", bad)
    return Finding(rung, DIVERGE, [verdict("activation"), bad], divergence, f"{divergence}: differs")


def results(*outcomes, **changes):
    return Results(outcomes, record(), 1.5, **changes)


MIXED = results(
    outcome("layers.dense.Dense", Finding("state", NOT_RUN, reason="it keeps no running state")),
    outcome("layers.dense.Dense/wide", diverging(), diverging("modes"), why=NASTY),
    outcome("nets.deep_net.DeepNet", Finding("training", CRASHED, reason=f"ValueError: {NASTY}", traceback=NASTY)),
    outcome(
        "nets.shallow_net.ShallowNet", Finding("structure", DIVERGE, [broken(Key("structure"), "no bias", ["jax"])])
    ),
)


def shown(document, width=100):
    console = Console(file=io.StringIO(), width=width)
    terminal.show(document, console)
    return console.file.getvalue()


# The document, and JSON


def test_a_report_that_is_written_is_read_back_the_same(tmp_path):
    document = as_json.document(MIXED, [JOB], command="crosscheck run")
    as_json.write(document, tmp_path / "deep" / "report.json")
    assert as_json.read(tmp_path / "deep" / "report.json") == document
    assert (document["format"], document["version"]) == ("crosscheck report", 1)
    assert document["jobs"] == [JOB]


def test_the_document_says_what_happened():
    document = as_json.document(MIXED)
    assert document["status"] == "crashed"
    assert document["counts"] == {"crashed": 1, "diverge": 2, "agree": 1, "not run": 0}
    divergence = next(rung for rung in document["cases"][1]["rungs"] if rung["rung"] == "forward")["divergence"]
    assert (divergence["path"], divergence["off"]) == ("layers.1", "torch")
    assert divergence["tensor"]["values"].keys() == {"numpy", "torch", "jax"}
    assert "--rungs structure,forward,modes" in document["cases"][1]["reproduce"]
    crash = next(rung for rung in document["cases"][2]["rungs"] if rung["status"] == "crashed")
    assert crash["traceback"] == NASTY


def test_of_a_tensor_judged_at_every_step_the_worst_step_is_kept():
    steps = [verdict("loss", "adam", units) for units in (0.5, 3.0, 1.0)]
    document = as_json.document(results(outcome("a", Finding("training", AGREE, steps))))
    training = next(rung for rung in document["cases"][0]["rungs"] if rung["rung"] == "training")
    assert training["checked"] == 3
    assert [tensor["units"]["torch"] for tensor in training["tensors"]] == [3.0]


def test_a_number_that_is_not_finite_is_null():
    rung = as_json.document(MIXED)["cases"][3]["rungs"][0]
    assert rung["tensors"][0]["error"] is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a crosscheck report"),
        ('{"format": "another"}', "is not a crosscheck report"),
        ('{"format": "crosscheck report", "version": 99}', "is version 99"),
    ],
)
def test_another_file_is_refused(tmp_path, text, complaint):
    (tmp_path / "file").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        as_json.read(tmp_path / "file")


def names(value):
    """The names that the schema fixes; those of columns, versions, figures and the like are data."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            if name not in ("units", "values", "figures", "not_run", "counts", "versions", "environment", "columns"):
                yield from names(item)
    elif isinstance(value, list):
        for item in value:
            yield from names(item)


def test_every_entry_is_documented():
    documented = set(re.findall(r"`([a-z_]+)`", SCHEMA.read_text()))
    document = as_json.document(MIXED, [JOB])
    assert set(names(document | {"jobs": []})) <= documented
    assert set(JOB) <= documented


# Files


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "report.json"
    write_atomically(file, "old")

    def fail(*paths):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="full"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_can_be_read_by_whom_the_mask_allows(tmp_path):
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


# Terminal


def test_a_terminal_shows_a_line_a_case_and_expands_failures():
    text = shown(as_json.document(MIXED))
    assert "✗ torch" in text
    assert "! crashed" in text
    assert "forward, modes diverged" in text, "the same divergence is told once"
    assert re.search(r"worst at +n=3 m=0", text)
    assert "it keeps no running state" in text
    assert "4 cases: 1 crashed, 2 diverge, 1 agree" in text


def test_the_command_that_reproduces_is_on_one_line_however_narrow():
    text = shown(as_json.document(MIXED), width=40)
    assert "reproduce: crosscheck run layers.dense.Dense/wide --rungs structure,forward,modes\n" in text


def test_settings_that_differ_come_first():
    document = as_json.document(results(outcome("layers.dense.Dense")))
    document["audit"]["differences"] = ["threads: torch 1, jax 2"]
    assert shown(document).startswith("! settings differ: threads: torch 1, jax 2")
    page = as_html.render(document)
    assert page.index("Settings differ") < page.index('id="cases"')


def test_a_partial_report_says_so():
    left = [Finding(rung, NOT_RUN, reason="interrupted before it ran") for rung in RUNGS]
    document = as_json.document(results(outcome("a"), outcome("b", *left), interrupted=True))
    assert document["status"] == "not run"
    assert "this report is partial" in shown(document)
    assert "every rung in 1 case: interrupted" in shown(document)
    assert "this report is partial" in as_html.render(document)


# JUnit


def test_a_build_server_gets_a_test_a_rung():
    root = ElementTree.fromstring(junit.render(as_json.document(MIXED)))
    assert root.get("tests") == str(len(root.findall("testsuite/testcase"))) == str(4 * len(RUNGS))
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("3", "1", "1")
    error = root.find(".//error")
    assert "</script><b onclick" in error.text
    assert "\x1b" not in error.text
    assert "reproduce: crosscheck run nets.deep_net.DeepNet" in error.text


# The page

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """Checks that elements are closed in order; collects attributes and the data island."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.attributes, self.data, self.ids = [], [], "", []
        self.feed(text)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag, attributes):
        self.attributes += attributes
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.stack.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        assert self.stack.pop()[0] == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] == ("script", "data"):
            self.data += data


def test_the_page_is_well_formed_and_loads_nothing():
    text = as_html.render(as_json.document(MIXED, [JOB]))
    page = Page(text)
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text)
    loaded = [value for name, value in page.attributes if name in ("src", "href", "action", "data", "poster")]
    assert all(value.startswith(("#", "data:,")) for value in loaded)
    assert len(page.ids) == len(set(page.ids))


def test_the_page_holds_what_it_draws_and_no_value_breaks_out():
    page = Page(as_html.render(as_json.document(MIXED, [JOB])))
    data = json.loads(page.data)
    assert len(data["cases"]) == 4
    assert NASTY in json.dumps(data, ensure_ascii=False).encode().decode("unicode_escape")
    assert not [name for name, _ in page.attributes if name == "onclick"]
    charts = [json.loads(value) for name, value in page.attributes if name == "data-chart"]
    assert list(charts[0]["series"]) == ["numpy", "torch", "jax"]
    assert charts[1]["log"]


def test_disagreement_on_real_data_is_no_agreement():
    document = as_json.document(results(outcome("a")), [JOB | {"disagreements": 2}])
    assert "The columns disagree on real data" in as_html.render(document)


@cache
def many(count):
    rows = [outcome(f"layers.kind{i % 40}.Layer/{i}", why="one of many") for i in range(count - 1)]
    return as_json.document(results(*rows, outcome("nets.net.Net", diverging())), [JOB])


def test_two_thousand_rows_make_a_page_that_can_be_opened():
    text = as_html.render(many(2000))
    page = Page(text)
    assert sum(name == "data-index" for name, _ in page.attributes) == 2000
    assert text.partition("<script")[0].count("<table") == 1, "tables of tensors are made when a row is opened"
    assert len(text) < 20e6


# In a browser

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium here")
OPTIONS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"


def browse(page, profile, width=1200):
    """The page as it stands after its script ran, and what the console said."""
    words = [BROWSER, *OPTIONS.split(), f"--user-data-dir={profile}", f"--window-size={width},900"]
    words += ["--virtual-time-budget=4000", "--enable-logging=stderr", "--dump-dom", page]
    run = subprocess.run(words, capture_output=True, text=True, timeout=120)
    return run.stdout, [line for line in run.stderr.splitlines() if "CONSOLE" in line]


@needs_browser
def test_a_browser_draws_the_charts_and_opens_a_case(tmp_path):
    as_html.write(many(2000), tmp_path / "page.html")
    dom, complaints = browse(f"file://{tmp_path}/page.html#nets.net.Net", tmp_path / "profile")
    assert not complaints
    assert len(re.findall(r'<svg viewBox="0 0 \d', dom)) == 4, (
        "learning curves, drift, and the profiles of the case that the address names"
    )
    opened = dom[dom.index('id="nets.net.Net"') :]
    assert "✗ activation layers.1" in opened
    assert "limit 8" in opened


@needs_browser
@pytest.mark.parametrize("width", [360, 390, 1200])
def test_nothing_sticks_out_of_the_window(tmp_path, width):
    """The frame is as wide as a phone; a browser's own window cannot be."""
    page = as_html.render(as_json.document(MIXED, [JOB]))
    tell = "<script>setTimeout(() => parent.postMessage(document.documentElement.scrollWidth, '*'), 500)</script>"
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{tell}</body>"))
    frame = f"<iframe src='page.html#layers.dense.Dense/wide' style='border:0; width:{width}px; height:800px'></iframe>"
    hear = "<script>addEventListener('message', event => { document.title = 'width ' + event.data; })</script>"
    (tmp_path / "frame.html").write_text(f"<!doctype html><title></title>{hear}{frame}")
    dom, complaints = browse(f"file://{tmp_path}/frame.html", tmp_path / "profile")
    assert not complaints
    assert int(re.search(r"<title>width (\d+)", dom)[1]) <= width
