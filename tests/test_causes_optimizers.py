"""Optimizers: torch.optim and optax take three steps each; the convention that is changed is named, alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from cause_scenes import named, normal

from crosscheck.causes.site import Side, Site

P, GRADS = normal(7, 3), normal(3, 7, 3, seed=1) / 50


def by_torch(kind, **settings):
    p = torch.nn.Parameter(torch.tensor(P))
    optimizer = getattr(torch.optim, kind)([p], **settings)
    for g in GRADS:
        p.grad = torch.tensor(g)
        optimizer.step()
    return p.detach().numpy() - P, {**optimizer.defaults}


def by_optax(rule):
    with jax.enable_x64(True):
        p = jnp.asarray(P)
        state = rule.init(p)
        for g in GRADS:
            updates, state = rule.update(jnp.asarray(g), state, p)
            p = optax.apply_updates(p, updates)
        return np.asarray(p) - P


def without_correction(lr):
    """BERT's: moments as they are."""

    def update(g, state, p=None):
        m, v = 0.9 * state[0] + 0.1 * g, 0.999 * state[1] + 0.001 * g * g
        return -lr * m / (jnp.sqrt(v) + 1e-8), (m, v)

    return optax.GradientTransformation(lambda p: (jnp.zeros_like(p), jnp.zeros_like(p)), update)


def ema_momentum(lr, mu):
    """The velocity as a mean."""
    return optax.chain(optax.ema(mu, debias=False), optax.scale(-lr))


def decay_alone(lr, rate):
    """Decoupled decay that the learning rate does not scale."""
    return optax.chain(optax.scale_by_adam(), optax.scale(-lr), optax.add_decayed_weights(-rate))


ROWS = {
    "optimizer-learning-rate": (("SGD", {"lr": 0.1}), optax.sgd(0.025)),
    "optimizer-ascends": (("Adadelta", {"lr": 1.0}), optax.adadelta()),
    "optimizer-other": (("SGD", {"lr": 0.01}), optax.adam(0.01)),
    "sgd-momentum-vs-ema": (("SGD", {"lr": 0.1, "momentum": 0.9}), ema_momentum(0.1, 0.9)),
    "sgd-dampening": (("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.9}), optax.sgd(0.1, 0.9)),
    "sgd-momentum-value": (("SGD", {"lr": 0.1, "momentum": 0.9}), optax.sgd(0.1)),
    "sgd-nesterov-form": (("SGD", {"lr": 0.1, "momentum": 0.9}), optax.sgd(0.1, 0.9, nesterov=True)),
    "weight-decay-missing": (("AdamW", {"lr": 0.01}), optax.adam(0.01)),
    "adam-l2-vs-decoupled": (
        ("Adam", {"lr": 0.01, "weight_decay": 0.1}),
        optax.adamw(0.01, weight_decay=0.1),
    ),
    "adamw-default-decay": (("AdamW", {"lr": 0.01}), optax.adamw(0.01)),
    "weight-decay-times-rate": (("AdamW", {"lr": 0.01}), decay_alone(0.01, 0.01)),
    "adam-eps-root": (("Adam", {"lr": 0.01, "eps": 1e-6}), optax.adam(0.01, eps=0.0, eps_root=1e-6)),
    "adam-eps-value": (("Adam", {"lr": 0.01}), optax.adam(0.01, eps=1e-6)),
    "adam-bias-correction": (("Adam", {"lr": 0.01}), without_correction(0.01)),
    "adam-betas": (("Adam", {"lr": 0.01, "betas": (0.9, 0.98)}), optax.adam(0.01)),
    "amsgrad": (("Adam", {"lr": 0.01, "amsgrad": True}), optax.amsgrad(0.01)),
    "rmsprop-eps-placement": (("RMSprop", {"lr": 0.01}), optax.rmsprop(0.01, decay=0.99)),
    "rmsprop-decay-default": (("RMSprop", {"lr": 0.01}), optax.rmsprop(0.01, eps_in_sqrt=False)),
    "rmsprop-centered": (
        ("RMSprop", {"lr": 0.01}),
        optax.rmsprop(0.01, 0.99, centered=True, eps_in_sqrt=False),
    ),
    "rmsprop-initial-accumulator": (
        ("RMSprop", {"lr": 0.01}),
        optax.rmsprop(0.01, 0.99, initial_scale=1.0, eps_in_sqrt=False),
    ),
    "adagrad-accumulator-eps": (("Adagrad", {"lr": 0.01}), optax.adagrad(0.01)),
}
"""Cause: (torch's optimizer and its settings, optax's)."""


def both(one, other, settings):
    torch_side, jax_side = Side("torch", "", settings), Side("optax")
    yield Site("step", one, other, (P, *GRADS), (torch_side, jax_side))
    yield Site("step", other, one, (P, *GRADS), (jax_side, torch_side))


@pytest.mark.parametrize("cause", ROWS)
def test_the_change_is_named(cause):
    (kind, given), rule = ROWS[cause]
    one, settings = by_torch(kind, **given)
    other = by_optax(rule)
    for site in both(one, other, settings):
        assert named(site) == [cause]


@pytest.mark.parametrize("rule", [optax.lion(0.01), optax.adabelief(0.01), optax.novograd(0.01), optax.yogi(0.01)])
def test_of_an_unknown_rule_nothing_is_claimed(rule):
    one, settings = by_torch("Adam", lr=0.01)
    for site in both(one, by_optax(rule), settings):
        assert named(site) == []


@pytest.mark.parametrize(
    ("torchs", "rule"),
    [
        (("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}), optax.sgd(0.1, 0.9, nesterov=True)),
        (("AdamW", {"lr": 0.01}), optax.adamw(0.01, weight_decay=1e-2)),
        (("Adam", {"lr": 0.01, "weight_decay": 0.1}), optax.chain(optax.add_decayed_weights(0.1), optax.adam(0.01))),
        (("RMSprop", {"lr": 0.01}), optax.rmsprop(0.01, 0.99, eps_in_sqrt=False)),
        (("Adadelta", {"lr": 1.0}), optax.adadelta(1.0)),
    ],
)
def test_what_the_catalogue_advises_agrees(torchs, rule):
    kind, given = torchs
    one, settings = by_torch(kind, **given)
    np.testing.assert_allclose(by_optax(rule), one, 1e-9)
    for site in both(one, by_optax(rule), settings):
        assert named(site) == []
