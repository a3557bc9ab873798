"""Every way to convolve is the definition: exactly on small integers, within rounding on random numbers."""

import definitions
import numpy as np
import pytest
from definitions import error, whole_numbers
from small_pieces import in_blocks, in_pieces

from reference.kernels import (
    both_gradients,
    conv,
    depthwise,
    input_gradient,
    patches,
    pointwise,
    sums_of_products,
    winograd,
)
from reference.kernels.schemes import F23, F43
from reference.kernels.threads import threads

DTYPES = [np.float32, np.float64]
ONE, NONE, HALF = (1, 1), ((0, 0), (0, 0)), ((1, 1), (1, 1))

SHAPES = {
    # images [m h w], channels in and out, filter, stride, padding, dilation, groups
    "3x3": ((2, 7, 6), (5, 4), (3, 3), ONE, HALF, ONE, 1),
    "3x3 valid": ((2, 6, 9), (3, 7), (3, 3), ONE, NONE, ONE, 1),
    "3x3, odd output": ((3, 5, 7), (4, 6), (3, 3), ONE, NONE, ONE, 1),
    "3x3, each side padded differently": ((2, 6, 5), (5, 3), (3, 3), ONE, ((0, 3), (2, 1)), ONE, 1),
    "3x3, image smaller than the filter": ((2, 1, 2), (5, 3), (3, 3), ONE, HALF, ONE, 1),
    "3x3 on a single pixel": ((1, 1, 1), (5, 3), (3, 3), ONE, HALF, ONE, 1),
    "3x3, stride 2, even": ((2, 8, 6), (5, 4), (3, 3), (2, 2), HALF, ONE, 1),
    "3x3, stride 2, odd": ((2, 7, 9), (5, 4), (3, 3), (2, 2), HALF, ONE, 1),
    "3x3, stride 2, TensorFlow's same": ((2, 8, 8), (5, 4), (3, 3), (2, 2), ((0, 1), (0, 1)), ONE, 1),
    "3x3, stride 2, last column unseen": ((2, 6, 8), (5, 4), (3, 3), (2, 2), NONE, ONE, 1),
    "3x3, stride 3 and 2": ((2, 9, 8), (5, 4), (3, 3), (3, 2), HALF, ONE, 1),
    "3x3, stride 1 and 2": ((2, 5, 8), (5, 4), (3, 3), (1, 2), HALF, ONE, 1),
    "3x3, dilation 2": ((2, 9, 8), (5, 4), (3, 3), ONE, ((2, 2), (2, 2)), (2, 2), 1),
    "3x3, dilation 2, stride 2": ((2, 9, 8), (5, 4), (3, 3), (2, 2), ((2, 2), (2, 2)), (2, 2), 1),
    "3x3, dilation 3 and 2, stride 2 and 3": ((2, 11, 9), (5, 4), (3, 3), (2, 3), HALF, (3, 2), 1),
    "3x3, dilation 6, stride 4": ((1, 17, 15), (5, 4), (3, 3), (4, 4), HALF, (6, 6), 1),
    "2x2, stride 3: unseen pixels between": ((2, 8, 9), (5, 4), (2, 2), (3, 3), NONE, ONE, 1),
    "2x2, stride 2": ((2, 6, 5), (5, 4), (2, 2), (2, 2), NONE, ONE, 1),
    "4x2, even and oblong": ((2, 6, 7), (5, 4), (4, 2), ONE, ((2, 1), (1, 0)), ONE, 1),
    "1x5": ((2, 4, 9), (5, 4), (1, 5), ONE, ((0, 0), (2, 2)), ONE, 1),
    "5x1, stride 2": ((2, 9, 4), (5, 4), (5, 1), (2, 2), ((2, 2), (0, 0)), ONE, 1),
    "5x5, one channel": ((3, 9, 8), (1, 6), (5, 5), ONE, ((2, 2), (2, 2)), ONE, 1),
    "7x7, stride 2, three channels": ((2, 15, 12), (3, 8), (7, 7), (2, 2), ((3, 3), (3, 3)), ONE, 1),
    "11x11, stride 4, three channels": ((1, 23, 27), (3, 5), (11, 11), (4, 4), NONE, ONE, 1),
    "3x3, four channels, dilation 2, stride 3": ((2, 11, 9), (4, 5), (3, 3), (3, 3), HALF, (2, 2), 1),
    "few positions, many channels": ((2, 3, 3), (9, 33), (3, 3), ONE, HALF, ONE, 1),
    "1x1": ((2, 5, 4), (7, 3), (1, 1), ONE, NONE, ONE, 1),
    "1x1, stride 2": ((2, 5, 4), (7, 3), (1, 1), (2, 2), NONE, ONE, 1),
    "1x1, padded": ((2, 5, 4), (7, 3), (1, 1), ONE, ((1, 0), (2, 3)), ONE, 1),
    "1x1, padded, stride 3 and 2": ((2, 5, 4), (7, 3), (1, 1), (3, 2), HALF, ONE, 1),
    "1x1 on a single pixel": ((1, 1, 1), (7, 3), (1, 1), ONE, NONE, ONE, 1),
    "2 groups": ((2, 6, 5), (6, 4), (3, 3), ONE, HALF, ONE, 2),
    "3 groups, stride 2": ((2, 7, 6), (6, 9), (3, 3), (2, 2), HALF, ONE, 3),
    "2 groups, 1x1": ((2, 4, 5), (6, 4), (1, 1), ONE, NONE, ONE, 2),
    "depthwise": ((2, 6, 7), (5, 5), (3, 3), ONE, HALF, ONE, 5),
    "depthwise, stride 2": ((2, 6, 7), (5, 5), (3, 3), (2, 2), HALF, ONE, 5),
    "depthwise 5x3, stride 2 and 1": ((2, 9, 7), (5, 5), (5, 3), (2, 1), ((2, 1), (0, 1)), ONE, 5),
    "depthwise, stride 3, dilation 2": ((2, 11, 9), (5, 5), (3, 3), (3, 3), HALF, (2, 2), 5),
    "depthwise, stride 2, dilation 2": ((2, 11, 9), (5, 5), (3, 3), (2, 2), HALF, (2, 2), 5),
    "depthwise, 3 filters a channel": ((2, 5, 6), (4, 12), (3, 3), (2, 2), HALF, ONE, 4),
    "depthwise 1x1": ((2, 5, 6), (4, 4), (1, 1), ONE, NONE, ONE, 4),
    "depthwise on a single pixel": ((1, 1, 1), (3, 3), (3, 3), ONE, HALF, ONE, 3),
    "depthwise, a single pixel that no window sees": ((2, 1, 1), (3, 3), (2, 2), (4, 4), ((3, 3), (3, 3)), ONE, 3),
    "2x2, a single pixel that no window sees": ((2, 1, 1), (50, 3), (2, 2), (4, 4), ((3, 3), (3, 3)), ONE, 1),
    "2x2, four filters, a single pixel that no window sees": (
        (2, 1, 1),
        (5, 1),
        (2, 2),
        (4, 4),
        ((3, 3), (3, 3)),
        ONE,
        1,
    ),
    "depthwise, outputs that see padding alone": ((2, 4, 3), (3, 3), (2, 2), (2, 3), ((4, 3), (3, 4)), ONE, 3),
}
LARGE = {
    "3x3, 16 channels": ((4, 16, 16), (16, 16), (3, 3), ONE, HALF, ONE, 1),
    "3x3, 64 channels": ((2, 15, 14), (64, 48), (3, 3), ONE, HALF, ONE, 1),
    "3x3, 64 channels, stride 2": ((2, 15, 14), (64, 48), (3, 3), (2, 2), HALF, ONE, 1),
    "7x7, stride 2": ((2, 33, 32), (3, 16), (7, 7), (2, 2), ((3, 3), (3, 3)), ONE, 1),
    "1x1, 64 channels": ((2, 15, 14), (64, 48), (1, 1), ONE, NONE, ONE, 1),
    "depthwise, 48 channels": ((4, 17, 16), (48, 48), (3, 3), ONE, HALF, ONE, 48),
    "depthwise, 48 channels, stride 2": ((4, 17, 16), (48, 48), (3, 3), (2, 2), HALF, ONE, 48),
}


