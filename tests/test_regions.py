"""Regions of interest and proposals: against loops as their authors wrote them, and against torchvision where it is."""

import numpy as np
import pytest
from columns import NAMES, column

RNG = np.random.default_rng(7)
PIXELS = RNG.standard_normal((2, 9, 7, 3))
NEAR = RNG.uniform(0, 20, (40, 2))
ROIS = np.concatenate([RNG.integers(0, 2, (40, 1)), NEAR, NEAR + RNG.uniform(0.1, 20, (40, 2))], axis=1)


def pooled(name, target, X, rois, *settings):
    """The function's value, of maps m h w c in every column."""
    own = column(name)
    f = own.get(f"detection.roi.{target}")
    if name == "torch_impl":
        return f(own.array(X).permute(0, 3, 1, 2), own.array(rois), *settings).permute(0, 2, 3, 1).numpy()
    result = f(own.array(X), own.array(rois), *settings)
    return np.asarray(result[0] if name == "reference" else result)


def max_pool_by_loops(X, rois, f, scale):
    A = np.zeros((len(rois), f, f, X.shape[3]))
    for r, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (int(np.floor(v * scale + 0.5)) for v in corners)
        h, w = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        for i, j in np.ndindex(f, f):
            top, left = y1 + i * h // f, x1 + j * w // f
            bottom, right = y1 - -(i + 1) * h // f, x1 - -(j + 1) * w // f
            part = X[int(image), max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
            if part.size:
                A[r, i, j] = part.max(axis=(0, 1))
    return A


def bilinear(X, y, x):
    """The value at (y, x), where pixel i is at i: 0 beyond a pixel from the image."""
    h, w = X.shape[:2]
    if not (-1 <= y <= h and -1 <= x <= w):
        return np.zeros(X.shape[2])
    y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
    upper = X[top, left] * (1 - x + left) + X[top, right] * (x - left)
    lower = X[bottom, left] * (1 - x + left) + X[bottom, right] * (x - left)
    return upper * (1 - y + top) + lower * (y - top)


def align_by_loops(X, rois, f, scale, samples):
    A = np.zeros((len(rois), f, f, X.shape[3]))
    for r, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (v * scale - 0.5 for v in corners)
        for i, j, k, l in np.ndindex(f, f, samples, samples):
            y = y1 + (i + (k + 0.5) / samples) * (y2 - y1) / f
            x = x1 + (j + (l + 0.5) / samples) * (x2 - x1) / f
            A[r, i, j] += bilinear(X[int(image)], y, x) / samples**2
    return A


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("f", [1, 2, 5])
def test_max_pool_is_that_of_loops(name, f):
    expected = max_pool_by_loops(PIXELS, ROIS, f, 0.5)
    assert np.array_equal(pooled(name, "roi_max_pool", PIXELS, ROIS, f, 0.5), expected)
    assert not expected.all()  # some bins lie outside of the image


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("f", "samples"), [(1, 1), (2, 2), (3, 4)])
def test_align_is_that_of_loops(name, f, samples):
    expected = align_by_loops(PIXELS, ROIS, f, 0.5, samples)
    np.testing.assert_allclose(pooled(name, "roi_align", PIXELS, ROIS, f, 0.5, samples), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_align_reads_a_linear_image_at_the_middle_of_each_bin(name):
    """Interpolation is exact on a ramp, and pixel v has its centre at v + 1/2: without the half it would be off."""
    ramp = np.broadcast_to(np.arange(16.0)[:, None, None] + 0.5, (1, 16, 16, 1))
    rois = np.array([[0, 3.0, 2.0, 11.0, 10.0]])
    A = pooled(name, "roi_align", ramp, rois, 4)
    np.testing.assert_allclose(A[0, :, 0, 0], [3, 5, 7, 9], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["roi_max_pool", "roi_align"])
def test_no_regions_give_no_maps(name, target):
    assert pooled(name, target, PIXELS, np.zeros((0, 5)), 3).shape == (0, 3, 3, 3)


BAD_ROIS = {
    "four columns": (ROIS[:, 1:], r"rois has shape \(40, 4\); expected regions \(r, 5\)"),
    "x2 < x1": (np.array([[0, 5.0, 1.0, 4.0, 2.0]]), "rois holds the box .*; expected x1 <= x2"),
    "NaN": (np.array([[0, np.nan, 1.0, 4.0, 2.0]]), "rois holds nan at index"),
    "an image that is not there": (
        np.array([[2, 1.0, 1.0, 4.0, 2.0]]),
        "holds 2.0; expected whole numbers from 0 to 1",
    ),
    "half an image": (np.array([[0.5, 1.0, 1.0, 4.0, 2.0]]), "holds 0.5; expected whole numbers from 0 to 1"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["roi_max_pool", "roi_align"])
@pytest.mark.parametrize("kind", BAD_ROIS)
def test_regions_that_are_none_are_refused(name, target, kind):
    rois, message = BAD_ROIS[kind]
    with pytest.raises(ValueError, match=message):
        pooled(name, target, PIXELS, rois, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("f", "scale", "message"), [(0, 1.0, "f is 0"), (2, 0.0, "scale is 0.0")])
def test_bins_and_scale_must_be_positive(name, f, scale, message):
    with pytest.raises(ValueError, match=message):
        pooled(name, "roi_align", PIXELS, ROIS, f, scale)


@pytest.mark.parametrize("name", NAMES)
def test_regions_are_those_of_torchvision(name):
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is not installed: not run")
    torch = pytest.importorskip("torch")
    x, rois = torch.from_numpy(PIXELS).permute(0, 3, 1, 2), torch.from_numpy(ROIS)
    aligned = ops.roi_align(x, rois, 3, 0.5, sampling_ratio=2, aligned=True).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(pooled(name, "roi_align", PIXELS, ROIS, 3, 0.5, 2), aligned, rtol=0, atol=1e-12)
    largest = ops.roi_pool(x, rois, 4, 0.5).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(pooled(name, "roi_max_pool", PIXELS, ROIS, 4, 0.5), largest)
