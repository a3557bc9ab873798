"""Models that misbehave: each gets a clear statement, nothing hangs, and what is the user's stays as it was."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
nnx = pytest.importorskip("flax.nnx")
import jax.numpy as jnp  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

import crosscheck  # noqa: E402

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


class Net(nn.Module):
    def __init__(self, body=lambda net, x: net.b(torch.relu(net.a(x)))):
        super().__init__()
        self.a, self.b = nn.Linear(3, 5), nn.Linear(5, 2)
        self.body = body

    def forward(self, x):
        return self.body(self, x)


class Port(nnx.Module):
    def __init__(self, body=lambda net, x: net.out(jax.nn.relu(net.inner(x)))):
        self.inner, self.out = nnx.Linear(3, 5, rngs=nnx.Rngs(0)), nnx.Linear(5, 2, rngs=nnx.Rngs(0))
        self.body = body

    def __call__(self, x):
        return self.body(self, x)


def compared(first=None, second=None, inputs=X, **options):
    return crosscheck.compare(first or Net(), second or Port(), inputs, **options)


def broken(net, x):
    raise RuntimeError("no such luck")


@pytest.mark.parametrize(("first", "second", "which"), [(Net(broken), None, "first"), (None, Port(broken), "second")])
def test_a_model_that_raises_is_named_with_what_it_said(first, second, which):
    report = compared(first, second)
    assert not report.agree
    assert which in report.problem
    assert "no such luck" in report.problem
    assert "no such luck" in report.traceback


def test_nan_on_one_side_is_said():
    report = compared(second=Port(lambda net, x: net.out(jnp.sqrt(net.inner(x)))))
    assert not report.agree
    assert any("NaN" in gap.problem for gaps in report.tensors.values() for gap in gaps)
    assert "NaN" in str(report)


def test_nan_on_both_sides_at_the_same_places_agrees():
    first = Net(lambda net, x: net.b(torch.sqrt(net.a(x))))
    second = Port(lambda net, x: net.out(jnp.sqrt(net.inner(x))))
    report = compared(first, second, rungs=("eval",))
    assert not report.problem
    assert not any("NaN" in gap.problem for gap in report.tensors["eval"] if gap.kind == "output")


def test_parameters_that_are_not_used_agree():
    first, second = Net(lambda net, x: net.a(x)), Port(lambda net, x: net.inner(x))
    assert compared(first, second).agree


def test_a_parameter_that_only_one_side_has_is_told():
    first = Net()
    first.extra = nn.Parameter(torch.ones(7))
    report = compared(first)
    assert report.agree
    assert any("extra" in note for note in report.notes)


def test_models_without_parameters_agree():
    assert compared(nn.Softplus(), lambda x: jnp.logaddexp(x, 0)).agree
    assert not compared(nn.Softplus(), lambda x: jnp.maximum(x, 0)).agree


def test_a_module_called_several_times_agrees():
    first = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    first.append(first[0])

    class Twice(nnx.Module):
        def __init__(self):
            self.only = nnx.Linear(3, 3, rngs=nnx.Rngs(0))

        def __call__(self, x):
            return self.only(jnp.tanh(self.only(x)))

    assert compared(first, Twice()).agree


def test_operations_in_place_agree():
    def body(net, x):
        y = net.a(x)
        y.relu_()
        return net.b(y).mul_(2)

    assert compared(Net(body), Port(lambda net, x: 2 * net.out(jax.nn.relu(net.inner(x))))).agree


def test_random_numbers_in_evaluation_are_set_aside_and_said_so():
    report = compared(Net(lambda net, x: net.b(F.dropout(net.a(x), 0.5)) + torch.rand(())))
    assert not report.agree
    assert "draws random" in " ".join(str(report).split())


def test_modules_that_build_themselves_at_the_first_call():
    lazy = nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.LazyLinear(2))
    report = compared(lazy)
    assert report.agree
    assert any("not built" in note for note in report.notes)
    assert any(isinstance(p, nn.UninitializedParameter) for p in lazy.parameters())


def test_complex_outputs_are_compared():
    first = Net(lambda net, x: torch.complex(net.b(net.a(x)), net.b(net.a(x)) ** 2))
    assert compared(
        first, Port(lambda net, x: jax.lax.complex(net.out(net.inner(x)), net.out(net.inner(x)) ** 2))
    ).agree
    other = Port(lambda net, x: jax.lax.complex(net.out(net.inner(x)), net.out(net.inner(x))))
    assert not compared(first, other).agree


def test_whole_numbers_are_compared():
    first = Net(lambda net, x: (net.b(net.a(x)), net.b(net.a(x)).argmax(-1)))
    assert compared(first, Port(lambda net, x: (net.out(net.inner(x)), net.out(net.inner(x)).argmax(-1)))).agree
    report = compared(first, Port(lambda net, x: (net.out(net.inner(x)), net.out(net.inner(x)).argmin(-1))))
    assert not report.agree


def test_other_names_of_outputs_are_matched_in_order():
    first = Net(lambda net, x: {"logits": net.b(net.a(x)), "hidden": net.a(x)})
    assert compared(first, Port(lambda net, x: (net.out(net.inner(x)), net.inner(x)))).agree


def test_an_output_that_one_side_lacks_is_told():
    report = compared(Net(lambda net, x: (net.b(net.a(x)), net.a(x))), Port(lambda net, x: net.out(net.inner(x))))
    assert not report.agree
    assert "no such output" in str(report)


def test_a_batch_size_baked_in_agrees():
    first = Net(lambda net, x: net.b(net.a(x).reshape(4, 5)))
    assert compared(first, Port(lambda net, x: net.out(net.inner(x).reshape(4, 5)))).agree


def state_of(net):
    return {name: value.clone() for name, value in net.state_dict().items()}, net.training, torch.get_rng_state()


def same(before, after):
    values, training, random = before
    assert all(torch.equal(value, after[0][name]) for name, value in values.items())
    assert training == after[1]
    assert torch.equal(random, after[2])


def hooks(net):
    return [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in net.modules()]


def normed(body=None):
    return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), Net(body) if body else nn.Linear(5, 2))


def interrupted(net, x):
    raise KeyboardInterrupt


class Normed(nnx.Module):
    def __init__(self):
        self.a = nnx.Linear(3, 5, rngs=nnx.Rngs(0))
        self.n = nnx.BatchNorm(5, rngs=nnx.Rngs(0))
        self.b = nnx.Linear(5, 2, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.b(self.n(self.a(x)))


@pytest.mark.parametrize("body", [None, broken, interrupted])
def test_the_users_models_are_as_before(body):
    net, port = normed(body).train(), Normed()
    kept, kept_port, own = state_of(net), copy.deepcopy(nnx.state(port)), nnx.BatchNorm.__call__
    settings = torch.get_default_dtype(), jax.config.jax_enable_x64
    if body is interrupted:
        with pytest.raises(KeyboardInterrupt):
            compared(net, port)
    else:
        compared(net, port)
    same(kept, state_of(net))
    assert hooks(net) == [0] * len(hooks(net))
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    jax.tree.map(np.testing.assert_array_equal, kept_port, nnx.state(port))
    assert nnx.BatchNorm.__call__ is own
    assert settings == (torch.get_default_dtype(), jax.config.jax_enable_x64)


def test_a_relu_that_rounding_decides_accuses_nobody():
    """3x - 1 is 3e-8 at the float32 next to 1/3, and 0 or not in float32, as one writes it."""
    x = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    x[0] = np.float32(1 / 3)

    def one(x):
        return torch.relu(3 * x - 1)

    def other(x):
        return torch.relu((x - 1) + x + x)

    report = crosscheck.compare(one, other, x)
    assert report.agree, str(report)

    def coarse(x):
        return torch.relu((3 * x - 1).to(torch.bfloat16).to(x.dtype) if x.dtype == torch.float32 else 3 * x - 1)

    report = crosscheck.compare(one, coarse, x)
    assert [finding.rung for finding in report.findings if finding.diverges] == ["precision"]


class Warming(nn.Module):
    """A norm that has another momentum from its second batch on."""

    def __init__(self, later):
        super().__init__()
        self.norm, self.later = nn.BatchNorm1d(3), later
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        if self.training:
            self.norm.momentum = 0.1 if self.seen == 0 else self.later
            self.seen += 1
        return self.norm(x)


def test_buffers_that_differ_from_a_later_batch_on():
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    assert crosscheck.compare(Warming(0.2), Warming(0.2), x).agree
    report = crosscheck.compare(Warming(0.1), Warming(0.2), x)
    assert report.first_divergence.first == "norm"
    assert report.first_divergence.direction == "state"
    assert [cause.id for cause in report.causes[0].causes] == ["batchnorm-momentum-complement"]
