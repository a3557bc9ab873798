"""Mistakes in the reference's other training functions."""

from __future__ import annotations

from typing import Any

from crosscheck.faults.catalogue import Site, rows

FOLDER, CASE = "reference.training.", "training."

schedule = rows("numpy", "schedule")
penalty = rows("numpy", "penalty", bites="gradient")


def doubled_derivative(penalty: Any) -> Any:
    def faulty(W: Any, lambd: float, m: int) -> Any:
        J, back = penalty(W, lambd, m)
        return J, lambda dJ: 2 * back(dJ)

    return faulty


FAULTS = [
    schedule(
        "inverse time counts epochs from one",
        lambda original: lambda alpha0, rate: lambda epoch: alpha0 / (1 + rate * (epoch + 1)),
        Site(CASE + "schedules.inverse_time"),
        where=FOLDER + "schedules:inverse_time",
        evidence=("schedule-off-by-one",),
    ),
    schedule(
        "staircase without its steps",
        lambda original: lambda alpha0, rate, interval: lambda epoch: alpha0 / (1 + rate * epoch / interval),
        Site(CASE + "schedules.staircase"),
        where=FOLDER + "schedules:staircase",
    ),
    rows("numpy", "average", where=FOLDER + "averages:exponentially_weighted_average")(
        "never corrected",
        lambda original: lambda theta, beta=0.9, bias_correction=True: original(theta, beta, False),
        Site(CASE + "averages.exponentially_weighted_average"),
        evidence=("ema-debias",),
    ),
    rows("numpy", "initializer", where=FOLDER + "initializers:he")(
        "He's variance from the fan-out",
        lambda he: lambda noise: he(noise.T).T,
        Site(CASE + "initializers.he"),
        evidence=("conv-fan-layout",),
    ),
    penalty(
        "l2's derivative of lambda/2m",
        lambda original: lambda W, lambd, m: (original(W, lambd, m)[0], original(W, lambd / 2, m)[1]),
        Site(CASE + "regularization.l2_penalty"),
        where=FOLDER + "regularization:l2_penalty",
    ),
    penalty(
        "l1's derivative of lambda/m",
        doubled_derivative,
        Site(CASE + "regularization.l1_penalty"),
        where=FOLDER + "regularization:l1_penalty",
    ),
]
