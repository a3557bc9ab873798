"""An optimizer of the user's, opened: the values that it makes of a model's parameters, gradient by gradient. It starts
anew, in float64, and works on copies: the user's own keeps its parameters and its state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.models.model import Arrays, Model, plain
from crosscheck.models.open import is_of

Walk = Callable[[Arrays, Sequence[Arrays]], Iterator[Arrays]]


@dataclass(frozen=True)
class Optimizer:
    """walk: parameters and the gradients of every step to the parameters after every step. config: what it says of how
    it treats a parameter."""

    name: str
    walk: Walk
    config: Callable[[str], Mapping[str, Any]] = lambda path: {}


def open_optimizers(given: Any, models: Sequence[Model], wholes: Sequence[Any]) -> tuple[Optimizer, Optimizer]:
    """Both models' optimizers; `wholes`: the models as the user gave them. Raises TypeError and ValueError."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError(f"optimizers is {type(given).__name__}; expected a pair: the first model's and the second's")
    first, second = (
        open_optimizer(optimizer, model, whole, f"optimizers[{i}]")
        for i, (optimizer, model, whole) in enumerate(zip(given, models, wholes))
    )
    return first, second


def open_optimizer(given: Any, model: Model, whole: Any, argument: str) -> Optimizer:
    """The optimizer of a model; `whole`: that model as the user gave it. Raises TypeError naming what came and what
    goes with such a model, ValueError for an optimizer of other parameters."""
    if model.framework == "torch" and is_of("torch.optim", "Optimizer", given):
        return of_torch(given, whole, argument)
    if model.framework == "numpy" and is_of("reference.training.optimizers", "Optimizer", given):
        return of_reference(given)
    if is_of("flax.nnx", "Optimizer", given):
        given = given.tx
    if model.framework not in ("torch", "numpy") and is_of("optax", "GradientTransformation", given):
        return of_optax(given, model)
    raise TypeError(f"{argument} is {type(given).__name__}; expected {EXPECTED.get(model.framework, EXPECTED['jax'])}")


EXPECTED = {
    "torch": "a torch.optim.Optimizer over the parameters of that torch model",
    "numpy": "an optimizer of reference.training.optimizers, which goes with a net of the reference",
    "jax": "an optax.GradientTransformation or a flax.nnx.Optimizer, which goes with a JAX model",
}


def of_torch(given: Any, whole: Any, argument: str) -> Optimizer:
    """The optimizer is copied with other parameters in place of the model's."""
    import torch

    named = {id(p): name for name, p in getattr(whole, "_orig_mod", whole).named_parameters()}
    groups = {named.get(id(p), ""): group for group in given.param_groups for p in group["params"]}
    if "" in groups:
        raise ValueError(f"{argument} has parameters that the model does not have; expected an optimizer over its own")

    def walk(values: Arrays, gradients: Sequence[Arrays]) -> Iterator[Arrays]:
        params = {name: torch.nn.Parameter(torch.tensor(values[name])) for name in groups}
        memo = {id(p): params[named[id(p)]] for group in given.param_groups for p in group["params"]}
        twin = copy.deepcopy(given, memo)
        twin.state.clear()
        for g in gradients:
            for name, p in params.items():
                p.grad = torch.tensor(g[name])
            twin.step()
            yield values | {name: p.detach().numpy().copy() for name, p in params.items()}

    def config(path: str) -> Mapping[str, Any]:
        return {key: value for key, value in groups.get(path, {}).items() if key != "params" and plain(value)}

    return Optimizer(type(given).__name__, walk, config)


def of_optax(given: Any, model: Any) -> Optimizer:
    """optax is handed the parameters in the tree in which the model has them: masks may go by it."""
    import jax
    import optax

    def walk(values: Arrays, gradients: Sequence[Arrays]) -> Iterator[Arrays]:
        with jax.enable_x64(True):
            paths = [leaf.path for leaf in model.leaves if leaf.trainable]
            order = [int(i) for i in jax.tree.leaves(model.tree({path: np.int64(i) for i, path in enumerate(paths)}))]
            params = model.tree(values)
            state = given.init(params)
            for g in gradients:
                updates, state = given.update(model.tree(g), state, params)
                params = optax.apply_updates(params, updates)
                after = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
                yield values | {paths[i]: leaf for i, leaf in zip(order, after)}

    return Optimizer("optax", walk)


def of_reference(given: Any) -> Optimizer:
    def walk(values: Arrays, gradients: Sequence[Arrays]) -> Iterator[Arrays]:
        p, state = {path: values[path] for path in gradients[0]}, None
        for g in gradients:
            p, state = given.step(p, g, given.init(p) if state is None else state)
            yield values | p

    return Optimizer("reference", walk)


def drawn(model: Model, seed: int, steps: int) -> list[Arrays]:
    """Gradients of all magnitudes from 1e-4 to 1, since an eps is felt by small ones."""
    rng = np.random.default_rng(seed)

    def gradient(shape: tuple[int, ...]) -> Array:
        return np.asarray(rng.standard_normal(shape) * 10.0 ** rng.uniform(-4, 0, shape))

    return [{leaf.path: gradient(leaf.shape) for leaf in model.leaves if leaf.trainable} for _ in range(steps)]
