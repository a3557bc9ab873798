"""Augmentation against SciPy, scikit-learn and what can be counted by hand; averages of predictions."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage
from sklearn.datasets import load_sample_image
from sklearn.decomposition import PCA

from augmentation.averages import ensemble, predict_ten_crops
from augmentation.colors import color_shift, pca_color, principal_colors, random_color_shift, random_pca_color
from augmentation.crops import crop, mirror, random_crop, random_mirror, ten_crop
from augmentation.warps import random_rotation, random_shear, rotate, shear

SIZE = (3, 4)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.fixture(scope="module")
def photos():
    """Three views of a photograph, each 21 x 30 pixels."""
    photo = load_sample_image("china.jpg") / 255.0
    return np.stack([photo[i::20, i::20][:21, :30] for i in range(3)])


# Mirroring and cropping


def test_mirroring_twice_is_the_identity(photos):
    np.testing.assert_array_equal(mirror(photos)[:, :, 0], photos[:, :, -1])
    np.testing.assert_array_equal(mirror(mirror(photos)), photos)


def test_about_half_of_the_images_are_mirrored():
    X = random(400, 2, 3, 1)
    Y = random_mirror(X, np.random.default_rng(1))
    turned = (mirror(X) == Y).all(axis=(1, 2, 3))
    assert np.all(turned | (Y == X).all(axis=(1, 2, 3)))
    assert 160 < turned.sum() < 240


def test_a_random_crop_may_lie_anywhere_in_the_image_and_nowhere_else():
    X = np.broadcast_to(np.arange(30.0).reshape(1, 5, 6, 1), (500, 5, 6, 1))
    Y = random_crop(X, SIZE, np.random.default_rng(2))
    starts = Y[:, 0, 0, 0]
    assert Y.shape == (500, *SIZE, 1)
    assert set(starts) == {6 * top + left for top in range(3) for left in range(3)}
    np.testing.assert_array_equal(Y - starts[:, None, None, None], Y[:1] - starts[0] + 0 * Y)


def test_images_are_cropped_each_at_its_own_place(photos):
    Y = crop(photos, SIZE, [0, 18, 5], [2, 26, 0])
    np.testing.assert_array_equal(Y[1], photos[1, 18:, 26:])
    np.testing.assert_array_equal(Y[2], photos[2, 5:8, :4])


def test_ten_crops_are_corners_and_center_and_their_mirror_images(photos):
    Y = ten_crop(photos, (11, 20))
    assert Y.shape == (10, 3, 11, 20, 3)
    for seen, expected in zip(Y, [(0, 0), (0, 10), (10, 0), (10, 10), (5, 5)]):
        np.testing.assert_array_equal(seen, photos[:, expected[0] :, expected[1] :][:, :11, :20])
    np.testing.assert_array_equal(Y[5:], Y[:5, :, :, ::-1])


# Rotating and shearing


def by_scipy(X, A):
    """The same warp by `ndimage.affine_transform`."""
    middle = (np.array(X.shape[1:3]) - 1) / 2
    spline = partial(ndimage.affine_transform, matrix=A, offset=middle - A @ middle, order=1, mode="grid-constant")
    return np.stack([np.stack([spline(channel) for channel in image.T.swapaxes(1, 2)], axis=-1) for image in X])


@pytest.mark.parametrize("degrees", [-33.0, 7.5, 90.0, 200.0])
def test_rotation_is_scipys(photos, degrees):
    t = np.deg2rad(degrees)
    A = np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]])
    np.testing.assert_allclose(rotate(photos, degrees), by_scipy(photos, A), atol=1e-13)


@pytest.mark.parametrize("slope", [-0.4, 0.25, 1.0])
def test_shear_is_scipys(photos, slope):
    np.testing.assert_allclose(shear(photos, slope), by_scipy(photos, np.array([[1, 0], [slope, 1]])), atol=1e-13)


def test_a_quarter_turn_is_counterclockwise():
    X = random(2, 5, 5, 3)
    np.testing.assert_allclose(rotate(X, 90), np.rot90(X, axes=(1, 2)), atol=1e-14)


def test_each_image_is_rotated_by_its_own_angle(photos):
    Y = rotate(photos, [0, 10, -20])
    np.testing.assert_array_equal(Y[0], photos[0])
    np.testing.assert_array_equal(Y[2], rotate(photos[2:], -20)[0])


def test_shear_leaves_the_middle_row_where_it_is(photos):
    np.testing.assert_allclose(shear(photos, 0.3)[:, 10], photos[:, 10], atol=1e-14)


@pytest.mark.parametrize("warp", [random_rotation, random_shear])
def test_random_warps_are_small_and_repeatable(photos, warp):
    Y = warp(photos, np.random.default_rng(3))
    np.testing.assert_array_equal(Y, warp(photos, np.random.default_rng(3)))
    inside = np.s_[:, 8:-8, 12:-12]
    assert 0 < np.abs(Y - photos)[inside].mean() < 0.1
    np.testing.assert_array_equal(warp(photos, np.random.default_rng(3), largest=0.0), photos)


# Colors


def test_a_color_shift_adds_to_every_pixel(photos):
    Y = color_shift(photos, [0.1, -0.1, 0.2])
    np.testing.assert_allclose((Y - photos).reshape(-1, 3), np.tile([0.1, -0.1, 0.2], (3 * 21 * 30, 1)), atol=1e-15)


def test_random_color_shifts_have_the_given_spread():
    shifts = random_color_shift(np.zeros((2000, 1, 2, 3)), np.random.default_rng(4), spread=0.3)
    np.testing.assert_array_equal(shifts[:, :, 0], shifts[:, :, 1])
    np.testing.assert_allclose(shifts[:, 0, 0].std(axis=0), 0.3, rtol=0.06)


def test_principal_colors_are_scikit_learns(photos):
    eigenvalues, P = principal_colors(photos)
    pixels = photos.reshape(-1, 3)
    pca = PCA().fit(pixels)
    np.testing.assert_allclose(eigenvalues[::-1], pca.explained_variance_ * (1 - 1 / len(pixels)), rtol=1e-10)
    np.testing.assert_allclose(np.abs(np.sum(P[:, ::-1].T * pca.components_, axis=1)), 1, rtol=1e-10)


def test_pca_color_shifts_along_the_principal_colors(photos):
    colors = eigenvalues, P = principal_colors(photos)
    Y = pca_color(photos, colors, [0, 0, 0.5])
    np.testing.assert_allclose((Y - photos)[1, 4, 7], 0.5 * eigenvalues[2] * P[:, 2], atol=1e-15)
    assert np.abs(P[:, 2]).min() > 0.4  # the first of a photograph's colors is how bright it is


def test_random_pca_color_varies_most_along_the_first_color(photos):
    colors = eigenvalues, P = principal_colors(photos)
    shifts = random_pca_color(np.zeros((3000, 1, 1, 3)), colors, np.random.default_rng(5))[:, 0, 0]
    np.testing.assert_allclose((shifts @ P).std(axis=0), 0.1 * eigenvalues, rtol=0.06)


# Averages


def test_an_ensemble_is_the_mean_of_its_members():
    predictions = np.random.default_rng(6).dirichlet(np.ones(4), (3, 5)).swapaxes(1, 2)
    together = ensemble(predictions)
    np.testing.assert_allclose(together, sum(predictions) / 3)
    np.testing.assert_allclose(together.sum(axis=0), 1)


def test_ten_crop_evaluation_is_the_mean_over_the_crops(photos):
    def predict(X):
        assert X.shape[1:3] == (11, 20)
        return np.stack([X.mean(axis=(1, 2, 3)), X[:, 0, 0, 0]])

    expected = sum(predict(X) for X in ten_crop(photos, (11, 20))) / 10
    np.testing.assert_allclose(predict_ten_crops(predict, photos, (11, 20)), expected)


# What is kept and what is refused


@pytest.mark.parametrize("change", [random_mirror, random_rotation, random_shear, random_color_shift])
def test_images_keep_their_shape_and_precision_and_are_not_written_to(photos, change):
    X = photos.astype(np.float32)
    X.flags.writeable = False
    Y = change(X, np.random.default_rng(7))
    assert (Y.shape, Y.dtype) == (X.shape, X.dtype)


IMAGES = np.zeros((2, 5, 6, 3))
COLORS = principal_colors(IMAGES)
REFUSED = [
    ("one image", lambda: mirror(IMAGES[0]), r"shape \(5, 6, 3\); expected images \(m, h, w, c\) \(one image"),
    ("bytes", lambda: color_shift(IMAGES.astype(np.uint8), [1, 2, 3]), "X is of uint8; expected floats"),
    ("large crop", lambda: random_crop(IMAGES, (6, 6), None), "expected at least 6 x 6 pixels"),
    ("crop outside", lambda: crop(IMAGES, (3, 3), [0, 3], 0), "top goes from 0 to 3; expected 0 to 2"),
    ("places", lambda: crop(IMAGES, (3, 3), [0, 1, 2], 0), r"top has shape \(3,\); expected \(2,\), or \(\)"),
    ("angles", lambda: rotate(IMAGES, [1, 2, 3]), r"degrees has shape \(3,\); expected \(2,\), or \(\)"),
    ("colors", lambda: color_shift(IMAGES, [1, 2]), r"shift has shape \(2,\); expected \(2, 3\), or \(3,\)"),
    ("an empty crop", lambda: crop(IMAGES, (0, 0), 0, 0), r"size is \(0, 0\); expected \(height, width\)"),
    ("a negative crop", lambda: random_crop(IMAGES, (2, -1), None), r"size is \(2, -1\); expected \(height, width\)"),
    ("one side of a crop", lambda: random_crop(IMAGES, 4, None), r"size is 4; expected \(height, width\)"),
    ("three sides of a crop", lambda: ten_crop(IMAGES, (1, 2, 3)), r"size is \(1, 2, 3\); expected"),
    ("alpha", lambda: pca_color(IMAGES, COLORS, np.ones(2)), r"alpha has shape \(2,\); expected \(2, 3\), or \(3,\)"),
    ("ensemble", lambda: ensemble([np.ones((3, 2)), np.ones((3, 1))]), r"shapes \[\(3, 1\), \(3, 2\)\]"),
    ("no members", lambda: ensemble([]), r"predictions have shapes \[\]; expected one shape"),
]


@pytest.mark.parametrize(("call", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
