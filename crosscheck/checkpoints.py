"""Checkpoints: files of named tensors, by PyTorch's names and axes, from which every column can be filled.

    tensors = load("resnet50.pth")                                          {name: array}, as `tensor_files` has them
    model = into("torch", "nets.resnet.resnet50", "resnet50.pth")           a torch module; with "jax" an nnx module
    net, p, s = into("numpy", "nets.resnet.resnet50", "resnet50.pth")       the reference keeps its numbers beside it
    save("mine.safetensors", "jax", "nets.resnet.resnet50", model)          a file for `into`, and for PyTorch itself

Names and shapes have to be those of the architecture, all of them and no others, and the numbers floating-point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from crosscheck import registry
from crosscheck.axes import Array
from crosscheck.layout import Layout, join
from crosscheck.names import nearest
from crosscheck.tensor_files import from_torch, load, write

Tensors = Mapping[str, Array]

FLOATS = ("float16", "float32", "float64")


def into(column: str, target: str, path: str | Path, **arguments: Any) -> Any:
    """The architecture `target(**arguments)` in a column, with the numbers of the file in the file's dtype.

    NumPy has no bfloat16: such numbers come as float32. Raises ValueError, naming the file and the tensor, if the file
    does not hold what the architecture has.
    """
    require(column)
    net = registry.find("numpy", target)(**arguments)
    names, own, tensors = join(net, "torch"), join(net, column), load(path)
    require_fit(str(path), target, names, tensors)
    params, state = names.from_column(tensors, trainable=True), names.from_column(tensors, trainable=False)
    filled = own.to_column(params, trainable=True) | own.to_column(state, trainable=False)
    if column == "numpy":
        from reference.module import nest

        return net, nest({path: filled[path] for path in params}), nest({path: filled[path] for path in state})
    fill = fill_torch if column == "torch" else fill_jax
    return fill(registry.find(column, target), arguments, filled)


def save(path: str | Path, column: str, target: str, model: Any, **arguments: Any) -> None:
    """Write the numbers of what `into` gives (or of a model built otherwise) as safetensors under PyTorch's names.

    Raises TypeError if the model is none of the column's, ValueError if it has other tensors than the architecture or
    in a dtype that not every column has, OSError if the file cannot be written. Then nothing is written at all.
    """
    require(column)
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"{path}: its name ends in {Path(path).suffix!r}; expected .safetensors")
    net = registry.find("numpy", target)(**arguments)
    names, own, tensors = join(net, "torch"), join(net, column), TENSORS[column](model)
    require_floats(own, tensors)
    own.require_coverage({name: value.shape for name, value in tensors.items()})
    params, state = own.from_column(tensors, trainable=True), own.from_column(tensors, trainable=False)
    named = names.to_column(params, trainable=True) | names.to_column(state, trainable=False)
    write(Path(path), named)


def require(column: str) -> None:
    if reason := registry.missing(column):
        raise ModuleNotFoundError(reason)


def require_fit(path: str, target: str, names: Layout, tensors: Tensors) -> None:
    """Every tensor of the architecture is in the file, in its shape, and nothing else is."""
    expected = {row.column_path: row for row in names.rows}
    present = {name for name in tensors if name.rsplit(".", 1)[-1] not in names.bookkeeping}
    surplus = sorted(present - set(expected))
    for name, row in expected.items():
        if name not in present:
            hint = nearest(name, surplus) if surplus else ""
            raise ValueError(f"{path}: no {name}, expected from {target} with shape {names.shape(row)}{hint}")
        array, shape = tensors[name], names.shape(row)
        if array.shape != shape:
            raise ValueError(f"{path}: {name} has shape {array.shape}; expected {shape} ({row.column_axes})")
        if array.dtype.name not in FLOATS:
            raise ValueError(
                f"{path}: {name} holds {array.dtype}; expected floating-point numbers (bfloat16, {', '.join(FLOATS)})"
            )
    if surplus:
        raise ValueError(f"{path}: {target} has no {', '.join(surplus)}; expected a file without")


def require_floats(own: Layout, tensors: Tensors) -> None:
    """The model has numbers that every column can be filled with."""
    for name in (row.column_path for row in own.rows if row.column_path in tensors):
        if tensors[name].dtype.name not in FLOATS:
            raise ValueError(f"model: {name} holds {tensors[name].dtype}; expected {', '.join(FLOATS)}")


def fill_torch(found: Any, arguments: Mapping[str, Any], tensors: Tensors) -> Any:
    import torch

    with torch.device("meta"):  # no memory for numbers that are replaced
        model = found(**arguments)
    state = {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
    model.load_state_dict(state, strict=True, assign=True)
    return model


def fill_jax(found: Any, arguments: Mapping[str, Any], tensors: Tensors) -> Any:
    import jax.numpy as jnp
    from flax import nnx

    from crosscheck.backends.jax_backend import configure
    from crosscheck.backends.jax_watch import path_of

    configure()  # without which JAX makes float32 of float64
    model = found(**arguments, rngs=nnx.Rngs(0))
    filled = [
        (keys, variable.replace(jnp.asarray(tensors[path_of(keys)])))
        for keys, variable in nnx.to_flat_state(nnx.state(model))
        if path_of(keys) in tensors
    ]
    nnx.update(model, nnx.from_flat_state(filled))
    return model


def numpy_tensors(model: Any) -> dict[str, Array]:
    from reference.module import flatten

    numbers = model[1:] if isinstance(model, tuple) else ()
    if len(numbers) != 2 or not all(isinstance(tree, Mapping) for tree in numbers):
        refuse_model(model, "a tuple as `into` gives it: a net, its parameters, its running statistics")
    tensors = {str(name): value for tree in numbers for name, value in flatten(tree).items()}
    for name, value in tensors.items():
        if not isinstance(value, (np.ndarray, np.generic)):
            raise TypeError(f"model: {name} is a {type(value).__name__}; expected an array")
    return tensors


def torch_tensors(model: Any) -> dict[str, Array]:
    import torch

    if not isinstance(model, torch.nn.Module):
        refuse_model(model, "a torch.nn.Module")
    return {name: from_torch(f"model: {name}", tensor) for name, tensor in model.state_dict().items()}


def jax_tensors(model: Any) -> dict[str, Array]:
    from flax import nnx

    from crosscheck.backends.jax_watch import path_of

    if not isinstance(model, nnx.Module):
        refuse_model(model, "a flax.nnx.Module")
    flat = nnx.to_flat_state(nnx.state(model, nnx.Not(nnx.RngState)))
    return {path_of(keys): np.asarray(variable.get_value()) for keys, variable in flat}


def refuse_model(model: Any, expected: str) -> NoReturn:
    raise TypeError(f"model is a {type(model).__name__}; expected {expected}")


TENSORS: Mapping[str, Callable[[Any], dict[str, Array]]] = {
    "numpy": numpy_tensors,
    "torch": torch_tensors,
    "jax": jax_tensors,
}
