"""Noise of optimizers is worked out on all parameters as one vector, which has to be the same step bit for bit."""

import numpy as np
import pytest

from crosscheck.backends.base import Point, Slope
from crosscheck.case import select
from crosscheck.rungs.one_vector import OneVector
from crosscheck.rungs.training import RULES
from crosscheck.session import Session

SHAPES = {"fc.W": (3, 5), "fc.b": (3, 1), "bn.gamma": (1,), "empty.W": (0, 2)}
STEPS = 3


def random(seed):
    rng = np.random.default_rng(seed)
    return {path: rng.standard_normal(shape) for path, shape in SHAPES.items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[path], b[path]) for path in a)


def test_joined_and_split_nothing_changes():
    vector, values = OneVector(random(0)), random(1)
    assert vector.join(values)["all"].shape == (19,)
    assert same(vector.split(vector.join(values)), values)


def test_parameters_may_come_in_another_order():
    vector, values = OneVector(random(0)), random(1)
    assert same(vector.split(vector.join(dict(reversed(values.items())))), values)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_step_on_one_vector_is_the_step_on_every_parameter(rule):
    oracle = Session(select(["nets.logistic_regression"])[0], ["numpy"]).oracle
    vector, apart = OneVector(random(0)), Point(random(0), {})
    joined = vector.point(apart)
    for step in range(STEPS):
        slope = Slope(1.0, random(step), {})
        apart = oracle.update(rule, apart, slope)
        joined = oracle.update_as(lambda array: array, rule, joined, vector.slope(slope))
    found = vector.apart(joined)
    assert found.t == apart.t == STEPS
    assert same(found.params, apart.params)
    assert found.moments.keys() == apart.moments.keys()
    assert all(same(found.moments[name], values) for name, values in apart.moments.items())
