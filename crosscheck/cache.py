"""Where results are kept between runs: compiled programs and noise floors. CROSSCHECK_CACHE names another folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_suspended = False


def folder(name: str) -> Path:
    root = os.environ.get("CROSSCHECK_CACHE") or Path.home() / ".cache" / "crosscheck"
    path = Path(root) / name
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def suspended() -> Iterator[None]:
    """While open, nothing that depends on the sources is read or written: they may have been patched."""
    global _suspended
    before, _suspended = _suspended, True
    try:
        yield
    finally:
        _suspended = before


def is_suspended() -> bool:
    return _suspended


@cache
def source_hash(*packages: str) -> str:
    """A digest of all Python sources of the packages, so that what was computed from other sources is not used."""
    import importlib

    digest = hashlib.sha256()
    for package in packages:
        for root in importlib.import_module(package).__path__:
            for file in sorted(Path(root).rglob("*.py")):
                digest.update(file.relative_to(root).as_posix().encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
