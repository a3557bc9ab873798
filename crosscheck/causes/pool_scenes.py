"""From a parting of a model of modules and a plain function to sites: what the module made, and what the function may
have made instead."""

from __future__ import annotations

from typing import Any

from crosscheck.causes.site import Side, Site, wide
from crosscheck.causes.unit_scenes import leaves_of, side
from crosscheck.twins.pool import Parting


def parting_sites(twins: Any, place: Parting) -> list[Site]:
    call, values, leaves = place.call, place.ask.values, twins.first.leaves
    here = Side(twins.first.framework) if place.wiring else side(twins.first, call.path, call.kind)
    path = place.divergence.first if place.wiring else call.path
    return [
        Site(
            "value" if place.wiring else "output",
            wide(place.made),
            wide(candidate.value),
            tuple(wide(value) for _, value in place.inputs),
            (here, Side(twins.second.framework)),
            leaves_of(leaves, path, values, True),
            leaves_of(leaves, path, values, False),
            train=place.ask.train,
            called=tuple((words, "") for words, _ in place.inputs) if place.wiring else (),
        )
        for candidate in place.instead
    ]
