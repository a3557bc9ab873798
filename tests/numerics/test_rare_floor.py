"""Rare events: what falls on the other side of a kink in a narrow dtype is not accused, and nothing else is excused."""

from dataclasses import replace

import numpy as np
import pytest

from crosscheck import cache
from crosscheck.agreement import Truth
from crosscheck.noise import Floors, floors
from crosscheck.numerics.carrier import map_leaves, values
from crosscheck.numerics.floor import R2_LIMIT, RARE, REL_LIMIT, Floor, farthest, judge, wider, with_flips
from crosscheck.numerics.formats import FORMATS, arithmetic, coarser, round_to
from crosscheck.numerics.noise import Emulator
from crosscheck.observation import Key

OUTPUT, BY_W = Key("output"), Key("gradient", "W")
NARROW = pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
N, M = 6, 8
ULPS = 2
"""Of the product how far from zero the value near the kink is: more than rounding does, less than 8 times as much."""

SHARE = {"float32": 2.0**-8, "bfloat16": 1.0}
"""How much of the gradient goes through it: float32's noise is small beside what a flip does."""


def one_layer(arrays):
    """relu(W X + b) and the gradient by W."""
    W, b, X, dA = (arrays[name] for name in ("W", "b", "X", "dA"))
    Z = W @ X + b
    return {OUTPUT: np.where(Z.real > 0, Z, 0), BY_W: (dA * (Z.real > 0)) @ X.T}


def near_a_kink(dtype):
    """Data of the format; the first value ahead of the relu is a few ulps of what it is the difference of."""
    g, format = np.random.default_rng(0), FORMATS[dtype]
    shapes = {"W": (N, 5), "b": (N, 1), "X": (5, M), "dA": (N, M)}
    arrays = {name: round_to(g.standard_normal(shape), format) for name, shape in shapes.items()}
    product = arrays["W"][0] @ arrays["X"][:, 0]
    ulp = 2.0 ** (np.floor(np.log2(abs(product))) + 1 - format.bits)
    arrays["b"][0] = round_to(ULPS * ulp - product, format)
    arrays["dA"][0, 0] *= SHARE[dtype]
    return arrays


def noisy(dtype, arrays, bits=0):
    """Runs in this arithmetic, or with so many bits less."""
    number = coarser(arithmetic(dtype), bits)
    return lambda seed: values(one_layer(map_leaves(Emulator(number, seed).lift, arrays)))


def truth_of(dtype, arrays):
    def experiment(lift):
        return one_layer(map_leaves(lift, arrays))

    exact = one_layer(arrays)
    with cache.suspended("noise"):
        usual, rare = (floors(experiment, exact, dtype, "one layer", rare=rare) for rare in (False, True))
    return Truth(exact, usual, {}, rare)


def flipped(tensors, arrays, i, j):
    """What comes of it if the relu's gate at i, j falls to the other side."""
    gate, by_W = tensors[OUTPUT][i, j] > 0, tensors[BY_W].copy()
    by_W[i] += (1 - 2 * gate) * arrays["dA"][i, j] * arrays["X"][:, j]
    output = tensors[OUTPUT].copy()
    output[i, j] = 0
    return {OUTPUT: output, BY_W: by_W}


# What is excused, and what is not


@NARROW
def test_the_usual_runs_show_no_flip_and_the_rare_ones_some(dtype):
    """Or the other tests would show nothing."""
    arrays = near_a_kink(dtype)
    usual, rare = (np.array([noisy(dtype, arrays, bits)(k)[OUTPUT] for k in range(RARE)]) for bits in (0, 3))
    assert usual[:, 0, 0].all()
    assert 0 < (rare[:, 0, 0] == 0).sum() < RARE


@NARROW
def test_a_relu_that_rounding_may_flip_is_excused(dtype):
    arrays = near_a_kink(dtype)
    truth = truth_of(dtype, arrays)
    seen = flipped(truth.tensors, arrays, 0, 0)
    assert not judge(seen[BY_W], truth.tensors[BY_W], truth.floors[BY_W]).passes
    assert all(truth.judge(key, "torch", seen[key]).passes for key in seen)


FAULTS = {
    "twice too large": lambda dtype, arrays: {k: 2 * x for k, x in one_layer(arrays).items()},
    "a gradient of half a row": lambda dtype, arrays: {BY_W: one_layer(arrays)[BY_W] * (np.arange(5) % 2)},
    "in a format of four bits less": lambda dtype, arrays: noisy(dtype, arrays, 4)(0),
    "a relu flipped far from zero": lambda dtype, arrays: flipped(one_layer(arrays), arrays, 3, 4),
    "the same of what nearly flips": lambda dtype, arrays: {BY_W: 1.5 * flipped(one_layer(arrays), arrays, 0, 0)[BY_W]},
}


@NARROW
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_refused_all_the_same(fault, dtype):
    arrays = near_a_kink(dtype)
    truth, seen = truth_of(dtype, arrays), fault(dtype, arrays)[BY_W]
    assert not truth.judge(BY_W, "torch", seen).passes
    assert not judge(seen, truth.tensors[BY_W], with_flips(truth.floors[BY_W], truth.rare[BY_W])).passes


# When it is asked

R = np.linspace(1, 2, 12).reshape(3, 4)
UNIT = 1e-7
USUAL, RARELY = (Floor(times * UNIT, np.full(R.shape, times * UNIT)) for times in (1, 100))
ASKED = [
    ("what passes", 1.0, 0, True),
    ("what fails by little", 10.0, 1, True),
    ("what rare events do not do either", 1000.0, 1, False),
    ("what is off by all of its scale", 1 / UNIT, 1, False),
]


