"""Refusals of what training is given: each names the argument, what came and what was expected."""

import torch


def epochs(epoch, first=0):
    """One epoch or a tensor of them, none before the first."""
    if torch.any(torch.as_tensor(epoch) < first):
        raise ValueError(f"epoch is {epoch}; expected {first} or later")


def vector(name, values):
    if values.ndim != 1 or values.shape[0] == 0:
        raise ValueError(f"{name} has shape {tuple(values.shape)}; expected a vector of at least one value")


def finite(name, values):
    if not values.isfinite().all():
        raise ValueError(f"{name} holds {values[~values.isfinite()][0]}; expected finite numbers")


def double(name, values):
    """Double precision, without which a difference quotient is all rounding."""
    if values.dtype != torch.float64:
        raise ValueError(f"{name} is of {values.dtype}; expected float64")


def permutation(name, order, m):
    """Each of the m examples exactly once."""
    if not torch.equal(order.sort().values, torch.arange(m, device=order.device)):
        raise ValueError(f"{name} is no permutation of the {m} examples; expected each of 0..{m - 1} exactly once")
