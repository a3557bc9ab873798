"""A port: one model written in torch and once more in flax, sound unless a mistake is planted in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flax import nnx

import crosscheck


@dataclass(frozen=True)
class Mistake:
    """plant: changes the port, in place. blame: where the first divergence is to be found, a module of the torch model
    or the body of the module in whose wiring it lies; several if more than one answer is right. cause: its name in the
    catalogue, "" for one that is not in it. seen: False for a mistake that no output, gradient or buffer shows."""

    name: str
    plant: Callable[[Any], None]
    blame: Sequence[str]
    cause: Sequence[str] = ()


@dataclass(frozen=True)
class Port:
    """first, second: make the models; inputs: arrays in the first's layout, by the names of its arguments."""

    name: str
    first: Callable[[], Any]
    second: Callable[[], Any]
    inputs: Callable[[], Mapping[str, Any]]
    mistakes: Sequence[Mistake] = field(default_factory=tuple)

    def broken(self, *mistakes: Mistake) -> Any:
        model = self.second()
        for mistake in mistakes:
            mistake.plant(model)
        return model.given() if hasattr(model, "given") else model

    def compared(self, *mistakes: Mistake, turned: bool = False, **options: Any) -> Any:
        """The report on the original and its port; `turned`: with the port first, which takes images channels last."""
        models, inputs = (self.first(), self.broken(*mistakes)), self.inputs()
        if not turned:
            return crosscheck.compare(*models, inputs, **options)
        moved = {name: np.moveaxis(x, 1, -1).copy() if x.ndim == 4 else x for name, x in inputs.items()}
        return crosscheck.compare(*reversed(models), moved, **options)


def change(path: str, **attributes: Any) -> Callable[[Any], None]:
    """Sets attributes of the part at a dotted path, digits being indices."""

    def plant(model: Any) -> None:
        part = model
        for key in path.split(".") if path else ():
            part = part[int(key)] if key.isdigit() else getattr(part, key)
        for name, value in attributes.items():
            setattr(part, name, value)

    return plant


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def tokens(below: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, below, shape)


def rngs() -> nnx.Rngs:
    return nnx.Rngs(0)


class BatchNorm(nnx.BatchNorm):
    """With the running variance that torch keeps, n/(n - 1) of the batch's."""

    def __call__(self, x, use_running_average=None):
        still = nnx.module.first_from(use_running_average, self.use_running_average, error_msg="")
        before = None if still else self.var[...]
        y = super().__call__(x, still)
        if not still:
            n = x.size // x.shape[-1]
            self.var[...] = self.momentum * before + (self.var[...] - self.momentum * before) * n / (n - 1)
        return y
