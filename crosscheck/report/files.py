"""Files that are either complete or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write the file under another name beside its place and move it there: no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(part, 0o666 & ~mask())
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def mask() -> int:
    """The permissions that new files here do not get; mkstemp gives none to anybody else."""
    current = os.umask(0)
    os.umask(current)
    return current
