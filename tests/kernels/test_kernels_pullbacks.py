"""Pullbacks of kernels take what fits their outputs, and nothing else; of NaN the definition decides."""

import numpy as np
import pytest

from reference import kernels
from reference.layers.activations import relu
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.pooling import AveragePool, MaxPool
from reference.module import Mode, flatten, shapes

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 8, 8, 4))
LAYERS = {
    "3x3": Conv(4, 6, 3, bias=False),
    "3x3, padded": Conv(4, 6, 3, padding=1, bias=False),
    "1x1": Conv(4, 6, 1, bias=False),
    "strided": Conv(4, 6, 3, stride=2, bias=False),
    "grouped": Conv(4, 6, 3, groups=2, bias=False),
    "depthwise": Conv(4, 4, 3, groups=4, bias=False),
    "max pool": MaxPool(2),
    "average pool": AveragePool(2),
    "batch norm": BatchNorm2d(4),
}


def ran(layer, x=X):
    """The output, and the pullback to a flat list of gradients."""
    p = {name: np.ones(shape, x.dtype) for name, shape in shapes(layer).items()}
    s = {name: np.ones(shape, x.dtype) for name, shape in shapes(layer, "state").items()}
    Y, _, back = layer(p, s, x, mode=Mode(train=True))

    def gradients(dY):
        dp, dX = back(dY)
        return [*flatten(dp).values(), dX]

    return Y, gradients


def rectified(x=X):
    Y, back = relu(x)
    return Y, lambda dY: [back(dY)]


ALL = {**{name: lambda layer=layer: ran(layer) for name, layer in LAYERS.items()}, "relu": rectified}
EVERY = pytest.mark.parametrize("make", ALL.values(), ids=ALL)


@EVERY
@pytest.mark.parametrize(
    "change",
    [lambda s: (s[0] + 1, *s[1:]), lambda s: (1, *s[1:]), lambda s: (*s[:3], 1), lambda s: (s[0], s[1] - 1, *s[2:])],
    ids=["an example more", "one example", "one channel", "a row less"],
)
def test_a_gradient_of_another_shape_is_refused(make, change):
    Y, gradients = make()
    wrong = np.ones(change(Y.shape))
    with pytest.raises(ValueError, match=rf"has shape \({', '.join(map(str, wrong.shape))}\); expected"):
        gradients(wrong)


@EVERY
def test_whole_numbers_are_taken_as_numbers_of_the_output(make):
    Y, gradients = make()
    dY = RNG.integers(-3, 4, Y.shape)
    for kind in (np.int64, np.int8, np.float32, bool):
        for given, expected in zip(gradients(dY.astype(kind)), gradients(dY.astype(kind).astype(float))):
            assert given.dtype == np.float64
            np.testing.assert_array_equal(given, expected)


@EVERY
def test_complex_numbers_are_refused(make):
    Y, gradients = make()
    with pytest.raises(TypeError, match="complex128; expected real numbers"):
        gradients(np.ones(Y.shape) * 1j)


@pytest.mark.parametrize("pool", [MaxPool(2), MaxPool(2, 1), MaxPool(3, 2, padding=1)], ids=str)
def test_the_gradient_of_a_nan_goes_where_the_definition_sends_it(pool):
    x = X.copy()
    x[RNG.random(x.shape) < 0.1] = np.nan
    x[0, :3, :3] = np.nan
    Y, gradients = ran(pool, x)
    with kernels.definition_only():
        expected, by_definition = ran(pool, x)
    dY = RNG.standard_normal(Y.shape)
    np.testing.assert_array_equal(Y, expected)
    np.testing.assert_array_equal(gradients(dY), by_definition(dY))
    assert np.isnan(Y).any()


def test_the_first_nan_of_a_window_takes_the_gradient():
    x = np.array([[1.0, np.nan], [2.0, 3.0]])[None, :, :, None]
    _, gradients = ran(MaxPool(2), x)
    assert gradients(np.ones((1, 1, 1, 1)))[0].ravel().tolist() == [0, 1, 0, 0]
