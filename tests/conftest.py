"""A test file that imports a framework at its top is left out where that is not installed, and the summary says so."""

import re
from importlib.util import find_spec
from pathlib import Path

FRAMEWORKS = ("torch", "jax", "flax", "optax")
ABSENT = [name for name in FRAMEWORKS if find_spec(name) is None]
IMPORTED = re.compile(rf"^(?:import|from) ({'|'.join(ABSENT)})\b", re.MULTILINE)

collect_ignore = (
    [file.name for file in Path(__file__).parent.glob("test_*.py") if IMPORTED.search(file.read_text())]
    if ABSENT
    else []
)


def pytest_terminal_summary(terminalreporter):
    if collect_ignore:
        terminalreporter.write_line(f"left out, without {', '.join(ABSENT)}: {' '.join(sorted(collect_ignore))}")
