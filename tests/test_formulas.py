"""The notes' arithmetic of convolutional networks, against what the layers do and against the notes' own figures."""

import inspect

import numpy as np
import pytest

from reference import formulas
from reference.layers.conv import Conv
from reference.layers.conv_transpose import ConvTranspose
from reference.module import nest, shapes


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def forward(module, X):
    p = nest({path: random(*shape, seed=i) for i, (path, shape) in enumerate(shapes(module).items())})
    return module(p, {}, X)[0]


@pytest.mark.parametrize(("f", "p", "s", "d"), [(3, 0, 1, 1), (3, 1, 2, 1), (5, 2, 3, 1), (2, 0, 2, 1), (3, 2, 2, 3)])
def test_output_size_is_that_of_the_layer(f, p, s, d):
    for n in (7, 8, 11):
        Z = forward(Conv(1, 1, f, stride=s, padding=p, dilation=d), random(1, n, 13, 1))
        assert Z.shape[1] == formulas.output_size(n, f, p, s, d)


@pytest.mark.parametrize(("f", "p", "s", "extra"), [(3, 0, 1, 0), (3, 1, 2, 1), (2, 0, 2, 0), (4, 1, 3, 2)])
def test_transpose_output_size_is_that_of_the_layer(f, p, s, extra):
    Z = forward(ConvTranspose(1, 1, f, s, p, extra), random(1, 5, 7, 1))
    assert Z.shape[1] == formulas.transpose_output_size(5, f, p, s, extra)
    assert formulas.output_size(Z.shape[1], f, p, s) == 5


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_conv_parameters_are_those_of_the_layer(groups):
    held = sum(np.prod(shape) for shape in shapes(Conv(6, 12, 5, groups=groups)).values())
    assert held == formulas.conv_parameters(5, 6, 12, groups)


def test_receptive_field_is_how_far_a_pixel_reaches():
    layers = [(3, 2), (5, 1), (2, 2)]
    field = formulas.receptive_field(layers)
    X, backs = random(1, field + 4, 1, 1), []
    for f, s in layers:
        X, _, back = Conv(1, 1, (f, 1), stride=(s, 1))({"W": 1 + random(f, 1, 1, 1) ** 2, "b": random(1)}, {}, X)
        backs.append(back)
    gradient = np.eye(1, X.shape[1]).reshape(X.shape)  # of the first output pixel
    for back in reversed(backs):
        gradient = back(gradient)[1]
    assert np.count_nonzero(gradient) == field


def test_the_notes_figures():
    assert formulas.output_size(6, 3) == 4
    assert formulas.output_size(7, 3, s=2) == 3
    assert formulas.output_size(39, 3) == 37
    assert formulas.same_padding(5) == 2
    assert formulas.conv_parameters(3, 3, 10) == 280
    assert formulas.conv_multiplications(28, 28, 5, 192, 32) == 120_422_400
    assert formulas.dense_multiplications(400, 120) == 48_000
    assert formulas.bottleneck_multiplications(28, 28, 5, 192, 16, 32) == 12_443_648
    assert formulas.conv_multiplications(4, 4, 3, 3, 5) == 2160
    assert formulas.separable_multiplications(4, 4, 3, 3, 5) == 672
    assert formulas.dense_parameters(400, 120) == 48_120
    assert formulas.dense_parameters(3072, 4704, bias=False) == 3072 * 4704


@pytest.mark.parametrize(("f", "c_prev", "c"), [(3, 3, 5), (3, 64, 512), (5, 7, 11)])
def test_separable_cost_ratio(f, c_prev, c):
    exact = formulas.separable_multiplications(9, 8, f, c_prev, c) / formulas.conv_multiplications(9, 8, f, c_prev, c)
    np.testing.assert_allclose(formulas.separable_cost_ratio(f, c), exact, rtol=1e-15)


def test_compound_scaling_costs_two_to_the_phi():
    """A net's multiplications grow with its depth and with the squares of its width and resolution."""
    for phi in (0, 1, 3.5):
        depth, width, resolution = formulas.compound_scaling(phi)
        np.testing.assert_allclose(depth * width**2 * resolution**2, 1.92**phi, rtol=1e-2 * phi + 1e-15)


REFUSED = [
    ("a filter larger than the image", lambda: formulas.output_size(2, 5), "n is 2; expected at least 5"),
    (
        "a crop larger than the image",
        lambda: formulas.transpose_output_size(1, 2, p=1),
        "p is 1; expected to leave a pixel",
    ),
    ("a dilated filter", lambda: formulas.output_size(5, 3, p=1, d=4), "n is 5; expected at least 7"),
    ("groups of parameters", lambda: formulas.conv_parameters(3, 3, 4, groups=2), "groups is 2; .* c_prev = 3"),
    ("groups of products", lambda: formulas.conv_multiplications(4, 4, 3, 4, 3, groups=2), "groups is 2; .* c = 3"),
]


@pytest.mark.parametrize(("call", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_no_layer_could_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_formula_says_what_it_is():
    functions = [f for _, f in inspect.getmembers(formulas, inspect.isfunction) if f.__module__ == formulas.__name__]
    assert len(functions) == 12
    assert all(f.__doc__ for f in functions)
