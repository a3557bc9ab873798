"""Where what a run records is put: a little in memory, the rest in a file, from which it is mapped.

So recording takes hardly more memory than the run itself. Pages that were looked at are the system's to take back.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import tempfile
import weakref
from pathlib import Path

import numpy as np

from crosscheck.axes import Array

ROOM = 2**24
"""Bytes of a run that stay in memory."""
PAGE = 2**12
"""Bytes. Smaller arrays stay in memory too."""
PART = 2**28
"""Bytes of a file at least."""
ROOMY = Path("/var/tmp")


class Shelf:
    """The arrays of one run. Its files have no names, and are gone with the last array."""

    def __init__(self, room: int = ROOM):
        self.room = room
        self.part: Part | None = None

    def keep(self, array: Array, copy: bool = True) -> Array:
        """An equal array that stays as it is; without `copy` the same one if it is to stay in memory."""
        self.room -= array.nbytes
        if self.room < 0 and array.nbytes >= PAGE:
            try:
                return self.written(array)
            except OSError:  # there is no room there either
                pass
        return np.array(array) if copy else array

    def written(self, array: Array) -> Array:
        if self.part is None or not self.part.takes(array.nbytes):
            self.part = Part(max(PART, array.nbytes))
        return self.part.written(array)


class Part:
    """One file, mapped as a whole and filled from the beginning."""

    def __init__(self, size: int):
        give_back()
        self.size, self.used = size, 0
        folder = None if "TMPDIR" in os.environ or not ROOMY.is_dir() else ROOMY
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        weakref.finalize(self, self.file.close)
        self.file.truncate(size)
        self.map = mmap.mmap(self.file.fileno(), size, access=mmap.ACCESS_READ)

    def takes(self, size: int) -> bool:
        return self.used + size <= self.size

    def written(self, array: Array) -> Array:
        """Written, not copied into the map: a full disk is an error then, and no fault."""
        self.file.seek(self.used)
        self.file.write(np.ascontiguousarray(array).data)
        self.file.flush()
        kept: Array = np.ndarray(array.shape, array.dtype, self.map, self.used)
        self.used += -(-array.nbytes // PAGE) * PAGE
        return kept


def give_back() -> None:
    """What was freed goes back to the system; glibc would hold on to it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
