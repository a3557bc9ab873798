"""Programs of the JAX column, kept whole between runs: JAX takes longer to trace and lower most of them than to run
them, and its own cache of compiled programs is asked only after that."""

from __future__ import annotations

import functools
import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental.compilation_cache.compilation_cache import reset_cache
from jax.experimental.serialize_executable import deserialize_and_load, serialize

from crosscheck import cache

SOURCES = ("jax_impl", "crosscheck.backends")
"""Packages on whose sources a program depends."""
LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy")


class Program:
    """A function of arrays, compiled for a device at the first call with arguments of their shapes.

    `name` and the options tell it from all others of unchanged sources.
    """

    def __init__(self, function: Callable[..., Any], name: str, device: Any, options: Mapping[str, Any] | None) -> None:
        self.jitted = jax.jit(function, compiler_options=dict(options) if options else None)
        self.name, self.device = f"{name}|{options}", device
        self.compiled: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        leaves, tree = jax.tree.flatten(args)
        key = tree, tuple((np.shape(leaf), np.result_type(leaf)) for leaf in leaves)
        if key not in self.compiled:
            self.compiled[key] = self.fetch(f"{self.name}|{key}", args)
        return self.compiled[key](*args)

    def fetch(self, name: str, args: Any) -> Any:
        """The program as it was kept, or compiled. A GPU's are left to JAX's own cache, as are those of sources that
        may have been patched."""
        if cache.is_suspended("programs") or self.device.platform != "cpu":
            return self.jitted.lower(*args).compile()

        def make() -> Any:
            with afresh():
                return self.jitted.lower(*args).compile()

        file = digest(name, self.device)
        return cache.keep("programs", SOURCES, file, partial(load, device=self.device), make, written)


@contextmanager
def afresh() -> Iterator[None]:
    """While open, JAX's own cache is not asked: what was read from it loses its functions when written once more."""
    jax.config.update("jax_enable_compilation_cache", False)
    reset_cache()  # or the answer to whether there is one stays what it was
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
        reset_cache()


def digest(name: str, device: Any) -> str:
    """Of all that a program depends on but the sources: its name, the libraries, the machine."""
    versions = [version(library) for library in LIBRARIES]
    return hashlib.sha256(f"{name}|{versions}|{device.device_kind}|{processor()}".encode()).hexdigest()


@functools.cache
def processor() -> str:
    """What the processor can do: a program may not run on another."""
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def written(program: Any) -> bytes | None:
    """None for what JAX cannot write: programs that hold arrays of their own."""
    try:
        return pickle.dumps(serialize(program))
    except (ValueError, NotImplementedError):
        return None


def load(file: Path, device: Any) -> Any:
    """The program, or None if there is none, or none that can be read."""
    try:
        content = pickle.loads(file.read_bytes())
        return deserialize_and_load(*content, backend=device.client, execution_devices=[device])
    except (OSError, EOFError, ValueError, TypeError, pickle.UnpicklingError, jax.errors.JaxRuntimeError):
        return None
