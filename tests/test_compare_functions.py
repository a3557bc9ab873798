"""A plain function as the port: what is wrong is found one place after the other, and only what is proved is named."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("torch")

from torch import nn

import crosscheck
from crosscheck.models.interpret import values
from tests.ports.others import FUNCTION, way
from tests.ports.port import Mistake

OUTSIDE = Mistake("a wave in the activation's place", way(act=lambda y: jnp.sin(3 * y) + 0.1 * y * y), ["tokens.1"])
"""Which no catalogue has."""


def found(*mistakes):
    report = crosscheck.compare(FUNCTION.first(), FUNCTION.broken(*mistakes), FUNCTION.inputs(), rungs=("eval",))
    return [
        (culprit.divergence.first, [cause.id for cause in culprit.explanation.causes] if culprit.explanation else [])
        for culprit in report.accused()
    ]


def known(mistake):
    return mistake.blame[0], list(mistake.cause)


@pytest.mark.parametrize(
    "pair", list(combinations(FUNCTION.mistakes, 2)), ids=lambda p: " and ".join(m.name for m in p)
)
def test_two_mistakes_are_both_found_and_named(pair):
    told = found(*pair)
    assert all(known(mistake) in told for mistake in pair)
    at_once = {"channels.1"} if pair[0].name == "gelu by tanh" else set()  # which is at two places
    assert {where for where, _ in told} == {m.blame[0] for m in pair} | at_once


def test_all_at_once():
    told = found(*FUNCTION.mistakes)
    assert told[0] == ("norm", ["layernorm-eps"])
    assert ("tokens.1", ["gelu-tanh-default"]) in told


@pytest.mark.parametrize("mistake", FUNCTION.mistakes, ids=lambda m: m.name)
def test_one_mistake_is_told_alone(mistake):
    told = found(mistake)
    assert told[0] == known(mistake)
    assert {where for where, _ in told} <= {mistake.blame[0], "channels.1"}


def test_a_mistake_that_no_catalogue_has_is_placed_and_not_named():
    assert found(OUTSIDE) == [("tokens.1", [])]


def test_behind_a_mistake_that_is_named_nothing_is_claimed_of_one_that_cannot_be():
    eps = next(mistake for mistake in FUNCTION.mistakes if mistake.name == "eps")
    assert found(eps, OUTSIDE) == [known(eps)]


def test_a_module_that_passes_on_what_was_put_right_proves_nothing():
    """Identity gives what it is given, whatever is wrong behind it."""
    model = nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Identity(), nn.Linear(6, 3))

    def function(params, x):
        y = x @ params["a"] + params["b"]
        return (jnp.sin(3 * y) + 0.1 * y * y) @ params["c"] + params["d"]

    params = {"a": jnp.ones((4, 6)), "b": jnp.zeros(6), "c": jnp.ones((6, 3)), "d": jnp.zeros(3)}
    report = crosscheck.compare(model, (function, params), "x: n c = 5 4", rungs=("eval",))
    assert report.first_divergence.first == "1"
    assert [culprit.explanation for culprit in report.accused()] == [None]


def test_of_two_modules_one_behind_the_other_both_are_named():
    model = nn.Sequential(nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 3))

    def function(params, x):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        y = (x - mean) / jnp.sqrt(var + 1e-3) * params["g"] + params["b"]
        return jax.nn.gelu(y) @ params["w"] + params["c"]

    params = {"g": jnp.ones(6), "b": jnp.zeros(6), "w": jnp.ones((6, 3)), "c": jnp.zeros(3)}
    report = crosscheck.compare(model, (function, params), "x: n c = 5 6", rungs=("eval",))
    told = [(culprit.divergence.first, culprit.explanation.causes[0].id) for culprit in report.accused()]
    assert told == [("0", "layernorm-eps"), ("1", "gelu-tanh-default")]


def test_a_value_is_replaced_wherever_it_goes_on_to():
    def function(x, y):
        z = jax.jit(lambda a: a + 1)(x)
        return z * y, z

    program = jax.make_jaxpr(function)(np.float32(2), np.float32(5))
    every, given = values(program, (np.float32(2), np.float32(5)), {})
    assert [float(v) for v in every] == [2, 5, 3, 15]
    assert [float(v) for v in given] == [15, 3]
    _, given = values(program, (np.float32(2), np.float32(5)), {2: np.float32(7)})
    assert [float(v) for v in given] == [35, 7]
    _, given = values(program, (np.float32(2), np.float32(5)), {1: np.float32(10)})
    assert [float(v) for v in given] == [30, 3]
