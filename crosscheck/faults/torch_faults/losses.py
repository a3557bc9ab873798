"""Mistakes in torch_impl/layers/losses.py. In training a wrong cost is the cost's fault, not the optimizer's."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from crosscheck.faults.catalogue import Site, rows
from crosscheck.faults.torch_faults.numbers import scaled_gradient

FILE = "torch_impl.layers.losses:"
CASE = "layers.losses."


def trained(net: str, cost: str) -> Site:
    return Site(net, CASE + cost, "training")


REGRESSION = trained("nets.shallow_net.ShallowNet/regression", "squared_error")
BINARY = trained("nets.logistic_regression.LogisticRegression", "logistic_loss_from_logits")
CLASSES = trained("nets.softmax_regression.SoftmaxRegression", "softmax_cross_entropy_from_logits")

row = rows("torch", "loss")

FAULTS = [
    row(
        "squared error without its half",
        lambda loss: lambda a, y: F.mse_loss(a, y, reduction="sum") / len(a),
        Site(CASE + "squared_error"),
        REGRESSION,
        where=FILE + "squared_error",
        evidence=("mse-l2-half",),
    ),
    row(
        "squared error averaged over the units too",
        lambda loss: lambda a, y: F.mse_loss(a, y) / 2,
        Site(CASE + "squared_error"),
        REGRESSION,
        where=FILE + "squared_error",
        evidence=("mse-l2-half",),
    ),
    row(
        "squared error without the 1/m",
        lambda loss: lambda a, y: F.mse_loss(a, y, reduction="sum") / 2,
        Site(CASE + "squared_error"),
        REGRESSION,
        where=FILE + "squared_error",
        evidence=("ce-reduction-default",),
    ),
    row(
        "squared error of the logits, not of their sigmoid",
        lambda loss: lambda z, y: F.mse_loss(z, y, reduction="sum") / (2 * len(z)),
        Site(CASE + "squared_error_from_logits"),
        where=FILE + "squared_error_from_logits",
    ),
    row(
        "logistic loss with the labels' two terms exchanged",
        lambda loss: lambda a, y: loss(a, 1 - y),
        Site(CASE + "logistic_loss"),
        where=FILE + "logistic_loss",
    ),
    row(
        "logistic loss of log(p + 1e-8)",
        lambda loss: lambda a, y: -(y * torch.log(a + 1e-8) + (1 - y) * torch.log(1 - a + 1e-8)).sum() / len(a),
        Site(CASE + "logistic_loss"),
        where=FILE + "logistic_loss",
        evidence=("bce-log-clamp",),
    ),
    row(
        "logistic loss averaged over the units too",
        lambda loss: lambda z, y: F.binary_cross_entropy_with_logits(z, y),
        Site(CASE + "logistic_loss_from_logits"),
        where=FILE + "logistic_loss_from_logits",
        evidence=("ce-reduction-default",),
    ),
    row(
        "logistic loss without the 1/m",
        lambda loss: lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum"),
        Site(CASE + "logistic_loss_from_logits"),
        BINARY,
        where=FILE + "logistic_loss_from_logits",
        evidence=("ce-reduction-default",),
    ),
    row(
        "logistic loss with its positive labels weighed double",
        lambda loss: (
            lambda z, y: (
                F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(2.0), reduction="sum") / len(z)
            )
        ),
        Site(CASE + "logistic_loss_from_logits"),
        BINARY,
        where=FILE + "logistic_loss_from_logits",
        evidence=("bce-pos-weight",),
    ),
    row(
        "cross-entropy of log(p + 1e-12)",
        lambda loss: lambda a, y: -(y * torch.log(a + 1e-12)).sum() / len(a),
        Site(CASE + "softmax_cross_entropy"),
        where=FILE + "softmax_cross_entropy",
        evidence=("bce-log-clamp",),
    ),
    row(
        "softmax taken twice",
        lambda loss: lambda z, y: F.cross_entropy(torch.softmax(z, dim=1), y),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("nll-loss-expects-logprob",),
    ),
    row(
        "cross-entropy with smoothed labels",
        lambda loss: lambda z, y: F.cross_entropy(z, y, label_smoothing=1e-3),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("label-smoothing",),
    ),
    row(
        "cross-entropy without the 1/m",
        lambda loss: lambda z, y: F.cross_entropy(z, y, reduction="sum"),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("ce-reduction-default",),
    ),
    row(
        "cross-entropy with the softmax over the batch",
        lambda loss: lambda z, y: -(y * torch.log_softmax(z, dim=0)).sum() / len(z),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("softmax-axis",),
    ),
    row(
        "cross-entropy of the likeliest label only",
        lambda loss: lambda z, y: F.cross_entropy(z, y.argmax(dim=1)),
        Site(CASE + "softmax_cross_entropy_from_logits/soft-labels"),
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("ce-probability-targets-weight",),
    ),
    row(
        "cross-entropy in float32",
        lambda loss: lambda z, y: F.cross_entropy(z.float(), y.float()).to(z.dtype),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        bites="precision",
        evidence=("attention-float32-softmax",),
    ),
    row(
        "cross-entropy whose gradient lacks the 1/m",
        lambda loss: lambda z, y: F.cross_entropy(scaled_gradient(z, len(z)), y),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        Site("nets.softmax_regression.SoftmaxRegression", CASE + "softmax_cross_entropy_from_logits", "training"),
        where=FILE + "softmax_cross_entropy_from_logits",
        bites="gradient",
        evidence=("mean-of-means-microbatch",),
    ),
    row(
        "cross-entropy written out",
        lambda loss: lambda z, y: -(y * torch.log_softmax(z, dim=1)).sum(dim=1).mean(),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        bites="nothing",
    ),
    row(
        "logistic loss by way of softplus",
        lambda loss: lambda z, y: (F.softplus(z, threshold=50) - z * y).sum() / len(z),
        Site(CASE + "logistic_loss_from_logits"),
        BINARY,
        where=FILE + "logistic_loss_from_logits",
        bites="nothing",
        evidence=("softplus-threshold-beta",),
    ),
]
