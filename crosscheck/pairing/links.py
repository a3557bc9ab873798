"""How leaves correspond: links from pieces of the first model's leaves to pieces of the second's.

A piece is a leaf, or one of several equal slots along an axis of it (q, k and v in one tensor, the gates of an LSTM). A
link permutes, groups and splits named axes (einops) and may reverse some. A piece of the second model is the sum of the
pieces that are linked to it (torch's two biases of an LSTM are one in flax). So values are carried by a linear map, and
gradients come back by its transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from einops import rearrange

from crosscheck.axes import Array


@dataclass(frozen=True)
class Piece:
    """A leaf, or its slot-th of `slots` equal parts along an axis."""

    path: str
    slot: int = 0
    slots: int = 1
    axis: int = 0

    def of(self, array: Array) -> Array:
        return array if self.slots == 1 else np.split(array, self.slots, self.axis)[self.slot]

    def __str__(self) -> str:
        return self.path if self.slots == 1 else f"{self.path}[{self.slot + 1} of {self.slots}]"


@dataclass(frozen=True)
class Link:
    """pattern: einops, from the first piece's axes to the second's; sizes of the axes it splits; reverse: axes of the
    first piece that run backwards in the second; why: what decided for it."""

    first: Piece
    second: Piece
    pattern: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    reverse: tuple[int, ...] = ()
    why: str = ""

    def there(self, array: Array) -> Array:
        """A piece of the first as a piece of the second."""
        return np.asarray(rearrange(np.asarray(np.flip(array, self.reverse)), self.pattern, **self.sizes))

    def back(self, array: Array) -> Array:
        left, right = self.pattern.split("->")
        return np.flip(np.asarray(rearrange(np.asarray(array), f"{right} -> {left}", **self.sizes)), self.reverse)


@dataclass(frozen=True)
class Pairing:
    """All links, and the leaves of either model that nothing is linked to; `open` lists what could not be decided;
    zeros: leaves of the second model that are 0, for they are added to what the first has in one."""

    links: tuple[Link, ...]
    first_alone: tuple[str, ...] = ()
    second_alone: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    zeros: tuple[str, ...] = ()

    def carry(self, values: Mapping[str, Array], onto: Mapping[str, Array]) -> dict[str, Array]:
        """The second model's values that correspond to the first's; leaves without a link keep what is in `onto`."""
        onto = dict(onto) | {path: np.zeros_like(onto[path]) for path in self.zeros}
        return assembled([(k.second, k.there(k.first.of(values[k.first.path]))) for k in self.links], onto)

    def pull(self, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """Gradients by the second model's leaves as gradients by the first's: the transpose of `carry`."""
        found = [
            (k.first, k.back(k.second.of(gradients[k.second.path]))) for k in self.links if k.second.path in gradients
        ]
        return assembled(found, {})

    def kept(self, values: Mapping[str, Array]) -> dict[str, Array]:
        """The first model's leaves with zeros in slots that nothing is linked to: the other model lacks them."""
        linked = [
            (link.first, link.first.of(values[link.first.path])) for link in self.links if link.first.path in values
        ]
        return assembled(list({str(piece): (piece, part) for piece, part in linked}.values()), values)

    def lost(self) -> list[str]:
        """Slots of the first model's leaves that the second has no place for."""
        seen: dict[str, tuple[int, set[int]]] = {}
        for link in self.links:
            seen.setdefault(link.first.path, (link.first.slots, set()))[1].add(link.first.slot)
        return [
            f"{path}[{slot + 1} of {slots}]"
            for path, (slots, have) in seen.items()
            for slot in range(slots)
            if slot not in have
        ]

    def seconds(self, path: str) -> list[str]:
        """The second model's leaves that a leaf of the first is linked to."""
        return list(dict.fromkeys(link.second.path for link in self.links if link.first.path == path))

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def assembled(pieces: Iterable[tuple[Piece, Array]], onto: Mapping[str, Array]) -> dict[str, Array]:
    """Whole leaves of their pieces; pieces of the same place are added up."""
    parts: dict[str, dict[int, Array]] = {}
    axes: dict[str, tuple[int, int]] = {}
    for piece, array in pieces:
        slots = parts.setdefault(piece.path, {})
        slots[piece.slot] = slots[piece.slot] + array if piece.slot in slots else array
        axes[piece.path] = piece.slots, piece.axis
    whole = dict(onto)
    for path, slots in parts.items():
        count, axis = axes[path]
        blank = np.zeros_like(next(iter(slots.values())))
        whole[path] = np.concatenate([slots.get(i, blank) for i in range(count)], axis) if count > 1 else slots[0]
    return whole


def from_data(data: Mapping[str, Any]) -> Pairing:
    """The pairing that `as_data` saved. Raises ValueError for data of another shape."""
    try:
        links = [
            Link(Piece(**k["first"]), Piece(**k["second"]), k["pattern"], k["sizes"], tuple(k["reverse"]), k["why"])
            for k in data["links"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"pairing is not one that was saved here: {error!r}") from error
    names = (tuple(data.get(name, ())) for name in ("first_alone", "second_alone", "open", "zeros"))
    return Pairing(tuple(links), *names)


def given_links(given: Mapping[str, Any], patterns: Callable[[str, str], str]) -> list[Link]:
    """The user's own pairs: {"fc.weight": "head.kernel"} or {"fc.weight": ("head.kernel", "o i -> i o")}."""
    links = []
    for first, second in given.items():
        path, pattern = (second, patterns(first, second)) if isinstance(second, str) else second
        links.append(Link(Piece(first), Piece(path), pattern, why="given"))
    return links


def require_known(paths: Sequence[str], known: Iterable[str], which: str) -> None:
    from crosscheck.names import nearest

    known = set(known)
    for path in paths:
        if path not in known:
            raise ValueError(
                f"pairing names {path!r}, which is no parameter of the {which} model{nearest(path, known)}"
            )
