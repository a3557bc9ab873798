"""Models and ports of them with other names and nesting: sound ones agree, planted mistakes are found and named.

`python -m tests.ports` plants every mistake; here one is planted in each port.
"""

import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")

import crosscheck
from tests.ports.every import EVERY


@pytest.mark.parametrize("port", EVERY, ids=lambda port: port.name)
def test_sound_ports_agree_and_are_paired_whole(port):
    report = crosscheck.compare(port.first(), port.broken(), port.inputs())
    assert report.agree, report
    assert not (report.pairing.first_alone + report.pairing.second_alone)


@pytest.mark.parametrize("port", EVERY, ids=lambda port: port.name)
def test_a_mistake_is_found_where_it_is_and_named(port):
    mistake = next(mistake for mistake in port.mistakes if mistake.cause)
    report = crosscheck.compare(port.first(), port.broken(mistake), port.inputs(), rungs=("eval", "train"))
    assert report.first_divergence.first in mistake.blame
    assert [cause.id for cause in report.causes[0].causes] == [c for c in mistake.cause if c in str(report.causes[0])]
