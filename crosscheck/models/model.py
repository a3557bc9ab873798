"""What is asked of a model, whatever framework it is of: its leaves, and one run forward and backward.

A model is never the user's object: an adapter works on a copy, or on arrays handed in as arguments. Arrays cross as
NumPy arrays in the layout of the model's own framework.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crosscheck.axes import Array

Arrays = dict[str, Array]


@dataclass(frozen=True)
class Leaf:
    """A parameter or buffer: its dotted path, shape and dtype; whether it is trained; the class of the module that
    owns it; its axes' names where that class tells them ("cout cin"), else ""; other paths at which it also is; whether
    its spatial axes run the other way (transposed convolutions of flax, of which the kernel is correlated); linen's
    collection, with which its path begins."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    kind: str
    axes: str = ""
    aliases: tuple[str, ...] = ()
    turned: bool = False
    collection: str = ""

    @property
    def owner(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def place(self) -> str:
        """The path among the modules."""
        return self.path.removeprefix(f"{self.collection}.") if self.collection else self.path

    @property
    def module(self) -> str:
        """The path of the module that owns it."""
        return self.place.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def is_table(self) -> bool:
        """Whether it is an embedding's."""
        return is_lookup(self.kind)

    def is_also_in(self, module: str) -> bool:
        """Whether it is a table that this module has too, to make logits."""
        return self.is_table and module in (alias.rpartition(".")[0] for alias in self.aliases)


@dataclass
class Call:
    """One call of a submodule. `key` is its path, "#2" after it for the second call; `parent` the key of the call it
    was made in. inputs and outputs by name; cotangents are the gradients of <cotangent, output> by the outputs,
    input_cotangents those by the inputs."""

    key: str
    kind: str
    parent: str | None
    inputs: Arrays = field(default_factory=dict)
    outputs: Arrays = field(default_factory=dict)
    cotangents: Arrays = field(default_factory=dict)
    input_cotangents: Arrays = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.key.partition("#")[0]


@dataclass(frozen=True)
class Forced:
    """What a call is made to take and to give, and the cotangents that both get."""

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    cotangents: Mapping[str, Array]
    input_cotangents: Mapping[str, Array]


ATTEND = ".attend()"
"""Behind the path of a flax Embed: the product with its table, which is a call of its own."""


def is_lookup(kind: str) -> bool:
    return kind.startswith("Embed") and not kind.endswith(ATTEND)


def module_of(path: str) -> str:
    """The path of the module that is called."""
    return path.removesuffix(ATTEND)


NOTHING = Forced({}, {}, {}, {})


class Made(Mapping[str, Array]):
    """Arrays that are made whenever one is asked for, so that none takes memory."""

    def __init__(self, names: Iterable[str], make: Callable[[str], Array]):
        self.names, self.make = tuple(names), make

    def __getitem__(self, name: str) -> Array:
        if name not in self.names:
            raise KeyError(name)
        return self.make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Ask:
    """One run. dtype: "float64", in which what a model would keep in float32 is in float64 too as far as that can be
    had, or "" for the dtypes that the model has. cotangents: None for a forward pass only.
    trace: whether calls are recorded. forced: by a call's key. seed: of whatever the model draws itself."""

    values: Mapping[str, Array]
    inputs: Mapping[str, Array]
    train: bool = False
    dtype: str = "float64"
    cotangents: Mapping[str, Array] | None = None
    trace: bool = False
    forced: Mapping[str, Forced] = field(default_factory=dict)
    seed: int = 0

    def same(self, other: Ask) -> bool:
        """Whether the very same is asked, with nothing recorded or forced."""
        if any(ask.trace or ask.forced for ask in (self, other)):
            return False
        pairs = (
            (self.values, other.values),
            (self.inputs, other.inputs),
            (self.cotangents or {}, other.cotangents or {}),
        )
        plain = ((ask.train, ask.dtype, ask.seed, ask.cotangents is None) for ask in (self, other))
        return len(set(plain)) == 1 and all(map(equal, *zip(*pairs)))


def equal(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    """Whether the same arrays have the same names."""
    return one.keys() == other.keys() and all(np.array_equal(value, other[name]) for name, value in one.items())


@dataclass
class Run:
    """What a run showed. gradients by the leaves' paths, state: every buffer afterwards. In a forced run a call's
    inputs are what came to it, its outputs what it made of what it was forced to take; likewise backward."""

    outputs: Arrays
    gradients: Arrays = field(default_factory=dict)
    input_gradients: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """What a first look shows: the calls in the order in which they completed, stand-ins for the outputs, the shapes of
    all that calls take and give, and for leaves that no module owns the order in which they are first used."""

    calls: tuple[str, ...]
    outputs: Arrays
    shapes: frozenset[tuple[int, ...]]
    first_use: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(calls: Iterable[Call], outputs: Arrays, first_use: Mapping[str, int] | None = None) -> Look:
        calls = tuple(calls)
        shapes = frozenset(np.shape(x) for call in calls for x in (*call.inputs.values(), *call.outputs.values()))
        stand_ins = {name: stand_in(y.shape, y.dtype) for name, y in outputs.items()}
        return Look(tuple(call.key for call in calls), stand_ins, shapes, first_use or {})

    def used(self, leaves: tuple[Leaf, ...]) -> dict[str, int]:
        """When each leaf is first used: with its owner's first call, or that of the nearest module around it. Nothing
        is said of leaves of a module that is passed by: others beside it are called, and others of its class."""
        place: dict[str, int] = {}
        for index, key in enumerate(self.calls):
            place.setdefault(key.partition("#")[0], index)
        called = {leaf.kind for leaf in leaves if leaf.module in place}
        entered = {beyond(leaf) for leaf in leaves if leaf.module in place}
        found = {}
        for leaf in leaves:
            module = leaf.module
            passed_by = module not in place and leaf.kind in called and beyond(leaf) in entered
            if passed_by and leaf.path not in self.first_use:
                continue
            while module and module not in place:
                module = module.rpartition(".")[0]
            found[leaf.path] = self.first_use.get(leaf.path, place.get(module, len(place)))
        return found


def beyond(leaf: Leaf) -> str:
    """The module around a leaf's module."""
    return leaf.module.rpartition(".")[0]


@dataclass(frozen=True)
class Pool:
    """What goes into a forward pass and every value that it computes, in order; what comes out."""

    values: Sequence[Array]
    outputs: Arrays


class Model(ABC):
    """A model of the user's, opened for comparison. narrow: the modules that make float32 of float64, without which it
    is run ("": code outside of all), as a look shows it. home: the device that it came on, machine: that on which it is
    run."""

    framework: str
    name: str
    leaves: tuple[Leaf, ...]
    notes: list[str]
    narrow: tuple[str, ...] = ()
    home: str = "cpu:0"
    machine: str = "cpu:0"

    @abstractmethod
    def values(self) -> Arrays:
        """The given values of all leaves."""

    @abstractmethod
    def run(self, ask: Ask) -> Run:
        """One run; the user's model, its modes and the framework's settings are as before afterwards."""

    @abstractmethod
    def look(self, ask: Ask) -> Look:
        """A first look at one run; raises whatever the model raises."""

    def draws(self, ask: Ask) -> bool:
        """Whether a run draws random numbers that cannot be shared, although it draws the same ones every time."""
        return False

    @abstractmethod
    def kinds(self) -> Mapping[str, str]:
        """The class of every submodule by its path."""

    @abstractmethod
    def config(self, path: str) -> Mapping[str, Any]:
        """The plain attributes of a submodule: numbers, strings, tuples."""

    def completed(self, values: Mapping[str, Array]) -> Arrays:
        """Values of the leaves, with what follows from them."""
        return dict(values)

    def leaf(self, path: str) -> Leaf:
        return next(leaf for leaf in self.leaves if path in (leaf.path, *leaf.aliases))

    def pool(self, ask: Ask, instead: Mapping[int, Array] | None = None) -> Pool:
        """Every value of a forward pass; nothing where that cannot be told. `instead`: what stands for some of them."""
        return Pool([], {})

    def describe(self) -> Mapping[str, Any]:
        count = sum(int(np.prod(leaf.shape)) for leaf in self.leaves if leaf.trainable)
        return {
            "framework": self.framework,
            "name": self.name,
            "parameters": count,
            "dtypes": sorted({leaf.dtype for leaf in self.leaves}),
        }


def cast(array: Any, dtype: str) -> Array:
    """Floating arrays in the wanted dtype ("" leaves it), all others as they are."""
    value = np.asarray(array)
    wanted = dtype and (value.dtype.kind == "f" or value.dtype.name == "bfloat16")
    return value.astype(dtype, copy=False) if wanted else value


def stand_in(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array of this shape that takes no memory."""
    return np.broadcast_to(np.zeros((), dtype), shape)


PACKAGES = ("torch.nn.", "flax.", "transformers.pytorch_utils")
BASES = ("Module", "Pytree", "Object", "Sequential", "ModuleList")


def kind_of(part: Any) -> str:
    """The framework's class that a module is, or is derived from; its own where that is none in particular."""
    cls = part if isinstance(part, type) else type(part)
    known = next((base for base in cls.__mro__ if f"{base.__module__}.".startswith(PACKAGES)), cls)
    return cls.__name__ if known.__name__ in BASES else known.__name__


def plain(value: Any) -> bool:
    """Whether an attribute is a setting that can be shown and compared."""
    if isinstance(value, (tuple, list)):
        return all(plain(part) for part in value)
    return value is None or isinstance(value, (bool, int, float, str))


def call_key(path: str, counts: dict[str, int]) -> str:
    counts[path] = counts.get(path, 0) + 1
    return path if counts[path] == 1 else f"{path}#{counts[path]}"
