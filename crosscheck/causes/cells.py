"""Recurrent cells: their weights, wherever a framework keeps them, and one layer run over a sequence.

LSTM  i f o = s(W x + U h + b)   g = tanh(..)   c' = f c + i g   h' = o tanh(c')              rows i f g o in torch
GRU   r z = s(W x + U h + b)     n = tanh(W x + b_n + r (U h + b_hn))   h' = (1 - z) n + z h  rows r z n
RNN   h' = tanh(W x + U h + b)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import chain

import numpy as np
from scipy.special import expit

from crosscheck.axes import Array
from crosscheck.causes.site import Site

GATES = {4: "ifgo", 3: "rzn", 1: "-"}


@dataclass(frozen=True, eq=False)
class Cell:
    """One layer in one direction. wi [in g h], wh [h g h], bi and bh [g h]; projection [h p] or None; extra: a further
    bias for the state, which the other side's layer alone has."""

    wi: Array
    wh: Array
    bi: Array
    bh: Array
    projection: Array | None = None
    extra: Array | None = None

    @property
    def gates(self) -> str:
        return GATES[self.bi.shape[0]]

    @cached_property
    def transposed(self) -> Cell:
        """With the matrix from state to state transposed, gate by gate."""
        if self.wh.shape[0] != self.wh.shape[2]:
            raise ValueError("the matrix is not square")
        return replace(self, wh=self.wh.transpose(2, 1, 0))

    def read_as(self, order: tuple[int, ...]) -> Cell:
        """With the blocks of the gates taken to be in another order."""
        at = list(order)
        extra = None if self.extra is None else self.extra[at]
        return replace(self, wi=self.wi[:, at], wh=self.wh[:, at], bi=self.bi[at], bh=self.bh[at], extra=extra)


@dataclass(frozen=True)
class Ways:
    """How a cell computes; the defaults are the formulas above."""

    order: tuple[int, ...] = ()
    transposed: bool = False
    biases: str = "both"
    forget: float = 0.0
    reset: str = "after"
    update: str = "old"
    gate: str = "sigmoid"
    activation: str = "tanh"
    out: str = "same"
    coupled: bool = False


WAYS = tuple(field.name for field in fields(Ways))
FUNCTIONS = {
    "sigmoid": expit,
    "hard": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard6": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "nothing": lambda x: x,
}


def run(cell: Cell, x: Array, h: Array, c: Array, ways: Ways) -> tuple[Array, Array, Array]:
    """x [n t in], h, c [n h] -> every h [n t h], and the last h and c."""
    cell = cell.read_as(ways.order) if ways.order else cell
    cell = cell.transposed if ways.transposed else cell
    bi = cell.bi * (ways.biases != "hidden")
    bh = cell.bh * (ways.biases != "input")
    bh = bh + cell.extra if ways.biases == "second" and cell.extra is not None else bh
    given = np.einsum("ntf,fgh->tngh", x, cell.wi) + bi
    kernel = cell.wh.reshape(len(cell.wh), -1)
    step = {"ifgo": lstm, "rzn": gru, "-": plain}[cell.gates]
    found = []
    for a in given:
        h, c = step(a, (h @ kernel).reshape(a.shape), h, c, bh, cell, ways)
        found.append(h)
    return np.stack(found, 1), h, c


def lstm(a: Array, u: Array, h: Array, c: Array, bh: Array, cell: Cell, ways: Ways) -> tuple[Array, Array]:
    gate, activation = FUNCTIONS[ways.gate], FUNCTIONS[ways.activation]
    i, f, g, o = np.moveaxis(a + u + bh, 1, 0)
    i = gate(i)
    c = (1 - i if ways.coupled else gate(f + ways.forget)) * c + i * activation(g)
    h = gate(o) * FUNCTIONS[ways.activation if ways.out == "same" else ways.out](c)
    return h if cell.projection is None else h @ cell.projection, c


def gru(a: Array, u: Array, h: Array, c: Array, bh: Array, cell: Cell, ways: Ways) -> tuple[Array, Array]:
    gate, activation = FUNCTIONS[ways.gate], FUNCTIONS[ways.activation]
    r, z = (gate(a[:, k] + u[:, k] + bh[k]) for k in (0, 1))
    if ways.reset == "before":
        inner = (r * h) @ cell.wh[:, 2] + bh[2]
    elif ways.reset == "none":
        inner = u[:, 2] + bh[2]
    elif ways.biases == "folded":
        inner = r * u[:, 2] + bh[2]
    else:
        inner = r * (u[:, 2] + bh[2] * (ways.biases != "no inner"))
    n = activation(a[:, 2] + inner)
    old, new = (h, n) if ways.update == "old" else (n, h)
    return z * old + (1 - z) * new, c


def plain(a: Array, u: Array, h: Array, c: Array, bh: Array, cell: Cell, ways: Ways) -> tuple[Array, Array]:
    return FUNCTIONS[ways.activation](a + u + bh)[:, 0], c


def layers(site: Site) -> list[list[Cell]]:
    """The layers, each with a cell for either direction; none if this is no recurrent layer."""
    found = torch_layers(site.weights) if site.sides[0].framework == "torch" else flax_layers(site.weights)
    if site.sides[1].framework == "torch" and site.sides[0].framework != "torch":
        found = with_second_biases(found, site.theirs)
    sizes = {len(layer) for layer in found}
    return found if found and len(sizes) == 1 and all(cell is not None for layer in found for cell in layer) else []


