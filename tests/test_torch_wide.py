"""Operations of torch that make float32 of float64 make float64 under Wide; all others are as they were."""

import numpy as np
import pytest
import torch

from crosscheck.models.torch_wide import Wide

F = torch.nn.functional
F4, F8 = torch.float32, torch.float64


def x():
    return torch.tensor(np.random.default_rng(0).normal(size=(4, 6)), requires_grad=True)


def autocast(x, dtype):
    """Softmax is in float32 whatever the dtype of what goes in."""
    if dtype == F8:
        return torch.softmax(x, -1)
    return torch.softmax(x.to(dtype), -1)


def filled(x, dtype):
    y = torch.zeros(4, 6, dtype=dtype)
    y[:2] += x[:2] / 3
    y[2:] = x[2:] * 0.1
    return y.mul_(1.1)


FUNCTIONS = {
    "to": lambda x, dtype: torch.tanh(x.to(dtype)),
    "type": lambda x, dtype: torch.tanh(x.type(dtype)),
    "like another": lambda x, dtype: torch.tanh(x.to(torch.ones((), dtype=dtype) + 0)),
    "softmax": lambda x, dtype: torch.softmax(x, -1, dtype=dtype),
    "sum": lambda x, dtype: x.sum(-1, dtype=dtype) / 3,
    "cumsum": lambda x, dtype: torch.cumsum(x, 0, dtype=dtype),
    "norm": lambda x, dtype: F.layer_norm(x.to(dtype), (6,)),
    "product": lambda x, dtype: x.to(dtype) @ x.to(dtype).T,
    "table": lambda x, dtype: x * torch.sin(torch.arange(6, dtype=dtype) / 7),
    "of integers": lambda x, dtype: x * torch.arange(6).to(dtype).sqrt(),
    "view of a narrow one": lambda x, dtype: x.T * torch.linspace(0, 1, 6, dtype=dtype).unsqueeze(1),
    "back and forth": lambda x, dtype: x.to(dtype).exp().to(F8).to(dtype).to(F8),
    "in place": filled,
    "complex": lambda x, dtype: torch.view_as_real(torch.view_as_complex(x.to(dtype).reshape(4, 3, 2)).exp()),
    "to complex": lambda x, dtype: x.to(torch.complex64 if dtype == F4 else torch.complex128).exp().real,
    "attention": lambda x, dtype: F.scaled_dot_product_attention(*[x.to(dtype).reshape(1, 2, 2, 6)] * 3),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_it_gives_what_float64_gives_forward_and_backward(function):
    def run(dtype):
        point = x()
        y = function(point, dtype)
        y.to(F8).sin().sum().backward()
        return y.detach(), point.grad

    exact, rounded = run(F8), run(F4)
    assert max(float((a - b).abs().max()) for a, b in zip(exact, rounded)) > 1e-10
    with Wide(lambda: "here") as wide:
        lifted = run(F4)
    assert list(wide.places) == ["here"]
    for a, b in zip(lifted, exact, strict=True):
        assert a.dtype == F8
        torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-14)


def test_the_default_dtype_is_lifted_too():
    def run(point, dtype):
        ramp = torch.arange(6, dtype=torch.int64) / (7 if dtype == F4 else torch.tensor(7, dtype=dtype))
        return point * torch.exp(ramp) * torch.linspace(0, 1, 6, dtype=None if dtype == F4 else dtype)

    with Wide(lambda: "here") as wide:
        lifted = run(x(), F4)
    assert list(wide.places) == ["here"]
    torch.testing.assert_close(lifted, run(x(), F8), rtol=1e-14, atol=0)


def test_what_is_filled_in_is_lifted_but_is_no_place():
    with Wide() as wide:
        made = [torch.ones(3), torch.zeros(3), torch.full((3,), 0.1), torch.rand(3), torch.eye(3), torch.empty(3)]
    assert not wide.places
    assert {y.dtype for y in made} == {F8}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int32, torch.complex128, torch.bool])
def test_other_dtypes_stay(dtype):
    plain = x().detach().to(dtype)
    with Wide() as wide:
        lifted = x().detach().to(dtype)
    assert lifted.dtype == dtype
    assert torch.equal(lifted, plain)
    assert not wide.places


def test_a_complex_constant_stays_complex():
    with Wide():
        assert torch.full((2,), 1j).dtype == torch.complex128


def test_what_works_on_bits_works_on_those_that_are_there():
    with Wide():
        bits = x().detach().view(torch.int64)
        assert torch.equal(bits.view(F8), x().detach())
    halves = torch.ones(2)
    with Wide():
        assert halves.view(torch.int32).dtype == torch.int32
        assert x().detach().view(F4).shape == (4, 12)


def test_a_view_of_a_narrow_tensor_stays_one():
    narrow = torch.ones(2)
    with Wide():
        narrow.view(1, 2)[0, 0] = 5.0
    assert narrow.tolist() == [5.0, 1.0]


def test_a_condition_stays_one():
    with Wide():
        chosen = torch.where(torch.arange(6) > 2, torch.arange(6), 0.1)
    assert chosen.dtype == F8
    assert chosen.tolist() == [0.1, 0.1, 0.1, 3.0, 4.0, 5.0]


def test_float64_alone_is_no_place_and_the_same():
    with Wide() as wide:
        y = torch.softmax(x() @ x().T, -1)
    assert not wide.places
    torch.testing.assert_close(y, torch.softmax(x() @ x().T, -1), rtol=1e-15, atol=0)
