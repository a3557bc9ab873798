"""Classification with localization, y = [p_c, b_x, b_y, b_h, b_w, c_1, ..., c_k], and landmarks: one image a row.

Where there is no object (p_c = 0) nothing but p_c counts.
"""

import jax
import jax.numpy as jnp

from jax_impl.detection.checks import class_numbers, rows_of_four
from jax_impl.detection.weighted_losses import (
    weighted_cross_entropy,
    weighted_logistic_loss,
    weighted_squared_error,
)


def localization_target(b, classes, num_classes):
    """y [m 5+k] from the boxes b [m 4] and their classes [m], 0 to k - 1, or -1 where there is no object."""
    rows_of_four("b", b)
    class_numbers("classes", classes, num_classes, least=-1)
    present = (classes >= 0)[:, None]
    one_hot = jax.nn.one_hot(classes.astype(int), num_classes, dtype=b.dtype)  # a row of zeros for -1
    return jnp.concatenate([present, jnp.where(present, b, 0), one_hot], axis=1)


def localization_loss(a, y):
    m, p_c = len(a), y[:, :1]
    return weighted_squared_error(a[:, :1], p_c, 1 / m) + weighted_squared_error(a[:, 1:], y[:, 1:], p_c / m)


def localization_loss_from_logits(z, y):
    m, p_c = len(z), y[:, :1]
    J_presence = weighted_logistic_loss(z[:, :1], p_c, 1 / m)
    J_box = weighted_squared_error(z[:, 1:5], y[:, 1:5], p_c / m)
    return J_presence + J_box + weighted_cross_entropy(z[:, 5:], y[:, 5:], p_c / m)


def landmark_loss(z, y):
    m, p_c = len(z), y[:, :1]
    return weighted_logistic_loss(z[:, :1], p_c, 1 / m) + weighted_squared_error(z[:, 1:], y[:, 1:], p_c / m)
