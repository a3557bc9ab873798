"""What makes float32 of float64 is run without that: compared to float64's rounding, told in a note, never accused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx
from narrow_nets import BATCH, Unit, either_way
from torch import nn

from crosscheck.twins.compare import compare


class Net(nn.Module):
    """function: between two layers, in a module of its own."""

    def __init__(self, function=torch.tanh):
        super().__init__()
        self.a, self.unit, self.b = nn.Linear(5, 7), Unit(function), nn.Linear(7, 3)

    def forward(self, x):
        return self.b(self.unit(self.a(x)).to(self.b.weight.dtype))


def narrow(x):
    return torch.tanh(x.to(torch.float32)).to(x.dtype)


def agrees_in_float64(report, which, *places):
    """On every rung, with no place set aside; the note names these places, of that side alone."""
    assert report.status == "agree", str(report)
    assert all(finding.agrees and not finding.excused for finding in report.findings)
    assert not report.culprits
    assert max(gap.relative for finding in report.findings[:3] for gap in finding.gaps) < 1e-12
    lifted = {entry: model["narrow"] for entry, model in zip(("first", "second"), report.models)}
    assert lifted == {"first": [], "second": [], which: list(places)}
    where = places[0] or "its own code"
    assert [line for line in report.notes if f"the {which} model makes float32 of float64 in {where}" in line]


def test_torch_is_lifted_on_either_side():
    for which, report in zip(("second", "first"), either_way(Net(), Net(narrow))):
        agrees_in_float64(report, which, "unit")


def test_what_gives_float32_is_lifted():
    for which, report in zip(("second", "first"), either_way(Net(), Net(lambda x: torch.tanh(x.float())))):
        agrees_in_float64(report, which, "unit")


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class FlaxAttending(nnx.Module):
    """Its softmax is in float32 whatever the dtype."""

    def __init__(self):
        self.attend = nnx.MultiHeadAttention(2, 8, decode=False, rngs=nnx.Rngs(0))

    def __call__(self, x):
        return self.attend(x)


def test_the_softmax_of_flax_is_lifted():
    agrees_in_float64(compare(Attending(), FlaxAttending(), "x: n t c = 2 5 8"), "second", "attend")


class Dense(linen.Module):
    """Everything in float32, as many published models are."""

    @linen.compact
    def __call__(self, x):
        h = jnp.tanh(linen.Dense(7, dtype=jnp.float32, name="one")(x))
        return linen.Dense(3, dtype=jnp.float32, name="two")(linen.LayerNorm(dtype=jnp.float32, name="norm")(h))


class TorchDense(nn.Module):
    def __init__(self, eps=1e-6):
        super().__init__()
        self.one, self.norm, self.two = nn.Linear(5, 7), nn.LayerNorm(7, eps=eps), nn.Linear(7, 3)

    def forward(self, x):
        return self.two(self.norm(torch.tanh(self.one(x))))


@pytest.fixture
def flax_dense():
    return Dense(), Dense().init(jax.random.key(0), jnp.ones((2, 5)))


def test_a_linen_model_of_dtype_float32_is_lifted(flax_dense):
    agrees_in_float64(compare(TorchDense(), flax_dense, BATCH), "second", "one", "norm", "two")


def test_a_mistake_in_it_is_placed_and_named(flax_dense):
    report = compare(TorchDense(1e-3), flax_dense, BATCH)
    assert report.first_divergence.first == "norm"
    assert [cause.id for cause in report.causes[0].causes] == ["layernorm-eps"]
    assert not [culprit for culprit in report.culprits if culprit.excused]


def test_a_mistake_smaller_than_float32s_rounding_is_seen_beneath_it():
    for report in either_way(Net(narrow), Net(lambda x: narrow(x) * (1 + 1e-9 * torch.cos(x)))):
        assert report.first_divergence.first == "unit"
        assert [finding.diverges for finding in report.findings[:3]] == [True] * 3


def plain_function(params, x, width=jnp.float32, slope=1.0):
    h = jnp.tanh((x @ params["a"] + params["b"]).astype(width)).astype(x.dtype)
    return slope * jax.nn.softmax(h @ params["c"], -1)


class AsModules(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(5, 7), nn.Linear(7, 3, bias=False)

    def forward(self, x):
        return torch.softmax(self.two(torch.tanh(self.one(x))), -1)


@pytest.fixture
def params():
    rng = np.random.default_rng(0)
    return {name: np.float32(rng.normal(size=shape)) for name, shape in (("a", (5, 7)), ("b", 7), ("c", (7, 3)))}


def test_a_plain_function_is_lifted(params):
    report = compare(AsModules(), (plain_function, params), BATCH)
    agrees_in_float64(report, "second", "")


def test_a_mistake_in_a_lifted_function_is_placed_and_named(params):
    def scaled(params, x):
        return plain_function(params, x, slope=0.5)

    report = compare(AsModules(), (scaled, params), BATCH)
    assert report.first_divergence.after == "two"
    assert [cause.id for cause in report.causes[0].causes] == ["scale-constant"]


def test_bfloat16_is_not_lifted():
    for report in either_way(Net(), Net(lambda x: torch.tanh(x.to(torch.bfloat16)).to(x.dtype))):
        assert report.first_divergence.first == "unit"


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 7, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class FlaxRecurrent(nnx.Module):
    """Begins with zeros of float32, unless it is told otherwise when it is built."""

    def __init__(self):
        self.recurrent = nnx.RNN(nnx.OptimizedLSTMCell(5, 7, rngs=nnx.Rngs(0)))

    def __call__(self, x):
        return self.recurrent(x)


def test_a_recurrent_net_of_flax_begins_in_float64():
    second = FlaxRecurrent()
    report = compare(Recurrent(), second, "x: n t c = 4 6 5")
    assert report.status == "agree", str(report)
    assert report.dtype == "float64"
    assert not report.notes
    assert second.recurrent.cell.param_dtype == jnp.float32


class OnlyFloat32(torch.autograd.Function):
    """Takes nothing else, forward or backward."""

    @staticmethod
    def forward(ctx, x, strict):
        ctx.strict = strict
        if strict == "forward" and x.dtype != torch.float32:
            raise TypeError("expected float32")
        return x * 1.0

    @staticmethod
    def backward(ctx, grad):
        if ctx.strict == "backward" and grad.dtype != torch.float32:
            raise TypeError("expected float32")
        return grad * 1.0, None


@pytest.mark.parametrize("strict", ["forward", "backward"])
def test_what_takes_nothing_but_float32_is_run_as_it_is_and_set_aside(strict):
    def function(x):
        return OnlyFloat32.apply(torch.tanh(x.to(torch.float32)), strict).to(x.dtype)

    for report in either_way(Net(), Net(function)):
        assert report.status == "agree", str(report)
        assert [finding.excused for finding in report.findings] == [True, True, True, False]
        assert {culprit.divergence.first for culprit in report.culprits} == {"unit"}
        assert all("narrower dtype" in culprit.excused for culprit in report.culprits)
        assert not [note for note in report.notes if "makes float32" in note]


class OnlyNarrow(nnx.Module):
    """Asks a function outside of JAX, which gives float32."""

    def __init__(self):
        self.one, self.two = nnx.Linear(5, 7, rngs=nnx.Rngs(0)), nnx.Linear(7, 3, rngs=nnx.Rngs(1))

    def __call__(self, x):
        h = jnp.tanh(self.one(x).astype(jnp.float32))

        def outside(v):
            if v.dtype != np.float32:
                raise TypeError("expected float32")
            return v

        kept = jax.pure_callback(outside, jax.ShapeDtypeStruct(h.shape, jnp.float32), jax.lax.stop_gradient(h))
        return self.two((h + kept - jax.lax.stop_gradient(h)).astype(x.dtype))


class TorchNarrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(5, 7), nn.Linear(7, 3)

    def forward(self, x):
        return self.two(torch.tanh(self.one(x)))


def test_jax_that_takes_nothing_but_float32_is_run_as_it_is():
    report = compare(TorchNarrow(), OnlyNarrow(), BATCH)
    assert report.status == "agree", str(report)
    assert [finding.excused for finding in report.findings] == [True, True, True, False]
    assert not [note for note in report.notes if "makes float32" in note]
    assert report.models[1]["narrow"] == []


def test_where_nothing_is_run_in_float64_nothing_is_said_of_it():
    class Begins(nnx.Module):
        """Adds to zeros of float32 in a scan, so that it does not run in float64."""

        def __init__(self):
            self.one, self.two = nnx.Linear(5, 7, rngs=nnx.Rngs(0)), nnx.Linear(7, 3, rngs=nnx.Rngs(1))

        def __call__(self, x):
            h = jnp.tanh(self.one(x))
            return self.two(jax.lax.scan(lambda total, row: (total + row, None), jnp.zeros(7, jnp.float32), h)[0][None])

    class Sums(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(5, 7), nn.Linear(7, 3)

        def forward(self, x):
            return self.two(torch.tanh(self.one(x).to(torch.float32)).sum(0, keepdim=True).to(x.dtype))

    report = compare(Sums(), Begins(), BATCH)
    assert report.dtype == ""
    assert report.status == "agree", str(report)
    assert not [note for note in report.notes if "makes float32" in note]


def test_many_places_are_told_by_their_number():
    class Deep(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.layers = nn.ModuleList(Unit(function) for _ in range(9))

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    report = compare(Deep(torch.tanh), Deep(narrow), "x: n c = 6 7")
    assert report.models[1]["narrow"] == [f"layers.{i}" for i in range(9)]
    (note,) = report.notes
    assert "layers.5 and 3 more places" in note
    rows = {layer["second"]: layer["found"] for layer in report.document()["layers"]}
    assert rows["layers.8"] == ["the second keeps float32"]
