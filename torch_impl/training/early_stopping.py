"""Early stopping: training ends once the dev cost has not improved for `patience` epochs in a row.

    epoch e is an improvement where J_dev[e] < lowest J_dev so far - min_delta

J_dev: the dev cost after each epoch, counted from 0 -> (best epoch, epoch at which training stops: the last, if never).
"""

import torch

from torch_impl.checks import non_negative, whole
from torch_impl.training.checks import finite, vector


def early_stopping(J_dev, patience, min_delta=0.0):
    J_dev = torch.as_tensor(J_dev)
    vector("J_dev", J_dev)
    finite("J_dev", J_dev)
    whole("patience", patience)
    non_negative("min_delta", min_delta)
    best, lowest = 0, J_dev[0]
    for epoch, cost in enumerate(J_dev):
        if cost < lowest - min_delta:
            best, lowest = epoch, cost
        elif epoch - best == patience:
            return best, epoch
    return best, J_dev.shape[0] - 1
