"""Masks that own code makes of whole numbers."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.cause_scenes import assert_named, assert_nothing_claimed

IDS = np.array([[3, 1, 0, 0], [2, 2, 1, 0], [4, 5, 1, 3]])
LENGTHS = np.array([2, 4, 1])


def within(lengths, count, lib):
    return lib.arange(count)[None] < lengths[:, None]


ROWS = {
    "another index": ("mask-other-index", lambda x: x != 0, lambda x: x != 1, IDS),
    "what is above": ("mask-other-index", lambda x: x > 0, lambda x: x > 1, IDS),
    "with axes for heads": (
        "mask-other-index",
        lambda x: (x == 0)[:, None, None],
        lambda x: (x == 1)[:, None, None],
        IDS,
    ),
    "the other way": ("mask-inverted", lambda x: x != 0, lambda x: x == 0, IDS),
    "the length itself": (
        "mask-length-offset",
        lambda n: within(n, 5, torch),
        lambda n: within(n + 1, 5, jnp),
        LENGTHS,
    ),
}


def counted(function):
    return lambda *arrays: (
        function(*arrays).to(torch.int64) if isinstance(arrays[0], torch.Tensor) else function(*arrays).astype(int)
    )


@pytest.mark.parametrize(("cause", "one", "other", "x"), ROWS.values(), ids=ROWS)
def test_the_change_is_named(cause, one, other, x):
    assert_named(cause, counted(one), counted(other), x)


def test_nothing_is_claimed_of_other_marks():
    assert_nothing_claimed(counted(lambda x: x != 0), counted(lambda x: (x != 0) & (jnp.arange(4) != 2)), IDS)
