"""The command: what it prints, what it refuses, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from crosscheck import registry, settings, suite
from crosscheck.case import Case
from crosscheck.cli import app
from crosscheck.ladder import Settings, climb
from crosscheck.report import as_json
from crosscheck.rungs import modes
from crosscheck.suite import Results, run

QUICK = ("layers.activations.linear", "--modes", "eager", "--dtypes", "float64", "-j", "1")
ALONE = Settings(backends=("numpy",))
"""Nothing to compare, so a case ends at once, without a framework."""


def crosscheck(*words):
    return CliRunner().invoke(app, list(words))


def case(name, **arguments):
    return Case(f"layers.activations.{name}", arguments=arguments, inputs={"Z": "n=5 m=7"})


def forget_frameworks(monkeypatch, *columns):
    monkeypatch.setattr(registry, "missing", lambda column: f"{column} not installed" if column in columns else "")


# run


@pytest.mark.parametrize(("wanted", "compiled"), [("eager", False), ("compiled", True), ("eager,compiled", True)])
def test_modes_decide_whether_torch_compiles(monkeypatch, wanted, compiled):
    pytest.importorskip("torch")
    monkeypatch.setattr(modes, "compiler", lambda: False)
    asking = replace(case("linear"), compiled=True)
    (finding,) = climb(asking, Settings(rungs=("modes",), modes=tuple(wanted.split(",")))).findings
    assert finding.status == "agree"
    assert finding.figures == ({"left_out": "torch.compile not run: no C++ compiler found"} if compiled else {})


def test_columns_that_agree_end_with_0_and_a_table():
    pytest.importorskip("torch")
    ended = crosscheck("run", *QUICK)
    assert ended.exit_code == 0, ended.output
    assert re.search(r"linear +✓ same +✓ same +✓ equal +✓ equal", ended.stdout)
    assert "✓ 1 case: 1 agree" in ended.stdout
    assert "[1/1] agree" in ended.stderr


def test_columns_that_diverge_end_with_1_and_the_command_that_reproduces(monkeypatch):
    torch = pytest.importorskip("torch")
    import torch_impl.layers.activations as activations

    monkeypatch.setattr(activations, "linear", lambda Z: torch.clone(Z) * 1.001)
    ended = crosscheck("run", *QUICK, "--rungs", "structure,forward,backward")
    assert ended.exit_code == 1, ended.output
    assert "✗ torch" in ended.stdout
    again = "crosscheck run layers.activations.linear --rungs structure,forward,backward --dtypes float64 --modes eager"
    assert f"reproduce: {again}" in ended.stdout


def test_every_report_that_is_asked_for_is_written(tmp_path, monkeypatch):
    forget_frameworks(monkeypatch, "torch", "jax")
    files = {option: tmp_path / "new" / f"report.{option}" for option in ("json", "html", "junit")}
    crosscheck("run", *QUICK, *(word for option, file in files.items() for word in (f"--{option}", str(file))))
    assert as_json.read(files["json"])["cases"][0]["case"] == "layers.activations.linear"
    assert files["html"].read_text().startswith("<!doctype html>")
    assert files["junit"].read_text().startswith("<?xml")


def test_a_missing_framework_is_not_run_and_never_passed(monkeypatch):
    pytest.importorskip("jax")
    forget_frameworks(monkeypatch, "torch")
    ended = crosscheck("run", *QUICK)
    assert ended.exit_code == 0
    assert "not run: torch: torch not installed" in ended.stdout


def test_a_run_that_compared_nothing_does_not_agree(monkeypatch):
    forget_frameworks(monkeypatch, "torch", "jax")
    ended = crosscheck("run", *QUICK)
    assert ended.exit_code == 2
    assert "nothing was compared" in ended.stdout
    assert "✓" not in ended.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "layers.dens.Dense"], "no case matches 'layers.dens.Dense'; did you mean layers.dense.Dense"),
        (["run", "--backends", "numpy,torhc"], "unknown backend 'torhc'; did you mean torch?"),
        (["run", "--rungs", "foward"], "unknown rung 'foward'; did you mean forward"),
        (["run", "--dtypes", "float46"], "unknown dtype 'float46'; did you mean float64"),
        (["run", "--modes", "compield"], "unknown mode 'compield'; did you mean compiled?"),
        (["run", "--device", "gqu"], "unknown device 'gqu'; did you mean gpu"),
        (["run", "--rungs", "forward,"], "--rungs is 'forward,'; expected names separated by commas"),
        (["run", "--json", "."], "--json is '.', a folder; expected the name of a file"),
        (["run", "--html", f"{os.devnull}/page.html"], "cannot be written to"),
        (["run", "--seed", "-1"], "--seed"),
        (["run", "--bakends", "torch"], "--backends"),
        (["layout", "nets.deep_net.DepNet"], "unknown architecture 'nets.deep_net.DepNet'; did you mean"),
        (["list", "dnese"], "no case matches 'dnese'; did you mean layers.dense.Dense"),
        (["rnu"], "No such command 'rnu'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_ends_with_2_and_one_line_that_helps(words, complaint):
    ended = crosscheck(*words)
    assert ended.exit_code == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.output


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("crosscheck.ladder.sees_gpu", lambda column: column == "numpy")
    ended = crosscheck("run", *QUICK, "--device", "gpu")
    assert ended.exit_code == 2
    assert "no CUDA GPU can be used here" in ended.stderr


# The suite


def climb_badly(monkeypatch, name, error):
    """The ladder raises for the case of that name."""
    climb = suite.climb

    def climb_or_raise(case, settings):
        if case.target.endswith(name):
            raise error
        return climb(case, settings)

    monkeypatch.setattr(suite, "climb", climb_or_raise)


def test_a_case_that_crashes_is_reported_and_the_rest_goes_on(monkeypatch):
    climb_badly(monkeypatch, "tanh", RuntimeError("planted"))
    found = run([case("relu"), case("tanh"), case("sigmoid")], ALONE)
    assert [outcome.status for outcome in found.outcomes] == ["not run", "crashed", "not run"]
    assert "RuntimeError: planted" in found.outcomes[1].findings[0].traceback
    assert found.exit_code == 1


def test_ctrl_c_keeps_what_is_done_and_leaves_a_valid_report(tmp_path, monkeypatch):
    climb_badly(monkeypatch, "Dense", KeyboardInterrupt)
    forget_frameworks(monkeypatch, "torch", "jax")
    ended = crosscheck(
        "run", "layers.activations.linear", "layers.dense", "-j", "1", "--json", str(tmp_path / "report.json")
    )
    assert ended.exit_code == 130
    report = as_json.read(tmp_path / "report.json")
    assert report["interrupted"]
    assert "interrupted before it ran" not in str(report["cases"][0])
    assert all("interrupted before it ran" in str(entry) for entry in report["cases"][1:])


def test_a_signal_stops_the_command_at_once(tmp_path):
    """The real thing: a process, a case that would take an hour, and Ctrl-C."""
    code = (
        "import signal, time; from crosscheck import cli, suite; climb = suite.climb\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores\n"
        "def slow(case, settings): return climb(case, settings) if 'linear' in case.name else time.sleep(3600)\n"
        "suite.climb = slow; cli.main()"
    )
    file = tmp_path / "report.json"
    words = ["run", "layers.activations.linear", "layers.dense", "--backends", "numpy", "-j", "1", "--json", str(file)]
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True)
    assert "[1/" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in complaints
    assert as_json.read(file)["interrupted"]


class Fatal:
    """Ends the process that unpickles it, as a crash in compiled code would."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_worker_that_dies_costs_its_own_case_only(monkeypatch):
    monkeypatch.setattr(suite, "SHARE", 1)
    seen = []
    cases = [case("relu"), case("tanh", bomb=Fatal()), case("sigmoid"), case("linear")]
    found = run(cases, ALONE, jobs=2, on_outcome=lambda outcome: seen.append(outcome.case))
    assert [outcome.case for outcome in found.outcomes] == [one.name for one in cases], "in the order asked for"
    assert sorted(seen) == sorted(one.name for one in cases)
    assert [outcome.status for outcome in found.outcomes] == ["not run", "crashed", "not run", "not run"]
    assert {finding.reason for finding in found.outcomes[1].findings} == {"the process that ran it ended: exit code 3"}


