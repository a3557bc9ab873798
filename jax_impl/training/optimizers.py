"""optax transformations, configured to take the steps of the notes. As in optax, alpha may be a schedule step -> alpha.

    gradient_descent   sgd
    momentum           sgd's trace is t := beta t + dW; fed (1 - beta) dW it is the notes' v
    nesterov           the same: optax steps along beta v + (1 - beta) dW
    rmsprop            eps_in_sqrt=False puts epsilon outside the root (optax's default is inside)
    adam               epsilon outside the root of the bias-corrected second moment, eps_root=0 inside
    adamw              decoupled decay, W := W - alpha lambd W, of every parameter (optax's own default is 1e-4)

CONVENTIONS.md, "Optimizers".
"""

import optax

from jax_impl.checks import decay_rate, non_negative, positive


def gradient_descent(alpha):
    _rate(alpha)
    return optax.sgd(alpha)


def momentum(alpha, beta=0.9):
    _rate(alpha)
    decay_rate("beta", beta)
    return optax.chain(optax.scale(1 - beta), optax.sgd(alpha, momentum=beta))


def nesterov(alpha, beta=0.9):
    _rate(alpha)
    decay_rate("beta", beta)
    return optax.chain(optax.scale(1 - beta), optax.sgd(alpha, momentum=beta, nesterov=True))


def rmsprop(alpha, beta=0.9, epsilon=1e-8):
    _rate(alpha)
    decay_rate("beta", beta)
    positive("epsilon", epsilon)
    return optax.rmsprop(alpha, decay=beta, eps=epsilon, eps_in_sqrt=False, initial_scale=0.0)


def adam(alpha, beta1=0.9, beta2=0.999, epsilon=1e-8):
    _rate(alpha)
    decay_rate("beta1", beta1)
    decay_rate("beta2", beta2)
    positive("epsilon", epsilon)
    return optax.adam(alpha, b1=beta1, b2=beta2, eps=epsilon, eps_root=0.0)


def adamw(alpha, beta1=0.9, beta2=0.999, epsilon=1e-8, lambd=1e-2):
    _rate(alpha)
    decay_rate("beta1", beta1)
    decay_rate("beta2", beta2)
    positive("epsilon", epsilon)
    non_negative("lambd", lambd)
    return optax.adamw(alpha, b1=beta1, b2=beta2, eps=epsilon, eps_root=0.0, weight_decay=lambd)


def _rate(alpha):
    if not callable(alpha):
        positive("alpha", alpha)
