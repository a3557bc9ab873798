"""Matrix products in pieces, by blocks and by several workers are matrix products, as accurate as those of the BLAS."""

import numpy as np
import pytest
import threadpoolctl
from definitions import error, whole_numbers
from small_pieces import in_blocks, in_pieces

from reference.kernels import pieces, products, sums_of_products
from reference.kernels import threads as worker_threads
from reference.kernels.threads import threads

DTYPES = [np.float32, np.float64]


def assert_multiplies(A, B, rows):
    """By B as it lies and turned round in memory, into an array of its own and a given one."""
    for by_B in (products.times(B, rows), products.times(B.swapaxes(-1, -2).copy().swapaxes(-1, -2), rows)):
        np.testing.assert_array_equal(by_B(A), A @ B)
        out = np.empty((*A.shape[:-1], B.shape[-1]), A.dtype)
        assert by_B(A, out=out) is out
        np.testing.assert_array_equal(out, A @ B)


@pytest.mark.parametrize("largest", [1, 100, 1000, 10**6])
@pytest.mark.parametrize("lead", [(), (3,)], ids=["matrices", "stacks of matrices"])
def test_matrix_products_in_pieces_are_matrix_products(largest, lead, monkeypatch):
    in_pieces(monkeypatch, largest)
    rng = np.random.default_rng(1)
    A, B, C = (whole_numbers(rng, (*lead, *shape)) for shape in ((29, 4), (4, 3), (29, 3)))
    assert_multiplies(A, B, rows=29)
    np.testing.assert_array_equal(sums_of_products.matmul_over_rows(A, C), A.swapaxes(-1, -2) @ C)
    out = np.empty((*lead, 4, 3))
    assert sums_of_products.matmul_over_rows(A, C, out=out) is out
    np.testing.assert_array_equal(out, A.swapaxes(-1, -2) @ C)


@pytest.mark.parametrize(("n", "columns"), [(12, 4), (9, 3), (7, 7), (4, 4)])
@pytest.mark.parametrize("rows", [0, 1, 5, 24, 29])
@pytest.mark.parametrize("longest", [2, 3])
@pytest.mark.parametrize("lead", [(), (3,)], ids=["matrices", "stacks of matrices"])
def test_products_by_blocks_of_columns_are_matrix_products(lead, longest, rows, n, columns, monkeypatch):
    in_pieces(monkeypatch, 100, longest)
    in_blocks(monkeypatch, (4, 3), rows=29, multiplications=100)
    rng = np.random.default_rng(1)
    A, B = (whole_numbers(rng, (*lead, *shape)) for shape in ((rows, 3), (3, n)))
    assert products.width(B, 29) == columns
    assert products.width(B, 28) == n
    assert_multiplies(A, B, rows=29)


def test_pieces_are_used_on_one_thread_of_a_fitting_processor_only(monkeypatch):
    in_pieces(monkeypatch, 10**6)
    sizes = [(144, 16), (64, 64), (1152, 64), (256, 64), (64, 256), (1152, 128), (512, 512)]
    assert [pieces.piece(*size, 4) for size in sizes] == [432, 240, 8, 56, 10**6, 10**6, 10**6]
    assert [pieces.piece(*size, 8) for size in sizes] == [432, 240, 8, 56, 10**6, 10**6, 10**6]
    assert [pieces.piece(32, n, 4) for n in (128, 256, 512)] == [240, 120, 10**6]
    assert [pieces.piece(2304, n, 4) for n in (64, 56)] == [4, 10**6]
    assert [pieces.piece(4608, n, 8) for n in (32, 28)] == [4, 10**6]
    monkeypatch.setattr(worker_threads, "blas_has_one", lambda: False)
    assert pieces.piece(64, 64, 4) == 10**6
    monkeypatch.setattr(worker_threads, "blas_has_one", lambda: True)
    monkeypatch.setattr(pieces, "small_products_are_quick", lambda: False)
    assert pieces.piece(64, 64, 4) == 10**6


def test_blocks_are_near_or_of_a_factor_with_few_columns(monkeypatch):
    in_pieces(monkeypatch, 10**6)
    shapes = {
        (392, 256, 96): (96, 32),
        (6272, 64, 100): (100, 100),
        (250, 512, 512): (512, 512),
        (2000, 64, 96): (96, 96),
        (2000, 64, 512): (64, 32),
        (2000, 256, 512): (512, 16),
        (2000, 512, 128): (128, 32),
        (2000, 512, 512): (512, 512),
    }
    for (rows, k, n), widths in shapes.items():
        assert tuple(products.width(np.empty((k, n), dtype), rows) for dtype in (np.float32, np.float64)) == widths


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("r", "k", "n"), [(29, 4, 3), (3, 29, 4), (3, 4, 29), (1, 1, 1), (1200, 7, 2), (1200, 2, 7)])
def test_products_that_workers_share_are_products(r, k, n, dtype, workers):
    rng = np.random.default_rng(1)
    A, B, C = (whole_numbers(rng, shape).astype(dtype) for shape in ((r, k), (k, n), (r, n)))
    with threads(workers):
        np.testing.assert_array_equal(products.shared_matmul(A, B), A @ B)
        np.testing.assert_array_equal(products.shared_matmul(A, B.T.copy().T), A @ B)
        np.testing.assert_array_equal(sums_of_products.shared_matmul_over_rows(A, C), A.T @ C)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("r", "k", "n"), [(300, 1200, 64), (300, 3000, 32), (120, 9000, 4), (5000, 30, 10), (9000, 8, 8)]
)
def test_products_in_pieces_are_as_accurate_as_those_of_the_blas(r, k, n, dtype, monkeypatch):
    in_pieces(monkeypatch, 10**6)
    rng = np.random.default_rng(1)
    A, B, C = (rng.standard_normal(shape) for shape in ((r, k), (k, n), (r, n)))
    a, b, c = (M.astype(dtype) for M in (A, B, C))
    A, B, C = (M.astype(np.longdouble) for M in (a, b, c))
    assert error(products.times(b, r)(a), A @ B) <= 2 * error(a @ b, A @ B)
    assert error(sums_of_products.matmul_over_rows(a, c), A.T @ C) <= 2 * error(a.T @ c, A.T @ C)


def test_no_piece_adds_up_more_terms_than_that_allows(monkeypatch):
    in_pieces(monkeypatch, 10**6, longest=100)
    factors = products.times(np.ones((250, 8)), 5000).args[0]
    assert [part.stop - part.start for part, _ in factors] == [84, 84, 82]
    used = []
    monkeypatch.setattr(sums_of_products, "sum_over_pieces", lambda A, B, rows, out: used.append(rows))
    sums_of_products.matmul_over_rows(np.ones((5000, 8)), np.ones((5000, 4)))
    assert used == [100]


@pytest.mark.parametrize(("core", "quick"), [("SkylakeX", True), ("Haswell", False)])
def test_small_products_are_made_only_by_a_blas_that_has_code_for_them(core, quick, monkeypatch):
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: [{"user_api": "blas", "architecture": core}, {}])
    assert pieces.small_products_are_quick.__wrapped__() == quick
