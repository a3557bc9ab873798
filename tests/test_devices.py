"""The README's table of devices is what a report says."""

import pytest

from crosscheck.report.devices import BEGIN, END, inserted, table

DOCUMENT = {
    "audit": {
        "python": "3.12.3",
        "versions": {"numpy": "2.5.2", "torch": "2.11.0+cu130", "jax": None},
        "columns": {"numpy": {"device": "a CPU"}, "torch": {"device": "a GPU"}},
    },
    "cases": [
        {"status": "agree", "dtypes": ["float64", "tf32"]},
        {"status": "agree", "dtypes": ["float64"]},
        {"status": "diverge", "dtypes": ["float64"]},
    ],
}


def test_the_table_names_device_version_and_counts():
    rows = table(DOCUMENT).splitlines()
    assert rows[2] == "| numpy | a CPU | 2.5.2 | 3.12.3 | float64, tf32 | 2 agree, 1 diverge |"
    assert "a GPU | 2.11.0+cu130" in rows[3]


def test_it_replaces_what_stood_between_the_marks():
    text = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    assert inserted(text, "new") == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"


def test_a_readme_without_marks_is_refused():
    with pytest.raises(ValueError, match="lacks the marks"):
        inserted("no marks here", "new")
