"""Where sizes coincide, the frameworks tell which layout of an activation is the likeliest."""

import numpy as np
import pytest

from crosscheck.models.inputs import read
from crosscheck.twins.compare import candidates
from crosscheck.twins.evidence import effect
from crosscheck.twins.layouts import layouts, usual

ORDERS = [("", "a b c d -> a b c d"), ("last", "a b c d -> a c d b"), ("first", "a b c d -> a d b c")]


@pytest.mark.parametrize(("images", "order"), ORDERS)
def test_images_of_as_many_channels_as_pixels_a_side(images, order):
    found = [fit.pattern for fit in layouts((2, 3, 3, 3), (2, 3, 3, 3), images)]
    assert found[0] == order
    assert set(found[:3]) == {pattern for _, pattern in ORDERS}


@pytest.mark.parametrize(("images", "order"), ORDERS)
def test_the_usual_layout_whatever_the_sizes(images, order):
    assert usual((2, 3, 5, 7), images).pattern == order
    assert usual((2, 3, 5), images).pattern == "a b c -> a b c"


@pytest.mark.parametrize("images", ["", "last", "first"])
def test_what_has_no_images_stays_as_it_is(images):
    assert layouts((4, 4, 4), (4, 4, 4), images)[0].pattern == "a b c -> a b c"


def test_the_order_of_axes_of_length_one_has_no_effect():
    one, other, third = "a b c d -> c d b a", "a b c d -> c d a b", "a b c d -> d c b a"
    assert effect(one, (1, 1, 3, 3)) == effect(other, (1, 1, 3, 3)) != effect(third, (1, 1, 3, 3))
    assert effect(one, (2, 2, 3, 3)) != effect(other, (2, 2, 3, 3))


@pytest.mark.parametrize(("images", "likeliest"), [("last", (0, 2, 3, 1)), ("first", (0, 3, 1, 2))])
def test_images_are_handed_over_as_the_second_model_has_them(images, likeliest):
    """Where it would take either."""
    X = np.arange(2 * 3**3, dtype=float).reshape(2, 3, 3, 3)
    found = candidates(read([X]), images)
    np.testing.assert_array_equal(found[0].second["0"], X.transpose(likeliest))
    assert len(found) == 3
    assert any(np.array_equal(way.second["0"], X) for way in found)
