"""Opens whatever was handed in: finds out what it is without importing a framework that it is not of."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from crosscheck.axes import Array
from crosscheck.models.model import Model


class NotAModel(TypeError):
    """What was handed in cannot be opened."""


def open_model(given: Any, inputs: Mapping[str, Array], by_name: bool, argument: str) -> Model:
    """The adapter for a model. Raises TypeError naming what came and what is accepted."""
    if isinstance(given, Model):
        return given
    if is_of("torch.nn", "Module", given):
        from crosscheck.models.torch_model import TorchModel

        return TorchModel(given, inputs, by_name)
    if is_of("flax.nnx", "Module", given):
        from crosscheck.models.nnx_model import NnxModel

        return NnxModel(given, inputs, by_name)
    if is_of("reference.module", "Module", given):
        from crosscheck.models.reference_model import ReferenceModel

        return ReferenceModel(given)
    if isinstance(given, tuple) and len(given) == 2:
        return open_pair(*given, inputs, by_name, argument)
    if is_of("flax.linen", "Module", given):
        raise NotAModel(f"{argument} is a flax.linen module alone; expected (module, variables)")
    if callable(given):
        return open_function(given, inputs, by_name)
    raise NotAModel(
        f"{argument} is {type(given).__name__}; expected a torch.nn.Module, a flax.nnx.Module, "
        "(flax.linen module, variables), (JAX function, parameters), a net of the reference, or a function of arrays"
    )


def is_of(module: str, name: str, given: Any) -> bool:
    """Whether it is an instance of a class whose module has been imported; what is not imported made no objects."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(given, getattr(loaded, name))


def open_pair(first: Any, second: Any, inputs: Mapping[str, Array], by_name: bool, argument: str) -> Model:
    if is_of("flax.linen", "Module", first):
        from crosscheck.models.linen_model import LinenModel

        return LinenModel(first, second, inputs, by_name)
    if is_of("reference.module", "Module", first):
        from crosscheck.models.reference_model import ReferenceModel

        return ReferenceModel(first, second)
    if callable(first):
        from crosscheck.models.function_model import FunctionModel

        return FunctionModel(first, second, inputs, by_name)
    raise NotAModel(
        f"{argument} is a pair of {type(first).__name__} and {type(second).__name__}; "
        "expected (flax.linen module, variables), (function, parameters) or (net of the reference, parameters)"
    )


def open_function(given: Any, inputs: Mapping[str, Array], by_name: bool) -> Model:
    """A function without parameters: torch's if it takes tensors, else JAX's."""
    if "torch" in sys.modules:
        from crosscheck.models.torch_model import TorchModel

        model = TorchModel(given, inputs, by_name)
        if model.takes(inputs):
            return model
    from crosscheck.models.function_model import FunctionModel

    return FunctionModel(given, {}, inputs, by_name)
