"""How a framework's own layer is made: the line that makes another one with the same settings."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import Any

from crosscheck.axes import Array
from crosscheck.models.model import Model, plain

HOMES = {"torch": ("torch.nn", "torch.nn"), "flax.nnx": ("flax.nnx", "nnx"), "flax.linen": ("flax.linen", "linen")}
SWITCHES = ("self", "use_running_average", "deterministic", "parent", "name")
"""Settings that train() and eval() make, or that belong to the model around."""


def constructed(model: Model, path: str, kind: str, leaves: Mapping[str, Array]) -> str:
    """ "layer = nn.Linear(5, 7)"; "" for a class that is not the framework's, or whose settings it does not keep."""
    home, short = HOMES.get(model.framework, ("", ""))
    found = getattr(sys.modules.get(home), kind, None) if home else None
    if found is None or not is_exactly(model, path, found):
        return ""
    config = dict(model.config(path))
    if model.framework == "torch":
        config["bias"] = any(name.endswith("bias") for name in leaves)
    words: list[str] = []
    for name, parameter in inspect.signature(found.__init__).parameters.items():
        if name in SWITCHES or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name == "rngs":
            words.append("rngs=nnx.Rngs(0)")
        elif name in config and plain(config[name]):
            words += [f"{name}={config[name]!r}"] if config[name] != parameter.default else []
        elif parameter.default is parameter.empty:
            return ""
    return f"layer = {short}.{kind}({', '.join(words)})"


def is_exactly(model: Any, path: str, found: type) -> bool:
    """Whether the module is of this very class: a subclass computes something else."""
    if model.framework == "torch":
        return type(model.module.get_submodule(path)) is found
    if model.framework == "flax.nnx":
        return type(model.parts[path]) is found
    return True
