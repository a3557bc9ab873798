"""Tensors in a folder, one file each, of which only those are in memory that somebody holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from crosscheck.axes import Array
from crosscheck.observation import Key

LARGEST = 1 << 23
"""How many numbers a piece may have: what is computed with one takes about twenty times its memory."""


class Shelf(Mapping[Key, Array]):
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.files: dict[Key, Path] = {}

    def put(self, key: Key, array: Array) -> None:
        file = self.folder / f"{len(self.files)}.npy"
        np.save(file, array)
        self.files[key] = file

    def __getitem__(self, key: Key) -> Array:
        array: Array = np.load(self.files[key])
        return array

    def __contains__(self, key: object) -> bool:
        return key in self.files

    def __iter__(self) -> Iterator[Key]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def pieces(key: Key, array: Array) -> Iterator[tuple[Key, Array]]:
    """The tensor, cut along its first axis if it is large: each piece is judged like a tensor of its own, which is
    stricter. The piece's path tells its rows: "classifier.0.W[0:334]"."""
    if array.size <= LARGEST:
        yield key, array
        return
    rows = max(1, LARGEST * len(array) // array.size)
    for start in range(0, len(array), rows):
        stop = min(start + rows, len(array))
        yield Key(key.kind, f"{key.path}[{start}:{stop}]"), array[start:stop]
