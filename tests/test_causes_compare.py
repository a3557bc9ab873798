"""From two whole models to the cause: one call, no map, and the change that was made in the port is named."""

import jax
import jax.numpy as jnp
import optax
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck.twins.compare import compare

STOP = jax.lax.stop_gradient


class Torch(nn.Module):
    """Two dense layers with something between them and something after."""

    def __init__(self, between=torch.relu, after=lambda y, x: y, width=7):
        super().__init__()
        self.first, self.second = nn.Linear(5, 7), nn.Linear(width, 5)
        self.between, self.after = between, after

    def forward(self, x):
        return self.after(self.second(self.between(self.first(x))), x)


class Flax(nnx.Module):
    def __init__(self, between=nnx.relu, after=lambda y, x: y, width=7):
        rngs = nnx.Rngs(0)
        self.begin, self.end = nnx.Linear(5, 7, rngs=rngs), nnx.Linear(width, 5, rngs=rngs)
        self.between, self.after = between, after

    def __call__(self, x):
        return self.after(self.end(self.between(self.begin(x))), x)


def plus(y, x):
    return y + x


BETWEEN = {
    "activation-other": (torch.relu, nnx.silu),
    "activation-missing": (torch.relu, lambda h: h),
    "gelu-tanh-default": (F.gelu, nnx.gelu),
    "leaky-relu-slope": (lambda h: F.leaky_relu(h, 0.2), nnx.leaky_relu),
    "softmax-axis": (lambda h: h.softmax(0), nnx.softmax),
    "scale-sqrt-width": (lambda h: h * 7**0.5, lambda h: h),
    "flipped": (lambda h: torch.tanh(h).flip(-1), jnp.tanh),
    "clamp-missing": (lambda h: torch.sin(h).clamp(-0.3, 0.3), jnp.sin),
    "gradient-detached": (lambda h: torch.tanh(h) + h.detach(), lambda h: jnp.tanh(h) + h),
    "gradient-scaled": (torch.tanh, lambda h: 0.1 * jnp.tanh(h) + STOP(0.9 * jnp.tanh(h))),
}
AFTER = {
    "residual-missing": (lambda y, x: y + x, lambda y, x: y),
    "residual-twice": (lambda y, x: y + x, lambda y, x: y + 2 * x),
    "sign-flipped": (lambda y, x: y + x, lambda y, x: y - x),
    "activation-around-sum": (lambda y, x: torch.relu(y + x), lambda y, x: nnx.relu(y) + x),
    "mse-l2-half": (F.mse_loss, lambda y, x: optax.losses.l2_loss(y, x).mean()),
    "loss-reduction": (F.mse_loss, lambda y, x: optax.losses.squared_error(y, x).sum()),
    "variance-ddof": (lambda y, x: y.var(-1), lambda y, x: y.var(-1)),
}


class TorchUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.deep, self.up = (nn.Conv2d(i, o, 3, padding=1) for i, o in ((3, 6), (6, 8), (14, 5)))

    def forward(self, x):
        a = F.relu(self.down(x))
        b = F.relu(self.deep(F.avg_pool2d(a, 2)))
        return self.up(torch.cat([a, F.interpolate(b, scale_factor=2, mode="bilinear")], 1))


class FlaxUNet(nnx.Module):
    def __init__(self, pool=nnx.avg_pool, join=lambda a, b: (a, b), method="bilinear"):
        rngs = nnx.Rngs(0)
        self.one, self.two, self.three = (nnx.Conv(i, o, (3, 3), rngs=rngs) for i, o in ((3, 6), (6, 8), (14, 5)))
        self.pool, self.join, self.method = pool, join, method

    def __call__(self, x):
        a = nnx.relu(self.one(x))
        b = nnx.relu(self.two(self.pool(a, (2, 2), strides=(2, 2))))
        n, h, w, c = b.shape
        return self.three(jnp.concatenate(self.join(a, jax.image.resize(b, (n, 2 * h, 2 * w, c), self.method)), -1))


IMAGES = {
    "max-for-mean-pooling": {"pool": nnx.max_pool},
    "concat-order": {"join": lambda a, b: (b, a)},
    "resize-method": {"method": "nearest"},
}


def told(report):
    """The causes of the first divergence."""
    assert not report.agree, report.problem
    first = report.accused()[0]
    return [cause.id for cause in first.explanation.causes] if first.explanation else [], first


def both(one, other):
    for first, second in ((one, other), (other, one)):
        yield compare(first, second, "x: n c = 6 5", rungs=("eval",))


@pytest.mark.parametrize("cause", BETWEEN)
def test_between_two_layers(cause):
    one, other = BETWEEN[cause]
    for report in both(Torch(one), Flax(other)):
        causes, first = told(report)
        assert causes == [cause], (first.divergence.where, first.explanation, first.clues)


@pytest.mark.parametrize("cause", AFTER)
def test_after_the_last_layer(cause):
    one, other = AFTER[cause]
    for report in both(Torch(after=one), Flax(after=other)):
        causes, first = told(report)
        assert causes == [cause], (first.divergence.where, first.explanation, first.clues)


