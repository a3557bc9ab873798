"""The noise emulator: unbiased rounding to neighbors, sums as their accumulator makes them, one run for each seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Net, net_data, run_net

from crosscheck.numerics.carrier import map_leaves, values
from crosscheck.numerics.formats import FORMATS, arithmetic, round_to
from crosscheck.numerics.noise import Emulator
from reference.layers.activations import tanh

NARROW = ("float32", "bfloat16", "float16")
DRAWS = 20_000


def emulator(name, seed=0, **declared):
    return Emulator(arithmetic(name, **declared), seed)


def neighbors(x, format):
    """The largest number of the format that is <= x, and the smallest that is >= x."""
    step = np.spacing(abs(x)) * 2.0 ** (53 - format.bits)
    return float(np.floor(x / step) * step), float(np.ceil(x / step) * step)


@pytest.mark.parametrize("name", [*NARROW, "tf32"])
@pytest.mark.parametrize("x", [1 / 3, -np.pi, 1.999999, 257.3, 1e-3])
def test_stochastic_rounding_is_to_a_neighbor_and_unbiased(name, x):
    format = FORMATS[name]
    below, above = neighbors(x, format)
    drawn = emulator(name).stochastic(np.full(DRAWS, x), format)
    assert set(drawn) <= {below, above}
    share = (x - below) / (above - below)
    error = abs(np.mean(drawn == above) - share)
    assert error < 5 * np.sqrt(share * (1 - share) / DRAWS)


@pytest.mark.parametrize("name", NARROW)
@settings(deadline=None)
@given(x=st.floats(min_value=-6e4, max_value=6e4))
def test_numbers_of_the_format_are_not_disturbed(name, x):
    x = round_to([x, 0.0, -0.0, np.inf, -np.inf, np.nan], FORMATS[name])
    assert np.array_equal(emulator(name).stochastic(x, FORMATS[name]), x, equal_nan=True)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize(("name", "large"), [("float16", 7e4), ("float32", 4e38), ("bfloat16", 4e38)])
def test_what_exceeds_the_range_is_infinite(name, large):
    x = emulator(name).lift([large / 2, -large / 2])
    assert np.array_equal((x + x).value, [np.inf, -np.inf])


def test_subnormal_results_survive():
    x = emulator("float16").lift(np.full(1000, 2.0**-13))
    assert set((x * 2.0**-10).value) == {2.0**-23}
    assert set((x * (1.25 * 2.0**-11)).value) <= {2.0**-24, 2.0**-23}


def test_float64_results_move_by_one_ulp_at_random():
    x = np.random.default_rng(0).standard_normal(DRAWS)
    moved = ((emulator("float64").lift(x) + 0).value - x) / np.spacing(np.abs(x))
    assert set(np.round(moved)) == {-1, 0, 1}
    assert abs(np.mean(moved)) < 5 * 0.5 / np.sqrt(DRAWS)
    assert abs(np.mean(moved**2) - 0.25) < 0.02


@pytest.mark.parametrize(
    ("name", "u", "rounding"), [("float64", 2.0**-53, 2), ("float32", 2.0**-24, 2), ("bfloat16", 2.0**-24, 2.0**17)]
)
def test_functions_err_by_four_ulps_before_they_are_rounded(name, u, rounding):
    """In unit roundoffs of the format computed in: 6 for the function, and up to `rounding` for a neighbor."""
    x = np.linspace(0.1, 3, DRAWS)
    error = (np.exp(emulator(name).lift(x)).value / np.exp(x) - 1) / u
    assert 0.9 * max(6, rounding) < np.abs(error).max() <= 1.01 * (6 + rounding)
    assert abs(error.mean()) < 5 * error.std() / np.sqrt(DRAWS)


@pytest.mark.parametrize("name", ["float64", *NARROW])
def test_choices_and_moves_are_exact(name):
    x, y = round_to(np.random.default_rng(1).standard_normal((2, 4, 5)), FORMATS[name])
    noisy = emulator(name).lift(x)
    found = np.where(np.maximum(noisy, y) > 0.5, noisy.T.reshape(4, 5), -noisy)[:, ::-1]
    assert np.array_equal(found.value, np.where(np.maximum(x, y) > 0.5, x.T.reshape(4, 5), -x)[:, ::-1])


def test_constants_that_the_format_lacks_are_rounded_at_each_use():
    noisy = emulator("bfloat16").lift(np.ones(200))
    both = set(neighbors(0.9, FORMATS["bfloat16"]))
    assert {float((noisy * 0.9).value[0]) for _ in range(200)} == both
    assert len(set((noisy * 0.9).value)) == 1  # one rounding for all elements: a constant's error does not average out
    assert set((noisy * np.full(200, 0.9)).value) == both
    assert set((noisy * 0.875 + 2).value) == {2.875}


# Sums and products


def scatter(name, program, x, runs=200, **declared):
    """Root mean square of the noise of program(x) over runs."""
    noise = [values(program(emulator(name, seed, **declared).lift(x))) - program(x) for seed in range(runs)]
    return np.sqrt(np.mean(np.square(noise)))


@pytest.mark.parametrize("name", ["float64", "float32"])
@pytest.mark.parametrize("program", [lambda x: x.sum(), lambda x: x @ np.ones_like(x)])
def test_noise_of_a_sum_follows_its_terms_and_not_its_result(name, program):
    x = round_to(np.random.default_rng(2).standard_normal(999), FORMATS[name])
    x = np.append(x, -x.sum()) if name == "float64" else np.append(x, -x[:300])
    root, u = np.sqrt((x * x).sum()), FORMATS[name].unit_roundoff
    assert 0.3 * u * root < scatter(name, program, x) < 10 * u * root


def test_noise_of_float64_sums_is_as_documented():
    x = np.random.default_rng(3).standard_normal(64)
    expected = 2.0**-53 * np.sqrt((1 + 64 / 6) * (x * x).sum() + 64 / 3 * x.sum() ** 2) / np.sqrt(3)
    assert np.isclose(scatter("float64", lambda v: v.sum(), x, runs=2000), expected, rtol=0.1, atol=0)


@pytest.mark.parametrize("mean", [0, 3], ids=["signs differ", "all of one sign"])
def test_the_formula_is_what_adding_one_by_one_does(mean):
    """Its unit roundoff aside, which is at the upper end of a binade: real rounding errors are 1 to 2 times smaller."""
    random, errors = np.random.default_rng(9), []
    x = (random.standard_normal(300) + mean).astype(np.float32)
    for _ in range(300):
        errors.append(np.cumsum(random.permutation(x), dtype=np.float32)[-1] - x.sum(dtype=np.float64))
    n, measured = len(x), np.sqrt(np.mean(np.square(errors)))
    formula = 2.0**-24 * np.sqrt(((1 + n / 6) * (x * x).sum() + n / 3 * x.sum() ** 2) / 3)
    assert 1 < formula / measured < 2
    assert 0.8 < scatter("float32", lambda v: v.sum(), x.astype(np.float64), runs=300) / measured < 1.25


@pytest.mark.parametrize("transposed", [(), (0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("shape", [(27, 90, 5), (5, 90, 27), (7, 300, 3)], ids=str)
def test_products_in_float32_are_as_noisy_as_numpys_in_every_memory_layout(shape, transposed):
    random, (r, k, c), real, emulated = np.random.default_rng(6), shape, [], []
    for seed in range(30):
        pair = [random.standard_normal(s).astype(np.float32) for s in ((r, k), (k, c))]
        pair = [np.asfortranarray(x) if i in transposed else x for i, x in enumerate(pair)]
        A, B = (x.astype(np.float64) for x in pair)
        lift = emulator("float32", seed).lift
        real.append(pair[0] @ pair[1] - A @ B)
        emulated.append((lift(A) @ lift(B)).value - A @ B)
    assert 0.7 < np.sqrt(np.mean(np.square(real)) / np.mean(np.square(emulated))) < 1.4


def test_a_bfloat16_accumulator_stops_at_256_ones():
    ones = np.ones((1, 4096))
    assert emulator("bfloat16").lift(ones).sum().value == 4096
    assert emulator("bfloat16", reduction="bfloat16").lift(ones).sum().value == 256
    assert (emulator("bfloat16", reduction="bfloat16").lift(ones) @ ones.T).value == 4096
    assert (emulator("bfloat16", accumulator="bfloat16").lift(ones) @ ones.T).value == 256


def test_a_narrow_accumulator_sums_any_axes():
    x = np.random.default_rng(4).integers(-3, 4, (2, 3, 4, 5)).astype(float)
    noisy = emulator("float32", reduction="float16").lift(x)
    for axis in (0, (1, 2), (0, -1), None):
        assert np.array_equal(noisy.sum(axis=axis, keepdims=True).value, x.sum(axis=axis, keepdims=True))
        assert np.array_equal(noisy.sum(axis=axis).value, x.sum(axis=axis))


def test_tf32_rounds_the_operands_of_products_only():
    x = emulator("tf32").lift(np.full((100, 1), 4097.0))
    assert set((x @ np.ones((1, 1))).value.ravel()) == {4096, 4100}
    assert set((x * 1.0).value.ravel()) == {4097}


@pytest.mark.parametrize("program", [lambda x: x.sum(), lambda x: x @ np.ones(6)])
def test_terms_are_taken_in_random_order(program):
    x = np.array([2.0**25, 1.0, 1.0, 1.0, -(2.0**25), 1.0])
    totals = {float(program(emulator("float32", seed).lift(x)).value) for seed in range(50)}
    assert len(totals) > 2


@pytest.mark.parametrize("program", [lambda x: x.sum(axis=0), lambda x: np.ones(9) @ x])
def test_sums_are_stored_in_the_storage_format(program):
    x = round_to(np.random.default_rng(5).standard_normal((9, 50)), FORMATS["bfloat16"])
    total = program(emulator("bfloat16").lift(x)).value
    assert np.array_equal(round_to(total, FORMATS["bfloat16"]), total)


# Runs


def test_positions_and_masks_are_not_numbers_of_a_run():
    lift = emulator("float32").lift
    table = lift(np.arange(12.0).reshape(4, 3))
    assert np.array_equal(table[lift(np.array([2, 0]))].value, [[6, 7, 8], [0, 1, 2]])
    assert np.array_equal(np.where(lift(np.array([True, False, True])), table, 0).value[:, 1], np.zeros(4))


@pytest.mark.parametrize("name", ["float64", "bfloat16"])
def test_a_seed_makes_a_run(name):
    net, sizes = Net((5, 7, 3), tanh), (5, 7, 3)
    arrays = net_data(net, sizes, m=11, seed=0)
    first, again, other = (values(run_net(net, map_leaves(emulator(name, k).lift, arrays))) for k in (1, 1, 2))
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert sum(not np.array_equal(first[key], other[key]) for key in first) > len(first) / 2
