"""How often two models are run, and in which mode what comes out is compared with what."""

import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

import crosscheck
from crosscheck.models.jax_model import JaxModel
from crosscheck.models.torch_model import TorchModel

X = "x: n c = 6 4"


class TwoHeads(nn.Module):
    """Two heads while it trains, as GoogLeNet has; `slope` of the second."""

    def __init__(self, slope=1.0):
        super().__init__()
        self.body, self.head, self.aside = nn.Linear(4, 5), nn.Linear(5, 3), nn.Linear(5, 2)
        self.slope = slope

    def forward(self, x):
        h = torch.tanh(self.body(x))
        return (self.slope * self.aside(h), self.head(h)) if self.training else self.head(h)


class FlaxHeads(nnx.Module):
    def __init__(self, rngs):
        self.trunk, self.out, self.extra = (nnx.Linear(a, b, rngs=rngs) for a, b in ((4, 5), (5, 3), (5, 2)))
        self.mode = nnx.Dropout(0.0)

    def __call__(self, x):
        h = jnp.tanh(self.trunk(x))
        return self.out(h) if self.mode.deterministic else (self.extra(h), self.out(h))


def test_what_comes_out_only_in_training_is_compared_there():
    report = crosscheck.compare(TwoHeads(), FlaxHeads(nnx.Rngs(0)), X)
    assert report.agree
    assert [len([g for g in f.gaps if g.kind == "output"]) for f in report.findings] == [1, 2, 1, 1]


def test_a_head_that_differs_in_training_alone_is_found():
    report = crosscheck.compare(TwoHeads(1.1), FlaxHeads(nnx.Rngs(0)), X)
    assert [f.rung for f in report.findings if f.diverges] == ["train"]
    wrong = next(f for f in report.findings if f.rung == "train").gaps
    assert {g.path for g in wrong if g.kind == "output" and not g.agrees} == {"0"}


def test_a_gradient_that_differs_in_training_alone_is_found():
    class Detached(TwoHeads):
        def forward(self, x):
            h = torch.tanh(self.body(x))
            return (self.aside(h.detach()), self.head(h)) if self.training else self.head(h)

    report = crosscheck.compare(Detached(), FlaxHeads(nnx.Rngs(0)), X)
    wrong = [g for f in report.findings if f.rung == "train" for g in f.gaps if not g.agrees]
    assert wrong
    assert not [g for g in wrong if g.kind == "output"]


