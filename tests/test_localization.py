"""The notes' localization target and losses, written out, and what is refused."""

import numpy as np
import pytest
from columns import NAMES, column

HERE = "detection.localization."
BOXES = np.array([[0.5, 0.25, 0.75, 0.125], [np.nan] * 4, [0.1, 0.2, 0.3, 0.4]])
CLASSES = np.array([1.0, -1.0, 2.0])
TARGETS = np.array([[1, 0.5, 0.25, 0.75, 0.125, 0, 1, 0], [0, 0, 0, 0, 0, 0, 0, 0], [1, 0.1, 0.2, 0.3, 0.4, 0, 0, 1]]).T
A = np.random.default_rng(2).standard_normal((8, 3))


def loss(name, target, A, Y):
    own = column(name)
    return float(own.value(own.get(HERE + target)(own.examples(own.array(A)), own.examples(own.array(Y)))))


def logistic(z, y):
    return np.log1p(np.exp(-z)) if y else np.log1p(np.exp(z))


@pytest.mark.parametrize("name", NAMES)
def test_the_target_is_the_notes(name):
    own = column(name)
    Y = own.get(HERE + "localization_target")(own.array(BOXES), own.array(CLASSES), 3)
    assert np.array_equal(own.examples(own.numpy(Y)), TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_only_p_c_counts_where_there_is_no_object(name):
    expected = (((A - TARGETS) ** 2)[:, [0, 2]].sum() + A[0, 1] ** 2) / 3
    assert loss(name, "localization_loss", A, TARGETS) == pytest.approx(expected, rel=1e-14)
    noise = TARGETS + 1000 * (np.arange(8)[:, None] > 0) * (TARGETS[0] == 0)
    assert loss(name, "localization_loss", A, noise) == loss(name, "localization_loss", A, TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_the_mixed_loss_is_logistic_squares_and_softmax(name):
    expected = sum(logistic(*pair) for pair in zip(A[0], TARGETS[0])) / 3
    for i, c in ((0, 6), (2, 7)):
        expected += ((A - TARGETS)[1:5, i] ** 2).sum() / 3
        expected += (np.log(np.exp(A[5:, i]).sum()) - A[c, i]) / 3
    assert loss(name, "localization_loss_from_logits", A, TARGETS) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["localization_loss", "localization_loss_from_logits", "landmark_loss"])
def test_a_batch_without_any_object_teaches_p_c(name, target):
    Y = np.zeros((8, 3))
    z = A[0]
    expected = (z**2 if target == "localization_loss" else np.log1p(np.exp(z))).mean()
    assert loss(name, target, A, Y) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_landmarks_count_where_there_is_a_face(name):
    Y = np.array([[1, 0.5, 0.5, 0.25, 0.75], [0, 7, 7, 7, 7]]).T
    Z = A[:5, :2]
    expected = (logistic(Z[0, 0], 1) + logistic(Z[0, 1], 0) + ((Z - Y)[1:, 0] ** 2).sum()) / 2
    assert loss(name, "landmark_loss", Z, Y) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("b", "classes", "message"),
    [
        (BOXES, CLASSES + 1, "holds 3.0; expected whole numbers from -1 to 2"),
        (BOXES, CLASSES - 1, "holds -2.0; expected whole numbers from -1 to 2"),
        (BOXES, CLASSES / 2, "expected whole numbers from -1 to 2"),
        (BOXES[:, :3], CLASSES, r"shape \(3, 3\); expected boxes \(.., 4\)"),
    ],
    ids=["too large", "too small", "half a class", "three numbers"],
)
def test_classes_that_are_none_are_refused(name, b, classes, message):
    own = column(name)
    with pytest.raises(ValueError, match=message):
        own.get(HERE + "localization_target")(own.array(b), own.array(classes), 3)


@pytest.mark.parametrize(
    ("Y", "message"),
    [
        (TARGETS * 2, "p_c, holds 2.0; expected labels 0 or 1"),
        (TARGETS * np.nan, r"Y holds nan at index \(0, 0\)"),
        (TARGETS[:7], r"Y has shape \(7, 3\); expected \(8, 3\)"),
    ],
    ids=["two objects", "NaN", "a row less"],
)
def test_targets_that_are_none_are_refused(Y, message):
    with pytest.raises(ValueError, match=message):
        loss("reference", "localization_loss", A, Y)


@pytest.mark.parametrize("name", NAMES)
def test_a_smooth_l1_without_a_parabola_is_refused(name):
    own = column(name)
    with pytest.raises(ValueError, match="beta is 0"):
        own.get("detection.weighted_losses.weighted_smooth_l1")(own.array(A), own.array(A), 1.0, beta=0)
