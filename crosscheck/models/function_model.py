"""A plain JAX function of (parameters, *inputs), so code in the style of Haiku or Equinox too."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from crosscheck.axes import Array
from crosscheck.models.interpret import bind, values
from crosscheck.models.jax_model import JaxModel, Point, arrays, numpy
from crosscheck.models.jax_watch import Watcher, is_array
from crosscheck.models.jax_wide import wide_bind
from crosscheck.models.linen_model import MODES
from crosscheck.models.model import Arrays, Ask, Leaf, Pool


class FunctionModel(JaxModel):
    framework = "jax"

    def __init__(self, given: Callable[..., Any], params: Any, inputs: Mapping[str, Array], by_name: bool):
        super().__init__()
        self.function, self.by_name = given, by_name
        self.name = getattr(given, "__name__", type(given).__name__)
        found, self.tree_of = jax.tree_util.tree_flatten_with_path(params)
        self.at_home(leaf for _, leaf in found)
        self.paths = [path_of(keys) for keys, _ in found]
        self.fixed = {path: leaf for path, (_, leaf) in zip(self.paths, found) if not is_array(leaf)}
        self.given = {path: numpy(leaf) for path, (_, leaf) in zip(self.paths, found) if is_array(leaf)}
        self.leaves = tuple(Leaf(path, v.shape, v.dtype.name, True, "") for path, v in self.given.items())
        names = inspect.signature(given).parameters
        self.mode = next((name for name in MODES if name in names), "")

    def values(self) -> Arrays:
        return dict(self.given)

    def tree(self, values: Mapping[str, Any]) -> Any:
        leaves = [jnp.asarray(values[path]) if path in self.given else None for path in self.paths]
        return jax.tree_util.tree_unflatten(self.tree_of, leaves)

    def kinds(self) -> Mapping[str, str]:
        return {"": self.name}

    def config(self, path: str) -> Mapping[str, Any]:
        return {}

    def uses(self, closed: Any) -> dict[str, int]:
        """Leaves come first among the program's arguments, sorted by name as JAX sorts a dict."""
        first: dict[int, int] = {}
        for index, equation in enumerate(closed.jaxpr.eqns):
            for variable in equation.invars:
                first.setdefault(id(variable), index)
        leaves = zip(sorted(self.given), closed.jaxpr.invars)
        return {path: first.get(id(variable), len(first)) for path, variable in leaves}

    def pool(self, ask: Ask, instead: Mapping[int, Array] | None = None) -> Pool:
        with self.settings(ask):
            at, traced = Point(self, ask), self.traced(ask)
            arguments = jax.tree.leaves((at.moving | at.fixed, at.smooth | at.data))
            replaced = {i: jnp.asarray(x) for i, x in (instead or {}).items()}
            make = wide_bind if self.lifts(ask) else bind
            found, given = values(traced.program, arguments, replaced, make)
            return Pool([numpy(value) for value in found], arrays(dict(zip(sorted(traced.outputs), given))))

    def apply(self, values: Mapping[str, Any], inputs: Mapping[str, Any], train: bool, watcher: Watcher) -> Any:
        args, kwargs = self.arguments(inputs)
        if self.mode:
            kwargs[self.mode] = MODES[self.mode] if train else not MODES[self.mode]
        if watcher.here():
            return watcher.watched("", self.name, partial(self.applied, values), args, kwargs), {}
        return self.applied(values, *args, **kwargs), {}

    def applied(self, values: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        if not self.paths:
            return self.function(*args, **kwargs)
        leaves = [values[path] if path in self.given else self.fixed[path] for path in self.paths]
        return self.function(jax.tree_util.tree_unflatten(self.tree_of, leaves), *args, **kwargs)


def path_of(keys: Any) -> str:
    """ "layers.0.w" for ["layers"][0].w"""
    return ".".join(str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", key)))) for key in keys)
