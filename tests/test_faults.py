"""Known mistakes, planted: each is refused by the rung that it names, and the right layer and column are blamed."""

import json
import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from crosscheck import registry
from crosscheck.case import all_cases
from crosscheck.faults import command
from crosscheck.faults import score as scoring
from crosscheck.faults.catalogue import RUNG_WHERE_IT_BITES, Fault, catalogue, select
from crosscheck.faults.conventional import ALLCLOSE, CLOSE, TOLERANCES, close
from crosscheck.faults.evidence import THREADS
from crosscheck.faults.plant import member, planted, resolve
from crosscheck.faults.score import Score, can_be_accused
from crosscheck.faults.shares import Share
from crosscheck.faults.trial import Bench, Trial, first_refusal, rules_for

COLUMNS = [column for column in registry.PACKAGES if not registry.missing(column)]
FAULTS = [fault for fault in catalogue(COLUMNS) if can_be_accused(fault, COLUMNS)]
PLANTED = [(fault, site) for fault in FAULTS for site in fault.sites if not fault.is_control]
CONTROLS = [(fault, site) for fault in FAULTS for site in fault.sites if fault.is_control]
SITES = sorted({site.case for fault in FAULTS for site in fault.sites})


@cache
def bench():
    return Bench(COLUMNS)


def name(value):
    return value.id if isinstance(value, Fault) else value.case


@pytest.mark.parametrize(("fault", "site"), PLANTED, ids=name)
def test_a_fault_is_refused_and_the_blame_is_right(fault, site):
    rung = fault.rung(site)
    trial = bench().attempt(fault, site, [rung])
    assert not trial.crashed
    found = trial.rung, trial.blame, trial.off
    assert found == (rung, site.blame, fault.column), trial.reason


@pytest.mark.parametrize(("fault", "site"), [p for p in PLANTED if "optimizers" in p[1].blame], ids=name)
def test_an_optimizer_at_fault_is_told_from_those_that_are_built_of_it(fault, site):
    trial = scoring.try_fault(bench(), fault, site, "float64", 0)
    assert not trial.crashed
    assert (trial.blame, trial.off) == (site.blame, fault.column), trial.reason


@pytest.mark.parametrize("column", [column for column in ("torch", "jax") if len(COLUMNS) == 3])
def test_rounding_of_the_reference_alone_is_no_mistake_of_a_port(column):
    """On exact data the reference's kernels and definitions of a batch norm inside part by more than noise."""
    wired = {"torch": "slots anchor by anchor, not cell by cell", "jax": "the coarse scale first"}
    (fault,) = (fault for fault in FAULTS if fault.id == f"{column} YOLO net: {wired[column]}")
    (site,) = (site for site in fault.sites if site.case == "detection.yolo.Yolo")
    trial = bench().attempt(fault, site, ["exact"])
    assert (trial.rung, trial.blame, trial.off) == ("exact", "", column)


@pytest.mark.parametrize(("fault", "site"), CONTROLS, ids=name)
def test_another_sound_way_to_compute_the_same_passes(fault, site):
    rungs = ["structure", "forward", "backward", "state"]
    if site.blame.startswith(("training.optimizers", "layers.losses")):
        rungs.append("training")
    trial = bench().attempt(fault, site, rungs)
    assert not trial.crashed
    assert not trial.detected, trial.reason


@pytest.mark.parametrize("case", SITES)
def test_a_sound_case_is_not_accused(case):
    blamed = {site.blame for fault in FAULTS for site in fault.sites if site.case == case}
    rules = {rule.name: rule for blame in blamed if "." in blame for rule in rules_for(blame)}
    rungs = ["structure", "forward", "backward", "state", *(["training"] if rules else [])]
    finding = first_refusal(bench().session(case), rungs, list(rules.values()))
    assert finding is None, finding.reason


# The catalogue


def test_the_catalogue_has_a_hundred_faults_of_every_sort():
    if len(COLUMNS) < 3:
        pytest.skip("columns are missing")
    faults = [fault for fault in FAULTS if not fault.is_control]
    assert len(faults) >= 100
    for column in COLUMNS:
        assert {fault.bites for fault in faults if fault.column == column} > {
            "forward",
            "gradient",
            "state",
            "training",
        }


def test_every_fault_names_cases_that_exist():
    known = {case.name for case in all_cases()}
    assert {site.case for fault in FAULTS for site in fault.sites} <= known
    assert all(fault.sites for fault in FAULTS)


