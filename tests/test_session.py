"""Which random numbers a case is checked on: the seed's, or the next with which the reference shows something."""

import numpy as np
import pytest

from crosscheck import feed as feeds
from crosscheck.case import all_cases, select
from crosscheck.rungs import backward
from crosscheck.session import APART, ATTEMPTS, Session


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_the_usual_seed_shows_something_at_once(case):
    assert Session(case, ["numpy"]).drawn == 0


@pytest.fixture
def dead(monkeypatch):
    """A way to have all parameters at zero for some seeds, so that no relu lets anything pass."""

    def make(is_dead):
        drawn = feeds.parameters

        def parameters(case, seed, shapes):
            found = drawn(case, seed, shapes)
            return {path: np.zeros_like(value) for path, value in found.items()} if is_dead(seed) else found

        monkeypatch.setattr(feeds, "parameters", parameters)

    return make


def net(variant="", **options):
    name = f"nets.deep_net.DeepNet/{variant}".rstrip("/")
    return Session(select([name])[0], ["numpy", "torch"], **options)


def test_numbers_that_show_nothing_are_drawn_again(dead):
    dead(lambda seed: seed < 3 + 2 * APART)
    session, again = net(seed=3), net(seed=3)
    assert session.drawn == 3 + 2 * APART
    for batch in (0, 1):
        np.testing.assert_array_equal(session.feed(batch).inputs["X"], again.feed(batch).inputs["X"])
        for path, value in session.feed(batch).params.items():
            assert np.any(value), path
    assert session.sibling("float32").drawn == session.drawn
    assert backward.check(session).status == "agree"


def test_what_never_shows_anything_is_refused(dead):
    dead(lambda seed: True)
    session = net(seed=3)
    assert session.drawn == 3
    found = backward.check(session)
    assert found.status == "diverge"
    assert "vacuous" in found.reason


def test_no_more_draws_are_made_than_are_needed(dead):
    seeds = []
    dead(lambda seed: seeds.append(seed) or seed < 3 + 2 * APART)
    assert net(seed=3).drawn == 3 + 2 * APART
    assert len(seeds) == 3 <= ATTEMPTS


def test_what_a_case_expects_to_be_zero_is_no_reason_to_draw_again(monkeypatch):
    case = select(["training.initializers"])[0]
    assert case.vacuous
    drawn, seeds = feeds.inputs_of, []
    monkeypatch.setattr(feeds, "inputs_of", lambda case, seed, batch: seeds.append(seed) or drawn(case, seed, batch))
    assert Session(case, ["numpy"], seed=11).drawn == 11
    assert seeds == [11]


def test_what_shows_nothing_in_eval_mode_alone_is_drawn_again_too(monkeypatch):
    """Running means so far above what comes in that a norm hands on nothing but negative numbers."""
    parameters, state = feeds.parameters, feeds.running_state

    def positive_gains(case, seed, shapes):
        return {path: np.abs(value) for path, value in parameters(case, seed, shapes).items()}

    def far_above(case, seed, shapes):
        return {path: value + 1e3 * (seed == 3 and "mu" in path) for path, value in state(case, seed, shapes).items()}

    monkeypatch.setattr(feeds, "parameters", positive_gains)
    assert net("batch-norm", seed=3).drawn == 3
    monkeypatch.setattr(feeds, "running_state", far_above)
    assert net("batch-norm", seed=3).drawn == 3 + APART
