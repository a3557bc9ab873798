"""Files of named tensors, as NumPy's arrays: safetensors without PyTorch, `.pth` and `.pt` by PyTorch.

PyTorch reads with `weights_only=True`, so that code in a file is never run. NumPy has no bfloat16: its numbers come as
float32, which has them all. Whatever else NumPy lacks (float8, quantized, sparse and nested tensors, those of the meta
device) is refused by its name, and so is a file that is damaged or that holds anything but tensors.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from crosscheck.axes import Array

SAFETENSORS: Mapping[str, str] = {
    "BOOL": "?",
    **{f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
    "BF16": "<u2",
    "C64": "<c8",
}
"""NumPy's dtype for the bytes of each of the format's; bfloat16 is the upper half of float32."""


def load(path: str | Path) -> dict[str, Array]:
    """The tensors of a file by their names. Raises ValueError, naming the file, if it holds anything else."""
    path = Path(path)
    if path.suffix not in READERS:
        raise ValueError(f"{path}: its name ends in {path.suffix!r}; expected one of {', '.join(READERS)}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file")
    path.open("rb").close()  # what may not be read is not damaged: the system's own error says so
    return READERS[path.suffix](path)


# Safetensors


def read_safetensors(path: Path) -> dict[str, Array]:
    from safetensors import SafetensorError, deserialize

    try:
        found = dict(deserialize(path.read_bytes()))  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ValueError(f"{path}: damaged, or no safetensors file ({error}); expected a whole one") from error
    return {name: from_bytes(f"{path}: {name}", found[name]) for name in sorted(found)}


def from_bytes(where: str, stored: Mapping[str, Any]) -> Array:
    dtype = stored["dtype"]
    if dtype not in SAFETENSORS:
        raise ValueError(f"{where} holds {dtype}; expected one of {', '.join(SAFETENSORS)}")
    array: Array = np.frombuffer(stored["data"], SAFETENSORS[dtype]).reshape(stored["shape"])
    return (array.astype(np.uint32) << 16).view(np.float32) if dtype == "BF16" else array


def write(path: Path, tensors: Mapping[str, Array], facts: Mapping[str, str] | None = None) -> None:
    """Write safetensors: the whole file or, with an OSError that names it, nothing."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}; expected one to write into")
    part = path.with_name(f".{path.name}.part")
    try:
        save_file({name: np.asarray(value, order="C") for name, value in tensors.items()}, part, facts)
        os.replace(part, path)
    except (SafetensorError, OSError) as error:
        raise OSError(f"{path}: could not be written ({error}); expected the name of a file that can be") from error
    finally:
        part.unlink(missing_ok=True)


# PyTorch's own files


def read_torch(path: Path) -> dict[str, Array]:
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # of other pickle protocols: what counts is what is inside
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: {refusal(str(error))}; expected tensors by name and nothing else") from error
    except Exception as error:  # damage leads PyTorch's reader anywhere: to indices, keys, struct, Unicode, memory
        raise ValueError(f"{path}: damaged, or no PyTorch file ({reason(error)}); expected a whole one") from error
    if not isinstance(found, Mapping):
        raise ValueError(f"{path}: it holds a {type(found).__name__}; expected tensors by name, a state_dict()")
    for name, value in found.items():
        if not isinstance(name, str):
            raise ValueError(f"{path}: it names a tensor {name!r}; expected a string, as in a state_dict()")
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"{path}: {name} is a {type(value).__name__}; expected a tensor, as in a state_dict()")
    return {name: from_torch(f"{path}: {name}", tensor, widen=True) for name, tensor in found.items()}


def refusal(message: str) -> str:
    """Why PyTorch did not unpickle the file, without its advice on how to trust it."""
    code = message.partition("GLOBAL ")[2].partition(" ")[0]
    if code and all(code.split(".")):  # a name without a part is damage
        return f"it holds code that loading would run, {code}"
    return "damaged, or pickled by something else than torch.save"


def reason(error: Exception) -> str:
    """What went wrong, in one sentence: later ones are PyTorch's advice."""
    sentence = str(error).partition("\n")[0].partition(". ")[0]
    return f"{type(error).__name__}: {sentence}" if sentence else type(error).__name__


def from_torch(where: str, tensor: Any, widen: bool = False) -> Array:
    """A tensor of PyTorch's as NumPy has it, bfloat16 as float32 if it may be widened."""
    import torch

    dense = tensor.float() if widen and tensor.dtype == torch.bfloat16 else tensor
    try:
        array: Array = dense.detach().cpu().resolve_conj().resolve_neg().numpy()
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{where} holds {described(tensor)}; expected dense numbers of NumPy's dtypes") from error
    return array


def described(tensor: Any) -> str:
    """What is unusual about a tensor."""
    dtype, layout = (str(what).removeprefix("torch.") for what in (tensor.dtype, tensor.layout))
    form = "nested" if tensor.is_nested else layout
    unusual = [form] * (form != "strided") + [f"on {tensor.device}"] * (tensor.device.type != "cpu")
    return ", ".join([dtype, *unusual])


READERS: Mapping[str, Callable[[Path], dict[str, Array]]] = {
    ".safetensors": read_safetensors,
    ".pth": read_torch,
    ".pt": read_torch,
}
