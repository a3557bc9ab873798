"""Update rules: how parameters W move against the gradient dW of the cost, after t = 1, 2, ... steps.

    gradient_descent   W := W - alpha dW
    momentum           v := beta v + (1 - beta) dW        W := W - alpha v
    nesterov           v as momentum                      W := W - alpha (beta v + (1 - beta) dW)
    rmsprop            s := beta s + (1 - beta) dW^2      W := W - alpha dW / (sqrt(s) + epsilon)
    adam               v := beta1 v + (1 - beta1) dW      v_corrected = v / (1 - beta1^t)
                       s := beta2 s + (1 - beta2) dW^2    s_corrected = s / (1 - beta2^t)
                       W := W - alpha v_corrected / (sqrt(s_corrected) + epsilon)
    adamw              adam, then W := W - alpha lambd W_before            (every parameter decays, biases too)

v and s start at zero, so only Adam's are unbiased from the first step on. Nesterov's rule is momentum's with the next
velocity guessed from the same gradient. A decaying alpha needs no new rule: `adam(alpha(epoch)).step(p, g, state)`.

Frameworks differ in whether momentum has its (1 - beta), in epsilon inside or outside the root, and in decay through
the gradient or beside it: CONVENTIONS.md, "Optimizers". Sources: Course 2, week 2; Sutskever et al. 2013 (Nesterov);
Kingma & Ba 2015 (Adam); Loshchilov & Hutter 2019 (AdamW).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from reference.checks import decay_rate, non_negative, positive


@dataclass(frozen=True)
class Optimizer:
    """Two pure functions over flat dicts {"fc.W": array}: `state = init(p)` and `p, state = step(p, g, state)`.

    The state is {"v": {path: array}, "s": {path: array}, "t": steps taken}, with the moments that the rule has.
    """

    init: Callable
    step: Callable


def gradient_descent(alpha):
    positive("alpha", alpha)

    def rule(W, dW, t):
        return (W - alpha * dW,)

    return _for_every_parameter(rule, moments=())


def momentum(alpha, beta=0.9):
    positive("alpha", alpha)
    decay_rate("beta", beta)

    def rule(W, dW, t, v):
        v = beta * v + (1 - beta) * dW
        return W - alpha * v, v

    return _for_every_parameter(rule, moments=("v",))


def nesterov(alpha, beta=0.9):
    positive("alpha", alpha)
    decay_rate("beta", beta)

    def rule(W, dW, t, v):
        v = beta * v + (1 - beta) * dW
        return W - alpha * (beta * v + (1 - beta) * dW), v

    return _for_every_parameter(rule, moments=("v",))


def rmsprop(alpha, beta=0.9, epsilon=1e-8):
    positive("alpha", alpha)
    decay_rate("beta", beta)
    positive("epsilon", epsilon)

    def rule(W, dW, t, s):
        s = beta * s + (1 - beta) * dW * dW
        return W - alpha * dW / (np.sqrt(s) + epsilon), s

    return _for_every_parameter(rule, moments=("s",))


def adam(alpha, beta1=0.9, beta2=0.999, epsilon=1e-8):
    positive("alpha", alpha)
    decay_rate("beta1", beta1)
    decay_rate("beta2", beta2)
    positive("epsilon", epsilon)

    def rule(W, dW, t, v, s):
        v = beta1 * v + (1 - beta1) * dW
        s = beta2 * s + (1 - beta2) * dW * dW
        v_corrected = v / (1 - beta1**t)
        s_corrected = s / (1 - beta2**t)
        return W - alpha * v_corrected / (np.sqrt(s_corrected) + epsilon), v, s

    return _for_every_parameter(rule, moments=("v", "s"))


def adamw(alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2):
    non_negative("lambd", lambd)
    undecayed = adam(alpha, beta1, beta2, epsilon)

    def step(p, g, state):
        moved, state = undecayed.step(p, g, state)
        return {path: W - alpha * lambd * p[path] for path, W in moved.items()}, state

    return Optimizer(undecayed.init, step)


def _for_every_parameter(rule, moments):
    """The optimizer whose rule for one parameter is `rule(W, dW, t, *moments) -> W, *moments`."""

    def init(p):
        return {moment: {path: np.zeros_like(W) for path, W in p.items()} for moment in moments} | {"t": 0}

    def step(p, g, state):
        _same_entries(p, g)
        t = state["t"] + 1
        moved = {path: rule(W, g[path], t, *(state[moment][path] for moment in moments)) for path, W in p.items()}
        p, *updated = ({path: parts[i] for path, parts in moved.items()} for i in range(1 + len(moments)))
        return p, dict(zip(moments, updated)) | {"t": t}

    return Optimizer(init, step)


def _same_entries(p, g):
    if g.keys() != p.keys():
        missing, extra = sorted(p.keys() - g.keys()), sorted(g.keys() - p.keys())
        raise ValueError(f"g lacks {missing} and has extra {extra}; expected one gradient for each parameter")
    for path, W in p.items():
        if g[path].shape != W.shape:
            raise ValueError(f"g[{path!r}] has shape {g[path].shape}; expected {W.shape}, the shape of the parameter")
