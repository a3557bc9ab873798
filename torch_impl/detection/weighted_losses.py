"""Sums of losses in which every example has a weight: 1/m for a mean over all, 0 for one that does not count.

w is [m 1], or one number for all. A row of zeros in y has no cross-entropy.
"""

import torch
import torch.nn.functional as F

from torch_impl.checks import positive


def weighted_squared_error(a, y, w):
    return (w * F.mse_loss(a, y, reduction="none")).sum()


def weighted_smooth_l1(a, y, w, beta=1.0):
    positive("beta", beta)
    return (w * F.smooth_l1_loss(a, y, reduction="none", beta=beta)).sum()


def weighted_logistic_loss(z, y, w):
    return (w * F.binary_cross_entropy_with_logits(z, y, reduction="none")).sum()


def weighted_cross_entropy(z, y, w):
    return -(w * y * torch.log_softmax(z, dim=1)).sum()
