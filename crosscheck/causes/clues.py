"""What can be said of a difference that nothing in the catalogue explains: where it is, and of what form."""

from __future__ import annotations

import numpy as np

from crosscheck.axes import Array
from crosscheck.causes.closer import differing
from crosscheck.causes.site import Site

SAME, FEW = 1e-9, 3


def clues(site: Site) -> list[str]:
    """Statements that are true of the two sides' values, the most telling first."""
    a, b = site.first, site.second
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return []
    found = [*whole(a, b), *per_axis(a, b)]
    for look in () if found else differing(site):
        part = look.site.first, look.site.second
        found += [f"{look.where}: {clue}" for clue in (*whole(*part), *per_axis(*part))]
        found.append(f"only {look.where} differ{'s' * look.where.startswith('element ')}")
        break
    return [*found, *places(a, b, site)][:4]


def whole(a: Array, b: Array) -> list[str]:
    if not b.any():
        return ["the second side is zero everywhere"]
    if not a.any():
        return ["the first side is zero everywhere"]
    ratio = float(np.vdot(a, b) / np.vdot(a, a))
    if near(b, ratio * a) and abs(ratio - 1) > SAME:
        return [f"the second side is {ratio:.8g} times the first everywhere"]
    offset = float((b - a).mean())
    if near(b - a, np.full_like(a, offset), b):
        return [f"the second side is the first plus {offset:.8g} everywhere"]
    if near(np.sort(a, axis=None), np.sort(b, axis=None)):
        return ["both sides have the same values in another order"]
    return []


def per_axis(a: Array, b: Array) -> list[str]:
    """A ratio or an offset for each index of one axis."""
    found = []
    for axis in range(a.ndim):
        over = tuple(i for i in range(a.ndim) if i != axis)
        if not over or a.shape[axis] == a.size:
            continue
        ratio = (a * b).sum(over, keepdims=True) / np.where((s := (a * a).sum(over, keepdims=True)) == 0, 1, s)
        offset = (b - a).mean(over, keepdims=True)
        if near(b, ratio * a):
            found.append(f"along axis {axis} the second side is the first times one factor an index{few(ratio)}")
        elif near(b - a, np.broadcast_to(offset, a.shape), b):
            found.append(f"along axis {axis} the second side is the first plus one number an index{few(offset)}")
    return found


def few(numbers: Array) -> str:
    """Which they are, if they are few."""
    each = list(dict.fromkeys(f"{x:.6g}" for x in np.ravel(numbers)))
    return f": {' and '.join(each)}" if len(each) <= FEW else ""


def places(a: Array, b: Array, site: Site) -> list[str]:
    """Only at the border, only where something is negative."""
    off = np.abs(a - b) > SAME * (np.abs(a).max() or 1.0)
    share = float(off.mean())
    found = []
    if a.ndim >= 3 and share < 1:
        inner = tuple(slice(1, -1) if n > 2 else slice(None) for n in a.shape)
        spatial = tuple(s if axis else slice(None) for axis, s in enumerate(inner))
        if not off[spatial].any():
            found.append("only elements at the border differ")
    same = [x for x in site.inputs if x.shape == a.shape]
    if same and share < 1 and (off <= (same[-1] < 0)).all():
        found.append("only elements differ whose input is negative")
    if not found and share < 0.5 and next(differing(site), None) is None:
        found.append(f"{share:.2%} of the elements differ")
    return found


def near(a: Array, b: Array, scale: Array | None = None) -> bool:
    size = float(np.linalg.norm(a if scale is None else scale))
    return float(np.linalg.norm(a - b)) <= SAME * (size or 1.0)
