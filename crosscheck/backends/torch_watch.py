"""Watching the submodules of a torch model: what goes in and out of each call, and the gradients by both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from crosscheck.axes import Array
from crosscheck.backends.base import astuple
from crosscheck.observation import Node


class Call:
    """One recorded call of a submodule; holds tensors until their gradients are known."""

    def __init__(self, path: str, inputs: tuple[torch.Tensor, ...], outputs: tuple[torch.Tensor, ...]):
        self.path, self.inputs, self.outputs = path, inputs, outputs
        self.gradients: Mapping[int, torch.Tensor] = {}

    def node(self) -> Node:
        def grad(tensor: torch.Tensor) -> Array | None:
            return numpy(self.gradients[id(tensor)]) if id(tensor) in self.gradients else None

        return Node(
            self.path,
            tuple(numpy(x) for x in self.inputs),
            tuple(numpy(y) for y in self.outputs),
            tuple(grad(y) for y in self.outputs),
            tuple(grad(x) for x in self.inputs),
        )


def watched_modules(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Every submodule that computes something itself: no containers, nor activations, which are functions elsewhere."""
    unwatched = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ReLU, nn.ReLU6, nn.SiLU)
    return [(path, part) for path, part in module.named_modules() if not isinstance(part, unwatched)]


@contextmanager
def watching(module: nn.Module, wanted: bool) -> Iterator[list[Call]]:
    """Record every submodule's calls. Inputs pass through a view, so that their gradient is this module's alone."""
    calls: list[Call] = []
    handles = []

    def before(part: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(x.view_as(x) if isinstance(x, torch.Tensor) else x for x in args)

    for path, part in watched_modules(module) if wanted else ():

        def after(part: nn.Module, args: tuple[Any, ...], output: Any, path: str = path) -> None:
            inputs = tuple(x for x in args if isinstance(x, torch.Tensor))
            calls.append(Call(path, inputs, tuple(y for y in astuple(output) if isinstance(y, torch.Tensor))))

        handles += [part.register_forward_pre_hook(before), part.register_forward_hook(after)]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def numpy(tensor: torch.Tensor) -> Array:
    """As a NumPy array; bfloat16, which NumPy lacks, as float32."""
    tensor = tensor.detach().cpu()
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array
