"""Where results are kept between runs: programs, noise floors, proofs. CROSSCHECK_CACHE names another folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

KEPT = ("noise", "proofs", "programs")
"""What depends on sources of this project: noise floors and proofs on the reference's, programs on the JAX column's."""

WEEK = 7 * 24 * 3600.0

T = TypeVar("T")

_suspended: set[str] = set()


def keep(
    kind: str,
    packages: Sequence[str],
    name: str,
    load: Callable[[Path], T | None],
    make: Callable[[], T],
    written: Callable[[T], bytes | None],
) -> T:
    """What was kept under this name, or else what is made, which is then kept; only what is made if the kind is
    suspended. `load` gives None for a file that is missing, damaged or does not fit, `written` for what cannot be kept.
    """
    if is_suspended(kind):
        return make()
    file = folder(kind, *packages) / name
    if (found := load(file)) is None:
        found = make()
        if (content := written(found)) is not None:
            write(file, content)
    return found


def folder(name: str, *packages: str) -> Path:
    """Where results of this kind are kept: those computed from the packages' sources as they are now, if any is named.
    What other sources gave is removed when it has not been asked for in a week."""
    root = os.environ.get("CROSSCHECK_CACHE") or Path.home() / ".cache" / "crosscheck"
    path = Path(root) / name
    if packages:
        path /= source_hash(*packages)[:16]
    path.mkdir(parents=True, exist_ok=True)
    if packages:
        used(path)
    return path


@cache
def used(path: Path) -> None:
    os.utime(path)
    for other in path.parent.iterdir():
        if other.stat().st_mtime < time.time() - WEEK:
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def suspended(*names: str) -> Iterator[None]:
    """While open, nothing of these kinds (of any, if none is named) is read or written: sources have been patched."""
    global _suspended
    before, _suspended = _suspended, _suspended | set(names or KEPT)
    try:
        yield
    finally:
        _suspended = before


def is_suspended(name: str) -> bool:
    return name in _suspended


def write(file: Path, content: bytes) -> None:
    """Atomically, so that an interrupted run leaves no half file."""
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
        part.write(content)
    os.replace(part.name, file)


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