@pytest.mark.parametrize(("units", "times", "passes"), [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_the_rare_floors_are_worked_out_only_where_they_may_tell(units, times, passes):
    asked = []
    rare = Floors([OUTPUT], lambda: asked.append(1) or {OUTPUT: RARELY})
    truth = Truth({OUTPUT: R}, {OUTPUT: USUAL}, {}, rare)
    assert truth.judge(OUTPUT, "torch", R + units * UNIT).passes == passes
    assert len(asked) == times


def test_what_has_no_rare_floor_is_judged_once():
    truth = Truth({OUTPUT: R}, {OUTPUT: USUAL}, {}, Floors([BY_W], lambda: pytest.fail("asked")))
    assert not truth.judge(OUTPUT, "torch", R + 10 * UNIT).passes


def test_they_allow_no_less_than_the_columns_own():
    own, rare = (Floor(times * UNIT, np.full(R.shape, times * UNIT)) for times in (50, 100))
    rare = replace(rare, element=np.where(R > 1.5, rare.element, 0))
    truth = Truth({OUTPUT: R}, {OUTPUT: USUAL}, {"torch": {OUTPUT: own}}, {OUTPUT: rare})
    early, late = (REL_LIMIT * UNIT * (place == R) for place in (R[0, 0], R[2, 1]))
    assert truth.judge(OUTPUT, "torch", R + 45 * early + 90 * late).passes
    assert not truth.judge(OUTPUT, "torch", R + 55 * early + 90 * late).passes
    assert not truth.judge(OUTPUT, "jax", R + 45 * early + 90 * late).passes


def test_a_flip_may_be_worth_as_much_as_in_the_farthest_run_up_to_the_usual_noise():
    place = np.arange(R.size).reshape(R.shape) == 5
    rare = farthest(lambda seed: {"y": R + (seed == 7) * place}, {"y": R})["y"]
    truth = Truth({OUTPUT: R}, {OUTPUT: USUAL}, {}, {OUTPUT: rare})
    assert truth.judge(OUTPUT, "torch", R + place * (1 + 0.9 * REL_LIMIT * UNIT)).passes
    assert not truth.judge(OUTPUT, "torch", R + place * (1 + 1.1 * REL_LIMIT * UNIT)).passes


def test_the_usual_noise_is_added_only_where_something_flipped():
    usual, rare = Floor(1.0, np.array([1.0, 5.0])), Floor(8.0, np.array([8.0, 4.0]))
    found = with_flips(usual, rare)
    assert (found.tensor, found.element.tolist()) == (8, [8, 5])
    found = with_flips(usual, Floor(9.0, np.array([9.0, 4.0])))
    assert (found.tensor, found.element.tolist()) == (10, [10, 5])


# The formulas


def test_the_limits_are_what_the_farthest_run_does():
    D = np.random.default_rng(0).standard_normal((RARE, *R.shape))
    asked = []
    floor = farthest(lambda seed: asked.append(seed) or {"y": R + D[seed]}, {"y": R})["y"]
    assert asked == list(range(RARE))
    assert np.isclose(floor.tensor * R2_LIMIT, np.sqrt(np.mean(D**2, axis=(1, 2))).max(), atol=0)
    assert np.allclose(floor.element * REL_LIMIT, np.abs(D).max(axis=0), atol=1e-12)
    assert all(judge(R + 0.999 * d, R, floor).passes for d in D)
    largest = np.unravel_index(np.abs(D).argmax(), D.shape)[1:]
    alone = np.zeros(R.shape)
    alone[largest] = np.abs(D).max()
    assert judge(R + 0.999 * alone, R, floor).passes
    assert "rel" in judge(R + 1.001 * alone, R, floor).reason
    assert "r2" in judge(R + 1.001 * R2_LIMIT * floor.tensor, R, floor).reason


@pytest.mark.parametrize("broken", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("everywhere", [True, False])
def test_a_run_that_overflows_excuses_nobody(broken, everywhere):
    where = np.ones(R.shape, bool) if everywhere else np.arange(R.size).reshape(R.shape) == 0
    floor = farthest(lambda seed: {"y": np.where(where, R + (broken if seed == 7 else 0), R)}, {"y": R})["y"]
    assert "the noise is not finite" in judge(R, R, floor).reason


def test_a_run_of_other_tensors_is_refused():
    with pytest.raises(ValueError, match="a noisy run has"):
        farthest(lambda seed: {}, {"y": R})


def test_the_wider_of_two_floors_is_so_everywhere():
    found = wider(Floor(1.0, np.array([1.0, 5.0])), Floor(2.0, np.array([3.0, 4.0])))
    assert found.tensor == 2
    assert np.array_equal(found.element, [3, 5])


@pytest.mark.parametrize(
    ("dtype", "storage", "operand"), [("float32", 21, 21), ("tf32", 21, 11), ("bfloat16", 5, 5), ("float16", 8, 8)]
)
def test_a_coarser_arithmetic_stores_less_and_multiplies_no_more(dtype, storage, operand):
    number = arithmetic(dtype)
    found = coarser(number, 3)
    assert (found.storage.bits, found.operand.bits) == (storage, operand)
    assert (found.accumulator, found.reduction) == (number.accumulator, number.reduction)
    assert (found.storage.emin, found.storage.emax) == (number.storage.emin, number.storage.emax)
    assert coarser(number, 0) == number == arithmetic(dtype)


@NARROW
def test_three_bits_less_are_eight_times_the_noise(dtype):
    x = np.random.default_rng(0).uniform(1, 2, 20_000)
    spread = [
        (values({"y": Emulator(coarser(arithmetic(dtype), bits), 0).lift(x) * 1.1})["y"] - 1.1 * x).std()
        for bits in (0, 3)
    ]
    assert np.isclose(spread[1] / spread[0], R2_LIMIT, rtol=0.1)