def test_workers_end_with_an_interrupted_run(monkeypatch):
    monkeypatch.setattr(suite, "SHARE", 1)
    workers = []
    start = suite.start_deaf
    monkeypatch.setattr(suite, "start_deaf", lambda process: (workers.append(process), start(process)))

    def interrupt(outcome):
        raise KeyboardInterrupt

    found = run([case("relu"), case("tanh"), case("sigmoid")], ALONE, jobs=2, on_outcome=interrupt)
    assert found.interrupted
    assert found.exit_code == 130
    for process in workers:
        process.join(timeout=120)
        assert not process.is_alive()


def test_a_worker_runs_one_thread(monkeypatch):
    monkeypatch.setattr(suite, "SHARE", 1)
    for name in settings.THREADS:
        monkeypatch.delenv(name, raising=False)
    found = run([case("relu"), case("tanh")], ALONE, jobs=2)
    assert found.audit["columns"]["numpy"]["threads"] == 1


def test_an_empty_run_is_no_agreement():
    assert Results([]).exit_code == 2


# list and layout


def test_list_names_the_cases_and_why_they_exist():
    ended = crosscheck("list", "layers.dense")
    assert ended.exit_code == 0
    assert re.search(r"^layers\.dense\.Dense/wide +sums of many terms$", ended.stdout, re.M)


