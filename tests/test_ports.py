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
def test_a_mistake_is_found_where_it_is_and_named_if_the_catalogue_has_it(port):
    mistake = port.mistakes[0]
    report = crosscheck.compare(port.first(), port.broken(mistake), port.inputs(), rungs=("eval", "train"))
    assert report.first_divergence.first in mistake.blame
    told = report.accused()[0].explanation
    named = [cause.id for cause in told.causes] if told else []
    assert named == list(mistake.cause[:1])
