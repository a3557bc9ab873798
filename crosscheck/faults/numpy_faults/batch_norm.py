"""Mistakes in reference/layers/batch_norm.py. The layer is written out for mistakes in its backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from crosscheck.faults.catalogue import Replacement, Site, rows

LAYER, NET = Site("layers.batch_norm.BatchNorm"), Site("nets.deep_net.DeepNet/batch-norm", "layers.1.norm")

row = rows(
    "numpy", "batch norm", where="reference.layers.batch_norm:BatchNorm.apply", only=lambda self: self.n in (5, 7)
)


def mean(X: Any) -> Any:
    return X.mean(axis=1, keepdims=True)


def total(X: Any) -> Any:
    return X.sum(axis=1, keepdims=True)


def normalized(self: Any, Z: Any, mu: Any, sigma2: Any) -> Any:
    return (Z - mu) / np.sqrt(sigma2 + self.epsilon)


def derivative_in_training(self: Any, dN: Any, Z_norm: Any, sigma2: Any) -> Any:
    return (dN - mean(dN) - Z_norm * mean(dN * Z_norm)) / np.sqrt(sigma2 + self.epsilon)


def averaged(self: Any, name: str, old: Any, new: Any, m: int) -> Any:
    return self.momentum * old + (1 - self.momentum) * new


def of_gamma(dY: Any, Z: Any, Z_norm: Any) -> Any:
    return total(dY * Z_norm)


def written_out(
    normalized: Callable[..., Any] = normalized,
    variance: Callable[..., Any] = lambda Z: mean((Z - mean(Z)) * (Z - mean(Z))),
    running: Callable[..., Any] = averaged,
    dZ_train: Callable[..., Any] = derivative_in_training,
    dgamma: Callable[..., Any] = of_gamma,
    dbeta: Callable[..., Any] = total,
) -> Replacement:
    """The layer with the given pieces."""

    def apply(self: Any, p: Any, s: Any, Z: Any, *, mode: Any) -> Any:
        mu, sigma2 = (mean(Z), variance(Z)) if mode.train else (s["mu"], s["sigma2"])
        if mode.train:
            own = {"mu": mean(Z), "sigma2": mean((Z - mean(Z)) * (Z - mean(Z)))}
            s = {name: running(self, name, s[name], new, Z.shape[1]) for name, new in own.items()}
        Z_norm = normalized(self, Z, mu, sigma2)

        def back(dY: Any) -> Any:
            dN = p["gamma"] * dY
            dZ = dZ_train(self, dN, Z_norm, sigma2) if mode.train else dN / np.sqrt(sigma2 + self.epsilon)
            return {"gamma": dgamma(dY, Z, Z_norm), "beta": dbeta(dY)}, dZ

        return p["gamma"] * Z_norm + p["beta"], s, back

    return lambda original: apply


def unbiased_variance(self: Any, name: str, old: Any, new: Any, m: int) -> Any:
    return averaged(self, name, old, new * m / (m - 1) if name == "sigma2" else new, m)


FAULTS = [
    row(
        "epsilon outside the root",
        written_out(normalized=lambda self, Z, mu, sigma2: (Z - mu) / (np.sqrt(sigma2) + self.epsilon)),
        LAYER,
        NET,
    ),
    row(
        "normalized by the unbiased variance",
        written_out(variance=lambda Z: total((Z - mean(Z)) * (Z - mean(Z))) / (Z.shape[1] - 1)),
        LAYER,
        evidence=("std-ddof",),
    ),
    row(
        "unbiased running variance",
        written_out(running=unbiased_variance),
        LAYER,
        NET,
        bites="state",
        evidence=("batchnorm-unbiased-running-var",),
    ),
    row(
        "momentum taken for its complement",
        written_out(running=lambda self, name, old, new, m: (1 - self.momentum) * old + self.momentum * new),
        LAYER,
        NET,
        bites="state",
        evidence=("batchnorm-momentum-complement",),
    ),
    row(
        "dZ as if the statistics were constants",
        written_out(dZ_train=lambda self, dN, Z_norm, sigma2: dN / np.sqrt(sigma2 + self.epsilon)),
        LAYER,
        NET,
        bites="gradient",
    ),
    row(
        "dZ without the variance's part",
        written_out(dZ_train=lambda self, dN, Z_norm, sigma2: (dN - mean(dN)) / np.sqrt(sigma2 + self.epsilon)),
        LAYER,
        NET,
        bites="gradient",
    ),
    row(
        "dZ without the mean's part",
        written_out(
            dZ_train=lambda self, dN, Z_norm, sigma2: (dN - Z_norm * mean(dN * Z_norm)) / np.sqrt(sigma2 + self.epsilon)
        ),
        LAYER,
        bites="gradient",
    ),
    row(
        "dZ whose root lacks epsilon",
        written_out(
            dZ_train=lambda self, dN, Z_norm, sigma2: (
                derivative_in_training(self, dN, Z_norm, sigma2) * np.sqrt((sigma2 + self.epsilon) / sigma2)
            )
        ),
        LAYER,
        NET,
        bites="gradient",
    ),
    row(
        "dgamma from Z before it is normalized",
        written_out(dgamma=lambda dY, Z, Z_norm: total(dY * Z)),
        LAYER,
        NET,
        bites="gradient",
    ),
    row("dbeta averaged over the batch", written_out(dbeta=mean), LAYER, bites="gradient"),
    row("written out step by step", written_out(), LAYER, NET, bites="nothing"),
]
