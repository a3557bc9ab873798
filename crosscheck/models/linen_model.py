"""A flax.linen module with its variables, opened for comparison."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, traverse_util

from crosscheck.axes import Array
from crosscheck.models import flax_axes
from crosscheck.models.jax_model import JaxModel, numpy
from crosscheck.models.jax_watch import Watcher, watching_linen
from crosscheck.models.model import Arrays, Ask, Leaf, Look, kind_of, module_of, plain

MODES = {"train": True, "training": True, "is_training": True, "deterministic": False, "use_running_average": False}
"""Arguments by which a module is told its mode, and what they are while it trains."""


class LinenModel(JaxModel):
    framework = "flax.linen"

    def __init__(self, given: linen.Module, variables: Mapping[str, Any], inputs: Mapping[str, Array], by_name: bool):
        super().__init__()
        self.module, self.by_name, self.name = given, by_name, type(given).__name__
        if "params" not in variables:
            variables = {"params": variables}
        flat = traverse_util.flatten_dict(dict(variables), sep=".")
        self.at_home(flat.values())
        self.whole = {path: numpy(value) for path, value in flat.items()}
        self.mode = mode_argument(given)
        self.told: dict[str, tuple[str, Mapping[str, Any]]] = {}
        with suppress(Exception):  # of inputs in another layout; a look raises it if they are wrong
            self.inspect(inputs)
        self.leaves = self.known_leaves()

    def known_leaves(self) -> tuple[Leaf, ...]:
        return tuple(self.leaf_of(path, value) for path, value in self.whole.items())

    def look(self, ask: Ask) -> Look:
        if not self.told:
            self.inspect(ask.inputs)
            self.leaves = self.known_leaves()
        return super().look(ask)

    def inspect(self, inputs: Mapping[str, Array]) -> None:
        """The classes and settings of the submodules, which exist only while the module is applied."""
        told: dict[str, tuple[str, Mapping[str, Any]]] = {}

        def intercept(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
            part = context.module
            settings = {name: getattr(part, name, None) for name in getattr(part, "__dataclass_fields__", {})}
            settings = {name: value for name, value in settings.items() if name not in ("parent", "name")}
            kept = {name: value for name, value in settings.items() if plain(value)}
            told.setdefault(".".join(part.path), (kind_of(part), kept))
            return call(*args, **kwargs)

        with linen.intercept_methods(intercept):
            jax.eval_shape(lambda: self.applied(self.whole, inputs, False))
        self.told = told

    def leaf_of(self, path: str, value: Array) -> Leaf:
        collection, _, within = path.partition(".")
        owner, _, name = within.rpartition(".")
        kind, config = self.told.get(owner, ("", {}))
        axes, turned = flax_axes.axes(kind, name, value.ndim, config), flax_axes.turned(kind, config)
        return Leaf(path, value.shape, value.dtype.name, collection == "params", kind, axes, (), turned, collection)

    def values(self) -> Arrays:
        return dict(self.whole)

    def tree(self, values: Mapping[str, Any]) -> Any:
        trained = {leaf.path: jnp.asarray(values[leaf.path]) for leaf in self.leaves if leaf.trainable}
        return traverse_util.unflatten_dict(trained, sep=".")["params"]

    def kinds(self) -> Mapping[str, str]:
        return {path: kind for path, (kind, _) in self.told.items()}

    def config(self, path: str) -> Mapping[str, Any]:
        return self.told[module_of(path)][1]

    def applied(self, values: Mapping[str, Any], inputs: Mapping[str, Any], train: bool) -> Any:
        args, kwargs = self.arguments(inputs)
        if self.mode:
            kwargs[self.mode] = MODES[self.mode] if train else not MODES[self.mode]
        variables = traverse_util.unflatten_dict(dict(values), sep=".")
        changing = [name for name in variables if name != "params"] if train else False
        rngs = {"dropout": jax.random.key(0)} if train else None
        return self.module.apply(variables, *args, rngs=rngs, mutable=changing, **kwargs)

    def apply(self, values: Mapping[str, Any], inputs: Mapping[str, Any], train: bool, watcher: Watcher) -> Any:
        with watching_linen(watcher):
            result = self.applied(values, inputs, train)
        state = {leaf.path: values[leaf.path] for leaf in self.leaves if not leaf.trainable}
        if train:
            result, changed = result
            state |= traverse_util.flatten_dict(dict(changed), sep=".")
        return result, state


def mode_argument(module: Any) -> str:
    """The argument of the module's call that says whether it trains; "" if there is none."""
    names = inspect.signature(type(module).__call__).parameters
    return next((name for name in MODES if name in names), "")
