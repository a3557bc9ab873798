"""Plain float arrays take the kernels, every other number the definition; kernels are at most twice as far off."""

import pkgutil

import numpy as np
import pytest

from crosscheck import feed
from crosscheck.backends.base import reference_module
from crosscheck.case import all_cases
from reference import kernels
from reference.module import Mode, Module, flatten, nest, shapes

ROUTED = {
    "layers.conv.": "reference.layers.conv.fast_conv2d",
    "layers.true_convolution.": "reference.layers.conv.fast_conv2d",
    "layers.pooling.MaxPool": "reference.layers.pooling.fast_max_pool",
    "layers.pooling.AveragePool": "reference.layers.pooling.fast_average_pool",
    "layers.batch_norm_2d.": "reference.layers.batch_norm_2d.fast_batch_norm",
    "layers.losses.softmax_cross_entropy_from_logits": "reference.layers.losses.fast_softmax_cross_entropy",
}
"""The cases of which layers, and the kernel that each must reach."""

CASES = [
    pytest.param(case, kernel, id=case.name)
    for start, kernel in ROUTED.items()
    for case in all_cases()
    if case.name.startswith(start)
]


def run(case, dtype):
    """Output, running state and gradients, with a cotangent drawn from the case's name."""
    module = reference_module(case)
    inputs = [X.astype(dtype) for X in feed.inputs_of(case, 0, 0).values()]
    if not isinstance(module, Module):
        J, back = module(*inputs)
        return {"output": J, "dZ": back(J.dtype.type(1))}
    p = {k: v.astype(dtype) for k, v in feed.parameters(case, 0, shapes(module)).items()}
    s = {k: v.astype(dtype) for k, v in feed.running_state(case, 0, shapes(module, "state")).items()}
    Y, s, back = module(nest(p), nest(s), *inputs, mode=Mode(train=True))
    dp, dX = back(feed.cotangent(case, 0, Y.shape, 0).astype(dtype))
    return {"output": Y, "dX": dX} | flatten(s) | flatten(dp)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("case", "kernel"), CASES)
def test_kernels_are_reached_and_as_accurate_as_the_definition(case, kernel, dtype, monkeypatch):
    used = []
    original = pkgutil.resolve_name(kernel)
    monkeypatch.setattr(kernel, lambda *args: used.append(kernel) or original(*args))
    with kernels.definition_only():
        defined = run(case, dtype)
    assert not used
    found = run(case, dtype)
    assert used == [kernel]
    for key, exact in run(case, "longdouble").items():
        assert found[key].dtype == defined[key].dtype == dtype
        error, direct = (np.abs(value - exact).max() for value in (found[key], defined[key]))
        assert error <= 2 * direct + 8 * np.finfo(dtype).eps * np.abs(exact).max(), key


def test_relu_of_images_takes_the_kernel(monkeypatch):
    from reference.layers import activations

    used = []
    original = activations.fast_relu
    monkeypatch.setattr(activations, "fast_relu", lambda Z: used.append(Z) or original(Z))
    Z, U = np.random.default_rng(0).standard_normal((2, 3, 5, 7, 11))
    A, back = activations.relu(Z)
    with kernels.definition_only():
        expected, expected_back = activations.relu(Z)
    assert len(used) == 1
    np.testing.assert_array_equal(A, expected)
    np.testing.assert_array_equal(back(U), expected_back(U))


def test_wide_dense_layers_take_the_kernel(monkeypatch):
    from reference.layers import dense

    used = []
    original = dense.fast_product
    monkeypatch.setattr(dense, "fast_product", lambda *factors: used.append(factors) or original(*factors))
    layer = dense.Dense(1000, 1100)
    rng = np.random.default_rng(0)
    W, b, A, dZ = (
        rng.integers(-4, 5, shape).astype(float) for shape in ((1100, 1000), (1100, 1), (1000, 3), (1100, 3))
    )
    Z, back = layer.forward({"W": W, "b": b}, A)
    with kernels.definition_only():
        expected, expected_back = layer.forward({"W": W, "b": b}, A)
    assert len(used) == 1
    np.testing.assert_array_equal(Z, expected)
    (dp, dA), (expected_dp, expected_dA) = back(dZ), expected_back(dZ)
    np.testing.assert_array_equal(dA, expected_dA)
    for name in ("W", "b"):
        np.testing.assert_array_equal(dp[name], expected_dp[name])


def test_sums_of_images_take_the_kernel_if_they_have_one_shape(monkeypatch):
    from reference import combinators

    used = []
    original = combinators.fast_add
    monkeypatch.setattr(combinators, "fast_add", lambda A, B: used.append(A) or original(A, B))
    A, B = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 6))
    np.testing.assert_array_equal(combinators.sum_of_branches(A, B), A + B)
    assert len(used) == 1
    for left, right in ((A, B[:, :1]), (A[0], B[0]), (A, B.astype(np.float32)), (A, 0)):
        np.testing.assert_array_equal(combinators.sum_of_branches(left, right), left + right)
    with pytest.raises(ValueError, match="broadcast"):
        combinators.sum_of_branches(A, B.transpose(0, 2, 3, 1))
    assert len(used) == 1
