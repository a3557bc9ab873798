"""Nets that are wired otherwise than in a chain: gradients, shared parts, and the notes' identity block."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest

from reference import kernels
from reference.combinators import Concatenate, Residual, Wiring
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.module import Mode, Module, Sequence, flatten, nest, shapes
from reference.nets.resnet import resnet_cifar

TRAIN = Mode(train=True)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def parameters(module):
    return nest({path: random(*shape, seed=i) for i, (path, shape) in enumerate(shapes(module).items())})


def starting_state(module):
    return nest({path: 1 + random(*shape) ** 2 for path, shape in shapes(module, "state").items()})


@dataclass(frozen=True)
class Block(Residual):
    c: int
    c_out: int
    activation: str = "swish"  # analytic, so that a complex step passes

    @cached_property
    def parts(self):
        parts = {"conv": Conv(self.c, self.c_out, 3, padding="same"), "norm": BatchNorm2d(self.c_out)}
        return parts | ({"downsample": Conv(self.c, self.c_out, 1)} if self.c != self.c_out else {})


@dataclass(frozen=True)
class Branches(Concatenate):
    parts = {"narrow": Conv(3, 2, 1), "wide": Conv(3, 5, 3, padding=1), "block": Block(3, 4)}


@dataclass(frozen=True)
class Tied(Module):
    """Y = f(f(X)) + X, with the same f twice."""

    parts = {"f": Conv(3, 3, 3, padding=1), "norm": BatchNorm2d(3)}

    def apply(self, p, s, X, *, mode):
        run = Wiring(self, p, s, mode)
        A, back_chain = run.chain(["f", "norm", "f", "norm"], X)

        def back(dY):
            dp = {}
            return dp, dY + back_chain(dp, dY)

        return A + X, run.state, back


@pytest.mark.parametrize("module", [Block(3, 3), Block(3, 5), Branches(), Tied()], ids=repr)
def test_wired_gradients_are_those_of_a_complex_step(module):
    X, p, s, h = random(2, 5, 7, 3), flatten(parameters(module)), starting_state(module), 1e-30
    Y, _, back = module(nest(p), s, X, mode=TRAIN)
    U = random(*Y.shape, seed=7)
    dp, dX = back(U)
    directions = {path: random(*value.shape, seed=8) for path, value in p.items()}
    V = random(*X.shape, seed=9)
    stepped, _, _ = module(nest({k: p[k] + 1j * h * directions[k] for k in p}), s, X + 1j * h * V, mode=TRAIN)
    slope = sum((g * directions[path]).sum() for path, g in flatten(dp).items()) + (dX * V).sum()
    assert set(flatten(dp)) == set(p)
    np.testing.assert_allclose((stepped.imag / h * U).sum(), slope, rtol=1e-11)


def test_a_shared_part_hands_its_running_state_on():
    X, module = random(2, 5, 7, 3), Tied()
    p, state = parameters(module), starting_state(module)
    A, expected = X, state["norm"]
    for _ in range(2):
        Z = module.parts["f"](p["f"], {}, A)[0]
        A, expected, _ = module.parts["norm"](p["norm"], expected, Z, mode=TRAIN)
    after = module(p, state, X, mode=TRAIN)[1]["norm"]
    np.testing.assert_array_equal(after["mu"], expected["mu"])
    np.testing.assert_array_equal(after["sigma2"], expected["sigma2"])


def test_a_residual_block_with_zero_weights_is_the_identity_on_what_is_positive():
    """The notes: A[l+2] = g(W A + b + A[l]) = g(A[l]) = A[l] when W and b are zero and A[l] came out of a ReLU."""

    @dataclass(frozen=True)
    class Plain(Residual):
        parts = {"conv": Conv(3, 3, 3, padding="same")}

    A = np.abs(random(2, 5, 7, 3))
    p = {"conv": {"W": 0 * random(3, 3, 3, 3), "b": 0 * random(3)}}
    np.testing.assert_array_equal(Plain()(p, {}, A)[0], A)


@pytest.mark.parametrize("definition", [False, True], ids=["kernels", "definition"])
def test_the_gradient_by_data_is_left_out_and_nothing_else_changes(definition):
    net, X = resnet_cifar(8), random(2, 8, 8, 3)
    p, s = parameters(net), starting_state(net)
    with kernels.definition_only() if definition else nullcontext():
        Y, state, back = net(p, s, X, mode=TRAIN)
        same_Y, same_state, back_data = net(p, s, X, mode=Mode(train=True, data=True))
        (dp, dX), (same_dp, nothing) = back(Y), back_data(Y)
    np.testing.assert_array_equal(same_Y, Y)
    assert nothing is None
    assert dX.shape == X.shape
    for before, after in ((state, same_state), (dp, same_dp)):
        assert flatten(before).keys() == flatten(after).keys()
        for path, value in flatten(before).items():
            np.testing.assert_array_equal(flatten(after)[path], value, err_msg=path)


def test_a_layer_that_is_not_the_first_has_its_gradient():
    net = Sequence(Conv(3, 3, 3), Block(3, 3), Conv(3, 2, 1))
    Y, _, back = net(parameters(net), {"1": starting_state(Block(3, 3))}, random(2, 5, 7, 3), mode=Mode(data=True))
    dp, _ = back(Y)
    assert flatten(dp).keys() == flatten(parameters(net)).keys()
