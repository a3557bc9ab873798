"""Logistic regression: one dense layer to one unit, returning the logit. `propagate_loop` is the loop it saves."""

import torch
from torch import nn

from torch_impl.layers.dense import Dense
from torch_impl.layers.losses import logistic_loss_from_logits


class LogisticRegression(nn.Module):
    def __init__(self, n_x: int):
        super().__init__()
        self.dense = Dense(n_x, 1)

    def forward(self, x):
        return self.dense(x)


def propagate(w, b, X, Y):
    w, b = w.detach().requires_grad_(), b.detach().requires_grad_()
    J = logistic_loss_from_logits(X @ w + b, Y)
    dw, db = torch.autograd.grad(J, [w, b])
    return J.detach(), dw, db


def propagate_loop(w, b, X, Y):
    m, n_x = X.shape
    J, dw, db = 0, [0] * n_x, 0
    for i in range(m):
        z = b
        for j in range(n_x):
            z = z + w[j, 0] * X[i, j]
        a = torch.sigmoid(z)
        J = J - (Y[i, 0] * torch.log(a) + (1 - Y[i, 0]) * torch.log(1 - a))
        dz = a - Y[i, 0]
        for j in range(n_x):
            dw[j] = dw[j] + X[i, j] * dz
        db = db + dz
    return J / m, torch.stack(dw)[:, None] / m, db / m
