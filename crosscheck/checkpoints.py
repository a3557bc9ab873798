"""Checkpoints: files of named tensors, by PyTorch's names and axes, from which every column can be filled.

    tensors = load("resnet50.pth")                                          {name: array}, as the file has them
    model = into("torch", "nets.resnet.resnet50", "resnet50.pth")           a torch module; with "jax" an nnx module
    net, p, s = into("numpy", "nets.resnet.resnet50", "resnet50.pth")       the reference keeps its numbers beside it
    save("mine.safetensors", "jax", "nets.resnet.resnet50", model)          a file for `into`, and for PyTorch itself

Safetensors files are read without PyTorch; `.pth` and `.pt` by PyTorch with `weights_only=True`, so that code in a file
is never run. Names and shapes have to be those of the architecture, all of them and no others.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crosscheck import registry
from crosscheck.axes import Array
from crosscheck.layout import Layout, join
from crosscheck.names import nearest

Tensors = Mapping[str, Array]


# Files


def load(path: str | Path) -> dict[str, Array]:
    """The tensors of a file by their names. Raises ValueError, naming the file, if it holds anything else."""
    path = Path(path)
    if path.suffix not in READERS:
        raise ValueError(f"{path}: its name ends in {path.suffix!r}; expected one of {', '.join(READERS)}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    return READERS[path.suffix](path)


def read_safetensors(path: Path) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged, or no safetensors file ({error}); expected a whole one") from error


def read_torch(path: Path) -> dict[str, Array]:
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # of other pickle protocols: what counts is what is inside
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: {refusal(str(error))}; expected tensors by name and nothing else") from error
    except (RuntimeError, EOFError, OSError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"{path}: damaged, or no PyTorch file ({reason}); expected a whole one") from error
    if not isinstance(found, Mapping):
        raise ValueError(f"{path}: it holds a {type(found).__name__}; expected tensors by name, a state_dict()")
    for name, value in found.items():
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"{path}: {name} is a {type(value).__name__}; expected a tensor, as in a state_dict()")
    return {name: tensor.detach().numpy() for name, tensor in found.items()}


READERS: Mapping[str, Callable[[Path], dict[str, Array]]] = {
    ".safetensors": read_safetensors,
    ".pth": read_torch,
    ".pt": read_torch,
}


def refusal(message: str) -> str:
    """Why PyTorch did not unpickle the file, without its advice on how to trust it."""
    code = message.partition("GLOBAL ")[2].split()
    return (
        f"it holds code that loading would run, {code[0]}"
        if code
        else "damaged, or pickled by something else than torch.save"
    )


# Columns


def into(column: str, target: str, path: str | Path, **arguments: Any) -> Any:
    """The architecture `target(**arguments)` in a column, with the numbers of the file in the file's dtype.

    Raises ValueError, naming the file and the tensor, if the file does not hold what the architecture has.
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
    """Write the numbers of what `into` gives (or of a model built otherwise) as safetensors under PyTorch's names."""
    from safetensors.numpy import save_file

    require(column)
    if Path(path).suffix != ".safetensors":
        raise ValueError(f"{path}: its name ends in {Path(path).suffix!r}; expected .safetensors")
    net = registry.find("numpy", target)(**arguments)
    names, own, tensors = join(net, "torch"), join(net, column), TENSORS[column](model)
    own.require_coverage({name: value.shape for name, value in tensors.items()})
    params, state = own.from_column(tensors, trainable=True), own.from_column(tensors, trainable=False)
    named = names.to_column(params, trainable=True) | names.to_column(state, trainable=False)
    save_file({name: np.ascontiguousarray(value) for name, value in named.items()}, path)


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
        if array.dtype.kind != "f":
            raise ValueError(f"{path}: {name} holds {array.dtype}; expected floating-point numbers")
    if surplus:
        raise ValueError(f"{path}: {target} has no {', '.join(surplus)}; expected a file without")


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

    _, p, s = model
    tensors: dict[str, Array] = flatten(p) | flatten(s)
    return tensors


def torch_tensors(model: Any) -> dict[str, Array]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}


def jax_tensors(model: Any) -> dict[str, Array]:
    from flax import nnx

    from crosscheck.backends.jax_watch import path_of

    flat = nnx.to_flat_state(nnx.state(model, nnx.Not(nnx.RngState)))
    return {path_of(keys): np.asarray(variable.get_value()) for keys, variable in flat}


TENSORS: Mapping[str, Callable[[Any], dict[str, Array]]] = {
    "numpy": numpy_tensors,
    "torch": torch_tensors,
    "jax": jax_tensors,
}
