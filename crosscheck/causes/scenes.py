"""From a divergence to sites: what was recorded there, cut down to what hypotheses are about."""

from __future__ import annotations

from typing import Any

from crosscheck.causes.site import Site
from crosscheck.causes.unit_scenes import gradient_sites, last_sites, leaf_sites, output_sites, state_sites
from crosscheck.causes.wiring_scenes import joined_sites, returning_sites, wiring_sites


def sites(twins: Any, scene: Any, divergence: Any) -> list[Site]:
    """The sites of a divergence, the tensor that differs most first."""
    match = divergence.match
    if divergence.direction == "state" and match:
        return state_sites(twins, scene, match)
    if divergence.wiring and divergence.direction == "forward":
        return [*wiring_sites(twins, scene, divergence), *joined_sites(twins, scene, divergence)]
    if match and divergence.direction == "forward":
        return last_sites(twins, scene, match, output_sites)
    if divergence.direction == "backward" and divergence.gap.kind == "gradient":
        return leaf_sites(twins, scene, divergence)
    if divergence.wiring and divergence.direction == "backward":
        return returning_sites(twins, scene, divergence)
    if match and divergence.direction == "backward":
        return gradient_sites(twins, scene, match)
    return []
