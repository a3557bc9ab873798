"""Learning-rate decay: schedules `epoch -> alpha`, for one epoch or a tensor of them; epochs count from 0.

    inverse_time   alpha = alpha0 / (1 + rate epoch)
    exponential    alpha = alpha0 base^epoch
    inverse_sqrt   alpha = k / sqrt(epoch) alpha0                   from epoch 1 on: at 0 it is infinite
    staircase      alpha = alpha0 / (1 + rate floor(epoch / interval))

`LambdaLR` multiplies the optimizer's own rate by its function of the epoch, so build the optimizer with alpha=1:
`LambdaLR(adam(model.parameters(), alpha=1.0), inverse_time(0.1, rate=1))`. CONVENTIONS.md, "Schedules".
"""

from torch_impl.checks import non_negative, positive
from torch_impl.training.checks import epochs


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
