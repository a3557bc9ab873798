"""Two values of which each stands in the other's place: what a function returns, or is given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from crosscheck.axes import Array
from crosscheck.causes.catalogue import CAUSES, cause
from crosscheck.causes.explanation import Explanation
from crosscheck.causes.site import Site, norm

cause(
    "values-exchanged",
    "wiring",
    "two values change places: they are returned, or handed on, in the other order",
    "return y, mu, logvar",
    "return y, logvar, mu",
    "return them in JAX's order, and take them so",
    "return them in torch's order, and take them so",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html",
)


def exchanged(sites: Sequence[Site]) -> Explanation | None:
    """Of the values that stand at one place two of which the second side has each where the first has the other."""
    for one, two in combinations([site for site in sites if site.target == "value"], 2):
        alike = one.matches(one.second, two.first) and two.matches(two.second, one.first)
        if alike and not one.matches(one.first, one.second):
            said = [whose(site, site.first) or f"value {site.name}" for site in (one, two)]
            size = norm(one.first) or 1.0
            before, after = norm(one.first - one.second) / size, norm(two.first - one.second) / size
            says = ", ".join(said), ", ".join(said[::-1])
            return Explanation((CAUSES["values-exchanged"],), *says, "neither", before, after)
    return None


def whose(site: Site, value: Array) -> str:
    """Where a value comes from, in words, a module's name if one made it; "" if nothing tells."""
    names = [site.name_of(x) for x in (*site.inputs, *site.given) if site.matches(value, x)]
    return min(names, key=lambda name: not name.startswith("`"), default="")
