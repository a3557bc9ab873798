"""Watching and forcing the calls of a torch model's submodules, with hooks on the copy alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from crosscheck.axes import Array
from crosscheck.models.masks import dropped
from crosscheck.models.model import Arrays, Ask, Call, call_key, kind_of, stand_in
from crosscheck.models.shelf import Shelf
from crosscheck.models.trees import flatten, rebuild

F = nn.functional
DROPOUTS = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, torch.dropout)

ATTENTIONS = (F.multi_head_attention_forward,)


def is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


class SharedDropout(TorchFunctionMode):  # type: ignore[misc]
    """Dropout's masks come from the values themselves (masks.py), so that both sides draw the same. Fused attention
    keeps its weights to itself, so its dropout is left out."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in DROPOUTS:
            given = dict(zip(("input", "p", "training"), args)) | kwargs
            x = given["input"]
            return dropped(x, given.get("p", 0.5), x.detach(), torch) if given.get("training", True) else x
        if func in ATTENTIONS:
            bound = inspect.signature(func).bind(*args, **kwargs)
            bound.arguments["dropout_p"] = 0.0
            args, kwargs = bound.args, bound.kwargs
        elif func is F.scaled_dot_product_attention:
            args = (*args[:4], 0.0, *args[5:]) if len(args) > 4 else args
            kwargs = {**kwargs, "dropout_p": 0.0} if "dropout_p" in kwargs else kwargs
        return func(*args, **kwargs)