def test_the_page_counts_what_there_is():
    if len(COLUMNS) < 3:
        pytest.skip("columns are missing")
    page = (Path(__file__).parents[1] / "docs" / "faults.md").read_text()
    for bites in RUNG_WHERE_IT_BITES:
        counts = [sum(f.bites == bites and f.column == column for f in FAULTS) for column in ("torch", "jax", "numpy")]
        assert f"| `{bites}` | {' | '.join(map(str, [*counts, sum(counts)]))} |" in page


def test_evidence_is_of_faults_that_exist():
    if len(COLUMNS) < 3:
        pytest.skip("columns are missing")
    slugs = {slug for fault in FAULTS for slug in fault.evidence}
    assert set(THREADS) <= slugs
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in slugs)
    assert len(slugs) >= 100


def test_what_it_bites_must_be_known():
    with pytest.raises(ValueError, match=r"unknown bites 'gradeint'; did you mean gradient"):
        Fault("x", "torch", "dense", "a:b", lambda original: original, (), "gradeint")
    assert "gradient" in RUNG_WHERE_IT_BITES


def test_an_unknown_pattern_is_refused_with_the_nearest_names():
    with pytest.raises(LookupError, match="no fault matches 'no such fault'"):
        select(["no such fault"], FAULTS)


# Planting


class Base:
    def inherited(self):
        return "sound"

    def own(self):
        return "sound"


class Layer(Base):
    size = 3
    table = {"entry": len}

    def own(self):
        return "sound"


def faulty(where, replacement=lambda original: lambda self: "faulty", **more):
    return Fault("test", "torch", "test", f"{__name__}:{where}", replacement, (), **more)


@pytest.mark.parametrize("attribute", ["own", "inherited"])
def test_a_method_is_faulty_only_while_it_is_planted(attribute):
    before = dict(vars(Layer))
    with planted(faulty(f"Layer.{attribute}")):
        assert getattr(Layer(), attribute)() == "faulty"
        assert Base().inherited() == "sound"
    assert dict(vars(Layer)) == before


def test_what_was_planted_is_taken_out_whatever_happens():
    before = dict(vars(Layer))
    with pytest.raises(KeyboardInterrupt), planted(faulty("Layer.own")):
        raise KeyboardInterrupt
    assert dict(vars(Layer)) == before


def test_an_entry_of_a_dict_can_be_replaced():
    with planted(faulty("Layer.table.entry", lambda original: min)):
        assert Layer.table == {"entry": min}
    assert Layer.table == {"entry": len}


def test_only_the_chosen_instances_are_faulty():
    other = Layer()
    other.size = 4
    with planted(faulty("Layer.own", only=lambda layer: layer.size == 4)):
        assert (Layer().own(), other.own()) == ("sound", "faulty")


@pytest.mark.parametrize("where", ["Layer.nothing", "Nowhere.own", "Layer.table.nothing"])
def test_nothing_to_replace_is_an_error(where):
    with pytest.raises(LookupError, match="nothing to replace"):
        resolve(f"{__name__}:{where}")


def test_every_fault_has_something_to_replace():
    for fault in FAULTS:
        owner, attribute = resolve(fault.where)
        assert member(owner, attribute) is not None


# The rules of thumb


def passes(compare, *arrays, **options):
    try:
        compare(*arrays, **options)
    except AssertionError:
        return False
    return True


