"""Complex steps against derivatives in closed form, and the adjoint identity against sound and wrong pullbacks."""

import numpy as np
import pytest
from programs import Net, convolution_data, net_data, run_convolution, run_net

from crosscheck.numerics.complex_step import adjoint_identity, central_difference, complex_step, random_like
from reference.layers.activations import ACTIVATIONS, relu, sigmoid, softmax, tanh
from reference.layers.losses import (
    logistic_loss,
    logistic_loss_from_logits,
    softmax_cross_entropy,
    softmax_cross_entropy_from_logits,
    squared_error,
)

X = np.linspace(0.3, 2.9, 11)
EPSILON = 2.0**-52

CLOSED_FORMS = {
    "exp": (np.exp, np.exp),
    "log": (np.log, lambda x: 1 / x),
    "log1p": (np.log1p, lambda x: 1 / (1 + x)),
    "sin": (np.sin, np.cos),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "quotient": (lambda x: (1 - x) / (1 + x), lambda x: -2 / (1 + x) ** 2),
    "sigmoid": (lambda x: sigmoid(x)[0], lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
    "relu below 0": (lambda x: relu(-x)[0], lambda x: 0 * x),
    "maximum": (lambda x: np.maximum(x, 1.5), lambda x: (x > 1.5) * 1.0),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_complex_step_is_the_derivative_to_rounding(name):
    f, derivative = CLOSED_FORMS[name]
    found = complex_step(lambda a: f(a["x"]), {"x": X}, {"x": np.ones_like(X)})[""]
    assert np.allclose(found, derivative(X), rtol=8 * EPSILON, atol=0)


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_central_difference_is_the_derivative_to_ten_digits(name):
    f, derivative = CLOSED_FORMS[name]
    found = central_difference(lambda a: f(a["x"]), {"x": X}, {"x": np.ones_like(X)})[""]
    assert np.allclose(found, derivative(X), rtol=1e-9, atol=1e-9)


def test_direction_moves_only_what_it_names():
    arrays = {"a": np.array([2.0]), "b": np.array([5.0])}
    moved = complex_step(lambda x: {"ab": x["a"] * x["b"], "b": x["b"]}, arrays, {"a": np.array([1.0])})
    assert moved["ab"] == [5.0]
    assert moved["b"] == [0.0]


LOSSES = {
    "squared_error": (squared_error, "A"),
    "logistic_loss": (logistic_loss, "probabilities"),
    "logistic_loss_from_logits": (logistic_loss_from_logits, "A"),
    "softmax_cross_entropy": (softmax_cross_entropy, "probabilities"),
    "softmax_cross_entropy_from_logits": (softmax_cross_entropy_from_logits, "A"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_satisfies_the_adjoint_identity(name):
    loss, kind = LOSSES[name]
    A = np.random.default_rng(3).standard_normal((5, 7))
    A, Y = softmax(A)[0] if kind == "probabilities" else A, np.eye(5)[:, np.arange(7) % 5]
    _, back = loss(A, Y)
    identity = adjoint_identity(lambda x: loss(x["A"], Y)[0], {"A": A}, {"A": back(1.5)}, 1.5, random_like({"A": A}, 0))
    assert identity.error < 16 * EPSILON


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_satisfies_the_adjoint_identity(name):
    Z, dA = np.random.default_rng(4).standard_normal((2, 5, 7))
    _, back = ACTIVATIONS[name](Z)
    identity = adjoint_identity(
        lambda x: ACTIVATIONS[name](x["Z"])[0], {"Z": Z}, {"Z": back(dA)}, dA, random_like({"Z": Z}, 1)
    )
    assert identity.error < 16 * EPSILON


def net_identity(activation=tanh, train=True, wrong=None, **options):
    net, sizes = Net((7, 23, 11, 5), activation), (7, 23, 11, 5)
    arrays = net_data(net, sizes, m=13, seed=5)
    results = run_net(net, arrays, train)
    gradients = {name.removeprefix("d "): x for name, x in results.items() if name.startswith("d ")}
    if wrong:
        gradients[wrong] = gradients[wrong] * (1 + 1e-9)
    direction = random_like({name: arrays[name] for name in gradients}, seed=6)
    return adjoint_identity(lambda x: run_net(net, x, train)["J"], arrays, gradients, 1.0, direction, **options)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("activation", [tanh, sigmoid, relu])
def test_one_direction_checks_the_whole_gradient_of_a_net(activation, train):
    assert net_identity(activation, train).error < 100 * EPSILON


def test_a_gradient_that_is_off_by_one_part_in_a_billion_is_seen():
    assert net_identity(wrong="p norm1.gamma").error > 1e-11


def test_central_differences_satisfy_the_identity_more_coarsely():
    error = net_identity(analytic=False).error
    assert 100 * EPSILON < error < 1e-7


def test_convolution_and_max_pooling_satisfy_the_identity():
    arrays = convolution_data(seed=7)
    results = run_convolution(arrays)
    cotangent = {name: arrays["dP"] if name == "P" else np.zeros(x.shape) for name, x in results.items()}
    gradients = {"A": results["d A"], "W": results["d W"]}
    direction = random_like({name: arrays[name] for name in gradients}, seed=8)
    assert adjoint_identity(run_convolution, arrays, gradients, cotangent, direction).error < 50 * EPSILON


def test_a_cast_to_float_is_noticed():
    def forgetful(arrays):
        return np.array(arrays["x"].real, dtype=float) ** 2

    identity = adjoint_identity(forgetful, {"x": X}, {"x": 2 * X}, np.ones_like(X), {"x": np.ones_like(X)})
    assert identity.error > 0.1


def test_zeros_on_both_sides_check_nothing():
    zero = np.zeros_like(X)
    assert adjoint_identity(lambda a: 0 * a["x"], {"x": X}, {"x": zero}, zero, {"x": X}).error == np.inf


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="gradients have no x, which the direction moves; they have"):
        adjoint_identity(lambda a: a["x"], {"x": X}, {}, X, {"x": X})
    with pytest.raises(ValueError, match=r"cotangent has \['z'\]; expected one for each output of f, \['y'\]"):
        adjoint_identity(lambda a: {"y": a["x"]}, {"x": X}, {"x": X}, {"z": X}, {"x": X})
