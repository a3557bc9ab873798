"""Costs, means over the batch: from probabilities as the notes write them, and from logits, the stable form.

The sum over the units of an example is not averaged, hence `reduction="sum"` over the batch size where
`reduction="mean"` would also divide by the number of units.
"""

import torch
import torch.nn.functional as F


def squared_error(a, y):
    return F.mse_loss(a, y, reduction="sum") / (2 * len(a))


def squared_error_from_logits(z, y):
    return squared_error(torch.sigmoid(z), y)


def logistic_loss(a, y):
    return -(y * torch.log(a) + (1 - y) * torch.log(1 - a)).sum() / len(a)


def logistic_loss_from_logits(z, y):
    return F.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(z)


def softmax_cross_entropy(a, y):
    return -(y * torch.log(a)).sum() / len(a)


def softmax_cross_entropy_from_logits(z, y):
    return F.cross_entropy(z, y)
