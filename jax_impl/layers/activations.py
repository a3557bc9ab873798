"""Activations; softmax and hardmax act on the last axis (the units of one example).

At the kink: `jax.nn.relu` has derivative 0 at 0, where `jnp.maximum(z, 0)` would have 1/2; `jax.nn.leaky_relu` has 1
there, so the slope's side is chosen with `z > 0` as everywhere else (CONVENTIONS.md, "Ties and kinks").
"""

import jax
import jax.numpy as jnp


def sigmoid(z):
    return jax.nn.sigmoid(z)


def tanh(z):
    return jnp.tanh(z)


def relu(z):
    return jax.nn.relu(z)


def leaky_relu(z, slope=0.01):
    return jnp.where(z > 0, z, slope * z)


def relu6(z):
    return jax.nn.relu6(z)


def swish(z):
    return jax.nn.silu(z)


def softmax(z):
    return jax.nn.softmax(z, axis=-1)


def hardmax(z):
    return jax.nn.one_hot(z.argmax(axis=-1), z.shape[-1], dtype=z.dtype)


def linear(z):
    return z


ACTIVATIONS = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "relu6": relu6,
    "swish": swish,
    "silu": swish,
    "softmax": softmax,
    "linear": linear,
}
