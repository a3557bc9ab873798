"""The inputs of a comparison: arrays as they are, or specs with named axes from which they are drawn.

    "x: n c h w = 2 3 64 64 float32"                  normal numbers
    "ids: n t = 2 16 int64 below 1000"                whole numbers from 0 to 999
    "x: n c h w | n h w c = 2 3 64 64"                left of "|" what the first model takes, right of it the second
    "mask: n t = 2 16 bool"                           true and false, the first of every row true
    "x: n c h w = batch.npy"                          what a file holds; the axes may be left out: "x = batch.npy"

Several specs are separated by ";" or come as a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crosscheck.axes import Array, convert

Given = Any

SPEC = re.compile(
    r"^\s*(?:(?P<name>\w+)\s*:)?(?P<axes>[\w\s|]*)=(?P<sizes>[\d\s]+)(?P<kind>\w+)?(?:\s+below\s+(?P<top>\d+))?\s*$"
)
FILE = re.compile(r"^\s*(?:(?P<name>\w+)\s*:)?(?P<axes>[\w\s|]*)=\s*(?P<file>\S.*\.npy)\s*$")
KINDS = ("float16", "bfloat16", "float32", "float64", "int32", "int64", "bool")


@dataclass(frozen=True)
class Inputs:
    """Named arrays as the first model and as the second takes them. `by_name`: handed over as keyword arguments.
    `told`: whether the second's layout was stated, so that none is looked for. axes: the first's, where a spec names
    them."""

    first: dict[str, Array]
    second: dict[str, Array]
    by_name: bool
    told: bool
    axes: Mapping[str, str] = field(default_factory=dict)


def read(given: Given, seed: int = 0) -> Inputs:
    """Whatever was given as inputs. Raises ValueError for a spec that cannot be read, TypeError for anything else."""
    if isinstance(given, str):
        given = [text for text in given.split(";") if text.strip()]
    if isinstance(given, (list, tuple)) and given and all(isinstance(text, str) for text in given):
        return drawn(given, seed)
    if isinstance(given, Mapping):
        arrays = {str(name): as_array(name, value) for name, value in given.items()}
        return Inputs(arrays, dict(arrays), True, False)
    values = list(given) if isinstance(given, (list, tuple)) else [given]
    arrays = {str(index): as_array(index, value) for index, value in enumerate(values)}
    if not arrays:
        raise ValueError("inputs is empty; expected at least one array or spec")
    return Inputs(arrays, dict(arrays), False, False)


def as_array(name: object, value: Any) -> Array:
    """A NumPy array of an array of any framework."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    array = np.asarray(value)
    if array.dtype.kind not in "fiubcV" or array.dtype.names:
        raise TypeError(f"inputs[{name!r}] is {type(value).__name__}; expected an array or a spec such as 'n c = 2 3'")
    return array.copy()


def drawn(texts: Sequence[str], seed: int) -> Inputs:
    """Arrays for the specs, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    first, second, axes, told, names = {}, {}, {}, False, []
    for index, text in enumerate(texts):
        label, own, other, value = one(rng, text)
        names.append(label)
        name = label or str(index)
        first[name], axes[name] = value, own
        second[name] = convert(value, own, other) if other else value
        told = told or bool(other)
    if any(names) and not all(names):
        raise ValueError(f"of the inputs {list(texts)} some have a name and some have none; expected all or none")
    return Inputs(first, second, all(names) and len(names) > 1, told, axes)


def one(rng: np.random.Generator, text: str) -> tuple[str, str, str, Array]:
    """Of one spec the name, the axes in either model, and the array."""
    match = FILE.match(text) or SPEC.match(text)
    if not match:
        raise ValueError(
            f"input {text!r} is not of the form 'name: axes = sizes dtype', e.g. 'x: n c = 2 3 float32', "
            "'ids: n t = 2 16 below 1000' or 'x: n c = batch.npy'"
        )
    own, _, other = (part.strip() for part in match["axes"].partition("|"))
    if match.re is SPEC:
        sizes = [int(size) for size in match["sizes"].split()]
        return match["name"] or "", own, other, draw(rng, text, own.split(), sizes, match["kind"], match["top"])
    if not match["name"] and len(own.split()) == 1:
        return own, "", "", loaded(text, [], match["file"])  # "x = batch.npy" names no axes
    return match["name"] or "", own, other, loaded(text, own.split(), match["file"])


def loaded(text: str, axes: list[str], file: str) -> Array:
    """The array of a .npy file, which is never unpickled."""
    try:
        value = np.load(file, allow_pickle=False)
    except FileNotFoundError as error:
        raise ValueError(f"input {text!r}: there is no file {file}") from error
    except (ValueError, EOFError) as error:
        raise ValueError(f"input {text!r}: {file} is damaged, or no array of numbers ({error})") from error
    if axes and len(axes) != value.ndim:
        raise ValueError(f"input {text!r} names {len(axes)} axes; {file} has {value.ndim}, {value.shape}")
    return np.asarray(value)


def draw(
    rng: np.random.Generator, text: str, axes: list[str], sizes: list[int], kind: str | None, top: str | None
) -> Array:
    """One array of a spec."""
    kind = kind or ("int64" if top else "float32")
    if kind not in KINDS:
        raise ValueError(f"input {text!r}: {kind!r} is no dtype that can be drawn; expected one of {', '.join(KINDS)}")
    if axes and len(axes) != len(sizes):
        raise ValueError(f"input {text!r} names {len(axes)} axes and gives {len(sizes)} sizes")
    if top and not kind.startswith("int"):
        raise ValueError(f"input {text!r}: 'below' goes with int32 or int64, not {kind}")
    if kind == "bool":
        value = rng.random(sizes) < 0.75
        value[..., 0] = True
        return np.asarray(value)
    if kind.startswith("int"):
        return rng.integers(0, int(top or 2), sizes).astype(kind)
    return rng.standard_normal(sizes).astype("float32" if kind == "bfloat16" else kind)