def test_layout_joins_the_columns_without_their_frameworks():
    code = "import sys; sys.modules.update(torch=None, jax=None, flax=None); from crosscheck.cli import main; main()"
    words = [sys.executable, "-c", code, "layout", "nets.deep_net.DeepNet/batch-norm"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"W +n=17 n_prev=5 +weight  n n_prev +kernel  n_prev n", ended.stdout)
    assert re.search(r"sigma2 +n=17 1 +running_var  n +var  n", ended.stdout)


def test_layout_of_a_function_says_that_it_has_no_parameters():
    assert "It has no parameters." in crosscheck("layout", "layers.activations.relu").stdout


def test_the_module_runs_as_the_command():
    ended = subprocess.run([sys.executable, "-m", "crosscheck", "list", "linear"], capture_output=True, text=True)
    assert "layers.activations.linear" in ended.stdout


# Settings


def test_the_audit_imports_nothing_and_is_plain_data():
    code = "import json, sys; from crosscheck.settings import record; print(json.dumps(record())); print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    audit, modules = ended.stdout.splitlines()
    assert not {"torch", "jax", "numpy"} & set(modules.split())
    assert json.loads(audit)["columns"] == {}
    assert json.loads(audit)["versions"]["numpy"]


def test_the_audit_knows_the_switches_of_what_is_loaded():
    torch = pytest.importorskip("torch")
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        columns = settings.record()["columns"]
    finally:
        torch.set_float32_matmul_precision(before)
    assert columns["torch"]["float32 matmul"] == "TF32"
    assert columns["torch"]["switches"]["float32_matmul_precision"] == "high"
    assert "float32 matmul: numpy float32, torch TF32" in str(
        settings.differences({c: columns[c] for c in ("numpy", "torch")})
    )


def test_settings_that_only_one_column_has_do_not_differ():
    columns = {"torch": {"threads": 1, "deterministic": True}, "jax": {"threads": 2}}
    assert settings.differences(columns) == ["threads: torch 1, jax 2"]


def test_a_folder_that_is_no_checkout_has_no_commit(tmp_path):
    assert settings.commit(tmp_path) == ""
