"""Torch models of float64 that keep float32 somewhere (a softmax, statistics, tables), run as they would be without."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, ValuesView
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}
AS_BITS = torch.ops.aten.view.dtype
"""What this makes of a number depends on its format."""


class Wide(TorchDispatchMode):  # type: ignore[misc]
    """While open, operations make float64 of what they would make float32. places: where one was told to make it, or
    makes it of integers, as `here` says; constants that are filled in do not count."""

    def __init__(self, here: Callable[[], str] = lambda: "") -> None:
        super().__init__()
        self.here, self.places = here, dict[str, None]()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler, which takes a second, to keep it off this."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func == AS_BITS or func._schema.is_mutable:
            return func(*args, **kwargs)
        given = list(parts((args, kwargs.values())))
        if any(isinstance(x, torch.dtype) and x in WIDER for x in given):
            self.places[self.here()] = None
            args, kwargs = tree_map_only(torch.dtype, lambda dtype: WIDER.get(dtype, dtype), (args, kwargs))
        if func.is_view:
            return func(*args, **kwargs)
        if any(map(is_narrow, given)):
            args, kwargs = tree_map_only(torch.Tensor, lambda x: x.to(WIDER.get(x.dtype, x.dtype)), (args, kwargs))
        result = func(*args, **kwargs)
        if not any(map(is_narrow, parts((result,)))):
            return result
        if any(isinstance(x, torch.Tensor) for x in given):
            self.places[self.here()] = None
            return func(*tree_map_only(torch.Tensor, of_integers, args), **kwargs)
        return func(*args, **{**kwargs, "dtype": WIDER[result.dtype]})


def parts(values: Iterable[Any]) -> Iterator[Any]:
    """What lists and tuples hold, however deep."""
    for value in values:
        if isinstance(value, (list, tuple, ValuesView)):
            yield from parts(value)
        else:
            yield value


def is_narrow(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype in WIDER


def of_integers(x: torch.Tensor) -> torch.Tensor:
    return x if x.is_floating_point() or x.is_complex() else x.to(torch.float64)
