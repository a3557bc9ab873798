"""The README's table of devices and versions, from a report: python -m crosscheck.report.devices reports/gpu.json

The table stands between the lines <!-- devices --> and <!-- /devices -->; what was there is replaced.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from crosscheck.report import as_json
from crosscheck.report.files import write_atomically

BEGIN, END = "<!-- devices -->", "<!-- /devices -->"
README = Path(__file__).parents[2] / "README.md"


def table(document: dict[str, Any]) -> str:
    """One row a column of the report: its device, the versions, and how many cases of which dtypes agree."""
    audit = document["audit"]
    counts = Counter(case["status"] for case in document["cases"])
    dtypes = ", ".join(dict.fromkeys(dtype for case in document["cases"] for dtype in case["dtypes"]))
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    lines = ["| column | device | version | Python | dtypes | cases |", "|---|---|---|---|---|---|"]
    for column, facts in audit["columns"].items():
        version = audit["versions"].get(column) or ""
        lines.append(f"| {column} | {facts['device']} | {version} | {audit['python']} | {dtypes} | {told} |")
    return "\n".join(lines)


def inserted(text: str, found: str) -> str:
    """The text with the table between its marks. Raises ValueError if it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md lacks the marks {BEGIN} and {END}; expected both, the table goes between them")
    return f"{before}{BEGIN}\n{found}\n{END}{after}"


def main(report: Annotated[Path, typer.Argument()], readme: Path = README) -> None:
    found = table(as_json.read(report))
    write_atomically(readme, inserted(readme.read_text(), found))
    typer.echo(found)


if __name__ == "__main__":
    typer.run(main)
