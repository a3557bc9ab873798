"""Local response normalization across channels, AlexNet's: its alpha is n times smaller than PyTorch's."""

import torch.nn.functional as F
from torch import nn

from torch_impl.checks import floats


class LocalResponseNorm(nn.Module):
    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75):
        super().__init__()
        if n % 2 == 0:
            raise ValueError(f"n is {n}; expected an odd number: the channel itself and as many on either side")
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def forward(self, x):
        floats(x)
        return F.local_response_norm(x, self.n, alpha=self.alpha * self.n, beta=self.beta, k=self.k)
