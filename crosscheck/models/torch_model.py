"""A torch.nn.Module, or a plain function of tensors, opened for comparison. Works on a deep copy."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from crosscheck.axes import Array
from crosscheck.models import torch_axes
from crosscheck.models.model import Arrays, Ask, Leaf, Look, Model, Run, cast, kind_of, plain, stand_in
from crosscheck.models.open import NotAModel
from crosscheck.models.torch_watch import Watcher, is_tensor, numpy, shadow
from crosscheck.models.torch_wide import Wide
from crosscheck.models.trees import flatten


class TorchModel(Model):
    framework = "torch"

    def __init__(self, given: Any, inputs: Mapping[str, Array], by_name: bool):
        self.by_name, self.notes = by_name, []
        self.name = type(given).__name__ if isinstance(given, nn.Module) else getattr(given, "__name__", "function")
        whole = given if isinstance(given, nn.Module) else Function(given)
        self.compiled = hasattr(whole, "_orig_mod")
        self.device = device_of(whole, self.name)
        self.home = self.machine = f"{self.device.type}:{self.device.index or 0}"
        with self.fenced():
            self.module = copied(whole._orig_mod if self.compiled else whole)
            self.build(inputs)
        self.call = torch.compile(self.module) if self.compiled else self.module
        tensors, self.parts = self.tensors(), dict(self.module.named_modules())
        homes = self.homes()
        self.leaves = tuple(self.leaf_of(name, tensor, homes.get(id(tensor), [])) for name, tensor in tensors.items())
        self.given = {name: numpy(tensor) for name, tensor in tensors.items()}
        self.types = {name: tensor.dtype for name, tensor in tensors.items()}

    def fenced(self) -> AbstractContextManager[None]:
        """While open, random numbers are drawn for us alone."""
        fence: AbstractContextManager[None] = torch.random.fork_rng([self.device] if self.device.type == "cuda" else [])
        return fence

    def build(self, inputs: Mapping[str, Array]) -> None:
        """A module whose parameters are made by its first call is called once."""
        if any(isinstance(p, nn.UninitializedParameter) for p in self.module.parameters()):
            self.notes.append(f"{self.name} was not built yet: a copy of it was, by one call")
            args, kwargs = self.arguments({name: self.tensor(value, "") for name, value in inputs.items()})
            with torch.no_grad():
                self.module(*args, **kwargs)

    def tensors(self) -> dict[str, torch.Tensor]:
        return dict(self.module.named_parameters()) | dict(self.module.named_buffers())

    def homes(self) -> dict[int, list[str]]:
        """All paths at which each tensor is."""
        found: dict[int, list[str]] = {}
        for name, tensor in [*self.module.named_parameters(remove_duplicate=False), *self.module.named_buffers()]:
            found.setdefault(id(tensor), []).append(name)
        return found

    def leaf_of(self, path: str, tensor: torch.Tensor, homes: Sequence[str]) -> Leaf:
        aliases = tuple(name for name in homes if name != path)
        owner, _, name = path.rpartition(".")
        kind = kind_of(self.parts[owner])
        shape = tuple(tensor.shape)
        trainable = isinstance(tensor, nn.Parameter)
        axes = torch_axes.axes(kind, name, len(shape))
        return Leaf(path, shape, str(tensor.dtype).removeprefix("torch."), trainable, kind, axes, aliases)

    def values(self) -> Arrays:
        return dict(self.given)

    def kinds(self) -> Mapping[str, str]:
        return {path: kind_of(part) for path, part in self.parts.items()}

    def config(self, path: str) -> Mapping[str, Any]:
        part = self.parts[path]
        return {name: value for name, value in vars(part).items() if not name.startswith("_") and plain(value)}

    def takes(self, inputs: Mapping[str, Array]) -> bool:
        """Whether the function works on tensors."""
        args, kwargs = self.arguments({name: self.tensor(value, "") for name, value in inputs.items()})
        try:
            with torch.no_grad(), self.fenced():
                found = flatten(self.module(*args, **kwargs), is_tensor)
        except Exception:
            return False
        return bool(found)

    def arguments(self, inputs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return ((), dict(inputs)) if self.by_name else (tuple(inputs.values()), {})

    def tensor(self, value: Array, dtype: str) -> torch.Tensor:
        array = cast(value, dtype)
        return torch.from_numpy(np.array(array, order="C")).to(self.device)

    def as_input(self, value: Array, dtype: str) -> torch.Tensor:
        """In a model's own dtype its inputs are too, if it has but one."""
        tensor, own = self.tensor(value, dtype), {kind for kind in self.types.values() if kind.is_floating_point}
        return tensor.to(own.pop()) if not dtype and len(own) == 1 and tensor.is_floating_point() else tensor

    def look(self, ask: Ask) -> Look:
        ask = replace(ask, trace=True, cotangents=None)
        watcher = Watcher(self.module, ask, self.device, shadow)
        wide = Wide(watcher.here)
        try:
            with wide if ask.dtype == "float64" and not self.compiled else nullcontext():
                run = self.watched(ask, watcher)
            self.narrow = tuple(wide.places)
        except Exception:
            run = self.watched(ask, Watcher(self.module, ask, self.device, shadow))
        return Look.of(run.calls, run.outputs)

    def run(self, ask: Ask) -> Run:
        if ask.dtype == "float64" and self.narrow:
            try:
                with Wide():
                    return self.watched(ask, Watcher(self.module, ask, self.device))
            except Exception:  # something in it takes nothing but float32
                self.narrow = ()
        return self.watched(ask, Watcher(self.module, ask, self.device))

    def watched(self, ask: Ask, watcher: Watcher) -> Run:
        with self.prepared(ask):
            inputs = {name: self.as_input(value, ask.dtype) for name, value in ask.inputs.items()}
            for tensor in inputs.values():
                tensor.requires_grad_(tensor.is_floating_point() and ask.cotangents is not None)
            args, kwargs = self.arguments({k: v.clone() if v.requires_grad else v for k, v in inputs.items()})
            with watcher.watching(ask.trace or bool(ask.forced)):
                result = self.call(*args, **kwargs)
            outputs = flatten(result, is_tensor)
            kept = {name: numpy(value) for name, value in outputs.items()}
            gradients, input_gradients = self.differentiate(outputs, inputs, ask, watcher)
            state = {name: numpy(buffer) for name, buffer in self.module.named_buffers()}
            return Run(kept, gradients, input_gradients, state, watcher.finished())

    def differentiate(
        self, outputs: Mapping[str, torch.Tensor], inputs: Mapping[str, torch.Tensor], ask: Ask, watcher: Watcher
    ) -> tuple[Arrays, Arrays]:
        if ask.cotangents is None:
            return {}, {}
        terms = list(watcher.terms)
        for name, output in outputs.items():
            if output.requires_grad and name in ask.cotangents:
                terms.append((output * self.tensor(ask.cotangents[name], "").to(output.dtype)).sum())
        params = dict(self.module.named_parameters())
        if terms:
            torch.stack([term.to(terms[0].dtype) for term in terms]).sum().backward()
        found = {name: gradient(param, watcher) for name, param in params.items()}
        by_input = {name: gradient(value, watcher) for name, value in inputs.items() if value.is_floating_point()}
        watcher.collect()
        return found, by_input

    @contextmanager
    def prepared(self, ask: Ask) -> Iterator[None]:
        """The copy with the values, dtype and mode of the run; randomness is fenced in."""
        for name, tensor in {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}.items():
            own = self.types[name]
            wanted = torch.float64 if ask.dtype == "float64" and own.is_floating_point else own
            tensor.data = self.tensor(ask.values.get(name, self.given[name]), "").to(wanted)
            if isinstance(tensor, nn.Parameter):
                tensor.requires_grad_(tensor.is_floating_point())
        self.module.train(ask.train)
        with self.fenced(), torch.enable_grad():
            torch.manual_seed(ask.seed)
            yield


class Function(nn.Module):  # type: ignore[misc]
    """A function of tensors as a module without parameters."""

    def __init__(self, function: Any):
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def device_of(module: nn.Module, name: str) -> torch.device:
    """That of the first parameter or buffer."""
    device: torch.device = next((x.device for x in [*module.parameters(), *module.buffers()]), torch.device("cpu"))
    if device.type == "meta":
        raise NotAModel(
            f"{name} is on the meta device, where tensors have no values; expected one that has been filled"
        )
    return device


def copied(module: nn.Module) -> nn.Module:
    """A deep copy, of which hooks of the user's are gone; with the reason if it cannot be copied."""
    try:
        twin: nn.Module = copy.deepcopy(module)
    except Exception as error:
        raise NotAModel(
            f"{type(module).__name__} cannot be deep-copied ({error}), and comparing works on a copy; "
            "expected a module that holds only what can be copied"
        ) from error
    return twin


def gradient(tensor: torch.Tensor, watcher: Watcher) -> Array:
    """Kept, and not in the tensor any more."""
    grad, tensor.grad = tensor.grad, None
    return stand_in(tuple(tensor.shape), numpy(tensor, copy=False).dtype) if grad is None else watcher.kept(grad)
