"""How the axes of an activation of one model correspond to those of the other's, told by shapes and, where shapes leave
a choice, by values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from crosscheck.axes import Array
from crosscheck.pairing.fits import NAMES, Fit, shape_fits

ALIKE = 0.6
"""The correlation beyond which two arrays are the same but for a function of each element."""
Images = Literal["", "last", "first"]
"""Where the second model keeps the channels of images, if the first keeps them at the other end."""


def layouts(first: tuple[int, ...], second: tuple[int, ...], images: Images = "") -> list[Fit]:
    """Ways to lay an array of the first shape out as one of the second, likeliest first: as it is, or between
    frameworks that keep images differently with the channels moved; then channels moved either way, time and batch
    exchanged, and any other permutation or grouping."""
    rank = len(first)
    likely = conventions(rank, images)
    if rank > 2:
        names = NAMES[:rank]
        likely.append(f"{spread(names)} -> {spread(names[1] + names[0] + names[2:])}")
    flat = flat_images(first, second, images)
    likely += [fit.pattern for fit in flat]
    return sorted(
        [*flat, *shape_fits(first, second)],
        key=lambda fit: likely.index(fit.pattern) if fit.pattern in likely else len(likely),
    )


def flat_images(first: tuple[int, ...], second: tuple[int, ...], images: Images) -> list[Fit]:
    """Between images and what the other framework makes of its own when it flattens them."""
    ranks = len(first), len(second)
    if not images or ranks not in ((4, 2), (2, 4)) or first[0] != second[0] or np.prod(first) != np.prod(second):
        return []
    moved = "c d b" if images == "last" else "d b c"
    if ranks == (4, 2):
        return [Fit(f"a b c d -> a ({moved})", tuple(zip("bcd", first[1:])))]
    sizes = dict(zip(moved.split(), second[1:]))
    return [Fit(f"a (b c d) -> a {moved}", tuple((name, sizes[name]) for name in "bcd"))]


def layouts_of_outputs(first: tuple[int, ...], second: tuple[int, ...], images: Images = "") -> list[Fit]:
    """The same for what a model gives to its caller: of one shape, only by what is a convention, for the caller could
    not tell any other order of the axes."""
    found = layouts(first, second, images)
    return [fit for fit in found if first != second or fit.pattern in conventions(len(first), images)]


def layouts_of_convolved(first: tuple[int, ...], second: tuple[int, ...], images: Images = "") -> list[Fit]:
    """The same for what a convolution takes and gives: height and width are not exchanged, for its kernel is not."""
    found = layouts(first, second, images)
    usual_ones = [fit for fit in found if fit.pattern in conventions(len(first), images)]
    return usual_ones if len(first) == len(second) > 3 else usual_ones or found


def conventions(rank: int, images: Images) -> list[str]:
    """As it is, with the channels at the end, and with the channels ahead, likeliest first."""
    names = NAMES[:rank]
    same = f"{spread(names)} -> {spread(names)}"
    if rank < 3:
        return [same]
    last = f"{spread(names)} -> {spread(names[0] + names[2:] + names[1])}"
    ahead = f"{spread(names)} -> {spread(names[0] + names[-1] + names[1:-1])}"
    return {"": [same, last, ahead], "last": [last, ahead, same], "first": [ahead, last, same]}[
        images if rank >= 4 else ""
    ]


def usual(shape: tuple[int, ...], images: Images) -> Fit:
    """As it is, or between frameworks that keep images differently with the channels moved, whatever the sizes."""
    names = moved = NAMES[: len(shape)]
    if images and len(shape) >= 4:
        moved = names[0] + (names[2:] + names[1] if images == "last" else names[-1] + names[1:-1])
    return Fit(f"{spread(names)} -> {spread(moved)}")


def spread(names: str) -> str:
    return " ".join(names)


def choose(first: Array, second: Array, ways: Sequence[Fit]) -> Fit | None:
    """The way under which the arrays are nearest; the likeliest unless another is clearly nearer, or makes them go up
    and down together, which a missing activation leaves them."""
    if len(ways) < 2 or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return ways[0] if ways else None
    gaps = [distance(fit.there(first), second) for fit in ways[:12]]
    best = int(np.argmin(gaps))
    if gaps[best] < 0.5 * gaps[0]:
        return ways[best]
    likely, nearest = (correlation(fit.there(first), second) for fit in (ways[0], ways[best]))
    return ways[best] if nearest > ALIKE and likely < ALIKE / 2 else ways[0]


def correlation(a: Array, b: Array) -> float:
    a, b = np.ravel(a - a.mean()), np.ravel(b - b.mean())
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size else 0.0


def flattened(
    shapes: Iterable[tuple[int, ...]], first: tuple[int, ...], second: tuple[int, ...], images: Images = ""
) -> list[Fit]:
    """Between flat images or signals: one model has channels first when it flattens, the other last. `shapes` are those
    of what the first may have flattened, as it is or with fewer pixels."""
    if first != second or len(first) != 2:
        return []
    found, shapes = [], list(dict.fromkeys(shapes))
    for shape in shapes:
        if len(shape) == 4 and int(np.prod(shape[1:])) == first[1] and shape[0] == first[0]:
            (c, h, w), sizes = shape[1:], ("c", "h", "w")
            found.append(Fit("m (c h w) -> m (h w c)", tuple(zip(sizes, (c, h, w)))))
            h, w, c = shape[1:]
            found.append(Fit("m (h w c) -> m (c h w)", tuple(zip(sizes, (c, h, w)))))
    ends = {"": (1, -1), "last": (1,), "first": (-1,)}[images]
    for c in dict.fromkeys(shape[end] for shape in shapes if len(shape) > 2 for end in ends):
        if may_be_pooled(first[1], c):
            pixels = (("c", c), ("p", first[1] // c))
            found += [Fit("m (c p) -> m (p c)", pixels), Fit("m (p c) -> m (c p)", pixels)]
    return found


def may_be_pooled(size: int, c: int) -> bool:
    """Whether a flat image of so many elements may have c channels and several pixels."""
    return 1 < c < size and size % c == 0


def distance(a: Array, b: Array) -> float:
    """||a - b|| / ||b||"""
    wide = np.ravel(b).astype(np.float64)
    return float(np.linalg.norm(np.ravel(a).astype(np.float64) - wide)) / (float(np.linalg.norm(wide)) or 1.0)