class Watcher:
    """Records every call of every submodule; forces those that are asked for.

    `terms` are the parts of the loss that give forced calls their cotangents. `keep` makes of a tensor what is recorded
    of it.
    """

    def __init__(
        self, module: nn.Module, ask: Ask, device: torch.device, keep: Callable[[torch.Tensor], Array] | None = None
    ):
        self.module, self.ask, self.device, self.shelf = module, ask, device, Shelf()
        self.keep = keep or self.kept
        self.calls: list[Call] = []
        self.stack: list[Call] = []
        self.counts: dict[str, int] = {}
        self.terms: list[torch.Tensor] = []

    @contextmanager
    def watching(self, wanted: bool) -> Iterator[None]:
        handles = []
        for path, part in self.module.named_modules() if wanted else ():
            if isinstance(part, torch.jit.ScriptModule):
                continue
            handles.append(part.register_forward_pre_hook(self.before(path), with_kwargs=True))
            handles.append(part.register_forward_hook(self.after(), with_kwargs=True, always_call=False))
        try:
            with SharedDropout():
                yield
        finally:
            for handle in handles:
                handle.remove()

    def here(self) -> str:
        """The module whose code is run."""
        return self.stack[-1].path if self.stack else ""

    def before(self, path: str) -> Any:
        def hook(part: nn.Module, args: Any, kwargs: Any) -> Any:
            key = call_key(path, self.counts)
            call = Call(key, kind_of(part), self.stack[-1].key if self.stack else None)
            self.stack.append(call)
            given = {name.partition(".")[2]: value for name, value in flatten((args, kwargs), is_tensor).items()}
            full = {name.partition(".")[2]: name for name in flatten((args, kwargs), is_tensor)}
            call.inputs = {name: self.keep(value) for name, value in given.items()}
            store, forced = call.input_cotangents, self.ask.forced.get(key)
            taken = (
                self.force(given, forced.inputs, forced.input_cotangents, store)
                if forced
                else self.viewed(given, store)
            )
            return rebuild((args, kwargs), {full[name]: value for name, value in taken.items()})

        return hook

    def after(self) -> Any:
        def hook(part: nn.Module, args: Any, kwargs: Any, result: Any) -> Any:
            call = self.stack.pop()
            self.calls.append(call)
            given = flatten(result, is_tensor)
            call.outputs = {name: self.keep(value) for name, value in given.items()}
            store, forced = call.cotangents, self.ask.forced.get(call.key)
            gone = self.force(given, forced.outputs, forced.cotangents, store) if forced else self.copied(given, store)
            return rebuild(result, gone)

        return hook

    def force(
        self,
        given: dict[str, torch.Tensor],
        values: Mapping[str, Array],
        cotangents: Mapping[str, Array],
        store: Arrays,
    ) -> dict[str, torch.Tensor]:
        """Tensors are replaced; what came is weighed with the cotangent that it would have got."""
        found = dict(given)
        for name, came in given.items():
            value = values.get(name)
            if value is not None and value.shape == tuple(came.shape):
                self.weigh(came, cotangents, name)
                found[name] = self.instead(value, came.detach(), self.adding(store, name))
        return found

    def instead(self, value: Array, came: torch.Tensor, told: Callable[[torch.Tensor], None]) -> torch.Tensor:
        """A tensor from which nothing leads back, and of whose gradient is told. It lies in memory as what came does:
        `view` takes no other."""

        def made() -> torch.Tensor:
            return torch.empty_like(came).copy_(self.like(value, came.dtype))

        if not came.dtype.is_floating_point or self.ask.cotangents is None:
            return made()
        anchor = torch.zeros((), requires_grad=True, device=self.device)
        return Instead.apply(anchor, made, told)

    def weigh(self, value: torch.Tensor, cotangents: Mapping[str, Array], name: str) -> None:
        if name in cotangents and value.requires_grad and self.ask.cotangents is not None:
            dtype = value.dtype
            self.terms.append(Weighed.apply(value, lambda: self.like(cotangents[name], dtype)))

    def like(self, array: Array, dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor(np.asarray(array, order="C"), dtype=dtype, device=self.device)

    def viewed(self, given: dict[str, torch.Tensor], store: Arrays) -> dict[str, torch.Tensor]:
        """The tensors through views, so that the gradients kept are those that pass here alone."""
        views = {name: value.view_as(value) for name, value in given.items()}
        self.keep_gradients(views, store)
        return views

    def copied(self, given: dict[str, torch.Tensor], store: Arrays) -> dict[str, torch.Tensor]:
        """The same through copies, which may be changed in place afterwards: the hooks of a view would be lost."""
        copies = {name: value.clone() for name, value in given.items() if value.requires_grad}
        self.keep_gradients(copies, store)
        return copies

    def keep_gradients(self, tensors: Mapping[str, torch.Tensor], store: Arrays) -> None:
        for name, tensor in tensors.items():
            if tensor.requires_grad:
                tensor.register_hook(self.adding(store, name))

    def adding(self, store: Arrays, name: str) -> Callable[[torch.Tensor], None]:
        """Puts a gradient into `store` when it comes."""

        def hook(grad: torch.Tensor) -> None:
            store[name] = store[name] + numpy(grad) if name in store else self.keep(grad)

        return hook

    def kept(self, tensor: torch.Tensor) -> Array:
        return self.shelf.keep(numpy(tensor, copy=False))

    def collect(self) -> None:
        """Calls whose gradient never came have none: they do not lead to the outputs."""
        for call in self.calls:
            for kept, values in ((call.cotangents, call.outputs), (call.input_cotangents, call.inputs)):
                for name in [name for name in values if name in kept and kept[name].shape != values[name].shape]:
                    del kept[name]

    def finished(self) -> list[Call]:
        return self.calls


class Instead(torch.autograd.Function):  # type: ignore[misc]
    """What `value` makes, in another's place; `told` gets its gradient."""

    @staticmethod
    def forward(
        ctx: Any, anchor: torch.Tensor, value: Callable[[], torch.Tensor], told: Callable[[torch.Tensor], None]
    ) -> Any:
        ctx.told = told
        return value()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        ctx.told(gradient)
        return None, None, None


class Weighed(torch.autograd.Function):  # type: ignore[misc]
    """A part of the loss that is nothing but its gradient, which is made when it is needed."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, gradient: Callable[[], torch.Tensor]) -> Any:
        ctx.gradient = gradient
        return value.new_zeros((), dtype=torch.float64)

    @staticmethod
    def backward(ctx: Any, _: torch.Tensor) -> Any:
        return ctx.gradient(), None


def shadow(tensor: torch.Tensor) -> Array:
    """A stand-in of the tensor's shape."""
    return stand_in(tuple(tensor.shape), np.float64)


def numpy(tensor: torch.Tensor, copy: bool = True) -> Array:
    """As a NumPy array; bfloat16, which NumPy lacks, as float32."""
    tensor = tensor.detach().cpu()
    if tensor.is_sparse or tensor.is_quantized:
        tensor = tensor.to_dense() if tensor.is_sparse else tensor.dequantize()
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array.copy() if copy else array
