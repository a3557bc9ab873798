"""Penalties on one layer's weights, added to the cost of m examples; biases are left out.

    l2_penalty   lambd/(2m) sum W^2
    l1_penalty   lambd/(2m) sum |W|          (torch's gradient of |w| at 0 is 0)

This is not an optimizer's weight_decay, which has neither the 1/m nor a place in the cost, and acts on biases too.
CONVENTIONS.md, "Ties and kinks".
"""

from torch_impl.checks import non_negative, whole


def l2_penalty(W, lambd, m):
    non_negative("lambd", lambd)
    whole("m", m)
    return lambd / (2 * m) * W.square().sum()


def l1_penalty(W, lambd, m):
    non_negative("lambd", lambd)
    whole("m", m)
    return lambd / (2 * m) * W.abs().sum()
