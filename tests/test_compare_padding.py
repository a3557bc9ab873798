"""Padded positions are compared apart: what a model makes of them accuses nobody, and the rest is held as ever."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn

import crosscheck

KEPT = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]])
LEFT = KEPT[:, ::-1].copy()
X = np.random.default_rng(0).standard_normal((2, 5, 8)).astype(np.float32)


class Original(nn.Module):
    """Self-attention in which nobody attends to padding; `zero`: nothing is made of padding itself either."""

    def __init__(self, ignored=0, causal=False, lowest=-1e30):
        super().__init__()
        self.qkv, self.out, self.ignored, self.causal = nn.Linear(8, 24), nn.Linear(8, 3), ignored, causal
        self.lowest = lowest

    def forward(self, x, mask):
        mask, (q, k, v) = mask.reshape(x.shape[:2]), self.qkv(x).chunk(3, dim=-1)
        scores = q @ k.transpose(1, 2) / 8**0.5
        seen = (mask != self.ignored)[:, None, :].expand_as(scores)
        seen = seen.tril() if self.causal else seen
        return self.out(torch.softmax(scores.masked_fill(~seen, self.lowest), dim=-1) @ v)


class Port(nnx.Module):
    """The same but for `padded`, what it makes of the outputs, and `scale`, of the scores of queries at `where`."""

    def __init__(self, rngs, padded=lambda y, mask: y, scale=1.0, where=None, ignored=0, causal=False):
        self.qkv, self.out = nnx.Linear(8, 24, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)
        self.padded, self.scale, self.where, self.ignored, self.causal = padded, scale, where, ignored, causal

    def __call__(self, x, mask):
        mask, (q, k, v) = mask.reshape(x.shape[:2]), jnp.split(self.qkv(x), 3, axis=-1)
        scores = q @ k.mT / 8**0.5
        if self.where is not None:
            scores = jnp.where((mask == self.where)[:, :, None], scores * self.scale, scores)
        seen = jnp.broadcast_to((mask != self.ignored)[:, None, :], scores.shape)
        seen = jnp.tril(seen) if self.causal else seen
        return self.padded(self.out(jax.nn.softmax(jnp.where(seen, scores, -1e30), axis=-1) @ v), mask)


def zero(y, mask):
    return y * (mask != 0)[:, :, None]


def compared(port, mask=KEPT, original=None, **more):
    return crosscheck.compare(original or Original(), port, {"x": X, "mask": mask}, **more)


def told(report):
    return [note for note in report.notes if "is apart at padding" in note]


@pytest.mark.parametrize("mask", [KEPT, KEPT.astype(bool), KEPT.astype(np.float32), KEPT[:, None, None], LEFT])
def test_a_convention_for_padding_accuses_nobody_and_is_told(mask):
    report = compared(Port(nnx.Rngs(0), zero), mask)
    assert report.status == "agree", str(report)
    (note,) = told(report)
    assert "the 4 of 10 positions where mask is 0" in note


@pytest.mark.parametrize("mask", [KEPT, LEFT])
def test_a_sound_port_has_nothing_to_tell(mask):
    report = compared(Port(nnx.Rngs(0)), mask)
    assert report.status == "agree"
    assert not told(report)


def test_the_other_way_round_padding_is_where_the_mask_is_1():
    report = compared(
        Port(nnx.Rngs(0), lambda y, mask: y * (mask != 1)[:, :, None], ignored=1), 1 - KEPT, Original(ignored=1)
    )
    assert report.status == "agree", str(report)
    assert "the 4 of 10 positions where mask is 1" in told(report)[0]


def test_a_model_that_makes_nothing_of_padding_is_told_by_that():
    class Zeroed(Original):
        def forward(self, x, mask):
            return super().forward(x, mask) * (mask != 0)[:, :, None]

    report = compared(Port(nnx.Rngs(0)), original=Zeroed())
    assert report.status == "agree", str(report)
    assert len(told(report)) == 1


def test_a_row_that_sees_nothing_may_be_anything():
    """Padded on the left, causal: the first queries have no keys, and one side gives them zeros."""
    report = compared(Port(nnx.Rngs(0), zero, causal=True), LEFT, Original(causal=True))
    assert report.status == "agree", str(report)
    assert len(told(report)) == 1


def test_nan_in_such_a_row_is_a_convention_until_gradients_come_of_it():
    first = Original(causal=True, lowest=-torch.inf)
    report = compared(Port(nnx.Rngs(0), zero, causal=True), LEFT, first)
    assert "NaN or infinite in the first model" in told(report)[0]
    assert {gap.kind for gap in report.tensors["eval"] if not gap.agrees} == {"gradient", "input gradient"}


@pytest.mark.parametrize("padded", [zero, lambda y, mask: y])
def test_what_is_wrong_elsewhere_is_found_all_the_same(padded):
    report = compared(Port(nnx.Rngs(0), padded, scale=1.01, where=1))
    assert report.status == "diverge"
    assert len(told(report)) == (padded is zero)


def test_what_is_wrong_at_padding_alone_is_told_but_not_accused():
    report = compared(Port(nnx.Rngs(0), scale=1.01, where=0))
    assert report.status == "agree", str(report)
    assert len(told(report)) == 1


def test_padding_that_others_attend_to_is_no_padding():
    """Neither value keeps what it covers from the rest: all positions are held alike."""

    class Open(Original):
        def forward(self, x, mask):
            return super().forward(x, torch.ones_like(mask)) + mask[:, :, None]

    class OpenPort(Port):
        def __call__(self, x, mask):
            return zero(super().__call__(x, jnp.ones_like(mask)) + mask[:, :, None], mask)

    report = compared(OpenPort(nnx.Rngs(0)), original=Open())
    assert report.status == "diverge"
    assert not told(report)


def test_a_model_that_works_position_by_position_has_no_padding():
    class Alone(nn.Linear):
        def forward(self, x, mask):
            return super().forward(x)

    class AlonePort(nnx.Linear):
        def __call__(self, x, mask):
            return zero(super().__call__(x), mask)

    report = compared(AlonePort(8, 3, rngs=nnx.Rngs(0)), original=Alone(8, 3))
    assert report.status == "diverge"
    assert not told(report)


def test_a_model_that_takes_only_its_own_inputs_is_compared_without_padding():
    class Strict(Original):
        def forward(self, x, mask):
            if not torch.equal(x.float(), torch.from_numpy(X)) and (x - torch.from_numpy(X)).abs().max() > 1e-3:
                raise ValueError("other inputs")
            return super().forward(x, mask)

    report = compared(Port(nnx.Rngs(0)), original=Strict())
    assert report.status == "agree", str(report)
    assert not told(report)
