"""The certificate against exact rational arithmetic and against sums that are really rounded, in every order.

The programs below run on fractions too (object arrays), which is the truth that a certified tensor must be; and on the
noise emulator, whose sums are in random order and whose every inexact result is rounded at random, so that no two runs
of an inexact program agree for long.
"""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from programs import Net, net_data, run_convolution, run_net

from crosscheck.numerics.carrier import map_leaves
from crosscheck.numerics.certificate import bits, certified, certify, lattice
from crosscheck.numerics.formats import FORMATS, arithmetic, round_to
from crosscheck.numerics.noise import Emulator
from reference.layers.activations import relu

DTYPES = ("float64", "float32", "tf32", "bfloat16", "float16")
fractions = np.vectorize(Fraction, otypes=[object])

# Random programs on 3 x 3 matrices

STEPS = {
    "product": lambda x, y: x @ y,
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y.T,
    "elementwise product": lambda x, y: x * y,
    "half": lambda x, y: x / 2 + y,
    "row sums": lambda x, y: x.sum(axis=1, keepdims=True) + y,
    "relu": lambda x, y: np.where(x > 0, x, 0) + 0 * y,
    "largest": lambda x, y: np.maximum(x, y),
    "largest of rows": lambda x, y: x - y.max(axis=0, keepdims=True),
    "shift": lambda x, y: np.concatenate([x[1:], y[:1]]),
    "border": lambda x, y: np.pad(x, ((1, 0), (0, 0)))[:3] + np.pad(y, ((0, 1), (0, 0)))[1:],
    "doubled windows": lambda x, y: 2 * x[::-1] - y[:, ::-1],
}