PAIRS = [
    (actual, expected)
    for expected in (0.0, 1e-9, 1.0, -3e4, np.inf)
    for relative in (0.0, 5e-8, 2e-7, 1e-6, 1e-2, np.nan)
    for actual in [expected * (1 + relative) if np.isfinite(expected) else expected, expected + 1e-7]
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_rule_of_numpy_is_numpys(dtype):
    for actual, expected in PAIRS:
        a, b = np.full(2, actual, dtype), np.full(2, expected, dtype)
        assert close(a, b, *TOLERANCES[ALLCLOSE][dtype]) == passes(np.testing.assert_allclose, a, b)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_the_rule_of_torch_is_torchs(dtype):
    torch = pytest.importorskip("torch")
    for actual, expected in PAIRS:
        a, b = (torch.full((2,), value, dtype=getattr(torch, dtype)) for value in (actual, expected))
        ours = close(a.double().numpy(), b.double().numpy(), *TOLERANCES[CLOSE][dtype])
        assert ours == passes(torch.testing.assert_close, a, b), (actual, expected)


def test_shapes_that_differ_and_tensors_that_are_missing_are_not_close():
    assert not close(None, np.zeros(2), 1, 1)
    assert not close(np.zeros(3), np.zeros(2), 1, 1)


# The score


def test_bounds_are_those_of_clopper_and_pearson():
    none, all_ = Share("x", "float64", "y", 0, 50), Share("x", "float64", "y", 50, 50)
    assert none.low == 0.0
    assert math.isclose(none.high, 1 - 0.025 ** (1 / 50))
    assert (all_.low, all_.high) == (pytest.approx(0.025 ** (1 / 50)), 1.0)
    some = Share("x", "float64", "y", 7, 20)  # tail sums of the binomial at the bounds are 2.5 % each
    tail = [math.comb(20, k) * some.low**k * (1 - some.low) ** (20 - k) for k in range(7, 21)]
    assert math.isclose(sum(tail), 0.025, rel_tol=1e-9)


TRIAL = Trial("f", "torch", "dense", "forward", "c", "float64", 0, "fc1")
CAUGHT = {"rung": "forward", "blame": "fc1", "off": "torch"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (CAUGHT, 0),
        ({}, 1),
        (CAUGHT | {"blame": "fc2"}, 1),
        (CAUGHT | {"off": "jax"}, 1),
        (CAUGHT | {"off": "no majority"}, 1),
        ({"dtype": "float32"}, 0),
        (CAUGHT | {"dtype": "float32", "off": "no majority"}, 0),
        (CAUGHT | {"dtype": "float32", "off": "torch and jax"}, 1),
        ({"bites": "nothing"}, 0),
        (CAUGHT | {"bites": "nothing"}, 1),
        ({"bites": "nothing", "crashed": "forward: it fell"}, 1),
    ],
    ids=str,
)
def test_the_exit_code_says_whether_all_was_judged_rightly(changes, code):
    trial = Trial(**{**vars(TRIAL), **changes})
    assert Score([trial], []).exit_code == code
    if code:
        assert "f on c" in command.line(trial)


def test_the_command_prints_its_shares_and_writes_them(tmp_path):
    if COLUMNS == ["numpy"]:
        pytest.skip("there is nothing to plant a fault in")
    console = Console(record=True, width=200)
    kind = f"{COLUMNS[1]} schedule"
    code = command.run(console, [kind], COLUMNS, ("float64",), json=tmp_path / "faults.json")
    found = json.loads((tmp_path / "faults.json").read_text())
    assert code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["faults.json"]
    count = sum(len(fault.sites) for fault in select([kind], FAULTS))
    assert len(found["trials"]) == count
    assert f"{count}/{count} = 100.0%" in console.export_text()
    assert {share["by"] for share in found["shares"]} == {"crosscheck", *TOLERANCES}


def test_ctrl_c_keeps_what_is_done(monkeypatch, tmp_path):
    def performed(tasks, jobs):
        yield tasks[0], ([TRIAL], [], {})
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "performed", performed)
    assert command.run(Console(quiet=True), columns=COLUMNS, json=tmp_path / "faults.json") == 130
    found = json.loads((tmp_path / "faults.json").read_text())
    assert found["interrupted"]
    assert [trial["fault"] for trial in found["trials"]] == ["f"]


def test_a_missing_column_is_not_run(monkeypatch):
    monkeypatch.setattr(registry, "missing", lambda column: "" if column == "numpy" else f"{column} not installed")
    found = scoring.score([], ("numpy", "torch", "jax"))
    assert found.not_run == {"torch": "torch not installed", "jax": "jax not installed"}
    assert not found.trials
    assert found.exit_code == 2


def test_a_faulty_reference_leaves_what_the_sound_one_proved():
    bench, (fault, site) = (
        Bench(),
        next((f, f.sites[0]) for f in catalogue() if f.column == "numpy" and f.bites == "forward"),
    )
    before = dict(bench.session(site.case).proofs(True, "ties"))
    with bench.faulty(fault, site) as session:
        spoilt = session.proofs(True, "ties")
    after = bench.session(site.case).proofs(True, "ties")
    assert any(not np.array_equal(spoilt[key].value, before[key].value) for key in before)
    assert all(np.array_equal(after[key].value, before[key].value) for key in before)
