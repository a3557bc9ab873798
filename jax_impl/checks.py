"""Refusals: each names the argument, what came and what was expected."""

from numbers import Integral


def images(x, channels, at_least=1):
    """x must be a batch of images m h w c with c = channels and at least so many pixels high and wide."""
    if x.ndim != 4:
        hint = " (one image is a batch of one: x[None])" if x.ndim == 3 else ""
        raise ValueError(f"x has shape {x.shape}; expected images (m, h, w, c){hint}")
    if x.shape[3] != channels:
        turned = " (it looks like m c h w: move the channels to the end)" if x.shape[1] == channels else ""
        raise ValueError(f"x has shape {x.shape}, so {x.shape[3]} channels; expected {channels}{turned}")
    if min(x.shape[1:3]) < at_least:
        raise ValueError(f"x has shape {x.shape}; expected at least {at_least} x {at_least} pixels")


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