small = st.builds(lambda n, e: n * 2.0**e, st.integers(-40, 40), st.integers(-3, 3))
number = small | st.integers(-(2**20), 2**20).map(float)
matrix = st.lists(number, min_size=9, max_size=9).map(lambda v: np.array(v).reshape(3, 3))
program = st.lists(
    st.tuples(st.sampled_from(list(STEPS)), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6
)


def run(steps, tensors):
    tensors = list(tensors)
    for name, i, j in steps:
        tensors.append(STEPS[name](tensors[-1 - i % len(tensors)], tensors[-1 - j % len(tensors)]))
    return tensors


def emulate(steps, inputs, number, seed):
    with np.errstate(all="ignore"):
        return run(steps, map(Emulator(number, seed).lift, inputs))


@settings(max_examples=150, deadline=None)
@given(steps=program, inputs=st.lists(matrix, min_size=2, max_size=2), seed=st.integers(0, 1 << 30))
def test_a_certified_tensor_is_exact_however_it_is_summed_and_rounded(steps, inputs, seed):
    proved, truth = run(steps, map(certify, inputs)), run(steps, map(fractions, inputs))
    for dtype in DTYPES:
        emulated = emulate(steps, inputs, arithmetic(dtype), seed)
        for tensor, exact, noisy in zip(proved, truth, emulated):
            if not certified(tensor, dtype):
                continue
            assert np.array_equal(fractions(tensor.value), exact), (dtype, bits(tensor))
            if dtype != "float64":  # whose noise does not spare exact results
                assert np.array_equal(noisy.value, tensor.value), (dtype, bits(tensor))


@settings(max_examples=60, deadline=None)
@given(steps=program, inputs=st.lists(matrix, min_size=2, max_size=2), seed=st.integers(0, 1 << 30))
def test_a_narrow_accumulator_is_certified_for_itself(steps, inputs, seed):
    proved = run(steps, map(certify, inputs))
    emulated = emulate(steps, inputs, arithmetic("float32", accumulator="bfloat16"), seed)
    for tensor, noisy in zip(proved, emulated):
        if certified(tensor, "float32", accumulator="bfloat16"):
            assert np.array_equal(noisy.value, tensor.value), bits(tensor)


@settings(deadline=None)
@given(
    groups=st.lists(st.lists(st.integers(-60, 60), min_size=1, max_size=4), min_size=2, max_size=4),
    name=st.sampled_from(["bfloat16", "float16", "float32"]),
    seed=st.integers(0, 1 << 30),
)
@example(groups=[[100], [3], [-100]], name="bfloat16", seed=0)
def test_sums_of_sums_may_be_reassociated(groups, name, seed):
    """A chain of sums, as the reference writes it, against all its terms in another order in a narrow accumulator."""
    chain = sum(certify(np.array(group, dtype=float)).sum() for group in groups)
    assume(certified(chain, "float32", accumulator=name))
    terms, total = np.random.default_rng(seed).permutation([term for group in groups for term in group]), 0.0
    for term in terms:
        total = float(round_to(total + term, FORMATS[name]))
    assert total == chain.value == sum(map(sum, groups))


@settings(deadline=None)
@given(terms=st.lists(st.integers(-60, 60), min_size=3, max_size=6), seed=st.integers(0, 1 << 30))
@example(terms=[100, 57, -100, 99], seed=2)
def test_stored_tensors_may_be_added_in_any_order(terms, seed):
    chain = sum(certify(np.array([float(term)])) for term in terms)
    assume(certified(chain, "bfloat16"))
    total = 0.0
    for term in np.random.default_rng(seed).permutation(terms):
        total = float(round_to(total + term, FORMATS["bfloat16"]))
    assert [total] == chain.value


def test_three_stored_tensors_must_fit_the_storage_in_any_order():
    a, b, c = (certify(np.array([x])) for x in (255.0, -254.0, 252.0))
    assert certified(a + b, "bfloat16")
    assert certified(b + c, "bfloat16")
    assert not certified(a + b + c, "bfloat16")  # a + c = 507 has 9 bits
    assert certified(a + b + c, "float32")
    assert certified((a + b) * 3 + c, "bfloat16")  # nobody reassociates over a product


# The bits themselves


@pytest.mark.parametrize(("last", "float32"), [(1.0, True), (2.0, False)])
def test_a_sum_may_fill_the_accumulator_and_no_more(last, float32):
    terms = certify(np.array([2.0**24 - 1, last]))
    assert certified(terms.sum(), "float32") == float32
    assert certified(terms @ np.array([1.0, -1.0]), "float32") == float32  # cancellation does not help
    assert certified(terms.sum(), "float64")


def test_float64_cannot_certify_more_than_it_can_count():
    total = certify(np.array([2.0**52, 2.0**52, 1.0])).sum()
    assert total.value == 2.0**53  # the 1 is lost
    assert not certified(total, "float64")
    assert certified(certify(np.array([2.0**52, 2.0**51, 1.0])).sum(), "float64")


@pytest.mark.parametrize(
    ("terms", "accumulator", "storage"),
    [
        ([1, 1], 1, 1),
        ([1, 2], np.log2(3), 2),
        ([2.0**23, 2.0**23], 1, 1),
        ([2.0**23, 1], np.log2(2**23 + 1), 24),
        ([2.0**24 - 1, 1], 24, 24),
        ([2.0**24, 1], np.log2(2**24 + 1), 25),
        ([0.5, 0.25, -0.75], np.log2(6), 2),
        ([0, 0], 0, 0),
        ([-3, 3], np.log2(6), 2),
    ],
)
def test_bits_of_a_sum(terms, accumulator, storage):
    assert bits(certify(np.array(terms)).sum()) == (accumulator, storage)


LIMITS = [
    # value, fits: float32, bfloat16, float16
    (2.0**127, True, True, False),
    (2.0**128, False, False, False),
    (2.0**-126, True, True, False),
    (2.0**-127, False, False, False),  # may be flushed to zero
    (2.0**-24, True, True, True),
    (2.0**-25, True, True, False),
    (65504.0, True, False, True),
    (65536.0, True, True, False),
    (255.0, True, True, True),
    (257.0, True, False, True),
    (2049.0, True, False, False),
    (2.0**24 + 1, False, False, False),
    (0.1, False, False, False),
    (0.0, True, True, True),
]


@pytest.mark.parametrize(("value", "float32", "bfloat16", "float16"), LIMITS)
def test_a_number_is_certified_for_the_formats_that_have_it(value, float32, bfloat16, float16):
    x = certify(np.array([1.0, value]))
    assert certified(x, "float64")
    assert [certified(x, dtype) for dtype in ("float32", "bfloat16", "float16")] == [float32, bfloat16, float16]


def test_operands_of_products_must_fit_the_operand_format():
    product = certify(np.array([[4097.0]])) @ np.array([[1.0]])
    assert certified(product, "float32")
    assert not certified(product, "tf32")
    assert certified(certify(np.array([4097.0])) * 1.0, "tf32")  # elementwise work is in float32


def test_reductions_may_have_a_narrower_accumulator_than_products():
    x = certify(np.ones((1, 300)))
    assert certified(x @ x.T * 0, "bfloat16", reduction="bfloat16")
    assert not certified(x.sum() * 0, "bfloat16", reduction="bfloat16")
    assert certified(x.sum() * 0, "bfloat16")


@pytest.mark.parametrize(("a", "b"), [(2.0**-600, 2.0**-600), (2.0**600, 2.0**600), (2.0**30 + 1, 2.0**30 + 1)])
@pytest.mark.parametrize("product", [lambda a, b: a * b, lambda a, b: a @ b, lambda a, b: (a * b) * 2.0**-3])
def test_products_out_of_range_or_significance_are_not_certified(a, b, product):
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        result = product(certify(np.array([[a]])), certify(np.array([[b]])))
        assert not certified(result, "float64")
        assert not certified(0 * result + 1, "float64")


EXACT = {
    "eight means": (lambda x: x.mean(axis=0), np.arange(24.0).reshape(8, 3)),
    "thirds of zero": (lambda x: x / 3, np.zeros(4)),
    "powers of four": (lambda x: 1 / np.sqrt(x), np.array([4.0, 1.0, 0.25])),
    "batch norm's construction": (lambda x: 1 / np.sqrt(((x - 3) * (x - 3)).mean() + 0.75), np.array([2.5, 3.5] * 4)),
    "softmax of ties": (lambda x: np.exp(x) / np.exp(x).sum(), np.array([0.0, -2000.0, 0.0])),
    "masked scores": (lambda x: np.exp(np.where(np.arange(3) < 2, x, -np.inf) - x.max()), np.array([3.0, 3.0, 3.0])),
    "saturated tanh": (lambda x: np.tanh(x), np.array([0.0, 50.0, -50.0])),
    "logistic loss far out": (lambda x: np.log1p(np.exp(x)), np.array([-2000.0, -3000.0])),
    "a mask": (lambda x: x > 1, np.arange(3.0)),
}
INEXACT = {
    "six means": (lambda x: x.mean(axis=0), np.arange(18.0).reshape(6, 3)),
    "thirds": (lambda x: x / 3, np.array([3.0, 6.0])),
    "roots of two": (np.sqrt, np.array([4.0, 2.0])),
    "exponentials": (np.exp, np.array([0.0, 1.0])),
    "logarithms": (np.log, np.array([2.0])),
    "a tenth": (lambda x: (x * 0.1).sum(), np.ones(3)),
    "a NaN": (lambda x: np.where(x > 0, x, np.nan), np.arange(3.0)),
    "an infinity summed": (lambda x: x.sum(), np.array([1.0, -np.inf])),
    "chosen by what is inexact": (lambda x: np.where(np.exp(x) > 2, 1.0, 0.0), np.arange(3.0)),
    "picked by what is inexact": (lambda x: np.take_along_axis(x, np.exp(x).argmax(axis=0)[None], 0), np.arange(3.0)),
    "indexed by what is inexact": (lambda x: x[np.argsort(np.exp(x))], np.arange(3.0)),
    "times nothing": (lambda x: 0 * (x / 3), np.ones(2)),
}


@pytest.mark.parametrize("name", EXACT)
def test_special_values_are_exact(name):
    program, x = EXACT[name]
    result = program(certify(x))
    assert certified(result, "float32"), bits(result)
    assert np.array_equal(result.value, program(x))


@pytest.mark.parametrize("name", INEXACT)
def test_everything_else_stays_uncertified(name):
    program, x = INEXACT[name]
    result = program(certify(x))
    assert not certified(result, "float64")
    assert not certified(np.maximum(result, 0) * 0 + 1, "float64")


def test_uncertified_means_infinitely_many_bits():
    assert bits(certify(np.ones(3)) / 3) == (inf, inf)


def test_lattice_is_the_step_of_the_terms():
    x = certify(np.array([0.5, 1.5]))
    assert lattice(x) == -1
    assert lattice(x.sum()) == -1  # the sum is 2, but a missing term would be 1/2 off
    assert lattice(np.maximum(x.sum(), 0)) == 1
    assert lattice(x.mean()) == lattice(0.5 * x.sum()) == lattice(x.sum() * 0.5) == -2
    assert lattice(certify(np.zeros(2))) == inf


# The reference


def sparse_signs(g, shape, nonzeros=2):
    """-1, 0 or 1 with few that are not 0 among the terms of each sum."""
    chosen = g.random(shape).argsort(axis=-1) < nonzeros
    return chosen * g.choice([-1.0, 1.0], shape)


def test_a_net_of_small_integers_is_certified_forward_and_backward():
    sizes = (16, 32, 16, 4)
    net = Net(sizes, relu, normalized=False)
    g = np.random.default_rng(0)
    arrays = net_data(net, sizes, m=8, seed=0)
    arrays = {n: sparse_signs(g, x.shape) if n.startswith("p ") else np.rint(x) for n, x in arrays.items()}
    proved = run_net(net, map_leaves(certify, arrays))
    plain = run_net(net, map_leaves(np.float32, arrays))
    assert certified(proved["Z"], "float32")
    assert np.array_equal(plain["Z"], proved["Z"].value)
    assert not certified(proved["J"], "float64")  # a logarithm
    assert not any(certified(x, "float64") for name, x in proved.items() if name.startswith("d "))


@pytest.mark.parametrize("dtype", ["float32", "tf32", "bfloat16", "float16"])
def test_a_convolution_of_small_integers_is_certified_forward_and_backward(dtype):
    g = np.random.default_rng(1)
    arrays = {
        "A": g.integers(-3, 4, (2, 8, 12, 3)),
        "W": sparse_signs(g, (3, 3, 3, 4)),
        "dP": g.integers(-1, 2, (2, 2, 3, 4)),
    }
    arrays = map_leaves(lambda x: x.astype(float), arrays)
    proved, plain = run_convolution(map_leaves(certify, arrays)), run_convolution(arrays)
    for seed in range(3):
        emulated = run_convolution(map_leaves(Emulator(arithmetic(dtype), seed).lift, arrays))
        for name, tensor in proved.items():
            assert certified(tensor, dtype), (name, bits(tensor))
            assert np.array_equal(tensor.value, plain[name])
            assert np.array_equal(tensor.value, emulated[name].value)
