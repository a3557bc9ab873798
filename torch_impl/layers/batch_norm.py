"""Batch normalization with the biased (1/m) running variance and with `momentum` as the weight of the old value.

`nn.BatchNorm1d` stores the unbiased variance and counts its momentum the other way (CONVENTIONS.md, "Batch norm"). The
statistics of the batch come out of `F.batch_norm` itself, with momentum 1: computing them apart takes twice as long.
"""

import torch
import torch.nn.functional as F
from torch import nn


class BatchNorm(nn.BatchNorm1d):
    def __init__(self, n: int, momentum: float = 0.9, epsilon: float = 1e-5):
        super().__init__(n, eps=epsilon, momentum=1 - momentum)

    def forward(self, x):
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        mean, var = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
        y = F.batch_norm(x, mean, var, self.weight, self.bias, training=True, momentum=1.0, eps=self.eps)
        m = x.numel() // x.shape[1]
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * ((m - 1) / m), self.momentum)
            self.num_batches_tracked.add_(1)
        return y
