"""Exponentially weighted average of a series theta_1, ..., theta_T: about the mean of the last 1/(1 - beta) values.

    v_0 = 0          v_t = beta v_{t-1} + (1 - beta) theta_t          v_t / (1 - beta^t) with bias correction

Without the correction the first values are pulled towards v_0 = 0. theta [T] -> [T].
Source: Course 2, week 2, "Exponentially weighted averages".
"""

import numpy as np

from reference.checks import decay_rate
from reference.training.checks import vector


def exponentially_weighted_average(theta, beta=0.9, bias_correction=True):
    vector("theta", theta)
    decay_rate("beta", beta)
    v, averages = 0, []
    for t, theta_t in enumerate(theta, start=1):
        v = beta * v + (1 - beta) * theta_t
        averages.append(v / (1 - beta**t) if bias_correction else v)
    return np.stack(averages)
