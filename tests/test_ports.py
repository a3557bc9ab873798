"""Models and ports of them with other names and nesting: sound ones agree, planted mistakes are found and named.

`python -m tests.ports` plants every mistake; here one is planted in each port.
"""

import pytest

pytest.importorskip("torch")
pytest.importorskip("flax")

from tests.ports.every import EVERY

TURNED = pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])


@TURNED
@pytest.mark.parametrize("port", EVERY, ids=lambda port: port.name)
def test_sound_ports_agree_and_are_paired_whole(port, turned):
    report = port.compared(turned=turned)
    assert report.agree, report
    assert not (report.pairing.first_alone + report.pairing.second_alone)


@TURNED
@pytest.mark.parametrize("port", EVERY, ids=lambda port: port.name)
def test_a_mistake_is_found_where_it_is_and_named_if_the_catalogue_has_it(port, turned):
    mistake = port.mistakes[0]
    report = port.compared(mistake, turned=turned, rungs=("eval", "train"))
    if turned and port.name == "function":  # what is inside a function that comes first cannot be told
        assert not report.agree
        assert report.first_divergence.first == ""
        assert "the first model has no modules: exchanged, the two would be compared inside, too" in report.notes
        return
    place = report.first_divergence.second if turned else report.first_divergence.first
    assert place in mistake.blame
    told = report.accused()[0].explanation
    named = [cause.id for cause in told.causes] if told else []
    assert named == list(mistake.cause[:1])