@pytest.mark.parametrize("cause", IMAGES)
def test_in_a_small_unet(cause):
    report = compare(TorchUNet(), FlaxUNet(**IMAGES[cause]), "x: n c h w = 2 3 8 12", rungs=("eval",))
    causes, first = told(report)
    assert causes == [cause], (first.divergence.where, first.explanation, first.clues)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.relu, lambda h: nnx.relu(h) + 0.01 * jnp.sin(h)),
        (torch.tanh, lambda h: jnp.tanh(h) * (1 + 0.1 * jnp.arange(7))),
        (torch.tanh, lambda h: jnp.tanh(h + 0.1 * h**2)),
        (lambda h: h * h, lambda h: h * jnp.roll(h, 1, -1)),
    ],
)
def test_of_faults_outside_the_catalogue_only_the_place_is_told(one, other):
    for report in both(Torch(one), Flax(other)):
        causes, first = told(report)
        assert causes == [], first.explanation
        assert first.divergence.wiring


class TorchScaled(nn.Module):
    def __init__(self, scaled=True):
        super().__init__()
        self.inner, self.gamma, self.scaled = nn.Linear(5, 5), nn.Parameter(torch.full((5,), 0.1)), scaled

    def forward(self, x):
        y = self.inner(x)
        return x + (self.gamma * y if self.scaled else y)


class FlaxScaled(nnx.Module):
    def __init__(self, scaled=True):
        self.dense, self.gain = nnx.Linear(5, 5, rngs=nnx.Rngs(0)), nnx.Param(jnp.full((5,), 0.1))
        self.scaled = scaled

    def __call__(self, x):
        y = self.dense(x)
        return x + (self.gain[...] * y if self.scaled else y)


def test_a_parameter_that_multiplies_on_one_side_only():
    assert compare(TorchScaled(), FlaxScaled(), "x: n c = 6 5").agree
    for report in both(TorchScaled(), FlaxScaled(False)):
        assert told(report)[0] == ["parameter-unused"]


class TorchScales(nn.Module):
    """The same, the gains in a list of the net's own."""

    def __init__(self):
        super().__init__()
        self.inner, self.leave = nn.ModuleList(nn.Linear(5, 5) for _ in range(2)), nn.Linear(5, 3)
        self.gammas = nn.ParameterList(torch.full((5,), 0.1) for _ in range(2))

    def forward(self, x):
        for inner, gamma in zip(self.inner, self.gammas):
            x = x + gamma * inner(x)
        return self.leave(x)


class FlaxScales(nnx.Module):
    def __init__(self, unscaled=None):
        rngs = nnx.Rngs(0)
        self.inner = nnx.List([nnx.Linear(5, 5, rngs=rngs) for _ in range(2)])
        self.gammas = nnx.List([nnx.Param(jnp.full((5,), 0.1)) for _ in range(2)])
        self.leave, self.unscaled = nnx.Linear(5, 3, rngs=rngs), unscaled

    def __call__(self, x):
        for place, (inner, gamma) in enumerate(zip(self.inner, self.gammas)):
            x = x + (inner(x) if place == self.unscaled else gamma[...] * inner(x))
        return self.leave(x)


def test_a_parameter_of_a_list_that_multiplies_on_one_side_only():
    assert compare(TorchScales(), FlaxScales(), "x: n c = 6 5").agree
    for report in both(TorchScales(), FlaxScales(unscaled=0)):
        assert told(report)[0] == ["parameter-unused"]


class Projected(nn.Module):
    """A block with a projection beside it, which is called ahead of the block or after it, or passed by."""

    def __init__(self, called="after"):
        super().__init__()
        self.stem, self.inner, self.out = nn.Linear(5, 4), nn.Linear(4, 7), nn.Linear(7, 3)
        self.beside = nn.Sequential(nn.Linear(4, 7, bias=False), nn.LayerNorm(7))
        self.called = called

    def forward(self, x):
        x = self.stem(x)
        ahead = self.beside(x) if self.called == "ahead" else 0
        y = self.inner(x)
        return self.out(torch.relu(y + (self.beside(x) if self.called == "after" else ahead)))


@pytest.mark.parametrize("called", ["ahead", "after"])
def test_a_projection_that_the_second_side_passes_by(called):
    causes, first = told(compare(Projected(called), Projected(""), "x: n c = 6 5", rungs=("eval",)))
    assert first.divergence.before == "out"
    assert causes == ["residual-missing"]
    assert "`beside.1`" in first.explanation.first


def test_a_projection_called_earlier_is_no_fault():
    assert compare(Projected("ahead"), Projected("after"), "x: n c = 6 5").agree


def test_sound_ports_agree():
    assert compare(Torch(F.gelu, plus), Flax(lambda h: nnx.gelu(h, approximate=False), plus), "x: n c = 6 5").agree


class Tied(nn.Module):
    """Logits by the matrix that embeds, which is a module of its own."""

    def __init__(self):
        super().__init__()
        self.embed, self.mix, self.head = nn.Embedding(11, 6), nn.Linear(6, 6), nn.Linear(6, 11, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids):
        return self.head(torch.tanh(self.mix(self.embed(ids))))


class FlaxTied(nnx.Module):
    def __init__(self, factor):
        rngs = nnx.Rngs(0)
        self.embed, self.mix, self.factor = nnx.Embed(11, 6, rngs=rngs), nnx.Linear(6, 6, rngs=rngs), factor

    def __call__(self, ids):
        return self.factor * self.embed.attend(jnp.tanh(self.mix(self.embed(ids))))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_matrix_that_is_used_again_where_the_wiring_is_wrong_is_not_accused(turned):
    models = [Tied(), FlaxTied(0.5)]
    report = compare(*(reversed(models) if turned else models), "ids: n t = 2 5 below 11", rungs=("eval",))
    assert [[cause.id for cause in culprit.explanation.causes] for culprit in report.accused()] == [["scale-constant"]]
