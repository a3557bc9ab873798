"""Workers: what each is handed, in which order results come, and what is raised."""

import threading
import time

import numpy as np
import pytest

from reference.kernels.threads import BUFFER_SIZE, even, share, threads


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("items", [range(7), list("abcdefg"), range(1), []])
def test_parts_are_consecutive_and_come_in_order(workers, items):
    with threads(workers):
        parts = share(lambda part: list(part), items)
    assert [item for part in parts for item in part] == list(items)
    assert len(parts) == max(1, min(workers, len(items)))


def test_each_part_is_another_threads_and_the_caller_has_the_first():
    def work(part):
        time.sleep(0.01)
        return threading.get_ident()

    with threads(3):
        found = share(work, range(3))
    assert found[0] == threading.get_ident()
    assert len(set(found)) == 3


def test_too_little_for_another_worker_is_the_callers():
    with threads(2):
        assert len(share(len, range(9), least=5)) == 1
        assert len(share(len, range(10), least=5)) == 2


@pytest.mark.parametrize("wrong", [0, 1])
def test_what_a_worker_raises_is_raised_and_does_not_linger(wrong):
    def work(part):
        if part.start == wrong:
            raise ZeroDivisionError
        return part.start

    with threads(2):
        with pytest.raises(ZeroDivisionError):
            share(work, range(2))
        assert share(lambda part: part.start, range(2)) == [0, 1]


def test_helpers_end_with_the_block_also_if_it_raises():
    helpers = set()

    def interrupted():
        before = set(threading.enumerate())
        with threads(3):
            helpers.update(set(threading.enumerate()) - before)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert len(helpers) == 2
    for helper in helpers:
        helper.join(10)
        assert not helper.is_alive()
    assert len(share(len, range(3))) == 1


def test_blocks_in_one_another():
    with threads(2):
        with threads(3):
            assert len(share(len, range(9))) == 3
        assert len(share(len, range(9))) == 2


def test_there_is_a_chunk_for_each_worker():
    assert even(512, 100) == 100
    with threads(2):
        assert [even(512, 100), even(512, 101), even(512, 4000)] == [50, 51, 512]


@pytest.mark.parametrize("workers", [1, 2])
def test_all_work_is_done_with_a_short_buffer(workers):
    def sizes():
        return share(lambda part: np.getbufsize(), range(4))

    assert sizes() == [BUFFER_SIZE]
    with threads(workers):
        assert sizes() == [BUFFER_SIZE] * workers


def test_the_buffer_that_workers_set_is_theirs_alone():
    as_it_was = np.getbufsize()
    try:
        for size in (2048, 4096):
            np.setbufsize(size)
            for workers in (1, 2):
                with threads(workers):
                    share(len, range(4))
                assert np.getbufsize() == size
    finally:
        np.setbufsize(as_it_was)
