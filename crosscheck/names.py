"""Suggestions for names that were not found."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean X?' with the nearest known names, or the list of them if none is near."""
    known = sorted(set(known))
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    last = {known_name.rsplit(".", 1)[-1].lower(): known_name for known_name in known}
    close = close or [last[word] for word in get_close_matches(name.rsplit(".", 1)[-1].lower(), last, n=3, cutoff=0.5)]
    if close:
        return "; did you mean " + " or ".join(close) + "?"
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"; known: {shown}"
