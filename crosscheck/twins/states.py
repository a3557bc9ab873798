"""What recurrent layers take and give: the frameworks hand inputs and states over in other places and orders.

torch  cell(x, h) -> h            cell(x, (h, c)) -> h, c          layer(x, (h, c)) -> y, (h, c)
flax   cell(h, x) -> h, y         cell((c, h), x) -> (c, h), y     RNN(x, initial_carry=(c, h)) -> y, or (c, h), y
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from crosscheck.models.model import Call

Roles = Mapping[str, str]
"""A tensor's name in a call -> what it is: x, y, the state h or the cell state c."""

UNKNOWN: tuple[Roles, Roles] = ({}, {})


class Way(NamedTuple):
    """How layers of a class that give outputs of these names are called."""

    kind: str
    inputs: Roles
    outputs: Roles


AHEAD, BEHIND = {"0.0": "c", "0.1": "h", "1": "x"}, {"0": "x", "1.0": "h", "1.1": "c", "hx.0": "h", "hx.1": "c"}
BEGUN = {"0": "x", "initial_carry.0": "c", "initial_carry.1": "h", "initial_carry": "h"}
WAYS = (
    Way("LSTMCell", BEHIND, {"0": "h", "1": "c"}),
    Way("LSTMCell", AHEAD, {"0.0": "c", "0.1": "h", "1": "y"}),
    Way("Cell", {"0": "x", "1": "h", "hx": "h"}, {"": "h"}),
    Way("Cell", {"0": "h", "1": "x"}, {"0": "h", "1": "y"}),
    Way("^LSTM", BEHIND, {"0": "y", "1.0": "h", "1.1": "c"}),
    Way("^GRU", {"0": "x", "1": "h", "hx": "h"}, {"0": "y", "1": "h"}),
    Way("RNN", BEGUN, {"0.0": "c", "0.1": "h", "1": "y"}),
    Way("RNN", BEGUN, {"": "y"}),
)


def roles(one: Call, other: Call) -> tuple[tuple[Roles, Roles], tuple[Roles, Roles]]:
    """Of what two calls take, and of what they give: nothing unless it is known how both are made."""
    here, there = way(one), way(other)
    if here is None or there is None:
        return UNKNOWN, UNKNOWN
    return (here.inputs, there.inputs), (here.outputs, there.outputs)


def way(call: Call) -> Way | None:
    return next((w for w in WAYS if re.search(w.kind, call.kind) and w.outputs.keys() == call.outputs.keys()), None)
