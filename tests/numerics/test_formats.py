"""Rounding to a format, against NumPy's own casts, against bit patterns and against the list of all its numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.numerics.formats import FORMATS, arithmetic, round_to

AWKWARD = [0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1.7976931348623157e308, 2.0**-149, 2.0**-24]
any_float = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True, width=64)


def same_bits(a, b):
    """Equal to the last bit, NaN equal to NaN, and +0 not equal to -0."""
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b))


def bfloat16_numbers():
    """Every finite bfloat16: the upper half of a float32."""
    numbers = (np.arange(1 << 16, dtype=np.uint32) << 16).view(np.float32)
    return np.unique(numbers[np.isfinite(numbers)].astype(np.float64))


def nearest(x, numbers):
    """The number nearest to x; of two, the one with an even last bit, every other one of a sorted format's numbers."""
    above = np.clip(np.searchsorted(numbers, x), 1, len(numbers) - 1)
    below = above - 1
    zero = np.searchsorted(numbers, 0.0)
    closer = (x - numbers[below], numbers[above] - x)
    take_above = (closer[1] < closer[0]) | ((closer[1] == closer[0]) & ((above - zero) % 2 == 0))
    return np.where(take_above, numbers[above], numbers[below])


@pytest.mark.parametrize(("name", "dtype"), [("float32", np.float32), ("float16", np.float16), ("float64", np.float64)])
@settings(deadline=None)
@given(x=st.lists(any_float, min_size=1))
def test_rounding_is_numpys_cast(name, dtype, x):
    x = np.array(x + AWKWARD)
    with np.errstate(over="ignore", under="ignore"):
        assert same_bits(round_to(x, FORMATS[name]), x.astype(dtype).astype(np.float64))


@pytest.mark.parametrize("name", ["float32", "float16"])
def test_ties_between_neighbors_go_to_the_even_one(name):
    numbers = np.unique(np.abs(np.random.default_rng(0).standard_normal(500)).astype(name))
    ties = (numbers.astype(np.float64) + np.nextafter(numbers, np.array(9, name)).astype(np.float64)) / 2
    assert same_bits(round_to(ties, FORMATS[name]), ties.astype(name).astype(np.float64))


@settings(deadline=None)
@given(x=st.lists(st.floats(width=32, allow_subnormal=True), min_size=1))
def test_bfloat16_is_a_float32_whose_lower_half_is_rounded_off(x):
    x = np.array([*x, 0.0, -0.0, np.inf, -np.inf, np.nan, 2.0**-149, 3.4e38], dtype=np.float32)
    pattern = x.view(np.uint32)
    rounded = ((pattern + 0x7FFF + ((pattern >> 16) & 1)) & 0xFFFF0000).view(np.float32)
    expected = np.where(np.isfinite(x), rounded, x).astype(np.float64)
    assert same_bits(round_to(x, FORMATS["bfloat16"]), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_a_nan_stays_one_whatever_its_pattern(name):
    patterns = np.array([0x7FF0000000000001, 0xFFF0000000000001, 0x7FFFFFFFFFFFFFFF], dtype=np.uint64)
    assert np.isnan(round_to(patterns.view(np.float64), FORMATS[name])).all()


def test_bfloat16_is_the_nearest_of_all_its_numbers():
    numbers, g = bfloat16_numbers(), np.random.default_rng(1)
    x = np.concatenate([g.standard_normal(3000) * 2.0 ** g.integers(-140, 127, 3000), (numbers[1:] + numbers[:-1]) / 2])
    assert np.array_equal(round_to(x, FORMATS["bfloat16"]), nearest(x, numbers))


@settings(deadline=None)
@given(x=st.floats(min_value=2.0**-100, max_value=2.0**100), sign=st.sampled_from([-1, 1]))
def test_tf32_keeps_eleven_bits(x, sign):
    rounded = float(round_to(sign * x, FORMATS["tf32"]))
    step = 2.0 ** (np.frexp(x)[1] - 11)
    assert rounded % step == 0
    assert abs(rounded - sign * x) <= step / 2


@pytest.mark.parametrize("name", FORMATS)
def test_the_table_describes_the_format(name):
    format = FORMATS[name]
    edges = np.array([format.largest, format.spacing, 2.0**format.emin, 1.0, 1 + 2 * format.unit_roundoff])
    assert np.array_equal(round_to(edges, format), edges)
    assert round_to(1 + format.unit_roundoff, format) == 1
    if name != "float64":
        assert round_to(format.spacing / 2, format) == 0
        assert np.isinf(round_to(format.largest * (1 + format.unit_roundoff), format))


@pytest.mark.parametrize("name", ["float32", "float16", "float64"])
def test_the_table_agrees_with_numpy(name):
    format, info = FORMATS[name], np.finfo(name)
    assert (format.largest, 2.0**format.emin, format.spacing) == (info.max, info.tiny, info.smallest_subnormal)
    assert 2 * format.unit_roundoff == info.eps


def test_an_arithmetic_has_the_declared_formats():
    names = {
        name: tuple(f.name for f in (a.storage, a.operand, a.accumulator, a.reduction))
        for name in ("float64", "tf32", "bfloat16")
        for a in [arithmetic(name)]
    }
    assert names["float64"] == ("float64",) * 4
    assert names["tf32"] == ("float32", "tf32", "float32", "float32")
    assert names["bfloat16"] == ("bfloat16", "bfloat16", "float32", "float32")
    assert arithmetic("bfloat16", reduction="bfloat16").accumulator.name == "float32"
    assert arithmetic("float32", accumulator="float64").reduction.name == "float64"


@pytest.mark.parametrize("arguments", [{"name": "float8"}, {"name": "float32", "accumulator": "double"}])
def test_an_unknown_format_is_refused_by_name(arguments):
    with pytest.raises(ValueError, match="is not a format; expected one of float64, float32"):
        arithmetic(**arguments)
