"""Learning-rate decay: optax schedules `count -> alpha`, under jit too, for one count or an array; counts start at 0.

    inverse_time   alpha = alpha0 / (1 + rate epoch)
    exponential    alpha = alpha0 base^epoch
    inverse_sqrt   alpha = k / sqrt(epoch) alpha0                   from epoch 1 on: at 0 it is infinite
    staircase      alpha = alpha0 / (1 + rate floor(epoch / interval))

optax counts updates: for decay by epoch give `lambda count: alpha(count // steps_per_epoch)`. Plain Python arithmetic
keeps float64 where `jnp.sqrt` and optax's own schedules compute an int32 count in float32. CONVENTIONS.md, "Schedules".
"""

from jax_impl.checks import non_negative, positive
from jax_impl.training.checks import epochs


def inverse_time(alpha0, rate):
    positive("alpha0", alpha0)
    non_negative("rate", rate)

    def alpha(epoch):
        epochs(epoch)
        return alpha0 / (1 + rate * epoch)

    return alpha


def exponential(alpha0, base=0.95):
    positive("alpha0", alpha0)
    positive("base", base)

    def alpha(epoch):
        epochs(epoch)
        return alpha0 * base**epoch

    return alpha


def inverse_sqrt(alpha0, k=1.0):
    positive("alpha0", alpha0)
    positive("k", k)

    def alpha(epoch):
        epochs(epoch, first=1)
        return k / epoch**0.5 * alpha0

    return alpha


def staircase(alpha0, rate, interval):
    positive("alpha0", alpha0)
    non_negative("rate", rate)
    positive("interval", interval)

    def alpha(epoch):
        epochs(epoch)
        return alpha0 / (1 + rate * (epoch // interval))

    return alpha
