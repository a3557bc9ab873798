"""Pairings as files: what `crosscheck layout -o` writes, to be looked at, changed by hand and used again.

A file is either a whole pairing or, as a person would write it, a few pairs: {"fc.weight": "head.kernel"}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crosscheck.pairing.links import Pairing, from_data
from crosscheck.report.files import write_atomically

FORMAT, VERSION = "crosscheck pairing", 1

Given = Mapping[str, Any] | Pairing | None


def save(pairing: Pairing, path: Path, **about: Any) -> None:
    """Write the pairing, one link a line; `about` is said beside it."""
    data = pairing.as_data()
    links = ",\n".join("  " + json.dumps(link, ensure_ascii=False) for link in data.pop("links"))
    head = {"format": FORMAT, "version": VERSION, **about}
    lines = [f'"{name}": {json.dumps(value, ensure_ascii=False)}' for name, value in (head | data).items()]
    write_atomically(path, "{\n" + ",\n".join([*lines, f'"links": [\n{links}\n]']) + "\n}\n")


def load(path: Path) -> Given:
    """A whole pairing, or pairs. Raises ValueError, naming the file, for anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}; expected a pairing, or {{path: path}}")
    if found.get("format") != FORMAT:
        return pairs(path, found)
    if found.get("version") != VERSION:
        raise ValueError(f"{path} is version {found.get('version')!r} of the {FORMAT}; this reads version {VERSION}")
    try:
        return from_data(found)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{path}: {error}") from error


def pairs(path: Path, found: Mapping[str, Any]) -> Given:
    for name, value in found.items():
        layout = isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)
        if not isinstance(value, str) and not layout:
            raise ValueError(f'{path}: {name!r} is {value!r}; expected a path, or [path, "o i -> i o"]')
    return {name: value if isinstance(value, str) else tuple(value) for name, value in found.items()}


def opened(given: Given | str | Path) -> Given:
    """Whatever was given as a pairing, a file's path among it."""
    if isinstance(given, (str, Path)):
        if not Path(given).is_file():
            raise ValueError(
                f"pairing is {str(given)!r}, which is no file; expected one that `crosscheck layout` wrote"
            )
        return load(Path(given))
    return given
