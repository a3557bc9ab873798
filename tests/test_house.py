"""The house rules that a machine can hold: mirrored columns, imports that run one way, short files, plain words."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from crosscheck import registry
from crosscheck.case import all_cases

ROOT = Path(__file__).parents[1]
COLUMNS = registry.PACKAGES
INSTALLED = [column for column in COLUMNS if not registry.missing(column)]
PORTS = INSTALLED[1:]

ONLY_IN_REFERENCE = {
    "detection.boxes": {"each_number"},
    "detection.yolo_loss": {"squared_box", "overlap_box", "logistic", "cross_entropy"},
    "detection.box_losses": {"compared", "overlaps", "center_distance", "aspect_difference", "hull"}
    | {"product", "smaller", "larger"},
    "detection.box_deltas": {"times", "over"},
    "detection.faster_rcnn": {"drawn"},
    "detection.localization": {"weights"},
    "detection.roi": {"largest", "pixels"},
    "layers.batch_norm": {"batch_norm", "batch_statistics", "averaged"},
    "layers.dense": {"product"},
    "layers.conv": {"conv2d", "correlate", "filter_gradient", "gather", "turned", "patches"},
    "layers.losses": {"examples"},
    "layers.pooling": {"geometry", "max_pool", "average_pool", "inside"},
    "layers.squeeze_excitation": {"squeeze"},
    "layers.upsampling": {"nearest", "bilinear"},
    "training.optimizers": {"Optimizer"},
}
"""Steps of a derivation by hand (and the type of an update rule), for which the ports have their framework."""

LINES = {"layers": 150, "training": 150, "detection": 200, "nets": 250, "kernels": 250, "crosscheck": 350, "": 200}
"""The longest file in a folder, by the folder's name; "" is any other."""


# The mirror


@pytest.mark.parametrize("column", PORTS)
def test_every_module_has_its_mirror(column):
    assert registry.module_names(column) == registry.module_names("numpy")


@pytest.mark.parametrize("module", registry.module_names("numpy"))
@pytest.mark.parametrize("column", PORTS)
def test_every_module_has_the_same_public_names_in_the_same_order(column, module):
    alone = ONLY_IN_REFERENCE.get(module, set())
    names = registry.own_names(members("numpy", module))
    assert alone <= set(names), f"no longer in the reference: {alone - set(names)}"
    assert registry.own_names(members(column, module)) == [name for name in names if name not in alone]


@pytest.mark.parametrize("target", [n for n in registry.public_names("numpy") if "checks" not in n])
@pytest.mark.parametrize("column", PORTS)
def test_every_name_takes_the_same_parameters_with_the_same_defaults(column, target):
    module, _, name = target.rpartition(".")
    if name in ONLY_IN_REFERENCE.get(module, ()):
        return
    assert parameters(column, target) == parameters("numpy", target)


def members(column, module):
    return importlib.import_module(f"{COLUMNS[column]}.{module}")


def parameters(column, target):
    """Names and defaults, random streams and torch's `parameters` aside.

    A layer's function takes arrays under its column's own names, of which the number counts.
    """
    found = registry.find(column, target)
    taken = list(inspect.signature(found.__init__ if inspect.isclass(found) else found).parameters.values())
    taken = [p for p in taken if p.name not in ("self", "rngs", "parameters")]
    if inspect.isclass(found) or target.startswith("training."):
        return [(p.name, p.default) for p in taken]
    return [p.default is p.empty or (p.name, p.default) for p in taken]


# The cases


def needing_a_case():
    """Every class and every function with a pullback, below these folders; named sizes of a net are no new code."""
    for target in registry.public_names("numpy"):
        module, _, name = target.rpartition(".")
        found = registry.find("numpy", target)
        own = target.startswith(("layers", "nets", "detection")) and name not in ONLY_IN_REFERENCE.get(module, ())
        if own and (inspect.isclass(found) or re.search(r"return .*, back\b", inspect.getsource(found))):
            yield target


def test_layers_nets_and_functions_with_a_pullback_need_a_case():
    some = {"layers.dense.Dense", "layers.losses.logistic_loss", "nets.computation_graph.computation_graph"}
    assert some < set(needing_a_case())


@pytest.mark.parametrize("target", list(needing_a_case()))
def test_every_layer_and_net_has_a_case(target):
    assert any(case.target == target for case in all_cases())


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_every_case_says_why_and_names_what_exists(case):
    registry.find("numpy", case.target)
    assert case.why
    if case.cost:
        registry.find("numpy", case.cost)


def test_a_case_stands_where_its_target_does():
    for case in all_cases():
        module = case.target.rpartition(".")[0]
        assert case in importlib.import_module(f"cases.{module}").CASES


# Imports

MAY_IMPORT = {
    "reference": {"numpy", "reference"},
    "torch_impl": {"torch", "torch_impl"},
    "jax_impl": {"jax", "flax", "optax", "numpy", "jax_impl"},
    "cases": {"crosscheck"},
    "augmentation": {"numpy", "augmentation", "reference"},
}
OPTIONAL = {"reference/kernels/threads.py": {"threadpoolctl"}}
"""Imported inside a function, which does without where it is missing."""


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_nothing_but_its_own_framework(package):
    allowed = MAY_IMPORT[package] | sys.stdlib_module_names
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in sources(package)
        for name in imported(file)
        if name.partition(".")[0] not in allowed | OPTIONAL.get(file.relative_to(ROOT).as_posix(), set())
    }
    assert not wrong


