"""When kernels are used, and by how many workers."""

import sys

import numpy as np
import pytest

from reference import kernels
from reference.kernels.blocks import blocks
from reference.kernels.threads import share, threads, total

F32, F64 = np.ones(3, np.float32), np.ones(3)


class Other(np.ndarray):
    """A number type of one's own."""


SUITED = [
    ("float32", (F32, F32), True),
    ("float64", (F64,), True),
    ("float32 and float64", (F32, F64), False),
    ("float16", (F32.astype(np.float16),), False),
    ("whole numbers", (np.arange(3),), False),
    ("complex", (F64 + 1j,), False),
    ("a subclass", (F64, F64.view(Other)), False),
    ("not an array", (F64, 1.0), False),
    ("the other byte order", (F64.astype(">f8"),), False),
]


@pytest.mark.parametrize(("arrays", "suited"), [row[1:] for row in SUITED], ids=[row[0] for row in SUITED])
def test_kernels_suit_plain_arrays_of_one_float_type(arrays, suited):
    assert kernels.suit(*arrays) == suited


def test_definition_only_turns_kernels_off_for_a_while():
    with kernels.definition_only():
        assert not kernels.suit(F64)
        with kernels.definition_only():
            assert not kernels.suit(F64)
        assert not kernels.suit(F64)
    assert kernels.suit(F64)


def test_an_error_inside_turns_them_on_again():
    with pytest.raises(ZeroDivisionError), kernels.definition_only():
        raise ZeroDivisionError
    assert kernels.suit(F64)


def test_the_switch_turns_kernels_off(monkeypatch):
    monkeypatch.setattr(kernels, "enabled", False)
    assert not kernels.suit(F64)


def test_workers_share_consecutive_parts_in_order():
    assert share(list, range(5)) == [[0, 1, 2, 3, 4]]
    with threads(2):
        assert share(list, range(5)) == [[0, 1], [2, 3, 4]]
        assert share(list, [7]) == [[7]]
        with threads(3):
            assert share(list, range(3)) == [[0], [1], [2]]
        assert share(len, range(5)) == [2, 3]
    assert share(list, range(5)) == [[0, 1, 2, 3, 4]]


def test_an_error_in_a_worker_is_raised():
    with threads(2), pytest.raises(ZeroDivisionError):
        share(lambda part: 1 / part[0], range(2))


def test_workers_hold_blas_to_one_thread():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def of_blas():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    before = of_blas()
    with threads(2):
        assert set(of_blas()) == {1}
    assert of_blas() == before


def test_without_threadpoolctl_there_are_no_workers(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with threads(2):
        assert share(list, range(5)) == [[0, 1, 2, 3, 4]]


def test_numpy_has_its_buffer_size_back():
    before = np.getbufsize()
    share(list, range(5))
    with pytest.raises(ZeroDivisionError):
        share(lambda part: 1 / 0, range(5))
    assert np.getbufsize() == before


def test_a_total_is_made_in_the_first_array():
    arrays = [np.full(2, float(i)) for i in range(3)]
    assert total(iter(arrays)) is arrays[0]
    np.testing.assert_array_equal(arrays[0], [3, 3])


@pytest.mark.parametrize("images", [range(5), range(2, 3)])
@pytest.mark.parametrize("size", [1, 7, 12, 13, 30, 1000])
def test_blocks_cover_each_row_of_each_image_once(images, size):
    count = np.zeros((6, 4), int)
    for block in blocks(images, 4, 3, size):
        count[block] += 1
    expected = np.isin(np.arange(6), images)[:, None] * np.ones((1, 4), int)
    np.testing.assert_array_equal(count, expected)
