"""The comparison of columns: blind to scale, sign and order of the columns, fair in its vote, and never passing by
default."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from crosscheck.agreement import Truth, compare, vote
from crosscheck.numerics.floor import R2_LIMIT, REL_LIMIT, Floor
from crosscheck.observation import Key, Observation

KEY = Key("output")
NAMES = ("numpy", "torch", "jax")
UNIT = 2.0**-40
SMALLEST = 2.0**-1074

scales = st.integers(-900, 900).map(lambda e: 2.0**e)
seeds = st.integers(0, 10**6)
signed = st.sampled_from([-1.0, 1.0])
shapes = array_shapes(min_dims=1, max_dims=4, max_side=4)
finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def evenly(r, sigma):
    return Floor(sigma, np.full(np.shape(r), sigma))


def verdict(r, sigma=UNIT, key=KEY, vacuous=None, **columns):
    """The verdict on one tensor: the reference's r, with noise sigma, and the columns' values (numpy's are r's)."""
    tensors = {"numpy": r} | columns
    seen = [Observation(name, {key: np.asarray(x)}, {key: "n m"}) for name, x in tensors.items()]
    (found,) = compare(seen, Truth({key: np.asarray(r)}, {key: evenly(r, sigma)}), {key.kind}, vacuous)
    return found


def some(seed, shape=(3, 4)):
    return np.random.default_rng(seed).standard_normal(shape)


# Symmetry and scale


@given(seed=seeds, scale=scales, sign=signed, units=st.floats(0, 100))
def test_it_is_blind_to_scale_and_sign(seed, scale, sign, units):
    r, d = some(seed), units * UNIT * some(seed + 1)
    plain = verdict(r, torch=r + d, jax=r)
    turned = verdict(sign * scale * r, UNIT * scale, torch=sign * scale * (r + d), jax=sign * scale * r)
    assert (turned.agrees, turned.off, turned.worst) == (plain.agrees, plain.off, plain.worst)
    assert np.isclose(turned.needed, plain.needed, rtol=1e-12, atol=0)
    assert np.isclose(turned.units["torch"], plain.units["torch"], rtol=1e-12, atol=0)


@given(seed=seeds, units=st.floats(0, 100), other=st.floats(0, 100))
def test_exchanging_two_columns_exchanges_the_blame(seed, units, other):
    r = some(seed)
    a, b = r + units * UNIT * some(seed + 1), r + other * UNIT * some(seed + 2)
    one, two = verdict(r, torch=a, jax=b), verdict(r, torch=b, jax=a)
    exchanged = {"torch": "jax", "jax": "torch", "torch and jax": "torch and jax"}
    assert (one.agrees, one.needed) == (two.agrees, two.needed)
    assert two.off == exchanged.get(one.off, one.off)


@given(seed=seeds, units=st.floats(0, 100))
def test_the_order_of_the_elements_does_not_matter(seed, units):
    r, d, order = some(seed, 12), units * UNIT * some(seed + 1, 12), np.random.default_rng(seed).permutation(12)
    one, two = verdict(r, torch=r + d), verdict(r[order], torch=(r + d)[order])
    assert one.agrees == two.agrees
    assert np.isclose(one.needed, two.needed, rtol=1e-12, atol=0)


@given(seed=seeds, units=st.floats(0, 1000))
def test_who_is_farther_off_needs_more(seed, units):
    r, d = some(seed), UNIT * some(seed + 1)
    needed = verdict(r, torch=r + units * d).needed
    assert verdict(r, torch=r + 2 * units * d).needed >= needed
    assert (needed <= 1) == verdict(r, torch=r + units * d).agrees


@pytest.mark.parametrize("units", [1, R2_LIMIT * 0.9, R2_LIMIT * 1.1])
def test_the_limit_of_the_whole_is_eight_units(units):
    r = np.arange(12.0)
    assert verdict(r, torch=r + units * UNIT).agrees == (units < R2_LIMIT)


@pytest.mark.parametrize("units", [REL_LIMIT * 0.9, REL_LIMIT * 1.1])
def test_the_limit_of_an_element_is_twenty_four_units(units):
    r = np.arange(1000.0).reshape(20, 50)
    torch = r.copy()
    torch[3, 7] += units * UNIT
    found = verdict(r, torch=torch)
    assert found.agrees == (units < REL_LIMIT)
    assert found.worst == "n=3 m=7"


# NaN, infinities, zeros, nothing


@given(r=arrays(float, shapes, elements=finite), bad=st.sampled_from([np.nan, np.inf, -np.inf]), data=st.data())
def test_what_is_not_finite_is_refused_and_its_column_named(r, bad, data):
    torch = r.copy()
    torch.flat[data.draw(st.integers(0, r.size - 1))] = bad
    found = verdict(r, torch=torch, jax=r)
    assert found.problem == "NaN or infinite in torch"
    assert found.off == "torch"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_everywhere_is_not_agreement(bad):
    r = np.full(3, bad)
    assert "NaN or infinite in numpy and torch and jax" in verdict(r, torch=r, jax=r).problem


@given(r=arrays(float, shapes, elements=finite), key=st.sampled_from([KEY, Key("gradient", "W"), Key("activation")]))
def test_the_sign_of_zero_is_nobodys_fault(r, key):
    r = np.where(np.abs(r) < 1, 0.0, r)
    assume(np.ptp(r))
    found = verdict(r, key=key, torch=np.where(r == 0, -0.0, r))
    assert found.agrees
    assert found.error == 0


@given(shape=st.sampled_from([(0,), (0, 3), (2, 0, 4)]))
def test_an_empty_tensor_shows_nothing(shape):
    r = np.zeros(shape)
    found = verdict(r, torch=r, jax=r)
    assert found.problem == "vacuous: it is empty"
    assert found.is_vacuous


@given(shape=shapes, value=finite)
def test_a_constant_output_and_a_zero_gradient_show_nothing(shape, value):
    r, zero, W = np.full(shape, value), np.zeros(shape), Key("gradient", "W")
    assert verdict(r, torch=r).is_vacuous == (r.size > 1)
    assert verdict(zero, key=W, torch=zero).is_vacuous
    assert verdict(zero, key=W, torch=zero, vacuous={"gradient W": "a bias before a norm"}).agrees


@given(shape=shapes)
def test_a_gradient_that_one_column_alone_lacks_is_not_vacuous(shape):
    r, W = np.ones(shape), Key("gradient", "W")
    found = verdict(r, key=W, torch=np.zeros(shape), jax=r)
    assert not found.is_vacuous
    assert found.off == "torch"


@given(seed=seeds, steps=st.integers(0, 40))
def test_denormals_are_numbers(seed, steps):
    """Noise of one step of the subnormal numbers is resolved like any other."""
    r = np.arange(12) * SMALLEST
    torch = r + np.random.default_rng(seed).choice([-1, 1], 12) * steps * SMALLEST
    found = verdict(r, SMALLEST, torch=torch, jax=r)
    assert found.units["torch"] == steps
    assert found.agrees == (steps <= R2_LIMIT)
    assert found.off == ("" if found.agrees else "torch")


@given(seed=seeds)
def test_losing_denormals_is_a_fault_where_the_format_keeps_them(seed):
    r = np.random.default_rng(seed).integers(10**3, 10**6, 12) * SMALLEST
    assert verdict(r, SMALLEST, torch=np.zeros(12), jax=r).off == "torch"


def test_errors_that_overflow_are_refused():
    r = np.array([1e308, -1e308, 1.0])
    found = verdict(r, torch=-r, jax=r)
    assert not found.agrees
    assert found.off == "torch"


def test_noise_that_is_not_finite_excuses_nobody():
    r = np.arange(3.0)
    assert "the noise is not finite" in verdict(r, np.inf, torch=r).problem


# What was not produced, or has another shape


@given(shape=shapes, other=shapes)
def test_another_shape_is_refused_and_its_column_named(shape, other):
    assume(shape != other)
    r = np.arange(float(np.prod(shape))).reshape(shape)
    found = verdict(r, torch=np.zeros(other), jax=r)
    assert "shapes differ" in found.problem
    assert found.off == "torch"


@pytest.mark.parametrize(("key", "problem"), [(Key("gradient", "b"), "not produced by torch"), (Key("input", "f"), "")])
def test_only_traces_of_submodules_may_be_absent(key, problem):
    r = np.arange(3.0)
    truth = Truth({KEY: r, key: r}, {KEY: evenly(r, UNIT), key: evenly(r, UNIT)})
    seen = [Observation(n, {KEY: r} if n == "torch" else {KEY: r, key: r}, {KEY: "m", key: "m"}) for n in NAMES]
    found = {v.key: v for v in compare(seen, truth, {"output", key.kind})}
    assert found[KEY].agrees
    assert (found[key].problem, found[key].off) == (problem, "torch") if problem else key not in found


def test_the_reference_alone_is_no_comparison():
    r = np.arange(3.0)
    with pytest.raises(ValueError, match="expected at least one other column"):
        compare([Observation("numpy", {KEY: r}, {KEY: "m"})], Truth({KEY: r}, {KEY: evenly(r, UNIT)}), {"output"})


def test_columns_that_agree_on_something_else_than_the_definitions_accuse_the_reference():
    r = some(0, 50)
    seen = [Observation(name, {KEY: r + 1 + UNIT * some(i, 50)}, {KEY: "m"}) for i, name in enumerate(NAMES, 1)]
    (found,) = compare(seen, Truth({KEY: r}, {KEY: evenly(r, UNIT)}), {"output"})
    assert (found.agrees, found.off) == (False, "numpy")
    assert list(found.values) == [*NAMES, "definition"]
    assert abs(found.values["definition"] - found.values["torch"]) > 0.9


# The vote


@given(seed=seeds, off=st.sampled_from(NAMES), distance=st.floats(1.5, 1e6), scale=scales)
def test_the_vote_finds_the_one_that_is_off(seed, off, distance, scale):
    """By more than an allowance, even where pairs, whose noises add up, are given twice as much."""
    r, direction = some(seed, 50), some(seed + 1, 50)
    tensors = {name: r + 0.5 * UNIT * some(seed + i, 50) for i, name in enumerate(NAMES, 2)}
    tensors[off] = tensors[off] + distance * R2_LIMIT * UNIT * direction / np.sqrt(np.mean(direction**2))
    tensors = {name: scale * x for name, x in tensors.items()}
    assert vote(tensors, evenly(r, scale * UNIT)) == off


@given(seed=seeds, times=st.floats(100, 1e6))
def test_three_that_are_all_apart_have_no_majority(seed, times):
    r = some(seed, 50)
    tensors = {name: r + times * UNIT * some(seed + i, 50) for i, name in enumerate(NAMES, 1)}
    assert vote(tensors, evenly(r, UNIT)) == "no majority"


def test_between_two_columns_the_port_is_named():
    r = np.arange(3.0)
    assert vote({"numpy": r + 1, "jax": r}, evenly(r, UNIT)) == "jax"


def test_two_against_two_have_no_majority():
    r = np.arange(3.0)
    names = ("numpy", "torch eager", "jax eager", "jax jit")
    tensors = {name: r + (i > 1) for i, name in enumerate(names)}
    assert vote(tensors, evenly(r, UNIT)) == "no majority"


def test_a_signature_in_which_the_ports_agree_is_the_references_fault(monkeypatch):
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    import reference.layers.activations as activations
    from crosscheck.case import select
    from crosscheck.rungs import structure
    from crosscheck.session import Session

    sound = activations.leaky_relu
    monkeypatch.setattr(activations, "leaky_relu", lambda Z, alpha=0.5: sound(Z, alpha))
    finding = structure.check(Session(select(["layers.activations.leaky_relu"])[0], ["numpy", "torch", "jax"]))
    assert finding.status == "diverge"
    assert finding.divergence.off == "numpy", finding.reason
