"""The catalogue as a whole: large, complete, tested for, and the same as its page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from crosscheck.causes.catalogue import load
from crosscheck.causes.page import page

ROOT = Path(__file__).parents[1]
CAUSES = load()
TESTS = "".join(path.read_text() for path in Path(__file__).parent.glob("test_causes*.py"))


def test_there_are_a_hundred_causes_and_more():
    assert len(CAUSES) >= 100


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_every_entry_is_complete(cause):
    for field in ("title", "torch", "jax", "match_torch", "match_jax"):
        assert getattr(cause, field), f"{cause.id} says nothing for {field}"
    assert re.fullmatch(r"https://\S+\.\S+", cause.evidence), f"{cause.id} has no evidence"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cause.id)
    assert not cause.title.endswith("."), "a title goes on from 'the two sides differ: '"


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_is_planted_and_named_in_some_test(cause):
    assert f'"{cause}"' in TESTS, f"no test expects {cause}"


def test_the_page_is_up_to_date():
    written = (ROOT / "docs" / "causes.md").read_text()
    assert written == page(CAUSES), "run python -m crosscheck.causes --markdown > docs/causes.md"


def test_the_table_of_contents_leads_to_every_cause():
    text = page(CAUSES)
    headings = re.findall(r"^### (\S+)$", text, re.MULTILINE)
    assert sorted(headings) == sorted(CAUSES)
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) >= set(CAUSES)


def test_the_list_is_searched_by_words():
    found = subprocess.run(
        [sys.executable, "-m", "crosscheck.causes", "gelu", "tanh"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "gelu-tanh-default" in found.stdout
    assert "batchnorm" not in found.stdout
