"""Recurrent layers: what the cells compute, in which order they run, and what of it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import permutations

import numpy as np

from crosscheck.causes.catalogue import cause
from crosscheck.causes.cells import Cell, layers
from crosscheck.causes.options import Axis, Option, also_coarse, departures, search
from crosscheck.causes.recurrence import Recurrence
from crosscheck.causes.site import Site
from crosscheck.causes.variant import Variant, family

LSTM = "https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html"
GRU = "https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html"
NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/recurrent.html"

cause(
    "lstm-gate-order",
    "recurrent",
    "the packed weights hold the gates in different orders",
    "LSTM: rows i f g o",
    "OptimizedLSTMCell: columns i f g o; Keras i f c o, ONNX and cuDNN i o f c, TensorFlow 1 i j f o; a tree's keys "
    "sorted by name are f g i o",
    "reorder the blocks of weight_ih, weight_hh and both biases",
    "reorder the blocks; write separate gates by name (hi, hf, hg, ho)",
    LSTM,
)
cause(
    "gru-gate-order",
    "recurrent",
    "the packed weights hold the gates in different orders",
    "GRU: rows r z n",
    "GRUCell: columns r z n; Keras and ONNX z r h",
    "exchange the first two blocks of Keras's or ONNX's weights",
    "exchange the first two blocks of Keras's or ONNX's weights",
    GRU,
)
cause(
    "lstm-two-biases",
    "recurrent",
    "one side adds one bias, the other two",
    "W x + b_ih + U h + b_hh",
    "one bias: W x + U h + b",
    "bias_ih = b, bias_hh = 0",
    "b = b_ih + b_hh",
    "https://github.com/google/flax/issues/3746",
)
cause(
    "gru-hidden-bias-missing",
    "recurrent",
    "one side's candidate has no bias of its own for the state: it is within the reset gate, and no other can stand in",
    "GRU: n = tanh(W x + b_in + r (U h + b_hn))",
    "nnx.GRUCell: n = tanh(W x + b_in + r (U h)); linen.GRUCell has b_hn",
    "bias_hh's last third = 0",
    "give cell.dense_h a bias (0, 0, b_hn)",
    "https://github.com/google/flax/issues/5594",
)
cause(
    "gru-hidden-bias-folded",
    "recurrent",
    "one side adds the candidate's state bias outside the reset gate",
    "GRU: n = tanh(W x + b_in + r (U h + b_hn))",
    "b_in + b_hn in one bias: n = tanh(W x + b_in + b_hn + r (U h))",
    "b_in of the other side, b_hn = 0",
    "keep b_hn apart, in a bias of cell.dense_h",
    "https://github.com/google/flax/issues/5594",
)
cause(
    "lstm-forget-bias",
    "recurrent",
    "one side adds 1 to the forget gate as it runs",
    "LSTM: f = sigmoid(W x + U h + b)",
    "LSTMCell: the same; TensorFlow 1's BasicLSTMCell: sigmoid(... + forget_bias), forget_bias = 1",
    "add 1 to the forget block of a bias",
    "add 1 to the forget block of the bias",
    "https://www.tensorflow.org/api_docs/python/tf/compat/v1/nn/rnn_cell/BasicLSTMCell",
)
cause(
    "gru-reset-gate-missing",
    "recurrent",
    "one side's candidate takes in all of the state, the other's what the reset gate leaves of it",
    "n = tanh(W x + b + r (U h + b_hn))",
    "the same; MGUCell has one gate for both",
    "multiply by r as JAX does, or leave it out",
    "multiply by r as torch does, or leave it out",
    "https://arxiv.org/abs/1406.1078",
)
cause(
    "gru-reset-gate-placement",
    "recurrent",
    "the reset gate stands before the matrix product on one side, after it on the other",
    "GRU: n = tanh(W x + r (U h))",
    "GRUCell: the same; Cho 2014, Keras's reset_after=False: n = tanh(W x + U (r h))",
    "a cell by hand: U (r h)",
    "a cell by hand: U (r h), or weights trained with the gate after the product",
    "https://github.com/keras-team/keras/issues/8720",
)
cause(
    "gru-update-gate-sense",
    "recurrent",
    "the update gate keeps the old state on one side, lets the new one in on the other",
    "GRU: h' = (1 - z) n + z h",
    "GRUCell: the same; Chung 2014: h' = z n + (1 - z) h",
    "the negative of the z rows and biases",
    "the negative of the z columns and biases",
    "https://arxiv.org/abs/1412.3555",
)
cause(
    "rnn-nonlinearity",
    "recurrent",
    "the state goes through different functions",
    "RNN(nonlinearity='tanh'); LSTM, GRU: tanh",
    "SimpleCell(activation_fn=tanh), LSTMCell(activation_fn=tanh)",
    "RNN(..., nonlinearity='relu'), or tanh on both sides",
    "activation_fn=... of the other side",
    NNX,
)
cause(
    "rnn-hard-sigmoid",
    "recurrent",
    "one side has a hard sigmoid for its gates",
    "LSTM, GRU: sigmoid",
    "gate_fn=sigmoid; Keras 1's recurrent_activation: clip(0.2 x + 0.5, 0, 1)",
    "a cell by hand, or sigmoid on both sides",
    "gate_fn=lambda x: jnp.clip(0.2 * x + 0.5, 0, 1)",
    NNX,
)
cause(
    "lstm-output-activation",
    "recurrent",
    "one side gives o c where the other gives o tanh(c)",
    "LSTM: h = o tanh(c)",
    "LSTMCell: h = o tanh(c)",
    "a cell by hand",
    "a cell by hand",
    LSTM,
)
cause(
    "lstm-coupled-gates",
    "recurrent",
    "one side forgets just as much as it takes in, f = 1 - i",
    "LSTM: f has a gate of its own",
    "LSTMCell: f has a gate of its own",
    "weights of f the negative of those of i",
    "weights of f the negative of those of i",
    "https://arxiv.org/abs/1503.04069",
)
cause(
    "recurrent-kernel-transposed",
    "recurrent",
    "the square matrix from state to state is transposed on one side",
    "weight_hh [g*h, h]: h U^T",
    "kernel [h, g*h]: h K",
    "weight_hh = kernel.T, of the whole",
    "kernel = weight_hh.T, of the whole",
    LSTM,
)
cause(
    "lstm-carry-order",
    "recurrent",
    "the hidden and the cell state are exchanged",
    "LSTM takes and gives (h, c)",
    "LSTMCell's carry is (c, h)",
    "(h0, c0) = carry[1], carry[0]",
    "carry = (c0, h0)",
    NNX,
)
cause(
    "rnn-initial-state",
    "recurrent",
    "one side starts from the state it is given, the other from zeros",
    "LSTM(x, (h0, c0)); zeros if there is none",
    "RNN(cell)(x, initial_carry=(c0, h0)); zeros if there is none",
    "hand the state over",
    "initial_carry=...",
    NNX,
)
cause(
    "rnn-time-major",
    "recurrent",
    "one side takes the first axis for time, the other the second",
    "LSTM(batch_first=False): t n f",
    "RNN(time_major=False): n t f",
    "batch_first=True",
    "time_major=True",
    LSTM,
)
cause(
    "rnn-reverse",
    "recurrent",
    "one side runs from the last step to the first, the other from the first to the last",
    "LSTM: forward; the second direction of bidirectional=True backward",
    "RNN(cell, reverse=True) runs backward",
    "flip the input and the output along time",
    "reverse=True, keep_order=True",
    NNX,
)
cause(
    "rnn-keep-order",
    "recurrent",
    "what runs backward is given in the order of the steps on one side, in the order it was made on the other",
    "bidirectional=True: in the order of the steps",
    "RNN(cell, reverse=True): in the order it was made, unless keep_order=True",
    "flip the output along time",
    "keep_order=True",
    NNX,
)
cause(
    "bidirectional-concat-order",
    "recurrent",
    "the two directions are put together in different orders",
    "output: forward, then backward; h_n: layer 0 forward, layer 0 backward, layer 1 forward, ...",
    "Bidirectional: jnp.concatenate((forward, backward), -1) by default",
    "torch.cat((forward, backward), -1)",
    "merge_fn=lambda f, b: jnp.concatenate((f, b), -1)",
    LSTM,
)

LETTERS = {"ifgo": "lstm-gate-order", "rzn": "gru-gate-order"}


@family
def recurrent(site: Site) -> Iterator[Variant]:
    stack = layers(site) if site.target == "output" and site.inputs else []
    if not stack or not any(word in side.kind for side in site.sides for word in ("LSTM", "GRU", "RNN", "Cell")):
        return
    scene = Recurrence(site, stack)
    if scene.x is None:
        return
    first = stack[0][0]
    axes = [
        *cell_axes(first, site),
        departures(
            "time", scene.time, *([(1 - scene.time, "the other axis for time", "rnn-time-major")] * scene.whole)
        ),
        state_axis(scene, first.gates),
        *direction_axes(scene, len(stack[0]) == 2),
        what_axis(scene),
    ]
    short = scene.x.shape[scene.time] * len(stack) * first.wh.size <= 2**21
    found = search(site, axes, scene.make, scene.small(), f"{first.gates} as published", most=1 + short)
    yield from also_coarse(found)  # nnx.RNN starts from float32, and takes nothing wider


@family
def begun(site: Site) -> Iterator[Variant]:
    """The state with which a cell or layer begins: zeros on one side."""
    sides = (site.first, site.second)
    into = site.target == "value" and re.search("LSTM|GRU|RNN|Cell", site.reaches)
    if into and site.first.shape == site.second.shape and sum(bool(side.any()) for side in sides) == 1:
        for says, side in zip(("zeros", "a value")[:: 1 - 2 * bool(site.first.any())], sides):
            yield Variant((), says, partial(np.asarray, side), says, "rnn-initial-state")


def cell_axes(cell: Cell, site: Site) -> Iterator[Axis]:
    gates = cell.gates
    count = len(gates)
    orders = [p for p in permutations(range(count)) if p != tuple(range(count))]
    words = ["".join(gates[i] for i in np.argsort(p)) for p in orders]
    yield departures("order", (), *((p, f"blocks read as {w}", LETTERS[gates]) for p, w in zip(orders, words)))
    if cell.wh.shape[0] == cell.wh.shape[2]:
        yield departures("transposed", False, (True, "U transposed", "recurrent-kernel-transposed"))
    yield departures("biases", "both", *bias_ways(cell))
    others = [(name, f"{name} for tanh", "rnn-nonlinearity") for name in ("relu", "sigmoid")]
    yield departures("activation", "tanh", *others) if gates != "-" else nonlinearity(site)
    if gates == "-":
        return
    hard = [
        (name, f"gates by a hard sigmoid, slope {s}", "rnn-hard-sigmoid")
        for name, s in (("hard", 0.2), ("hard6", "1/6"))
    ]
    yield departures("gate", "sigmoid", *hard)
    if gates == "rzn":
        placed = "before", "U (r h)", "gru-reset-gate-placement"
        yield departures("reset", "after", placed, ("none", "no reset gate", "gru-reset-gate-missing"))
        yield departures("update", "old", ("new", "h' = z n + (1 - z) h", "gru-update-gate-sense"))
        return
    yield departures("forget", 0.0, (1.0, "1 added to the forget gate", "lstm-forget-bias"))
    yield departures("out", "same", ("nothing", "h = o c", "lstm-output-activation"))
    yield departures("coupled", False, (True, "f = 1 - i", "lstm-coupled-gates"))


def nonlinearity(site: Site) -> Axis:
    return Axis("activation", [Option("tanh", "tanh"), Option("relu", "relu")], "rnn-nonlinearity")


def bias_ways(cell: Cell) -> Iterator[tuple[str, str, str]]:
    if cell.extra is not None:
        yield "second", "a second bias", "lstm-two-biases"
    if cell.bi.any():
        yield "hidden", "no input bias", "lstm-two-biases"
    if cell.bh.any():
        yield "input", "no state bias", "lstm-two-biases"
    if cell.gates == "rzn" and cell.bh[2].any():
        yield "no inner", "no b_hn", "gru-hidden-bias-missing"
        yield "folded", "b_hn outside the reset gate", "gru-hidden-bias-folded"


def state_axis(scene: Recurrence, gates: str) -> Axis:
    if not scene.states:
        return departures("start", "given")
    swap = [("swapped", "h for c and c for h", "lstm-carry-order")] if len(scene.states) == 2 else []
    return departures("start", "given", ("zeros", "started from zeros", "rnn-initial-state"), *swap)


def direction_axes(scene: Recurrence, both: bool) -> Iterator[Axis]:
    if not scene.whole:
        return
    reverse = departures("back", both, (not both, "run backward" if not both else "both run forward", "rnn-reverse"))
    yield reverse
    yield departures("kept", True, (False, "backward outputs in the order they were made", "rnn-keep-order"))
    if both:
        yield departures("joined", (0, 1), ((1, 0), "backward, then forward", "bidirectional-concat-order"))
        yield departures(
            "stacked", "layers", ("directions", "all forward, then all backward", "bidirectional-concat-order")
        )


def what_axis(scene: Recurrence) -> Axis:
    """What of the layer this is: all h, the last h or the last c."""
    return Axis("what", [Option(name, name) for name in scene.gives()], "lstm-carry-order")
