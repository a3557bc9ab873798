"""Convolutions of whatever geometry, cut into whatever chunks for whatever workers, are the definition to the bit."""

import definitions
import numpy as np
import pytest
from definitions import whole_numbers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reference.kernels import depthwise, input_gradient, patches
from reference.kernels.conv import conv2d
from reference.kernels.threads import threads


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


GEOMETRY = {
    "stride": pairs(1, 4),
    "padding": st.tuples(pairs(0, 4), pairs(0, 4)),
    "dilation": pairs(1, 3),
}
SIZES, ROWS = [depthwise, patches], [depthwise, input_gradient, patches]


@pytest.mark.parametrize("is_depthwise", [False, True])
@settings(deadline=None, max_examples=300)
@given(
    images=st.tuples(st.integers(1, 3), st.integers(1, 13), st.integers(1, 13)),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 2)),
    f=pairs(1, 5),
    size_of_chunk=st.integers(1, 400),
    rows_of_chunk=st.integers(1, 5),
    workers=st.integers(1, 3),
    **GEOMETRY,
)
def test_a_convolution_is_its_definition(
    images, channels, f, is_depthwise, size_of_chunk, rows_of_chunk, workers, **geometry
):
    c_prev, more = channels
    groups = c_prev if is_depthwise else 1
    rng = np.random.default_rng(0)
    X, W = whole_numbers(rng, (*images, c_prev)), whole_numbers(rng, (*f, c_prev // groups, c_prev * more))
    size = definitions.sizes(X, f, **geometry)
    assume(min(size) >= 1)
    X, W, dZ = (array.astype(np.float32) for array in (X, W, whole_numbers(rng, (len(X), *size, c_prev * more))))
    with pytest.MonkeyPatch.context() as patch, threads(workers):
        for module in SIZES:
            patch.setattr(module, "CHUNK_BYTES", size_of_chunk)
        for module in ROWS:
            patch.setattr(module, "CHUNK_ROWS", rows_of_chunk)
        Z, back = conv2d(X, W, *geometry.values(), groups)
        found = Z, *back(dZ)
    expected = definitions.conv(*definitions.wide(X, W, dZ), *geometry.values(), groups)
    for name, got, truth in zip(("Z", "dX", "dW"), found, expected):
        np.testing.assert_array_equal(got, truth, err_msg=name)
