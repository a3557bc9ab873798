"""Links between torch's recurrent layers, which pack their gates, and flax's cells, which mostly do not.

torch LSTM  rows i f g o; torch GRU  rows r z n; each has a bias for the input and one for the state, which are added
flax        i? / h? one layer a gate, or dense_i / dense_h with the gates side by side; one bias a gate, but in a GRU
            the state's bias of n stands alone (nnx.GRUCell has none)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crosscheck.models.model import Leaf
from crosscheck.models.torch_axes import RECURRENT
from crosscheck.pairing.links import Link, Piece

GATES = {"LSTM": "ifgo", "LSTMCell": "ifgo", "GRU": "rzn", "GRUCell": "rzn", "RNN": "-", "RNNCell": "-"}
CELLS = {
    "LSTMCell": "ifgo",
    "OptimizedLSTMCell": "ifgo",
    "GRUCell": "rzn",
    "SimpleCell": "-",
}


def links(
    first: Sequence[Leaf], second: Sequence[Leaf], kinds: Mapping[str, str], used: Mapping[str, int]
) -> list[Link]:
    """From torch's layers (first) to flax's cells (second), layer by layer in order of use."""
    found: list[Link] = []
    cells = flax_cells(second, kinds, used)
    for gates, layer in torch_layers(first):
        cell = next((c for c in cells if CELLS[c[0]] == gates and cell_sizes(c[1]) == layer_sizes(layer)), None)
        if cell is not None:
            cells.remove(cell)
            for leaf in cell[1]:
                found += leaf_links(leaf, layer, gates)
    return found


def layer_sizes(layer: Mapping[str, Leaf]) -> tuple[int, ...]:
    """How many features the input and the state have."""
    return tuple(layer[name].shape[1] for name in ("weight_ih", "weight_hh") if name in layer)


def cell_sizes(leaves: Sequence[Leaf]) -> tuple[int, ...]:
    kernels = {side_and_gate(leaf)[0]: leaf.shape[0] for leaf in leaves if leaf.name == "kernel"}
    return tuple(kernels[side] for side in ("ih", "hh") if side in kernels)


def torch_layers(leaves: Sequence[Leaf]) -> list[tuple[str, dict[str, Leaf]]]:
    """One entry a layer and direction: its gates, and its leaves as weight_ih, weight_hh, bias_ih, bias_hh."""
    layers: dict[tuple[str, str], tuple[str, dict[str, Leaf]]] = {}
    for leaf in leaves:
        if leaf.kind in RECURRENT:
            what = "_".join(leaf.name.split("_")[:2])
            entry = layers.setdefault((leaf.owner, leaf.name.removeprefix(what)), (GATES[leaf.kind], {}))
            entry[1][what] = leaf
    return list(layers.values())


def flax_cells(
    leaves: Sequence[Leaf], kinds: Mapping[str, str], used: Mapping[str, int]
) -> list[tuple[str, list[Leaf]]]:
    """The cells with their leaves, in order of use."""
    cells: dict[str, tuple[str, list[Leaf]]] = {}
    for leaf in sorted(leaves, key=lambda leaf: used.get(leaf.path, 0)):
        path = leaf.module.rpartition(".")[0]
        kind = kinds.get(path, "")
        if kind in CELLS:
            cells.setdefault(path, (kind, []))[1].append(leaf)
    return list(cells.values())


def leaf_links(leaf: Leaf, layer: Mapping[str, Leaf], gates: str) -> list[Link]:
    """What of torch's layer one leaf of a cell is made of."""
    (side, gate), count = side_and_gate(leaf), len(gates)
    if leaf.name == "kernel":
        pack = layer[f"weight_{side}"]
        if gate:
            return [
                Link(Piece(pack.path, gates.index(gate), count), Piece(leaf.path), "cout cin -> cin cout", why="gates")
            ]
        return [Link(Piece(pack.path), Piece(leaf.path), "cout cin -> cin cout", why="gates")]
    found = []
    for slot, name in enumerate(gates):
        if gate in ("", name):
            part = Piece(leaf.path) if gate or count == 1 else Piece(leaf.path, slot, count)
            found += [
                Link(Piece(pack.path, slot, count), part, "c -> c", why="gates")
                for pack in biases(layer, gates, name, side)
            ]
    return found


def side_and_gate(leaf: Leaf) -> tuple[str, str]:
    """Of "dense_i" ("ih", ""), of "hf" ("hh", "f")."""
    last = leaf.owner.rpartition(".")[2].rstrip("_").removeprefix("dense_")
    return last[:1] + "h", last[1:]


def biases(layer: Mapping[str, Leaf], gates: str, gate: str, side: str) -> list[Leaf]:
    """torch's biases that add up to the cell's: both, but a GRU's n keeps them apart."""
    names = [f"bias_{side}"] if gates == "rzn" and gate == "n" else ["bias_ih", "bias_hh"]
    return [layer[name] for name in names if name in layer]