def imported(file):
    """Every module that a file imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield node.module


def loaded_by(statement):
    """The packages that a statement loads in a fresh process, the standard library aside."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()} - sys.stdlib_module_names


@pytest.mark.parametrize("module", ["crosscheck", "crosscheck.cli", "crosscheck.suite", "crosscheck.case"])
def test_the_engine_loads_no_framework_until_it_is_asked_to(module):
    assert not loaded_by(f"import {module}") & {"torch", "jax", "jaxlib", "flax", "optax"}


def test_the_reference_loads_numpy_alone():
    modules = [f"reference.{name}" for name in registry.module_names("numpy")]
    assert loaded_by("import reference, reference.module, " + ", ".join(modules)) == {"reference", "numpy"}


# Without a framework

HIDE = """
import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {hidden!r} else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
SMALL = ["layers.dense.Dense/no-bias", "nets.softmax_regression"]


def run_without(hidden, folder, *words):
    """A command in an interpreter, and its children, for which these packages are not installed."""
    (folder / "sitecustomize.py").write_text(HIDE.format(hidden=hidden))
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "140"}
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)


MISSING = [
    ("no-torch", {"torch": "torch"}, ("torch",), 0, "agree"),
    ("no-jax", {"jax": "jax and flax and optax"}, ("jax", "jaxlib", "flax", "optax"), 0, "agree"),
    ("no-flax", {"jax": "flax"}, ("flax",), 0, "agree"),
    ("neither", {"torch": "torch", "jax": "jax and flax and optax"}, ("torch", "jax", "flax", "optax"), 2, "not run"),
]


@pytest.mark.parametrize(
    ("columns", "hidden", "code", "status"), [row[1:] for row in MISSING], ids=[r[0] for r in MISSING]
)
def test_what_needs_no_missing_framework_still_works(columns, hidden, code, status, tmp_path):
    if set(PORTS) | set(columns) != {"torch", "jax"}:
        pytest.skip("the other framework is not installed either")
    report = tmp_path / "report.json"
    rungs = "structure,forward,backward,training"
    run = run_without(hidden, tmp_path, "-m", "crosscheck", "run", *SMALL, "--rungs", rungs, "--json", str(report))
    assert run.returncode == code, run.stdout + run.stderr
    for case in json.loads(report.read_text())["cases"]:
        assert case["status"] == status
        for column, absent in columns.items():
            why = f"{absent} not installed (in the project's folder: pip install -e '.[{column}]')"
            assert case["not_run"][column] == why
            assert why in " ".join(run.stdout.split())


@pytest.mark.parametrize("command", [["list"], ["layout", "nets.deep_net.DeepNet/batch-norm"]])
def test_listing_needs_no_framework(command, tmp_path):
    run = run_without(("torch", "jax", "flax", "optax"), tmp_path, "-m", "crosscheck", *command)
    assert (run.returncode, run.stderr) == (0, "")
    assert "DeepNet" in run.stdout or "layers.0" in run.stdout


# The text


def sources(*folders, suffixes=(".py",)):
    """The files of these folders, or of the whole project without what tools leave behind."""
    for folder in folders or (*MAY_IMPORT, "crosscheck", "tests", "scripts", "docs"):
        yield from (file for file in sorted((ROOT / folder).rglob("*")) if file.suffix in suffixes)


@pytest.mark.parametrize("folder", [*MAY_IMPORT, "crosscheck"])
def test_files_are_short(folder):
    long = {}
    for file in sources(folder):
        parts = file.relative_to(ROOT).parts
        limit = next((LINES[name] for name in (parts[0], parts[1]) if name in LINES), LINES[""])
        if (count := len(file.read_text().splitlines())) > limit:
            long["/".join(parts)] = f"{count} lines, at most {limit}"
    assert not long


def test_the_project_speaks_of_itself_alone():
    """No paths, tools or papers of the place where it was written."""
    foreign = re.compile(r"/wor[k]/|\.\./share[d]|\bfar[m]-|subagen[t]|\bissu[e] #?\d|/tm[p]/", re.I)
    texts = [*sources(suffixes=(".py", ".md", ".html", ".json", ".toml", "")), *ROOT.glob("*.md"), *ROOT.glob("*.t*")]
    found = {
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in texts
        if file.is_file()
        for match in foreign.finditer(file.read_text())
    }
    assert texts
    assert not found


def test_no_star_imports_and_no_utils():
    for file in sources():
        assert file.name != "utils.py", file
        assert not re.search(r"^from \S+ import \*", file.read_text(), re.M), file


def test_every_convention_that_is_referred_to_is_written_down():
    sections = set(re.findall(r"^## (.+)$", (ROOT / "CONVENTIONS.md").read_text(), re.M))
    named = {
        (" ".join(section.split()), file.relative_to(ROOT).as_posix())
        for file in sources()
        for section in re.findall(r'CONVENTIONS\.md,\s+"([^"]+)"', file.read_text())
    }
    assert named
    assert not {(section, file) for section, file in named if section not in sections}