def normal_numbers(rng, shape):
    return rng.standard_normal(shape)


def arrays(row, dtype, numbers):
    """X, W, dZ that cannot be written to, and the geometry."""
    images, (c_prev, c), f, stride, padding, dilation, groups = row
    rng = np.random.default_rng(7)
    X, W = numbers(rng, (*images, c_prev)), numbers(rng, (*f, c_prev // groups, c))
    size = definitions.sizes(X, f, stride, padding, dilation)
    made = [array.astype(dtype) for array in (X, W, numbers(rng, (len(X), *size, c)))]
    for array in made:
        array.flags.writeable = False
    return made, (stride, padding, dilation)


def run(way, X, W, dZ, *geometry):
    """Z, dX, dW, once it is seen that the pullback can be called again and without dX."""
    Z, back = way(X, W, *geometry)
    dX, dW = back(dZ)
    none, dW_alone = back(dZ, need_input=False)
    assert none is None
    np.testing.assert_array_equal(dW_alone, dW)
    for array, like in ((Z, dZ), (dX, X), (dW, W)):
        assert array.dtype == like.dtype
        assert array.shape == like.shape
    return Z, dX, dW


def assert_exact(way, row, dtype):
    made, geometry = arrays(row, dtype, whole_numbers)
    for name, got, expected in zip(("Z", "dX", "dW"), run(way, *made, *geometry), of_definition(made, geometry, row)):
        np.testing.assert_array_equal(got, expected, err_msg=name)


def of_definition(made, geometry, row):
    return definitions.conv(*definitions.wide(*made), *geometry, row[-1])


def rows(table, allowed):
    """Rows of a table as test parameters, those which a way to convolve is made for."""
    return [pytest.param(row, id=name) for name, row in table.items() if allowed(row)]


SIZES_OF_CHUNKS = [
    (patches, "CHUNK_BYTES"),
    (patches, "CHUNK_ROWS"),
    (input_gradient, "CHUNK_ROWS"),
    (depthwise, "CHUNK_BYTES"),
    (depthwise, "CHUNK_ROWS"),
    (winograd, "CHUNK_TILES"),
    (winograd, "CHUNK_BYTES"),
    (winograd, "CHUNK_COLUMNS"),
]


def in_groups(row):
    return row[-1] > 1


def in_one_go(row):
    """Whether both gradients can be made from the same patches."""
    return row[3] == ONE and not in_groups(row)


def by_winograd(row):
    return row[2:] == ((3, 3), ONE, row[4], ONE, 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", rows(SHAPES, lambda row: True))
def test_what_conv2d_chooses_is_the_definition(row, dtype):
    assert_exact(lambda *a: conv.conv2d(*a, row[-1]), row, dtype)


@pytest.mark.parametrize("row", rows(SHAPES, lambda row: row[-1] == 1))
def test_patches_times_filters_are_the_definition(row):
    assert_exact(conv.direct, row, np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", [input_gradient.gather, input_gradient.scatter, input_gradient.planes])
@pytest.mark.parametrize("row", rows(SHAPES, lambda row: row[-1] == 1))
def test_each_way_to_the_input_gradient_is_the_definition(row, way, dtype):
    (X, W, dZ), geometry = arrays(row, dtype, whole_numbers)
    dX = of_definition((X, W, dZ), geometry, row)[1]
    np.testing.assert_array_equal(way(dZ, W, X.shape, *geometry), dX)


@pytest.mark.parametrize("row", rows(SHAPES, in_one_go))
def test_both_gradients_from_the_same_patches_are_the_definition(row):
    assert_exact(with_both_gradients, row, np.float32)


def with_both_gradients(X, W, stride, padding, dilation):
    Z, _ = conv.direct(X, W, stride, padding, dilation)
    return Z, lambda dZ, need_input=True: both_gradients.gradients(dZ, X, W, padding, dilation, need_input)


@pytest.mark.parametrize("row", rows(SHAPES, by_winograd))
def test_winograds_way_is_the_definition(row):
    assert_exact(winograd.conv, row, np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(
    "name",
    [
        "3x3",
        "3x3, odd output",
        "3x3, each side padded differently",
        "1x5",
        "depthwise",
        "depthwise 5x3, stride 2 and 1",
        "depthwise, stride 2, dilation 2",
    ],
)
def test_chunks_that_cut_through_images_are_the_definition(name, workers, dtype, monkeypatch):
    for module, size in SIZES_OF_CHUNKS:
        monkeypatch.setattr(module, size, 3)
    in_pieces(monkeypatch, 500, longest=7)
    in_blocks(monkeypatch, (2, 3), rows=1, multiplications=1)
    monkeypatch.setattr(sums_of_products, "WORTH_TURNING", 1)
    row = SHAPES[name]
    ways = [lambda *a: conv.conv2d(*a, row[-1])] if in_groups(row) else [conv.direct]
    if by_winograd(row):
        ways.append(winograd.conv)
    if in_one_go(row):
        ways.append(with_both_gradients)
    with threads(workers):
        for way in ways:
            assert_exact(way, row, dtype)


@pytest.mark.parametrize("workers", [2, 5])
@pytest.mark.parametrize("row", rows(SHAPES, lambda row: True))
def test_workers_change_nothing(row, workers):
    with threads(workers):
        assert_exact(lambda *a: conv.conv2d(*a, row[-1]), row, np.float32)


def test_arrays_that_are_views_are_taken_too():
    """Such as an image made of one pixel by broadcasting, or filters whose channels were swapped."""
    row = SHAPES["3x3"]
    (X, W, dZ), geometry = arrays(row, np.float32, whole_numbers)
    X, dZ = np.asfortranarray(X), np.broadcast_to(dZ[:, :1, :1], dZ.shape)
    W = W.swapaxes(2, 3).copy().swapaxes(2, 3)
    for way in (conv.direct, winograd.conv, input_gradient_by(input_gradient.planes)):
        for got, expected in zip(run(way, X, W, dZ, *geometry), of_definition((X, W, dZ), geometry, row)):
            np.testing.assert_array_equal(got, expected)


def input_gradient_by(way):
    """Patches times filters, with dX another way."""

    def convolve(X, W, *geometry):
        Z, back = conv.direct(X, W, *geometry)

        def back_other(dZ, need_input=True):
            return way(dZ, W, X.shape, *geometry) if need_input else None, back(dZ, need_input=False)[1]

        return Z, back_other

    return convolve


CHOICES = [
    ("1x1", (8, 56, 56, 64), (1, 1, 64, 256), ONE, ONE, pointwise.conv),
    ("first layer", (8, 224, 224, 3), (7, 7, 3, 64), (2, 2), ONE, conv.direct),
    ("3x3, many channels", (8, 56, 56, 64), (3, 3, 64, 64), ONE, ONE, winograd.conv),
    ("3x3, few channels", (32, 32, 32, 16), (3, 3, 16, 16), ONE, ONE, conv.direct),
    ("3x3, few positions", (2, 7, 7, 512), (3, 3, 512, 512), ONE, ONE, conv.direct),
    ("3x3, stride 2", (8, 56, 56, 128), (3, 3, 128, 128), (2, 2), ONE, conv.direct),
    ("3x3, dilation 2", (8, 56, 56, 128), (3, 3, 128, 128), ONE, (2, 2), conv.direct),
    ("5x5", (8, 28, 28, 32), (5, 5, 32, 96), ONE, ONE, conv.direct),
]


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row[0])
def test_the_way_is_chosen_by_shape(row):
    *shapes, expected = row[1:]
    images, filters, *steps = shapes
    for dtype in DTYPES:
        chosen = conv.best(images, filters, np.dtype(dtype), *steps)
        assert getattr(chosen, "func", chosen) is expected


def test_float64_takes_winograds_way_with_fewer_channels():
    ways = [conv.best((32, 16, 16, 32), (3, 3, 32, 32), np.dtype(dtype), ONE, ONE) for dtype in DTYPES]
    assert [getattr(way, "func", way) for way in ways] == [conv.direct, winograd.conv]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", rows(LARGE, lambda row: True))
def test_the_chosen_way_is_as_accurate_as_patches_times_filters(row, dtype):
    made, geometry = arrays(row, dtype, normal_numbers)
    _, W, dZ = made
    expected = of_definition(made, geometry, row)
    direct = conv.direct if row[-1] == 1 else lambda *a: conv.grouped(*a, row[-1])
    chosen, plain = run(lambda *a: conv.conv2d(*a, row[-1]), *made, *geometry), run(direct, *made, *geometry)
    for name, got, by_patches, truth in zip(("Z", "dX", "dW"), chosen, plain, expected):
        assert error(got, truth) <= 2 * error(by_patches, truth), name
        terms = dZ.size // dZ.shape[3] if name == "dW" else W[..., 0].size
        assert error(by_patches, truth) <= np.finfo(dtype).eps * np.sqrt(terms), name  # a random walk of roundings


def test_the_scheme_with_four_outputs_is_taken_only_if_asked_for():
    row = LARGE["3x3, 64 channels"]
    made, geometry = arrays(row, np.float64, normal_numbers)
    expected = of_definition(made, geometry, row)
    for scheme, worst in ((F23, 2e-15), (F43, 2e-14)):
        got = run(lambda *a, scheme=scheme: conv.conv2d(*a, 1, scheme=scheme), *made, *geometry)
        errors = [error(*pair) for pair in zip(got, expected)]
        assert worst / 20 < max(errors) < worst
    assert conv.best(made[0].shape, made[1].shape, made[0].dtype, ONE, ONE).keywords == {"scheme": F23}
