"""Penalties on one layer's weights, added to the cost of m examples; biases are left out.

    l2_penalty   lambd/(2m) sum W^2        dW = lambd/m W
    l1_penalty   lambd/(2m) sum |W|        dW = lambd/(2m) sign(W)           (sign(0) = 0)

Source: Course 2, week 1, "Regularization". Frameworks differ at |0|: CONVENTIONS.md, "Ties and kinks".
"""

import numpy as np

from reference.checks import non_negative, whole


def l2_penalty(W, lambd, m):
    non_negative("lambd", lambd)
    whole("m", m)

    def back(dJ):
        return dJ * lambd / m * W

    return lambd / (2 * m) * (W * W).sum(), back


def l1_penalty(W, lambd, m):
    non_negative("lambd", lambd)
    whole("m", m)
    sign = np.sign(W.real)

    def back(dJ):
        return dJ * lambd / (2 * m) * sign

    return lambd / (2 * m) * (W * sign).sum(), back
