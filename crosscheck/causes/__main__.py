"""python -m crosscheck.causes [WORD ...]: the catalogue, or the causes whose entry has the words.

--markdown prints it as the page docs/causes.md.
"""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from crosscheck.causes.catalogue import Cause, load
from crosscheck.causes.page import page

ROWS = {
    "torch": "torch does",
    "jax": "JAX does",
    "match_torch": "torch, to match",
    "match_jax": "JAX, to match",
    "evidence": "see",
}


def matching(words: list[str]) -> list[Cause]:
    return [cause for cause in load().values() if all(word.lower() in str(cause).lower() for word in words)]


def main() -> int:
    if sys.argv[1:] == ["--markdown"]:
        sys.stdout.write(page(load()))
        return 0
    console, found = Console(), matching(sys.argv[1:])
    for cause in found:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, words in ROWS.items():
            table.add_row(words, getattr(cause, name))
        console.print(f"\n[bold]{cause.id}[/bold]  [dim]{cause.area}[/dim]\n{cause.title}", highlight=False)
        console.print(table, markup=False)
    console.print(f"\n{len(found)} causes" if found else "no cause matches")
    return 0 if found else 1


if __name__ == "__main__":
    raise SystemExit(main())
