"""Mistakes in the other training functions of torch_impl: schedules, averages, initializers, penalties, statistics."""

from __future__ import annotations

import math

import torch

from crosscheck.faults.catalogue import Site, rows

FOLDER, CASE = "torch_impl.training.", "training."

schedule = rows("torch", "schedule")
average = rows("torch", "average", where=FOLDER + "averages:exponentially_weighted_average")
initializer = rows("torch", "initializer")
penalty = rows("torch", "penalty")
statistics = rows("torch", "input statistics", where=FOLDER + "normalization:input_statistics")

FAULTS = [
    schedule(
        "inverse time counts epochs from one",
        lambda original: lambda alpha0, rate: lambda epoch: alpha0 / (1 + rate * (epoch + 1)),
        Site(CASE + "schedules.inverse_time"),
        where=FOLDER + "schedules:inverse_time",
        evidence=("schedule-off-by-one",),
    ),
    schedule(
        "inverse time in steps: the epoch floored to tens",
        lambda original: lambda alpha0, rate: lambda epoch: alpha0 / (1 + rate * (epoch // 10)),
        Site(CASE + "schedules.inverse_time"),
        where=FOLDER + "schedules:inverse_time",
        evidence=("schedule-per-epoch-vs-step",),
    ),
    schedule(
        "exponential one epoch late",
        lambda exponential: lambda alpha0, base=0.95: lambda epoch: alpha0 * base ** (epoch - 1),
        Site(CASE + "schedules.exponential"),
        where=FOLDER + "schedules:exponential",
        evidence=("schedule-off-by-one",),
    ),
    schedule(
        "exponential computed in float32",
        lambda exponential: lambda alpha0, base=0.95: lambda epoch: (alpha0 * base ** epoch.float()).to(epoch.dtype),
        Site(CASE + "schedules.exponential"),
        where=FOLDER + "schedules:exponential",
        bites="precision",
        evidence=("optax-schedule-float32",),
    ),
    schedule(
        "inverse root of one plus the epoch",
        lambda original: lambda alpha0, k=1.0: lambda epoch: k / (1 + epoch) ** 0.5 * alpha0,
        Site(CASE + "schedules.inverse_sqrt"),
        where=FOLDER + "schedules:inverse_sqrt",
        evidence=("schedule-off-by-one",),
    ),
    schedule(
        "staircase without its steps",
        lambda original: lambda alpha0, rate, interval: lambda epoch: alpha0 / (1 + rate * epoch / interval),
        Site(CASE + "schedules.staircase"),
        where=FOLDER + "schedules:staircase",
    ),
    schedule(
        "staircase steps one epoch late",
        lambda original: lambda alpha0, rate, interval: lambda epoch: alpha0 / (1 + rate * ((epoch - 1) // interval)),
        Site(CASE + "schedules.staircase"),
        where=FOLDER + "schedules:staircase",
        evidence=("multisteplr-boundary-semantics",),
    ),
    average(
        "never corrected",
        lambda original: lambda theta, beta=0.9, bias_correction=True: original(theta, beta, False),
        Site(CASE + "averages.exponentially_weighted_average"),
        evidence=("ema-debias",),
    ),
    average(
        "starts from the first value",
        lambda original: (
            lambda theta, beta=0.9, bias_correction=True: theta[0] + original(theta - theta[0], beta, False)
        ),
        Site(CASE + "averages.exponentially_weighted_average"),
        Site(CASE + "averages.exponentially_weighted_average/uncorrected"),
        evidence=("ema-debias",),
    ),
    average(
        "beta taken for its complement",
        lambda original: lambda theta, beta=0.9, bias_correction=True: original(theta, 1 - beta, bias_correction),
        Site(CASE + "averages.exponentially_weighted_average"),
        evidence=("ema-step-size-complement",),
    ),
    initializer(
        "He's variance from the fan-out",
        lambda he: lambda noise: he(noise.T).T,
        Site(CASE + "initializers.he"),
        where=FOLDER + "initializers:he",
        evidence=("conv-fan-layout",),
    ),
    initializer(
        "He's variance taken for the standard deviation",
        lambda he: lambda noise: 2 / noise.shape[1] * noise,
        Site(CASE + "initializers.he"),
        where=FOLDER + "initializers:he",
    ),
    initializer(
        "He's factor for a linear layer",
        lambda he: lambda noise: he(noise) / math.sqrt(2),
        Site(CASE + "initializers.he"),
        where=FOLDER + "initializers:he",
        evidence=("linear-init-scale",),
    ),
    initializer(
        "Xavier over the average of the fans, without its two",
        lambda original: lambda noise: math.sqrt(1 / sum(noise.shape)) * noise,
        Site(CASE + "initializers.xavier_average"),
        where=FOLDER + "initializers:xavier_average",
    ),
    initializer(
        "noise cut at two standard deviations",
        lambda he: lambda noise: he(noise.clamp(-1, 1)),
        Site(CASE + "initializers.he"),
        where=FOLDER + "initializers:he",
        evidence=("he-normal-truncated", "truncated-normal-stddev"),
    ),
    penalty(
        "l2 without its half",
        lambda original: lambda W, lambd, m: 2 * original(W, lambd, m),
        Site(CASE + "regularization.l2_penalty"),
        where=FOLDER + "regularization:l2_penalty",
        evidence=("sgd-weight-decay",),
    ),
    penalty(
        "l2 without the 1/m",
        lambda original: lambda W, lambd, m: original(W, lambd, 1),
        Site(CASE + "regularization.l2_penalty"),
        where=FOLDER + "regularization:l2_penalty",
        evidence=("sgd-weight-decay",),
    ),
    penalty(
        "l2 of the norm, not of its square",
        lambda original: lambda W, lambd, m: lambd / (2 * m) * W.norm(),
        Site(CASE + "regularization.l2_penalty"),
        where=FOLDER + "regularization:l2_penalty",
        evidence=("norm-default-matrix",),
    ),
    penalty(
        "l1's derivative is 1 at zero",
        lambda original: lambda W, lambd, m: lambd / (2 * m) * torch.where(W >= 0, W, -W).sum(),
        Site(CASE + "regularization.l1_penalty/kink"),
        where=FOLDER + "regularization:l1_penalty",
        bites="gradient",
        evidence=("abs-grad-at-zero",),
    ),
    statistics(
        "unbiased variance",
        lambda original: lambda X: (X.mean(0), X.var(0)),
        Site(CASE + "normalization.input_statistics"),
        evidence=("std-ddof",),
    ),
    statistics(
        "mean over everything",
        lambda original: lambda X: (X.mean().expand(X.shape[1]), X.var(0, correction=0)),
        Site(CASE + "normalization.input_statistics"),
    ),
]
