"""Regions of interest [r 5], rows of image number, x1 y1 x2 y2, of maps [m h w c] to [r f f c]; they are constants."""

import jax.numpy as jnp
from jax import lax

from jax_impl.checks import positive, whole
from jax_impl.detection.checks import regions


def roi_max_pool(x, rois, f, scale=1.0):
    checked(x, rois, f, scale)
    image, (x1, y1, x2, y2) = rois[:, 0].astype(int), lax.stop_gradient(rois[:, 1:] * scale).T
    rows, columns = bins(y1, y2, f, x.shape[1]), bins(x1, x2, f, x.shape[2])
    across = _largest(jnp.where(columns[:, None, :, :, None], x[image][:, :, None], -jnp.inf), axis=3)
    y = _largest(jnp.where(rows[:, :, :, None, None], across[:, None], -jnp.inf), axis=2)
    return jnp.where(y > -jnp.inf, y, 0)


def roi_align(x, rois, f, scale=1.0, samples=2):
    checked(x, rois, f, scale)
    whole("samples", samples)
    image, (x1, y1, x2, y2) = rois[:, 0].astype(int), lax.stop_gradient(rois[:, 1:] * scale).T
    down = interpolation(y1, y2, f, samples, x.shape[1])
    across = interpolation(x1, x2, f, samples, x.shape[2])
    return jnp.einsum("rjv,rivc->rijc", across, jnp.einsum("riu,ruvc->rivc", down, x[image]))


def bins(near, far, f, n):
    """Which of n pixels are in each bin of the regions from near [r] to far [r]: [r f n]."""
    start = jnp.floor(near + 0.5)[:, None]
    length = jnp.maximum(jnp.floor(far + 0.5)[:, None] - start + 1, 1)
    j, v = jnp.arange(f), jnp.arange(n)
    first, end = start + jnp.floor(j * length / f), start + jnp.ceil((j + 1) * length / f)
    return (v >= first[..., None]) & (v < end[..., None])


def interpolation(near, far, f, samples, n):
    """The weight of each of n pixels in each bin of the regions from near [r] to far [r]: [r f n]."""
    steps = (jnp.arange(f * samples, dtype=near.dtype) + 0.5) / samples
    x = near[:, None] - 0.5 + (far - near)[:, None] / f * steps
    inside = (x >= -1) & (x <= n)
    weight = jnp.maximum(1 - jnp.abs(jnp.clip(x, 0, n - 1)[..., None] - jnp.arange(n)), 0)
    return jnp.where(inside[..., None], weight, 0).reshape(-1, f, samples, n).mean(axis=2)


def checked(x, rois, f, scale):
    regions("rois", rois, len(x))
    whole("f", f)
    positive("scale", scale)


def _largest(values, axis):
    """The largest along the axis; `jnp.max` would share the gradient among equals, here the first has all of it."""
    winner = jnp.argmax(values, axis=axis, keepdims=True)
    return jnp.take_along_axis(values, winner, axis=axis).squeeze(axis)
