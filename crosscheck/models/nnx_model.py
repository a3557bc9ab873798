"""A flax.nnx.Module, opened for comparison: split once, merged with other arrays for every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from crosscheck.axes import Array
from crosscheck.models import flax_axes
from crosscheck.models.jax_model import JaxModel, numpy
from crosscheck.models.jax_watch import Watcher, watching_nnx
from crosscheck.models.model import Arrays, Leaf, kind_of, module_of, plain


def path_of(keys: Any) -> str:
    return ".".join(map(str, keys))


class NnxModel(JaxModel):
    framework = "flax.nnx"

    def __init__(self, given: nnx.Module, inputs: Mapping[str, Array], by_name: bool):
        super().__init__()
        self.by_name, self.name = by_name, type(given).__name__
        graph, state = nnx.split(given)
        self.graphs = {False: self.graph(graph, state, False), True: self.graph(graph, state, True)}
        flat = {path_of(keys): (keys, variable) for keys, variable in nnx.to_flat_state(state)}
        self.rest = {path: pair for path, pair in flat.items() if is_fixed(pair[1])}
        self.variables = {path: pair for path, pair in flat.items() if path not in self.rest}
        self.at_home(variable.get_value() for _, variable in self.variables.values())
        twin = nnx.merge(graph, state)
        self.parts = {path_of(keys): part for keys, part in nnx.iter_modules(twin)}
        self.shared = shared_paths(twin)
        self.leaves = tuple(self.leaf_of(path, variable) for path, (_, variable) in self.variables.items())

    @staticmethod
    def graph(graph: Any, state: Any, train: bool) -> Any:
        """The definition of a copy in this mode."""
        twin = nnx.merge(graph, state)
        (twin.train if train else twin.eval)()
        return nnx.split(twin)[0]

    def leaf_of(self, path: str, variable: Any) -> Leaf:
        owner, _, name = path.rpartition(".")
        value, kind = variable.get_value(), kind_of(self.parts.get(owner))
        settings = vars(self.parts[owner]) if owner in self.parts else {}
        axes, turned = flax_axes.axes(kind, name, value.ndim, settings), flax_axes.turned(kind, settings)
        trainable = isinstance(variable, nnx.Param)
        return Leaf(path, value.shape, value.dtype.name, trainable, kind, axes, self.shared.get(path, ()), turned)

    def values(self) -> Arrays:
        return {path: numpy(variable.get_value()) for path, (_, variable) in self.variables.items()}

    def tree(self, values: Mapping[str, Any]) -> Any:
        paths = [leaf.path for leaf in self.leaves if leaf.trainable]
        kept = [(path, *self.variables[path]) for path in paths]
        return nnx.from_flat_state([(keys, variable.replace(jnp.asarray(values[p]))) for p, keys, variable in kept])

    def kinds(self) -> Mapping[str, str]:
        return {path: kind_of(part) for path, part in self.parts.items()}

    def config(self, path: str) -> Mapping[str, Any]:
        return {
            name: value for name, value in vars(self.parts[module_of(path)]).items() if name[0] != "_" and plain(value)
        }

    def apply(self, values: Mapping[str, Any], inputs: Mapping[str, Any], train: bool, watcher: Watcher) -> Any:
        filled = [(keys, variable.replace(jnp.asarray(values[p]))) for p, (keys, variable) in self.variables.items()]
        filled += [(keys, again(kept)) for keys, kept in self.rest.values()]
        model = nnx.merge(self.graphs[train], nnx.from_flat_state(filled))
        if any(jnp.result_type(value) == jnp.float64 for value in values.values()):
            widen(model)
        args, kwargs = self.arguments(inputs)
        with watching_nnx(model, watcher):
            result = model(*args, **kwargs)
        after = {path_of(keys): variable for keys, variable in nnx.to_flat_state(nnx.state(model))}
        return result, {leaf.path: after[leaf.path].get_value() for leaf in self.leaves if not leaf.trainable}


def widen(model: nnx.Module) -> None:
    """Modules make what they begin with, such as a recurrent net's state, in the dtype in which they were built."""
    for _, part in nnx.iter_modules(model):
        if getattr(part, "param_dtype", None) == jnp.float32:
            part.param_dtype = jnp.float64


def is_fixed(kept: Any) -> bool:
    """Whether it is the state of a random generator, or an array that is an attribute itself and no variable."""
    if not isinstance(kept, nnx.Variable) or isinstance(kept, nnx.RngState):
        return True
    return bool(jnp.issubdtype(kept.get_value().dtype, jax.dtypes.prng_key))


def again(kept: Any) -> Any:
    """The same for another run."""
    return kept.replace(kept.get_value()) if isinstance(kept, nnx.Variable) else kept


def shared_paths(model: Any) -> dict[str, tuple[str, ...]]:
    """For a variable that is at several places the other paths, by the first."""
    found: dict[int, list[str]] = {}
    for keys, node in nnx.iter_graph(model):
        if isinstance(node, nnx.Variable):
            found.setdefault(id(node), []).append(path_of(keys))
    return {paths[0]: tuple(paths[1:]) for paths in found.values() if len(paths) > 1}
