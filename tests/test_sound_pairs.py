"""Columns of a case, and refactors, are sound whichever comes first; `python -m tests.sound` asks it of all cases."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")

import crosscheck
from crosscheck import case
from tests.sound import arrays, pairs, wrong

KINDS = (
    *("torch-flax", "flax-torch", "torch-reference", "reference-torch", "flax-reference"),
    *("torch-refactor", "flax-refactor"),
)


@pytest.mark.parametrize("name", ["detection.faster_rcnn.FasterRCNN", "nets.conv_net.ConvNet"])
def test_none_is_accused_and_every_parameter_is_paired_with_its_own(name):
    """Both flatten images, which the columns do in the orders of their own layouts."""
    chosen = next(one for one in case.all_cases() if one.name == name)
    found = {}
    for kind, column, first, second, expected in pairs(chosen):
        report = crosscheck.compare(first, second, arrays(chosen, column, 0), rungs=("eval",))
        found[kind] = report.agree, wrong(report, expected)
    assert found == dict.fromkeys(KINDS, (True, []))
