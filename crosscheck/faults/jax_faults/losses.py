"""Mistakes in jax_impl/layers/losses.py. In training a wrong cost is the cost's fault, not the optimizer's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from crosscheck.faults.catalogue import Site, rows
from crosscheck.faults.jax_faults.numbers import scaled_gradient

FILE = "jax_impl.layers.losses:"
CASE = "layers.losses."
BINARY = Site("nets.logistic_regression.LogisticRegression", CASE + "logistic_loss_from_logits", "training")
CLASSES = Site("nets.softmax_regression.SoftmaxRegression", CASE + "softmax_cross_entropy_from_logits", "training")

row = rows("jax", "loss")

FAULTS = [
    row(
        "squared error without its half",
        lambda loss: lambda a, y: optax.squared_error(a, y).sum() / len(a),
        Site(CASE + "squared_error"),
        where=FILE + "squared_error",
        evidence=("mse-l2-half",),
    ),
    row(
        "squared error averaged over the units too",
        lambda loss: lambda a, y: optax.l2_loss(a, y).mean(),
        Site(CASE + "squared_error"),
        where=FILE + "squared_error",
        evidence=("ce-reduction-default",),
    ),
    row(
        "squared error without the derivative of its sigmoid",
        lambda loss: lambda z, y: optax.l2_loss(z + jax.lax.stop_gradient(jax.nn.sigmoid(z) - z), y).sum() / len(z),
        Site(CASE + "squared_error_from_logits"),
        where=FILE + "squared_error_from_logits",
        bites="gradient",
    ),
    row(
        "logistic loss of clipped probabilities",
        lambda loss: lambda a, y: loss(jnp.clip(a, 0.1, 0.9), y),
        Site(CASE + "logistic_loss"),
        where=FILE + "logistic_loss",
        evidence=("bce-log-clamp",),
    ),
    row(
        "logistic loss of log(p + 1e-8)",
        lambda loss: lambda a, y: -(y * jnp.log(a + 1e-8) + (1 - y) * jnp.log(1 - a + 1e-8)).sum() / len(a),
        Site(CASE + "logistic_loss"),
        where=FILE + "logistic_loss",
        evidence=("bce-log-clamp",),
    ),
    row(
        "logistic loss without the 1/m",
        lambda loss: lambda z, y: optax.sigmoid_binary_cross_entropy(z, y).sum(),
        Site(CASE + "logistic_loss_from_logits"),
        BINARY,
        where=FILE + "logistic_loss_from_logits",
        evidence=("ce-reduction-default",),
    ),
    row(
        "cross-entropy of probabilities taken for logits",
        lambda loss: lambda a, y: optax.softmax_cross_entropy(a, y).mean(),
        Site(CASE + "softmax_cross_entropy"),
        where=FILE + "softmax_cross_entropy",
        evidence=("nll-loss-expects-logprob",),
    ),
    row(
        "cross-entropy summed over the batch",
        lambda loss: lambda z, y: optax.softmax_cross_entropy(z, y).sum(),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("ce-reduction-default",),
    ),
    row(
        "cross-entropy with smoothed labels",
        lambda loss: lambda z, y: loss(z, optax.smooth_labels(y, 1e-3)),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("label-smoothing",),
    ),
    row(
        "cross-entropy with the softmax over the batch",
        lambda loss: lambda z, y: optax.softmax_cross_entropy(z, y, axis=0).sum() / len(z),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        where=FILE + "softmax_cross_entropy_from_logits",
        evidence=("softmax-axis",),
    ),
    row(
        "cross-entropy in float32",
        lambda loss: lambda z, y: loss(z.astype(jnp.float32), y.astype(jnp.float32)).astype(z.dtype),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        where=FILE + "softmax_cross_entropy_from_logits",
        bites="precision",
        evidence=("attention-float32-softmax",),
    ),
    row(
        "cross-entropy whose gradient lacks the 1/m",
        lambda loss: lambda z, y: loss(scaled_gradient(z, len(z)), y),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        bites="gradient",
        evidence=("mean-of-means-microbatch",),
    ),
    row(
        "cross-entropy written out",
        lambda loss: lambda z, y: -(y * jax.nn.log_softmax(z)).sum() / len(z),
        Site(CASE + "softmax_cross_entropy_from_logits"),
        CLASSES,
        where=FILE + "softmax_cross_entropy_from_logits",
        bites="nothing",
    ),
]