def test_training_that_differs_in_a_constant_alone_is_another_program():
    usual, other = (jnp.arange(3.0) + k for k in (1, 2))

    class Scaled(nnx.Module):
        def __init__(self, rngs):
            self.fc, self.mode = nnx.Linear(4, 3, rngs=rngs), nnx.Dropout(0.0)

        def __call__(self, x):
            return self.fc(x) * (usual if self.mode.deterministic else other)

    class Still(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(x) * torch.tensor([1.0, 2.0, 3.0], dtype=x.dtype)

    report = crosscheck.compare(Still(), Scaled(nnx.Rngs(0)), X, rungs=("eval", "train"))
    assert [f.rung for f in report.findings if f.diverges] == ["train"]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


class FlaxNet(nnx.Module):
    def __init__(self, rngs):
        self.c = nnx.Conv(3, 8, (3, 3), padding="VALID", rngs=rngs)
        self.n, self.d = nnx.BatchNorm(8, momentum=0.9, rngs=rngs), nnx.Linear(8, 5, rngs=rngs)

    def __call__(self, x):
        return self.d(nnx.relu(self.n(self.c(x))).mean((1, 2)))


@pytest.fixture
def runs(monkeypatch):
    """Every run that is made: which framework's, and whether everything was recorded."""
    found = []
    for model in (TorchModel, JaxModel):
        plain = model.run

        def run(self, ask, plain=plain):
            found.append((self.framework, ask.trace or bool(ask.forced), ask.cotangents is not None))
            return plain(self, ask)

        monkeypatch.setattr(model, "run", run)
    return found


def test_models_that_agree_are_run_once_a_rung_and_nothing_is_recorded(runs):
    rungs = ("eval", "given", "precision")
    report = crosscheck.compare(Net(), FlaxNet(nnx.Rngs(0)), "x: n c h w = 4 3 9 9", rungs=rungs)
    assert report.agree
    assert not any(recorded for _, recorded, _ in runs)
    assert [backward for framework, _, backward in runs if framework == "flax.nnx"] == [True] * 3


def test_weights_lie_in_torch_as_torch_would_have_them():
    """For one output channel its backward pass refuses the transpose of what lies channels last."""

    class FlaxConv(nnx.Module):
        def __init__(self, rngs):
            self.conv = nnx.Conv(2, 1, (3, 3), rngs=rngs)

        def __call__(self, x):
            return self.conv(x)

    class Conv(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 1, 3, padding=1)

        def forward(self, x):
            return self.conv(x)

    report = crosscheck.compare(FlaxConv(nnx.Rngs(0)), Conv(), "x: n h w c = 2 6 6 2", rungs=("eval",))
    assert report.agree, report


def test_a_parameter_that_is_one_number():
    """The temperature of CLIP's logits, say."""

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.temperature = nn.Linear(4, 3), nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return self.fc(x) * self.temperature.exp()

    class FlaxScaled(nnx.Module):
        def __init__(self, rngs):
            self.fc, self.t = nnx.Linear(4, 3, rngs=rngs), nnx.Param(jnp.array(1.0))

        def __call__(self, x):
            return self.fc(x) * jnp.exp(self.t[...])

    for models in ((Scaled(), FlaxScaled(nnx.Rngs(0))), (FlaxScaled(nnx.Rngs(0)), Scaled())):
        report = crosscheck.compare(*models, X, rungs=("eval",))
        assert report.agree, report


def test_training_that_is_the_same_program_is_compiled_once():
    class Plain(nnx.Module):
        def __init__(self, rngs):
            self.fc, self.drop = nnx.Linear(4, 3, rngs=rngs), nnx.Dropout(self.rate, rngs=rngs)

        def __call__(self, x):
            return self.drop(self.fc(x))

    made = []
    plain = JaxModel.program

    def program(self, ask, forced, slopes):
        made.append(ask.train)
        return plain(self, ask, forced, slopes)

    def compiled(rate):
        made.clear()
        Plain.rate = rate
        torch_twin = nn.Sequential(nn.Linear(4, 3), nn.Dropout(rate))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(JaxModel, "program", program)
            assert crosscheck.compare(torch_twin, Plain(nnx.Rngs(0)), X, rungs=("eval", "train")).agree
        return list(made)

    assert compiled(0.0) == [False]
    assert compiled(0.5) == [False, True]


def test_training_that_differs_in_what_it_leaves_alone_is_another_program():
    class Counting(nnx.Module):
        """Keeps a constant while it trains, for which nothing is computed."""

        def __init__(self, rngs):
            self.fc, self.seen, self.mode = nnx.Linear(4, 3, rngs=rngs), nnx.BatchStat(jnp.zeros(3)), nnx.Dropout(0.0)

        def __call__(self, x):
            if not self.mode.deterministic:
                self.seen[...] = self.fc.bias[...]
            return self.fc(x) + self.seen[...] * 0

    class Still(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 3)
            self.register_buffer("seen", torch.zeros(3))

        def forward(self, x):
            return self.fc(x) + self.seen * 0

    report = crosscheck.compare(Still(), Counting(nnx.Rngs(0)), X, rungs=("eval", "train"))
    assert [f.rung for f in report.findings if f.diverges] == ["train"]
    assert [g.path for g in report.tensors["train"] if not g.agrees] == ["seen"]


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_model_that_draws_is_set_aside_on_either_side(which):
    class Noisy(nn.Module):
        def __init__(self, much):
            super().__init__()
            self.fc, self.much = nn.Linear(4, 3), much

        def forward(self, x):
            return self.fc(x) + self.much * torch.randn(6, 3, dtype=x.dtype)

    loud = [0.1, 0.0] if which == "first" else [0.0, 0.1]
    report = crosscheck.compare(*map(Noisy, loud), X, rungs=("eval",))
    assert [f.reason for f in report.findings] == [
        f"set aside: in evaluation mode the {which} model draws random numbers that cannot be shared"
    ]
