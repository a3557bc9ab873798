"""The noise floor: calibrated on runs that are really in float32, blind to scale, and never passing by default."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Net, convolution_data, net_data, run_convolution, run_net

from crosscheck.numerics.carrier import map_leaves, values
from crosscheck.numerics.floor import RUNS, Floor, judge, judge_each, noise_floor, noise_floors
from crosscheck.numerics.formats import FORMATS, arithmetic, round_to
from crosscheck.numerics.noise import Emulator
from reference.layers.activations import relu, sigmoid, tanh

FLOAT32, FLOAT64, FLOAT16 = (FORMATS[name] for name in ("float32", "float64", "float16"))


def floors_of(program, arrays, dtype, seed=0):
    """The reference in float64 and its noise floors in a dtype."""

    def run(k):
        return values(program(map_leaves(Emulator(arithmetic(dtype), 1000 * seed + k).lift, arrays)))

    reference = program(arrays)
    return reference, noise_floors(run, reference, arithmetic(dtype).storage)


def nets():
    for sizes, m in (((7, 11, 3), 5), ((13, 32, 24, 16, 5), 17), ((16, 64, 10), 32)):
        for activation in (relu, tanh, sigmoid):
            for normalized in (True, False):
                net = Net(sizes, activation, normalized)
                yield lambda arrays, net=net: run_net(net, arrays), net_data(net, sizes, m, seed=len(sizes))
    for seed in range(3):
        yield run_convolution, convolution_data(seed)


def test_runs_in_float32_lie_at_one_noise_unit_and_none_is_accused():
    r2 = []
    for program, arrays in nets():
        arrays = map_leaves(lambda x: round_to(x, FLOAT32), arrays)
        reference, floors = floors_of(program, arrays, "float32")
        judged = judge_each(program(map_leaves(np.float32, arrays)), reference, floors)
        accused = {name: j.reason for name, j in judged.items() if not j.passes}
        assert not accused
        r2 += [j.r2 for j in judged.values()]
    assert len(r2) > 200
    assert 0.5 < np.median(r2) < 1.2
    assert max(r2) < 5


def test_runs_in_float64_in_another_order_are_not_accused():
    for k, (program, arrays) in enumerate(nets()):
        reference, floors = floors_of(program, arrays, "float64", seed=k)
        noisy = values(program(map_leaves(Emulator(arithmetic("float64"), 10**6 + k).lift, arrays)))
        assert all(j.passes for j in judge_each(noisy, reference, floors).values())


@pytest.mark.parametrize(("dtype", "change"), [("float64", 1e-6), ("float64", 1e-13), ("float32", 1e-4)])
def test_a_planted_relative_error_is_caught_everywhere(dtype, change):
    net, sizes = Net((13, 32, 16, 5), relu), (13, 32, 16, 5)
    arrays = map_leaves(lambda x: round_to(x, FORMATS[dtype]), net_data(net, sizes, m=17, seed=1))
    reference, floors = floors_of(lambda a: run_net(net, a), arrays, dtype)
    judged = judge_each({name: x * (1 + change) for name, x in reference.items()}, reference, floors)
    zero_in_truth = {"d p dense0.b", "d p dense1.b"}  # a bias before batch norm: its gradient is noise
    assert {name for name, j in judged.items() if j.passes} <= zero_in_truth


@pytest.mark.parametrize("planted", ["p norm0.gamma", "p dense1.W", "X"])
def test_one_changed_element_is_found_and_named(planted):
    net, sizes = Net((13, 32, 16, 5), relu), (13, 32, 16, 5)
    arrays = net_data(net, sizes, m=17, seed=2)
    reference, floors = floors_of(lambda a: run_net(net, a), arrays, "float64")
    tensor = reference[f"d {planted}"].copy()
    index = np.unravel_index(np.argmax(np.abs(tensor)), tensor.shape)
    tensor[index] *= 1 + 1e-9
    verdict = judge(tensor, reference[f"d {planted}"], floors[f"d {planted}"])
    assert not verdict.passes
    assert verdict.worst == tuple(index)
    assert verdict.needed > 1e3


# The formula


def test_the_floor_is_the_documented_formula():
    r, D = np.array([1.0, 2.0, 3.0]), np.random.default_rng(0).standard_normal((RUNS, 3)) * 1e-3
    floor = noise_floor(list(D), r, FLOAT32)
    tensor = np.mean(D**2)
    assert np.isclose(floor.tensor, np.sqrt(tensor), atol=0)
    assert np.allclose(floor.element, np.sqrt(((D**2).sum(axis=0) + 2 * tensor) / (RUNS + 2)), atol=0)


def test_the_floor_is_at_least_half_a_unit_roundoff():
    r = np.array([1.0, -4.0, 0.0])
    floor = noise_floor([np.zeros(3)] * RUNS, r, FLOAT32)
    u = 2.0**-24
    assert np.array_equal(floor.element, [u / 2, 2 * u, 2.0**-127])
    assert np.isclose(floor.tensor, np.sqrt(np.mean(floor.element**2)), atol=0)


@pytest.mark.parametrize(("format", "flushed"), [(FLOAT32, 2.0**-127), (FLOAT16, 2.0**-24), (FLOAT64, 2.0**-1023)])
def test_losing_the_smallest_numbers_is_noise(format, flushed):
    r = np.full(5, flushed)
    floor = noise_floor([np.zeros(5)] * RUNS, r, format)
    assert judge(np.zeros(5), r, floor).passes
    assert not judge(1000 * r, r, floor).passes


scales = st.integers(-900, 900).map(lambda e: 2.0**e)


@settings(deadline=None)
@given(scale=scales, seed=st.integers(0, 99))
def test_the_verdict_does_not_depend_on_the_scale(scale, seed):
    g = np.random.default_rng(seed)
    r, D, d = g.standard_normal(7), g.standard_normal((RUNS, 7)) * 1e-9, g.standard_normal(7) * 1e-9
    plain = judge(r + d, r, noise_floor(list(D), r, FLOAT64))
    scaled = judge((r + d) * scale, r * scale, noise_floor(list(D * scale), r * scale, FLOAT64))
    assert np.isclose(scaled.r2, plain.r2, rtol=1e-12, atol=0)
    assert np.isclose(scaled.rel, plain.rel, rtol=1e-12, atol=0)
    assert scaled.worst == plain.worst


@settings(deadline=None)
@given(seed=st.integers(0, 99), sign=st.sampled_from([-1, 1]))
def test_the_verdict_does_not_depend_on_sign_or_order(seed, sign):
    g = np.random.default_rng(seed)
    r, D, d, order = g.standard_normal(9), g.standard_normal((RUNS, 9)), g.standard_normal(9), g.permutation(9)
    one = judge(r + d, r, noise_floor(list(D), r, FLOAT64))
    other = judge(sign * (r + d)[order], sign * r[order], noise_floor(list(D[:, order]), sign * r[order], FLOAT64))
    assert np.allclose([one.r2, one.rel], [other.r2, other.rel], atol=0)


@settings(deadline=None)
@given(r=st.floats(allow_infinity=True, allow_nan=False), sign=st.sampled_from([0.0, -0.0]))
def test_what_is_equal_agrees(r, sign):
    r = np.array([r, sign, 1.0])
    verdict = judge(np.array([r[0], -sign, 1.0]), r, Floor(1e-9, np.full(3, 1e-9)))
    assert verdict.passes
    assert verdict.r2 == verdict.rel == verdict.needed == 0


# Nothing passes by default

NOISE = Floor(1e-6, np.full(3, 1e-6))
FAILURES = {
    "a NaN in the observation": ([1, np.nan, 3], [1, 2, 3], NOISE, "not finite: nan where the reference has 2.0"),
    "a NaN in the reference": ([1, 2, 3], [1, 2, np.nan], NOISE, "not finite: 3 where the reference has nan"),
    "a NaN in both": ([1, 2, np.nan], [1, 2, np.nan], NOISE, "not finite: nan where the reference has nan"),
    "an infinity in the observation": ([np.inf, 2, 3], [1, 2, 3], NOISE, "not finite: inf"),
    "an infinity in the reference": ([1, 2, 3], [1, -np.inf, 3], NOISE, "reference has -inf"),
    "infinities of unlike sign": ([1, np.inf, 3], [1, -np.inf, 3], NOISE, "not finite: inf .* -inf"),
    "infinite noise": ([1, 2, 3], [1, 2, 3], Floor(np.inf, np.full(3, np.inf)), "the noise is not finite"),
    "noise that is NaN": ([1, 2, 3], [1, 2, 3], Floor(np.nan, np.full(3, np.nan)), "the noise is not finite"),
    "an empty tensor": ([], [], Floor(1.0, np.zeros(0)), "empty: nothing was compared"),
    "a large error": ([1, 2, 3.1], [1, 2, 3], NOISE, "r2 .* > 8 and rel .* > 24"),
    "a large error in one element": ([1, 2, 3], [1, 2, 3 + 3e-5], Floor(1e-5, np.full(3, 1e-6)), "^rel 30 > 24"),
    "many errors": ([1, 1, 1], [1 + 1e-5] * 3, NOISE, "^r2 10 > 8$"),
    "an error that overflows": ([1e300, 0, 0], [0, 0, 0], Floor(1e-300, np.full(3, 1e-300)), "r2 inf > 8"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_it_fails_and_says_why(name):
    observed, reference, floor, reason = FAILURES[name]
    verdict = judge(np.array(observed), np.array(reference, dtype=float), floor)
    assert not verdict.passes
    assert verdict.needed > 1
    assert re.search(reason, verdict.reason), verdict.reason


def test_noise_that_overflows_makes_a_floor_that_fails():
    r = np.array([6e4, 1.0])
    floor = noise_floor([np.array([np.inf, 0.0])] * RUNS, r, FLOAT16)
    assert "the format overflows" in judge(r, r, floor).reason


def test_what_does_not_fit_is_refused():
    r = {"a": np.zeros(3)}
    with pytest.raises(ValueError, match=r"a has shape \(2,\); expected \(3,\)"):
        judge_each({"a": np.zeros(2)}, r, {"a": NOISE})
    with pytest.raises(ValueError, match=r"observed has \['b'\] that the reference lacks, and lacks \['a'\]"):
        judge_each({"b": np.zeros(3)}, r, {"a": NOISE})
    with pytest.raises(ValueError, match="a noisy run has"):
        noise_floors(lambda k: {}, r, FLOAT32)
    with pytest.raises(ValueError, match="seeds is empty"):
        noise_floors(lambda k: r, r, FLOAT32, seeds=[])


def test_a_scalar_is_a_tensor():
    floor = noise_floor([np.float64(1e-6)] * RUNS, 2.0, FLOAT32)
    verdict = judge(np.float32(2), 2.0, floor)
    assert (verdict.passes, verdict.worst) == (True, ())


# Large tensors are judged by slices


def large(planted=None, seed=0):
    """The verdict on a tensor of 210 000 elements with unit noise, some of it replaced."""
    g = np.random.default_rng(seed)
    r, d = np.zeros((300, 7, 100)), g.standard_normal((300, 7, 100))
    if planted is not None:
        d[planted[0]] = planted[1]
    return judge(r + d, r, Floor(1.0, np.ones(r.shape)))


@pytest.mark.parametrize(
    ("where", "error", "passes"),
    [
        ((17, 3, 50), 40.0, True),  # one of very many elements may be this far off by chance
        ((17, 3, 50), 1000.0, False),
        ((17,), 12.0, False),
        ((slice(None), 3), 12.0, False),
        ((slice(None), slice(None), 50), 12.0, False),
    ],
)
def test_large_tensors_are_judged_by_slices(where, error, passes):
    verdict = large((where, error))
    assert verdict.passes == passes
    if not passes:
        assert "rel" in verdict.reason
        assert all(s == slice(None) or s == w for s, w in zip(where, verdict.worst))


def test_long_vectors_have_no_slices_but_the_whole():
    r, d = np.zeros(200_000), np.random.default_rng(1).standard_normal(200_000)
    d[123_456] = 40.0
    verdict = judge(r + d, r, Floor(1.0, np.ones(200_000)))
    assert verdict.passes
    assert verdict.worst == (123_456,)
    assert not judge(r + 10 * d, r, Floor(1.0, np.ones(200_000))).passes
