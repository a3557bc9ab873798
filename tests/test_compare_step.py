"""The rung of the optimizers: any two that go with the models are walked alike, and what differs is named."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from torch import nn

import crosscheck
from reference.nets.shallow_net import ShallowNet
from reference.training import optimizers as of_reference

X = "x: n c = 5 6"


class Port(nnx.Module):
    def __init__(self, rngs):
        self.inner, self.outer = nnx.Linear(6, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)

    def __call__(self, x):
        return self.outer(nnx.relu(self.inner(x)))


class Linen(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, x):
        return flax.linen.Dense(3)(flax.linen.relu(flax.linen.Dense(8)(x)))


def original():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def function(p, x):
    return jax.nn.relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]


def ports():
    linen = Linen()
    rng = np.random.default_rng(0)
    shapes = {"w1": (6, 8), "b1": (8,), "w2": (8, 3), "b2": (3,)}
    return {
        "nnx": Port(nnx.Rngs(0)),
        "linen": (linen, linen.init(jax.random.key(0), jnp.zeros((1, 6)))),
        "function": (function, {name: jnp.asarray(rng.standard_normal(shape)) for name, shape in shapes.items()}),
    }


def compared(theirs, mine=lambda p: torch.optim.AdamW(p, 1e-2), port="nnx"):
    model = original()
    return crosscheck.compare(model, ports()[port], X, rungs=("eval",), optimizers=(mine(model.parameters()), theirs))


def named(report):
    assert report.status == "diverge"
    return {tuple(cause.id for cause in culprit.explanation.causes) for culprit in report.accused()}


@pytest.mark.parametrize("port", ["nnx", "linen", "function"])
def test_the_same_rule_agrees_and_another_rate_of_decay_is_named(port):
    assert compared(optax.adamw(1e-2, weight_decay=1e-2), port=port).agree
    report = compared(optax.adamw(1e-2), port=port)
    assert named(report) == {("adamw-default-decay",)}
    assert len(report.accused()) == 4
    assert [gap.agrees for gap in report.tensors["step"]] == 4 * [False]


@pytest.mark.parametrize(
    ("theirs", "mine", "cause"),
    [
        (optax.sgd(0.1), lambda p: torch.optim.SGD(p, 0.1), None),
        (optax.sgd(0.1, 0.9, nesterov=True), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), "sgd-nesterov-form"),
        (optax.sgd(0.2), lambda p: torch.optim.SGD(p, 0.1), "optimizer-learning-rate"),
        (optax.adam(1e-2, eps=1e-6), lambda p: torch.optim.Adam(p, 1e-2), "adam-eps-value"),
        (optax.adamw(1e-2, weight_decay=1e-2), lambda p: torch.optim.Adam(p, 1e-2), "weight-decay-missing"),
    ],
)
def test_a_rule_that_differs_is_named(theirs, mine, cause):
    report = compared(theirs, mine)
    assert report.agree if cause is None else named(report) == {(cause,)}


def test_a_mask_shows_at_what_it_leaves_out():
    def kernels(params):
        return jax.tree.map(lambda x: x.ndim > 1, params)

    report = compared(optax.adamw(1e-2, weight_decay=1e-2, mask=kernels))
    assert named(report) == {("weight-decay-missing",)}
    assert [culprit.divergence.first for culprit in report.accused()] == ["0.bias", "2.bias"]


def test_an_optimizer_of_the_nnx_module_and_what_is_not_in_the_catalogue():
    port = Port(nnx.Rngs(0))
    model = original()
    mine = torch.optim.Adam(model.parameters(), 1e-2)
    theirs = nnx.Optimizer(port, optax.adam(1e-2), wrt=nnx.Param)
    assert crosscheck.compare(model, port, X, rungs=("eval",), optimizers=(mine, theirs)).agree
    report = compared(optax.lamb(1e-2), lambda p: torch.optim.Adam(p, 1e-2))
    assert report.status == "diverge"
    assert not report.causes
    assert str(report).count("not found: nothing in the catalogue") == 1  # told once, for all parameters


def test_the_reference_walks_too():
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))
    pair = of_reference.adam(1e-2), torch.optim.Adam(model.parameters(), 1e-2)
    net = ShallowNet(6, 8)
    report = crosscheck.compare(net, model, X, rungs=("eval",), optimizers=pair)
    assert [finding.rung for finding in report.findings if finding.agrees] == ["eval", "step"], str(report)


def test_the_users_optimizer_is_left_as_it_was():
    model = original()
    mine = torch.optim.Adam(model.parameters(), 1e-2)
    model(torch.ones(2, 6)).sum().backward()
    mine.step()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    steps = [state["step"].item() for state in mine.state.values()]
    report = crosscheck.compare(model, Port(nnx.Rngs(0)), X, rungs=("eval",), optimizers=(mine, optax.adam(1e-2)))
    assert report.agree  # although the one has taken a step already
    assert [state["step"].item() for state in mine.state.values()] == steps
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())


def test_what_is_left_out_of_an_optimizer_stays_where_it_is():
    report = compared(optax.sgd(0.1), lambda p: torch.optim.SGD([*p][:2], 0.1))
    assert {culprit.divergence.first for culprit in report.accused()} == {"2.weight", "2.bias"}


def test_wrong_optimizers_are_refused():
    model, other = original(), original()
    right = torch.optim.SGD(model.parameters(), 0.1)
    for pair, problem in (
        (right, "expected a pair"),
        ((right, right), r"optimizers\[1\] is SGD; expected an optax.GradientTransformation or a flax.nnx.Optimizer"),
        ((optax.sgd(0.1), optax.sgd(0.1)), r"optimizers\[0\] is GradientTransf.*; expected a torch.optim.Optimizer"),
        ((None, optax.sgd(0.1)), r"optimizers\[0\] is NoneType"),
    ):
        with pytest.raises(TypeError, match=problem):
            crosscheck.compare(model, Port(nnx.Rngs(0)), X, optimizers=pair)
    strange = torch.optim.SGD(other.parameters(), 0.1)
    with pytest.raises(ValueError, match=r"optimizers\[0\] has parameters that the model does not have"):
        crosscheck.compare(model, Port(nnx.Rngs(0)), X, optimizers=(strange, optax.sgd(0.1)))


def test_a_rule_that_raises_is_reported():
    def update(updates, state, params=None):
        raise RuntimeError("no luck")

    report = compared(optax.GradientTransformation(lambda p: (), update))
    assert report.status == "crashed"
    assert "raised RuntimeError: no luck" in str(report)
