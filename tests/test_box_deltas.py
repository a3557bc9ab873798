"""Box deltas: there and back again, what their numbers mean, and what is refused."""

import math

import numpy as np
import pytest
from columns import NAMES, column

RNG = np.random.default_rng(5)
WEIGHTS = (10.0, 5.0, 4.0, 2.0)


def boxes(k):
    near = RNG.uniform(-20, 20, (k, 2))
    return np.concatenate([near, near + RNG.uniform(0.5, 30, (k, 2))], axis=1)


def run(name, target, *arrays, **settings):
    own = column(name)
    result = own.get(f"detection.box_deltas.{target}")(*map(own.array, arrays), **settings)
    return own.numpy(own.value(result))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weights", [(1, 1, 1, 1), WEIGHTS], ids=str)
def test_decoding_undoes_encoding(name, weights):
    B, A = boxes(200), boxes(200)
    found = run(name, "decode", run(name, "encode", B, A, weights=weights), A, weights=weights)
    np.testing.assert_allclose(found, B, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_box_of_twice_the_width_half_its_width_to_the_right(name):
    A, B = np.array([[2.0, 4.0, 6.0, 12.0]]), np.array([[2.0, 4.0, 10.0, 12.0]])
    np.testing.assert_allclose(run(name, "encode", B, A), [[0.5, 0, math.log(2), 0]], rtol=1e-15)
    np.testing.assert_allclose(run(name, "encode", B, A, weights=WEIGHTS), [[5, 0, 4 * math.log(2), 0]], rtol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_no_box_grows_beyond_its_limit(name):
    A = np.array([[0.0, 0.0, 16.0, 32.0]])
    B = run(name, "decode", np.array([[0.0, 0.0, 1e9, -1e9]]), A)
    np.testing.assert_allclose(B, [[-492, 16, 508, 16]], rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_no_boxes_have_no_deltas(name):
    none = np.zeros((0, 4))
    assert run(name, "encode", none, none).shape == run(name, "decode", none, none).shape == (0, 4)


GOOD = boxes(2)
REFUSED = {
    "an anchor of no width": ("encode", (GOOD, GOOD * [0, 1, 0, 1]), {}, "expected a width and height above 0"),
    "a box of negative height": ("encode", (GOOD[:, [0, 3, 2, 1]], GOOD), {}, "expected x1 <= x2 and y1 <= y2"),
    "a box of no height": ("encode", (GOOD * [1, 0, 1, 0], GOOD), {}, "expected a width and height above 0"),
    "NaN": ("decode", (GOOD * np.nan, GOOD), {}, r"holds nan at index \(0, 0\); expected finite"),
    "another number of anchors": ("decode", (GOOD, GOOD[:1]), {}, r"has shape \(2, 4\); expected \(1, 4\)"),
    "a weight of zero": ("decode", (GOOD, GOOD), {"weights": (1, 0, 1, 1)}, "expected four numbers above 0"),
    "three weights": ("encode", (GOOD, GOOD), {"weights": (1, 1, 1)}, "expected four numbers above 0"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_deltas_is_refused(name, kind):
    target, arrays, settings, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        run(name, target, *arrays, **settings)