def with_second_biases(found: list[list[Cell]], theirs: Mapping[str, Array]) -> list[list[Cell]]:
    """torch's bias for the state, where all of flax's went into the other."""
    ends = [[f"_l{k}", f"_l{k}_reverse"] for k in range(len(found))]
    extra = [[theirs.get(f"bias_hh{end}", theirs.get("bias_hh")) for end in pair] for pair in ends]
    return [
        [
            cell if bias is None or bias.size != cell.bh.size else replace(cell, extra=bias.reshape(cell.bh.shape))
            for cell, bias in zip(layer, biases)
        ]
        for layer, biases in zip(found, extra)
    ]


def every_cell(weights: Mapping[str, Array]) -> dict[str, Cell]:
    """The cells of all recurrent layers among the parameters of modules inside, by their paths; a layer's second
    direction and further layers by the ends of their parameters' names."""
    cells: dict[str, Cell] = {}
    for path in dict.fromkeys(name.rpartition(".")[0] for name in weights):
        own = {name.rpartition(".")[2]: x for name, x in weights.items() if name.rpartition(".")[0] == path}
        ends = [name.removeprefix("weight_ih") for name in own if name.startswith("weight_ih")]
        cells |= zip((f"{path}.{end.strip('_')}".strip(".") for end in ends), chain(*torch_layers(own)))
    for prefix in dict.fromkeys(name.removesuffix(".kernel").rpartition(".")[0] for name in weights):
        if (cell := flax_cell(weights, prefix)) is not None:
            cells[prefix] = cell
    return cells


def torch_layers(weights: Mapping[str, Array]) -> list[list[Cell]]:
    """weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ..._l0_reverse, ..._l1; a cell's without the suffix."""
    ends = [name.removeprefix("weight_ih") for name in weights if name.startswith("weight_ih")]
    found: list[list[Cell]] = []
    for end in ends:
        wi, wh = (weights[f"weight_{what}{end}"].T for what in ("ih", "hh"))
        projection = weights.get(f"weight_hr{end}")
        h = wh.shape[0] if projection is None else projection.shape[1]
        zero = np.zeros(wi.shape[1])
        bi, bh = (weights.get(f"bias_{what}{end}", zero).reshape(-1, h) for what in ("ih", "hh"))
        cell = Cell(blocks(wi, h), blocks(wh, h), bi, bh, None if projection is None else projection.T)
        if end.endswith("_reverse"):
            found[-1].append(cell)
        else:
            found.append([cell])
    return found


def flax_layers(weights: Mapping[str, Array]) -> list[list[Cell]]:
    """dense_i and dense_h, or one layer a gate, below the path of each cell; the two of a Bidirectional are one
    layer."""
    paths = [name.removesuffix(".kernel") for name in weights if name.endswith(".kernel")]
    prefixes = dict.fromkeys(path.rpartition(".")[0] for path in paths)
    cells = {prefix: flax_cell(weights, prefix) for prefix in prefixes}
    known = {prefix: cell for prefix, cell in cells.items() if cell is not None}
    back = [cell for prefix, cell in known.items() if "backward" in prefix]
    ahead = [cell for prefix, cell in known.items() if "backward" not in prefix]
    return [list(pair) for pair in zip(ahead, back)] if back else [[cell] for cell in ahead]


def flax_cell(weights: Mapping[str, Array], prefix: str) -> Cell | None:
    for gates in ("ifgo", "rzn", "-"):
        names = {side: [f"{side}{gate}" for gate in gates] for side in "ih"}
        if gates == "-" or dotted(prefix, "dense_i.kernel") in weights:
            names = {side: [f"dense_{side}"] for side in "ih"}
        parts = {side: [found(weights, prefix, name) for name in names[side]] for side in "ih"}
        if all(part is not None for both in parts.values() for part in both):
            return packed(*([part for part in parts[side] if part is not None] for side in "ih"))
    return None


def found(weights: Mapping[str, Array], prefix: str, name: str) -> tuple[Array, Array] | None:
    """A gate's kernel and bias; Python's keywords have an underscore."""
    for spelled in (name, f"{name}_"):
        kernel = weights.get(dotted(prefix, f"{spelled}.kernel"))
        if kernel is not None:
            return kernel, weights.get(dotted(prefix, f"{spelled}.bias"), np.zeros(kernel.shape[1]))
    return None


def packed(inputs: list[tuple[Array, Array]], states: list[tuple[Array, Array]]) -> Cell:
    wi, wh = (np.concatenate([kernel for kernel, _ in parts], 1) for parts in (inputs, states))
    bi, bh = (np.concatenate([bias for _, bias in parts]) for parts in (inputs, states))
    h = wh.shape[0]
    return Cell(blocks(wi, h), blocks(wh, h), bi.reshape(-1, h), bh.reshape(-1, h))


def dotted(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def blocks(kernel: Array, h: int) -> Array:
    """[in g*h] as [in g h]."""
    return kernel.reshape(len(kernel), -1, h)
