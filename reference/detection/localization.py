"""Classification with localization: is there an object in the image, of which class, and where; and landmarks.

    y = [p_c, b_x, b_y, b_h, b_w, c_1, ..., c_k]     p_c is 1 if there is an object, then b is its box and c one-hot
    y = [0, ?, ..., ?]                               if not: nothing that stands at a ? counts; 0 is written there
    y = [p_c, l_1x, l_1y, ..., l_nx, l_ny]           landmarks

    localization_loss              1/m sum_i (a_1 - y_1)^2 + p_c sum_{j > 1} (a_j - y_j)^2         the notes' first form
    localization_loss_from_logits  1/m sum_i logistic(z_1, p_c) + p_c (sum_{1 < j < 6} (z_j - y_j)^2 + cross-entropy(c))
    landmark_loss                  1/m sum_i logistic(z_1, p_c) + p_c sum_{j > 1} (z_j - y_j)^2

The second is what is used in practice: logistic loss for p_c, squared error for the box, softmax for the class. A, Z, Y
[n m], one image a column; J is a number. A batch without any object is fine: only p_c is learned from it.
Source: Course 4, week 3, "Object localization", "Landmark detection".
"""

import numpy as np

from reference.checks import binary, matrix, same_shape
from reference.detection.checks import class_numbers, finite, rows_of_four
from reference.detection.weighted_losses import (
    weighted_cross_entropy,
    weighted_logistic_loss,
    weighted_squared_error,
)

BOX, CLASSES = slice(1, 5), slice(5, None)


def localization_target(b, classes, num_classes):
    """Y [5+k m] from the boxes b [m 4] and their classes [m], 0 to k - 1, or -1 where there is no object."""
    rows_of_four("b", b)
    class_numbers("classes", classes, num_classes, least=-1)
    present = classes >= 0
    one_hot = np.arange(num_classes)[:, None] == classes
    return np.concatenate([present[None], np.where(present, b.T, 0), one_hot])


def localization_loss(A, Y):
    weight = weights("A", A, Y)
    J_presence, back_presence = weighted_squared_error(A[:1], Y[:1], weight)
    J_rest, back_rest = weighted_squared_error(A[1:], Y[1:], weight * Y[:1])

    def back(dJ):
        return np.concatenate([back_presence(dJ), back_rest(dJ)])

    return J_presence + J_rest, back


def localization_loss_from_logits(Z, Y):
    weight = weights("Z", Z, Y, least=6)
    J_presence, back_presence = weighted_logistic_loss(Z[:1], Y[:1], weight)
    J_box, back_box = weighted_squared_error(Z[BOX], Y[BOX], weight * Y[:1])
    J_class, back_class = weighted_cross_entropy(Z[CLASSES], Y[CLASSES], weight * Y[:1])

    def back(dJ):
        return np.concatenate([back_presence(dJ), back_box(dJ), back_class(dJ)])

    return J_presence + J_box + J_class, back


def landmark_loss(Z, Y):
    weight = weights("Z", Z, Y)
    J_presence, back_presence = weighted_logistic_loss(Z[:1], Y[:1], weight)
    J_points, back_points = weighted_squared_error(Z[1:], Y[1:], weight * Y[:1])

    def back(dJ):
        return np.concatenate([back_presence(dJ), back_points(dJ)])

    return J_presence + J_points, back


def weights(name, A, Y, least=3):
    """1/m, once A and Y are seen to be matrices of one shape whose first row says whether there is an object."""
    matrix(name, A)
    same_shape("Y", Y, name, A)
    if A.shape[0] < least:
        raise ValueError(f"{name} has {A.shape[0]} rows; expected at least {least}")
    finite("Y", Y)
    binary("the first row of Y, p_c,", Y[:1])
    return 1 / A.shape[1]
