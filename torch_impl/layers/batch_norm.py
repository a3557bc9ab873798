"""Batch normalization with the biased (1/m) running variance and with `momentum` as the weight of the old value.

`nn.BatchNorm1d` stores the unbiased variance and counts its momentum the other way (CONVENTIONS.md, "Batch norm").
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
        with torch.no_grad():
            var, mean = torch.var_mean(x, dim=[0, *range(2, x.ndim)], correction=0)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var, self.momentum)
            self.num_batches_tracked.add_(1)
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)
