"""Mistakes in the other training functions of jax_impl: schedules, averages, initializers, penalties, statistics."""

from __future__ import annotations

import jax.numpy as jnp

from crosscheck.faults.catalogue import Site, rows

FOLDER, CASE = "jax_impl.training.", "training."

schedule = rows("jax", "schedule")
average = rows("jax", "average", where=FOLDER + "averages:exponentially_weighted_average")
initializer = rows("jax", "initializer")
penalty = rows("jax", "penalty")

FAULTS = [
    schedule(
        "inverse time counts epochs from one",
        lambda original: lambda alpha0, rate: lambda epoch: alpha0 / (1 + rate * (epoch + 1)),
        Site(CASE + "schedules.inverse_time"),
        where=FOLDER + "schedules:inverse_time",
        evidence=("schedule-off-by-one",),
    ),
    schedule(
        "exponential computed in float32",
        lambda original: (
            lambda alpha0, base=0.95: (
                lambda epoch: (alpha0 * jnp.float32(base) ** epoch.astype(jnp.float32)).astype(epoch.dtype)
            )
        ),
        Site(CASE + "schedules.exponential"),
        where=FOLDER + "schedules:exponential",
        bites="precision",
        evidence=("optax-schedule-float32",),
    ),
    schedule(
        "inverse root that starts from the second epoch",
        lambda original: lambda alpha0, k=1.0: lambda epoch: k / jnp.maximum(epoch, 2) ** 0.5 * alpha0,
        Site(CASE + "schedules.inverse_sqrt"),
        where=FOLDER + "schedules:inverse_sqrt",
        evidence=("schedule-off-by-one",),
    ),
    schedule(
        "staircase rounds to the nearest step",
        lambda original: lambda alpha0, rate, interval: lambda epoch: alpha0 / (1 + rate * jnp.round(epoch / interval)),
        Site(CASE + "schedules.staircase"),
        where=FOLDER + "schedules:staircase",
        evidence=("int-div-rounding",),
    ),
    average(
        "correction one step ahead",
        lambda original: (
            lambda theta, beta=0.9, bias_correction=True: (
                original(theta, beta, False) / (1 - beta ** jnp.arange(2.0, len(theta) + 2))
                if bias_correction
                else 0 * theta
            )
        ),
        Site(CASE + "averages.exponentially_weighted_average"),
        evidence=("ema-debias", "schedule-off-by-one"),
    ),
    initializer(
        "He's variance from the fan-out",
        lambda he: lambda noise: he(noise.T).T,
        Site(CASE + "initializers.he"),
        where=FOLDER + "initializers:he",
        evidence=("conv-fan-layout",),
    ),
    initializer(
        "Xavier over the sum of the fans, without its two",
        lambda original: lambda noise: original(noise) / 2**0.5,
        Site(CASE + "initializers.xavier_average"),
        where=FOLDER + "initializers:xavier_average",
    ),
    initializer(
        "zeros that are not quite",
        lambda zeros: lambda noise: 1e-12 * noise,
        Site(CASE + "initializers.zeros"),
        where=FOLDER + "initializers:zeros",
    ),
    penalty(
        "l2 without its half",
        lambda original: lambda W, lambd, m: 2 * original(W, lambd, m),
        Site(CASE + "regularization.l2_penalty"),
        where=FOLDER + "regularization:l2_penalty",
    ),
    penalty(
        "l1's derivative is 1 at zero",
        lambda original: lambda W, lambd, m: lambd / (2 * m) * jnp.abs(W).sum(),
        Site(CASE + "regularization.l1_penalty/kink"),
        where=FOLDER + "regularization:l1_penalty",
        bites="gradient",
        evidence=("abs-grad-at-zero",),
    ),
    rows("jax", "input statistics", where=FOLDER + "normalization:input_statistics")(
        "standard deviation for the variance",
        lambda original: lambda X: (X.mean(0), X.std(0)),
        Site(CASE + "normalization.input_statistics"),
    ),
]
