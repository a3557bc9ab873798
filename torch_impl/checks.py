"""Refusals: each names the argument, what came and what was expected."""

from numbers import Integral


def images(x, channels, at_least=1):
    """x must be a batch of images m c h w with c = channels and at least so many pixels high and wide."""
    shape = tuple(x.shape)
    if x.ndim != 4:
        hint = " (one image is a batch of one: x[None])" if x.ndim == 3 else ""
        raise ValueError(f"x has shape {shape}; expected images (m, c, h, w){hint}")
    if shape[1] != channels:
        turned = " (it looks like m h w c: move the channels to axis 1)" if shape[3] == channels else ""
        raise ValueError(f"x has shape {shape}, so {shape[1]} channels; expected {channels}{turned}")
    if min(shape[2:]) < at_least:
        raise ValueError(f"x has shape {shape}; expected at least {at_least} x {at_least} pixels")


def sizes(**values):
    """Each a whole number of at least 1, or a pair (height, width) of them."""
    for name, value in values.items():
        numbers = value if isinstance(value, tuple) and len(value) == 2 else (value,)
        if not all(isinstance(n, Integral) and n >= 1 for n in numbers):
            raise ValueError(
                f"{name} is {value!r}; expected a whole number of at least 1, or a pair (height, width) of them"
            )


def one_of(name, value, known):
    """The value must be one of the known names."""
    if value not in known:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(map(repr, known))}")
