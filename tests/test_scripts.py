"""The scripts, run in a copy of the project whose Python is a stand-in that writes down what it is asked to do."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PYTHON = """#!/usr/bin/env bash
# Answers what scripts/install asks of a Python itself; everything else it is told goes into the diary.
case "$1 $2" in
    "-c "*) exec {python} "$@" ;;
    "-V "*) echo "Python 3.x (a stand-in)" ;;
    "-m venv")
        echo "python $*" >> {diary}
        mkdir -p "${{@: -1}}/bin" && touch "${{@: -1}}/pyvenv.cfg"
        for name in python ruff mypy; do cp "$0" "${{@: -1}}/bin/$name"; done ;;
    *)
        echo "$(basename "$0") $*" >> {diary}
        [ "$*" != "${{FAILING:-nothing}}" ] ;;
esac
"""


class Project:
    """A folder with the scripts, and a PATH on which Python is the stand-in."""

    def __init__(self, folder):
        self.folder, self.diary = folder, folder / "diary"
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        shutil.copytree(ROOT / ".ci", folder / ".ci")
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        (folder / "path").mkdir()
        self.python(PYTHON.format(python=sys.executable, diary=self.diary))

    def python(self, text):
        file = self.folder / "path" / "python3"
        file.write_text(text)
        file.chmod(0o755)

    def run(self, *words, **environment):
        """What a script printed, the exit code, and what Python was asked to do."""
        self.diary.write_text("")
        path = f"{self.folder / 'path'}:/usr/bin:/bin"
        environment = {"PATH": path, "HOME": str(self.folder), **environment}
        done = subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, text=True)
        return done.stdout + done.stderr, done.returncode, self.diary.read_text().splitlines()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


INSTALL = "python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .[all,dev]"


def test_install_makes_an_environment_with_pinned_versions(project):
    output, code, asked = project.run("scripts/install")
    assert (code, asked) == (0, ["python -m venv --clear .venv", INSTALL]), output
    assert "Installing" in output


def test_install_does_nothing_when_nothing_changed(project):
    project.run("scripts/install")
    assert project.run("scripts/install") == ("", 0, [])


@pytest.mark.parametrize("file", ["constraints.txt", "pyproject.toml"])
def test_install_notices_a_change(project, file):
    project.run("scripts/install")
    with (project.folder / file).open("a") as text:
        text.write("# one line more\n")
    assert project.run("scripts/install")[1:] == (0, [INSTALL])


def test_an_install_that_failed_is_done_again(project):
    failing = INSTALL.partition(" ")[2]
    assert project.run("scripts/install", FAILING=failing)[1] != 0
    assert project.run("scripts/install")[1:] == (0, [INSTALL])


def test_install_into_another_folder(project):
    _, code, asked = project.run("scripts/install", CROSSCHECK_VENV="elsewhere")
    assert (code, asked[0]) == (0, "python -m venv --clear elsewhere")
    assert not (project.folder / ".venv").exists()


def test_install_never_clears_a_folder_that_is_no_environment(project):
    (project.folder / "precious").mkdir()
    output, code, asked = project.run("scripts/install", CROSSCHECK_VENV="precious")
    assert (code, asked) == (1, [])
    assert "precious is there and is not a virtual environment" in output


def test_an_older_python_is_refused_by_name(project):
    project.python('#!/usr/bin/env bash\n[ "$1" = -V ] && echo "Python 3.9.1" || exit 1\n')
    output, code, _ = project.run("scripts/install", PYTHON=str(project.folder / "path" / "python3"))
    assert code == 1
    assert "Python 3.11 or newer is needed" in output
    assert "3.9.1" in output


def test_a_python_without_venv_is_refused(project):
    script = PYTHON.format(python=sys.executable, diary=project.diary)
    project.python(script.replace("case ", '[ "$2" = "import venv, ensurepip" ] && exit 1\ncase ', 1))
    output, code, asked = project.run("scripts/install")
    assert (code, asked) == (1, [])
    assert "apt install python3-venv" in output


LINT = ["ruff format --check", "ruff check", "mypy "]
TESTS = "python -m pytest -n 2 --dist worksteal"


@pytest.mark.parametrize("script", ["scripts/test", ".ci/run"])
def test_the_tests_come_after_format_lint_and_types(project, script):
    project.run("scripts/install")
    output, code, asked = project.run(script)
    assert (code, asked) == (0, [*LINT, TESTS]), output


def test_arguments_go_to_pytest(project):
    project.run("scripts/install")
    assert project.run("scripts/test", "-k", "batch norm")[2][-1] == f"{TESTS} -k batch norm"


FAILURES = [("format --check", LINT[:1]), ("check", LINT[:2]), (TESTS.partition(" ")[2], [*LINT, TESTS])]


@pytest.mark.parametrize(("failing", "asked"), FAILURES)
def test_what_fails_ends_the_run(project, failing, asked):
    project.run("scripts/install")
    _, code, done = project.run("scripts/test", FAILING=failing)
    assert code != 0
    assert done == asked


def test_the_build_calls_the_tests_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines == ["#!/usr/bin/env bash", 'exec "$(dirname "$0")/../scripts/test"']


def test_compare_installs_and_passes_its_arguments_on(project):
    output, code, asked = project.run("scripts/compare", "layers.dense")
    assert (code, asked[1:]) == (0, [INSTALL, "python -m crosscheck.jobs layers.dense"]), output


def test_detect_installs_and_passes_its_arguments_on(project):
    output, code, asked = project.run("scripts/detect", "--resume")
    assert (code, asked[1:]) == (0, [INSTALL, "python -m crosscheck.detect --resume"]), output


def test_bench_runs_the_script_of_that_name(project):
    project.run("scripts/install")
    assert project.run("scripts/bench", "loop")[1:] == (0, ["python scripts/bench_loop.py"])


@pytest.mark.parametrize("words", [[], ["lop"]])
def test_bench_says_what_it_can_measure(project, words):
    output, code, asked = project.run("scripts/bench", *words)
    assert (code, asked) == (2, [])
    assert "loop" in output
    assert "suite" in output


def test_vectorization_pays_and_changes_nothing():
    run = subprocess.run(
        [sys.executable, "scripts/bench_loop.py"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    *_, largest = run.stdout.splitlines()
    assert float(largest.split("x")[0].split()[-1]) > 20


def test_constraints_pin_every_requirement():
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(r for group in project["optional-dependencies"].values() for r in group)]
    names = {requirement.partition(">")[0].partition("[")[0].lower() for requirement in wanted} - {"crosscheck"}
    assert names <= pinned
