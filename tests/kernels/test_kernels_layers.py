"""Pooling, batch norm, relu, dense and softmax cross-entropy kernels against the formulas."""

import definitions
import numpy as np
import pytest

from reference.kernels import average_pool as average_pool_module
from reference.kernels import batch_norm as batch_norm_module
from reference.kernels import dense as dense_module
from reference.kernels import elementwise
from reference.kernels import max_pool as max_pool_module
from reference.kernels import softmax_cross_entropy as cross_entropy_module
from reference.kernels.average_pool import average_pool
from reference.kernels.batch_norm import batch_norm
from reference.kernels.dense import dense, is_wide
from reference.kernels.long_rows import joined, repeated
from reference.kernels.max_pool import max_pool
from reference.kernels.relu import relu
from reference.kernels.softmax_cross_entropy import softmax_cross_entropy
from reference.kernels.threads import threads

DTYPES = [np.float32, np.float64]

POOLS = {
    # image [m h w c], window, stride, padding
    "2x2, stride 2": ((2, 6, 8, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "2x2, stride 2, last row and column dropped": ((2, 7, 5, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    "2x2, stride 3, gaps": ((2, 8, 9, 3), (2, 2), (3, 3), ((0, 0), (0, 0))),
    "3x3, stride 2, overlapping": ((2, 9, 7, 3), (3, 3), (2, 2), ((0, 0), (0, 0))),
    "3x3, stride 2, padded": ((2, 8, 6, 3), (3, 3), (2, 2), ((1, 1), (1, 1))),
    "3x3, stride 1, padded": ((2, 5, 6, 3), (3, 3), (1, 1), ((1, 1), (1, 1))),
    "3x2, stride 1 and 2, each side padded differently": ((2, 6, 7, 3), (3, 2), (1, 2), ((1, 0), (0, 1))),
    "5x5, stride 3": ((2, 13, 11, 3), (5, 5), (3, 3), ((2, 2), (1, 2))),
    "1x1": ((2, 3, 4, 3), (1, 1), (1, 1), ((0, 0), (0, 0))),
    "1x1, stride 2": ((2, 3, 4, 3), (1, 1), (2, 2), ((0, 0), (0, 0))),
    "1x3": ((2, 3, 7, 3), (1, 3), (1, 2), ((0, 0), (0, 0))),
    "3x1": ((2, 7, 3, 3), (3, 1), (2, 1), ((0, 0), (0, 0))),
    "the whole image": ((2, 4, 5, 3), (4, 5), (4, 5), ((0, 0), (0, 0))),
    "a single pixel": ((1, 1, 1, 3), (3, 3), (2, 2), ((1, 1), (1, 1))),
    "more than 256 pixels a window": ((1, 19, 18, 2), (17, 16), (2, 2), ((0, 0), (0, 0))),
}
EACH_POOL = pytest.mark.parametrize("row", POOLS.values(), ids=POOLS)


def frozen(*arrays):
    for array in arrays:
        array.flags.writeable = False
    return arrays


def images(row, dtype, levels):
    """X of whole numbers (few levels: many ties) and dY."""
    shape, f, stride, padding = row
    rng = np.random.default_rng(3)
    X = rng.integers(-levels, levels + 1, shape).astype(dtype)
    size = definitions.sizes(X, f, stride, padding)
    return frozen(X, rng.integers(-4, 5, (shape[0], *size, shape[3])).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("levels", [1, 1000], ids=["ties", "no-ties"])
@EACH_POOL
def test_max_pool_is_the_definition_and_the_first_wins_a_tie(row, levels, dtype):
    X, dY = images(row, dtype, levels)
    Y, back = max_pool(X, *row[1:])
    expected_Y, expected_dX = definitions.max_pool(X, dY, *row[1:])
    for _ in range(2):
        dX = back(dY)
        np.testing.assert_array_equal(dX, expected_dX)
    np.testing.assert_array_equal(Y, expected_Y)
    assert Y.dtype == dX.dtype == dtype


@EACH_POOL
def test_chunks_of_max_pool_that_cut_through_images_are_the_definition(row, monkeypatch):
    monkeypatch.setattr(max_pool_module, "CHUNK_BYTES", 8 * row[0][2])
    monkeypatch.setattr(max_pool_module, "BACK_VALUES", 2 * row[0][2])
    X, dY = images(row, np.float32, 1000)
    with threads(2):
        Y, back = max_pool(X, *row[1:])
        pair = Y, back(dY)
    for got, expected in zip(pair, definitions.max_pool(X, dY, *row[1:])):
        np.testing.assert_array_equal(got, expected)


def test_max_pool_lets_nan_through():
    X = np.ones((1, 4, 4, 1), np.float32)
    X[0, 0, 1] = np.nan
    Y, _ = max_pool(X, (2, 2), (2, 2), ((0, 0), (0, 0)))
    np.testing.assert_array_equal(np.isnan(Y[0, :, :, 0]), [[True, False], [False, False]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count_padding", [True, False], ids=["counting padding", "not counting padding"])
@EACH_POOL
def test_average_pool_is_the_definition(row, count_padding, dtype):
    X, dY = images(row, dtype, 4)
    Y, back = average_pool(X, *row[1:], count_padding)
    pair = Y, back(dY)
    expected = definitions.average_pool(*definitions.wide(X, dY), *row[1:], count_padding)
    for got, truth in zip(pair, expected):
        assert got.dtype == dtype
        assert got.shape == truth.shape
        assert np.abs(got - truth).max() <= 4 * np.finfo(dtype).eps * max(1, np.abs(truth).max())


def test_chunks_of_average_pool_change_nothing(monkeypatch):
    row = POOLS["3x3, stride 2, padded"]
    X, dY = images(row, np.float32, 4)
    Y, back = average_pool(X, *row[1:], False)
    monkeypatch.setattr(average_pool_module, "CHUNK_VALUES", 1)
    with threads(2):
        Y_chunks, back_chunks = average_pool(X, *row[1:], False)
        np.testing.assert_array_equal(Y_chunks, Y)
        np.testing.assert_array_equal(back_chunks(dY), back(dY))


BATCHES = {
    "few channels": (4, 7, 6, 3),
    "more channels than a row": (2, 3, 3, 2500),
    "a prime number of pixels": (1, 13, 1, 5),
    "many pixels": (8, 33, 32, 16),
    "one value a channel twice": (2, 1, 1, 7),
}


def batch(shape, dtype, mean):
    rng = np.random.default_rng(5)
    c = (1, 1, 1, shape[3])
    made = rng.standard_normal(shape) + mean, 1 + rng.random(c), rng.standard_normal(c), rng.standard_normal(shape)
    return frozen(*(array.astype(dtype) for array in made))


@pytest.mark.parametrize("workers", [1, 2], ids=["one worker", "two workers"])
@pytest.mark.parametrize("mean", [0, 30])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", BATCHES.values(), ids=BATCHES)
def test_batch_norm_is_at_least_as_accurate_as_its_formulas(shape, dtype, mean, workers, monkeypatch):
    monkeypatch.setattr(batch_norm_module, "CHUNK_BYTES", 4000 * np.dtype(dtype).itemsize)
    monkeypatch.setattr(batch_norm_module, "WORTH_SHARING", 1)
    Z, gamma, beta, dY = batch(shape, dtype, mean)
    with threads(workers):
        *forward, back = batch_norm(Z, gamma, beta, 1e-5)
        got = (*forward, *back(dY))
    flat = gamma.reshape(-1), beta.reshape(-1)
    truth = definitions.batch_norm(*definitions.wide(Z, *flat), 1e-5, *definitions.wide(dY))
    by_formula = definitions.batch_norm(Z, *flat, dtype(1e-5), dY)
    slope = np.abs(gamma / np.sqrt(truth[2] + 1e-5)).max()
    scales = {"dZ": slope * np.abs(dY).max()}  # the terms of dZ can cancel
    for name, mine, plain, true in zip(("Y", "mu", "sigma2", "dgamma", "dbeta", "dZ"), got, by_formula, truth):
        assert mine.dtype == dtype, name
        assert mine.shape == (Z.shape if name in ("Y", "dZ") else gamma.shape), name
        assert_close(mine.reshape(true.shape), plain, true, scales.get(name, np.abs(true).max()), name)


def assert_close(mine, plain, true, scale, name):
    """An error of at most twice that of the formulas in the same numbers, or of a few roundings."""
    mine_error, plain_error = (np.abs(values - true).max() for values in (mine, plain))
    assert mine_error <= max(2 * plain_error, 4 * scale * np.finfo(mine.dtype).eps), name


def in_small_chunks(monkeypatch):
    monkeypatch.setattr(elementwise, "CHUNK_VALUES", 100)
    monkeypatch.setattr(elementwise, "WORTH_SHARING", 1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_images(dtype, monkeypatch):
    in_small_chunks(monkeypatch)
    A, B = np.random.default_rng(2).standard_normal((2, 3, 7, 5, 4)).astype(dtype)
    turned = np.asfortranarray(B)
    frozen(A, B, turned)
    for workers in (1, 2):
        with threads(workers):
            for other in (B, turned):
                total = elementwise.add(A, other)
                np.testing.assert_array_equal(total, A + B)
                assert total.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_is_the_definition(dtype, monkeypatch):
    in_small_chunks(monkeypatch)
    Z = np.random.default_rng(2).integers(-2, 3, (3, 7, 5, 4)).astype(dtype)
    Z[0, 0, 0, 0] = np.nan
    dA = np.random.default_rng(3).standard_normal(Z.shape).astype(dtype)
    frozen(Z, dA)
    for workers in (1, 2):
        with threads(workers):
            A, back = relu(Z)
            np.testing.assert_array_equal(A, np.where(Z <= 0, 0, Z))
            np.testing.assert_array_equal(back(dA), dA * (Z > 0))
            assert A.dtype == back(dA).dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(10, 128), (1000, 7), (7, 300), (2, 1), (1, 3)])
@pytest.mark.parametrize("soft", [False, True], ids=["one-hot", "soft labels"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("level", [0, 40])
def test_softmax_cross_entropy_is_the_definition(shape, soft, dtype, order, level):
    rng = np.random.default_rng(4)
    Z = (level + 5 * rng.standard_normal(shape)).astype(dtype, order=order)
    Y = rng.random(shape) if soft else (np.arange(shape[0])[:, None] == rng.integers(0, shape[0], shape[1]))
    Y = (Y / Y.sum(axis=0)).astype(dtype)
    frozen(Z, Y)
    J, back = softmax_cross_entropy(Z, Y)
    dZ = back(np.float64(3))
    assert dZ.dtype == dtype
    true_J, true_dZ = definitions.softmax_cross_entropy(*definitions.wide(Z, Y), 3)
    plain_J, plain_dZ = definitions.softmax_cross_entropy(Z, Y, dtype(3))
    assert_close(J, plain_J, true_J, abs(true_J), "J")
    assert_close(dZ, plain_dZ, true_dZ, 3 / shape[1], "dZ")


@pytest.mark.parametrize("shape", [(12, 3), (5, 4), (1, 1), (4096, 2)])
def test_labels_that_are_few_are_gone_through_as_all_are(shape, monkeypatch):
    rng = np.random.default_rng(0)
    Z = rng.standard_normal(shape)
    Y = np.zeros(shape)
    Y[rng.integers(0, shape[0], shape[1]), np.arange(shape[1])] = 1
    J, back = softmax_cross_entropy(Z, Y)
    monkeypatch.setattr(cross_entropy_module, "FEW", -1.0)
    all_J, all_back = softmax_cross_entropy(Z, Y)
    np.testing.assert_allclose(J, all_J, rtol=1e-14)
    np.testing.assert_allclose(back(2.0), all_back(2.0), rtol=1e-14, atol=1e-16)
    once, kept = back(2.0), back(2.0).copy()
    for dJ in (1.0, 2.0):
        again = back(dJ)
        assert not np.shares_memory(again, once)
    np.testing.assert_array_equal(again, kept)
    np.testing.assert_array_equal(once, kept)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 1000, 1001])
def test_labels_that_are_not_0_are_found_in_words(size, dtype):
    labels = np.zeros(size, dtype)
    labels[size // 2 :: 100] = 1
    labels[:3] = np.array([-0.0, np.nan, 0.5])[:size]
    found = cross_entropy_module.not_zero(labels)
    assert set(np.flatnonzero(labels)) <= set(np.arange(size)[found])
    assert len(labels[found]) == len(set(np.arange(size)[found])) <= max(3, size / 20)
    assert size == 0 or cross_entropy_module.not_zero(np.ones(size, dtype)) == slice(None)


@pytest.mark.parametrize(
    ("rows", "width", "values", "times"), [(12, 4, 20, 4), (7, 4, 20, 1), (7, 2, 20, 7), (3, 50, 20, 1)]
)
def test_rows_are_joined_without_rest(rows, width, values, times):
    assert joined(rows, width, values) == times
    np.testing.assert_array_equal(repeated(np.arange(3), 2), [0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [-31, 0, 31])
@pytest.mark.parametrize("lead", [0, 1, 10, 60])
def test_softmax_cross_entropy_is_accurate_where_it_is_nearly_zero(lead, level, dtype):
    """The difference of log s and the right logit loses what both have in common."""
    labels = np.random.default_rng(5).integers(0, 20, 30)
    Y = (np.arange(20)[:, None] == labels).astype(dtype)
    Z = (level + np.minimum(lead, 31 - level) * Y).astype(dtype)
    J, back = softmax_cross_entropy(Z, Y)
    true_J, true_dZ = definitions.softmax_cross_entropy(*definitions.wide(Z, Y), 1)
    plain_J, plain_dZ = definitions.softmax_cross_entropy(Z, Y, dtype(1))
    assert_close(J, plain_J, true_J, abs(true_J), "J")
    assert_close(back(np.float64(1)), plain_dZ, true_dZ, 1 / 30, "dZ")


@pytest.mark.parametrize(("least", "most"), [(-200, 0), (0, 200), (-200, 200)])
def test_softmax_cross_entropy_of_few_labels_and_large_logits_is_finite(least, most):
    Z = np.full((20, 3), most, np.float32)
    Z[0] = least
    J, back = softmax_cross_entropy(Z, np.eye(20, 3, dtype=np.float32))
    true_J, true_dZ = definitions.softmax_cross_entropy(*definitions.wide(Z, np.eye(20, 3)), 1)
    for _ in range(2):
        np.testing.assert_allclose(back(np.float64(1)), true_dZ, atol=1e-6)
    np.testing.assert_allclose(J, true_J, rtol=1e-6)


def test_softmax_cross_entropy_of_huge_logits_is_finite():
    J, back = softmax_cross_entropy(np.array([[1000.0], [-1000.0]]), np.array([[0.0], [1.0]]))
    assert J == 2000
    for _ in range(2):
        np.testing.assert_array_equal(back(1), [[1], [-1]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("n", "n_prev", "m"), [(5, 7, 2), (1300, 3, 2), (3, 1300, 4), (40, 30, 50)])
def test_products_of_a_dense_layer(n, n_prev, m, workers, dtype):
    rng = np.random.default_rng(4)
    W, A, dZ = frozen(*(rng.integers(-4, 5, shape).astype(dtype) for shape in ((n, n_prev), (n_prev, m), (n, m))))
    with threads(workers):
        Z, back = dense(W, A)
        dW, dA = back(dZ)
    for got, expected in ((Z, W @ A), (dW, dZ @ A.T), (dA, W.T @ dZ)):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, expected)


def test_only_wide_dense_layers_take_the_kernel(monkeypatch):
    monkeypatch.setattr(dense_module, "WORTH_PIECES", 12)
    W = np.ones((3, 4))
    assert is_wide(W, np.ones((4, 2)))
    assert not any((is_wide(W, np.ones((4, 1))), is_wide(W, np.ones((4, 0))), is_wide(W[:2], np.ones((4, 2)))))
