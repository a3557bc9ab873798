"""A recurrent layer beside a cell that is stepped in a loop: only what is wrong elsewhere is told."""

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F
from flax import nnx
from torch import nn

from crosscheck.models.model import Call
from crosscheck.twins.compare import compare
from crosscheck.twins.units import paired_calls

TEXT = "x: n t c = 3 5 4"


class Reader(nn.Module):
    """Reads by a layer at once, or by a cell step by step."""

    def __init__(self, whole):
        super().__init__()
        self.rnn = nn.GRU(4, 6, batch_first=True) if whole else nn.GRUCell(4, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        if isinstance(self.rnn, nn.GRU):
            return F.relu(self.head(self.rnn(x)[0]))
        h, outputs = torch.zeros(len(x), 6, dtype=x.dtype), []
        for t in range(x.shape[1]):
            h = self.rnn(x[:, t], h)
            outputs.append(h)
        return F.relu(self.head(torch.stack(outputs, 1)))


class OwnCell(nnx.Module):
    """early: whether the reset gate is applied to the state, and not to what the matrix makes of it."""

    def __init__(self, rngs, early=False):
        self.wi, self.wh, self.early = nnx.Linear(4, 18, rngs=rngs), nnx.Linear(6, 18, rngs=rngs), early

    def __call__(self, h, x):
        r, z, n = jnp.split(self.wi(x), 3, -1)
        r_h, z_h, n_h = jnp.split(self.wh(h), 3, -1)
        r, z = nnx.sigmoid(r + r_h), nnx.sigmoid(z + z_h)
        state = jnp.split(self.wh(r * h), 3, -1)[2] if self.early else r * n_h
        h = (1 - z) * jnp.tanh(n + state) + z * h
        return h, h


class Port(nnx.Module):
    def __init__(self, own, way=nnx.relu, early=False):
        rngs = nnx.Rngs(0)
        self.rnn = OwnCell(rngs, early) if own else nnx.GRUCell(4, 6, rngs=rngs)
        self.head, self.way = nnx.Linear(6, 3, rngs=rngs), way

    def __call__(self, x):
        h, outputs = jnp.zeros((len(x), 6), x.dtype), []
        for t in range(x.shape[1]):
            h, y = self.rnn(h, x[:, t])
            outputs.append(y)
        return self.way(self.head(jnp.stack(outputs, 1)))


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
@pytest.mark.parametrize("own", [False, True], ids=["GRUCell", "own cell"])
@pytest.mark.parametrize("whole", [False, True], ids=["cell", "layer"])
def test_only_what_is_wrong_behind_the_loop_is_told(whole, own, turned):
    torch.manual_seed(0)

    def told(port):
        return compare(*((port, Reader(whole)) if turned else (Reader(whole), port)), TEXT, rungs=("eval",))

    assert told(Port(own)).agree
    (culprit,) = told(Port(own, nnx.gelu)).accused()
    assert (culprit.divergence.wiring, culprit.divergence.after) == (True, "head")
    assert culprit.explanation is not None


class Scanned(Port):
    """The same loop by JAX's scan, which does not tell the order in which parameters are used."""

    def __call__(self, x):
        _, outputs = jax.lax.scan(self.rnn, jnp.zeros((len(x), 6), x.dtype), x.swapaxes(0, 1))
        return self.way(self.head(outputs.swapaxes(0, 1)))


@pytest.mark.parametrize("whole", [False, True], ids=["cell", "layer"])
def test_biases_live_with_their_weights(whole):
    report = compare(Reader(whole), Scanned(True), TEXT, rungs=("eval",))
    pairs = {link.first.path: link.second.path for link in report.pairing.links}
    suffix = "_l0" if whole else ""
    assert pairs[f"rnn.bias_ih{suffix}"] == "rnn.wi.bias"
    assert pairs[f"rnn.bias_hh{suffix}"] == "rnn.wh.bias"
    assert report.agree


@pytest.mark.parametrize("turned", [False, True], ids=["torch first", "flax first"])
def test_a_cell_is_explained_where_its_state_is_not_zero(turned):
    """Whichever of the two a framework's layer is."""
    torch.manual_seed(0)
    models = Reader(whole=False), Port(own=True, early=True)
    report = compare(*(models[::-1] if turned else models), TEXT, rungs=("eval",))
    (culprit,) = report.accused()
    assert [cause.id for cause in culprit.explanation.causes] == ["gru-reset-gate-placement"]
    said = culprit.explanation.second, culprit.explanation.first
    assert said[turned].startswith("U (r h)")
    assert culprit.explanation.departs == ("second", "first")[turned]


def test_calls_of_a_loop_are_not_paired_with_one_that_gives_more():
    def calls(*shapes):
        keys = ["rnn", *(f"rnn#{i}" for i in range(2, len(shapes) + 1))]
        return [Call(key, "", "", outputs={"0": jnp.zeros(shape)}) for key, shape in zip(keys, shapes)]

    text, step = (3, 5, 6), (3, 6)
    paths = {"rnn": "rnn"}
    assert paired_calls(calls(text), calls(*[step] * 5), paths) == []
    assert paired_calls(calls(*[step] * 5), calls(text), paths) == []
    assert paired_calls(calls(step), calls(step, step), paths) == [("rnn", "rnn")]
    assert paired_calls(calls(step, step), calls(step, step), paths) == [("rnn", "rnn"), ("rnn#2", "rnn#2")]
