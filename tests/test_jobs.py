"""Training on real data: the loop's own promises, on small jobs, and that what should not pass does not."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import typer
from columns import column

from crosscheck import cache, registry
from crosscheck.jobs.__main__ import main
from crosscheck.jobs.compare import compare
from crosscheck.jobs.data import DATA_SETS, DataSet, load, one_hot, split
from crosscheck.jobs.learner import starting_point
from crosscheck.jobs.table import JOBS
from crosscheck.jobs.training import Result, learner, train
from reference.layers.dense import Dense

DEEP = next(job for job in JOBS if "batch norm" in job.name)
SMALL = replace(DEEP, arguments={"layer_dims": (64, 17, 10), "batch_norm": True}, epochs=2, batch_size=128)
INSTALLED = [column for column in registry.PACKAGES if not registry.missing(column)]
needs_a_port = pytest.mark.skipif(len(INSTALLED) < 2, reason="neither PyTorch nor JAX is installed: not run")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def small(digits):
    """A short run of the deep net in all columns."""
    return train(SMALL, data=digits)


def test_the_columns_stay_together(small):
    assert list(small.accuracy) == INSTALLED
    assert len(set(small.accuracy.values())) == 1
    assert small.disagreements == 0
    assert len(small.drift) == 2 * 12  # 1438 examples in batches of 128: the last is smaller
    assert max(value for _, value in small.drift) < 1e-10


def test_the_columns_learn(small):
    for curve in small.curves.values():
        assert [epoch for epoch, _ in curve] == [1, 2]
        assert curve[1][1] < 0.7 * curve[0][1]
    assert min(small.accuracy.values()) > 0.8


def test_a_run_can_be_repeated(small, digits):
    again = train(SMALL, data=digits)
    assert (again.curves, again.drift, again.accuracy) == (small.curves, small.drift, small.accuracy)


@pytest.mark.parametrize("name", INSTALLED[1:])
def test_a_column_with_another_rule_drifts_and_is_refused(name, digits, monkeypatch):
    found = learner(name)
    monkeypatch.setattr(
        found, "optimizer", lambda self, *args, alpha: self.find("training.optimizers.rmsprop")(*args, alpha=alpha)
    )
    result = train(SMALL, ["numpy", name], data=digits)
    assert max(value for _, value in result.drift) > 1e-3
    assert "disagree on" in result.problem


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("schedule", ["inverse_time", "exponential"])
def test_the_rate_decays_by_the_epoch(name, schedule):
    """One weight, no noise: two epochs of gradient descent on the notes' logistic cost, by hand."""
    settings = {"inverse_time": {"alpha0": 0.5, "rate": 1.0}, "exponential": {"alpha0": 0.5, "base": 0.3}}[schedule]
    rates = {"inverse_time": (0.5, 0.25), "exponential": (0.5, 0.15)}[schedule]
    X, Y = np.array([[1.0, 2.0, -1.0, -2.0, 3.0, -3.0]]), np.array([[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]])
    job = replace(JOBS[0], arguments={"n_x": 1}, schedule=schedule, schedule_arguments=settings, batch_size=4)
    one = learner(name)(job, {"dense.W": np.zeros((1, 1)), "dense.b": np.zeros((1, 1))}, {}, DataSet(X, Y))
    x, w, b = X / np.sqrt((X * X).mean()), 0.0, 0.0
    for alpha in rates:
        for piece, (X_t, Y_t) in zip((slice(0, 4), slice(4, 6)), one.batches(np.arange(6))):
            dz = 1 / (1 + np.exp(-(w * x[:, piece] + b))) - Y[:, piece]
            w, b = w - alpha * (x[:, piece] * dz).mean(), b - alpha * dz.mean()
            one.step(X_t, Y_t)
        one.end_epoch()
    found = one.weights()
    assert found["dense.W"].item() == pytest.approx(w, rel=1e-12)
    assert found["dense.b"].item() == pytest.approx(b, rel=1e-12)


def test_jax_compiles_its_step_once_for_each_size_of_batch(digits):
    column("jax_impl")
    training, _ = split(digits)
    one = learner("jax")(SMALL, *starting_point(SMALL, 0), training)
    for _ in range(2):
        for X, Y in one.batches(np.arange(training.m)):
            one.step(X, Y)
    assert one.update._cache_size() == 2


def test_the_held_out_set_is_normalized_by_the_training_set(digits):
    training, held_out = split(digits)
    for name in INSTALLED:
        one = learner(name)(SMALL, *starting_point(SMALL, 0), training)
        shifted = one.layout.data_from_column(np.asarray(one.normalized(one.data(held_out.X))), "n m")
        sigma = training.X.std(axis=1, keepdims=True)
        expected = (held_out.X - training.X.mean(axis=1, keepdims=True)) / np.where(sigma == 0, 1, sigma)
        assert np.abs(shifted - expected).max() < 1e-12 * np.abs(expected).max()  # a rare pixel is many sigma off


def test_the_split_loses_no_example(digits):
    training, held_out = split(digits)
    assert (training.m, held_out.m) == (1438, 359)
    together = np.concatenate([training.X, held_out.X], axis=1)
    assert np.array_equal(np.sort(together.sum(axis=0)), np.sort(digits.X.sum(axis=0)))


def test_missing_frameworks_are_named_and_nothing_is_called_agreement(monkeypatch, digits):
    monkeypatch.setattr("crosscheck.session.registry.missing", lambda name: "" if name == "numpy" else f"no {name}")
    result = train(replace(SMALL, epochs=1), data=digits)
    assert result.not_run == {"torch": "no torch", "jax": "no jax"}
    assert list(result.accuracy) == ["numpy"]
    assert "nothing to compare" in result.problem


JUDGED = [
    ("agreement", {"numpy": 0.97, "torch": 0.97}, 0, ""),
    ("one disagreement", {"numpy": 0.97, "torch": 0.97}, 1, "disagree on 1 of 100"),
    ("too little learned", {"numpy": 0.97, "torch": 0.95}, 0, "below 0.96"),
    ("one column", {"numpy": 0.97}, 0, "nothing to compare"),
]


@pytest.mark.parametrize(
    ("accuracy", "disagreements", "problem"), [row[1:] for row in JUDGED], ids=[r[0] for r in JUDGED]
)
def test_a_result_is_judged(accuracy, disagreements, problem):
    found = Result(DEEP, 100, accuracy, disagreements).problem
    assert problem in found
    assert bool(problem) == bool(found)


X, Y = np.ones((2, 3)), np.array([[0.0, 1.0, 1.0]])
BAD = [
    ("NaN", lambda: DataSet(np.where(np.eye(2, 3), np.nan, X), Y), r"X holds nan at index \(0, 0\)"),
    ("infinite", lambda: DataSet(np.full((2, 3), np.inf), Y), "X holds inf"),
    ("rank 1", lambda: DataSet(X, Y[0]), r"Y has shape \(3,\); expected a matrix"),
    ("too few labels", lambda: DataSet(X, Y[:, :2]), "Y has 2 examples; expected 3"),
    ("empty", lambda: DataSet(X[:, :0], Y[:, :0]), "empty batch"),
    ("not binary", lambda: DataSet(X, 2 * Y), "Y holds 2.0; expected labels 0 or 1"),
    ("not one-hot", lambda: DataSet(X, np.ones((2, 3))), "sums to 2.0"),
    ("label out of range", lambda: one_hot(np.array([0, 3]), 3), "y holds the label 3; expected whole numbers from 0"),
    ("negative label", lambda: one_hot(np.array([0, -1]), 3), "label -1"),
    ("half a label", lambda: one_hot(np.array([0.5]), 3), "label 0.5"),
    ("NaN label", lambda: one_hot(np.array([np.nan]), 3), "label nan"),
    ("data set", lambda: load("digit"), "unknown data set 'digit'; did you mean digits?"),
]


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_data_is_refused(make, message):
    with pytest.raises((ValueError, LookupError), match=message):
        make()


def test_every_job_names_what_exists():
    for job in JOBS:
        assert job.data in DATA_SETS
        for target in (job.net, job.cost, f"training.optimizers.{job.optimizer}", f"training.schedules.{job.schedule}"):
            registry.find("numpy", target)


# The whole of scripts/compare, in small

ONE_CASE = ["layers.dense.Dense/no-bias"]
QUICK = replace(JOBS[0], name="quick", epochs=3, target=0.5)


def report(folder):
    return json.loads((folder / "compare.json").read_text())


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    return compare(ONE_CASE, folder, [QUICK]), folder


@needs_a_port
def test_compare_writes_the_suite_and_the_jobs_into_one_report(compared):
    code, folder = compared
    written = report(folder)
    assert code == 0
    assert [case["case"] for case in written["cases"]] == ONE_CASE
    (job,) = written["jobs"]
    assert (job["name"], job["examples"], job["disagreements"], job["problem"]) == ("quick", 113, 0, "")
    assert list(job["accuracy"]) == list(job["curves"]) == INSTALLED
    assert [epoch for epoch, _ in job["curves"]["numpy"]] == [1, 2, 3]
    assert [step for step, _ in job["drift"]] == [1, 2, 3]


def test_the_page_is_one_file_with_the_jobs_in_it(compared):
    text = (compared[1] / "compare.html").read_text()
    assert "quick" in text
    assert "Cost of each epoch" in text
    assert not re.search(r"""(src|href)=["']?https?://|@import|url\(["']?http""", text)


@needs_a_port
def test_a_job_that_misses_its_target_fails_the_command(tmp_path, capsys):
    assert compare(ONE_CASE, tmp_path, [replace(QUICK, target=1.0)]) == 1
    assert "below 1.0" in report(tmp_path)["jobs"][0]["problem"]
    assert "✗ quick: held-out accuracy" in " ".join(capsys.readouterr().out.split())


@needs_a_port
def test_a_job_that_crashes_is_reported_and_the_next_one_runs(tmp_path, capsys):
    assert compare(ONE_CASE, tmp_path, [replace(QUICK, name="broken", arguments={"n_x": 31}), QUICK]) == 1
    broken, quick = report(tmp_path)["jobs"]
    assert "crashed: ValueError: A_prev has 30 rows; expected 31" in broken["problem"]
    assert "Traceback" in broken["traceback"]
    assert quick["problem"] == ""
    assert "crashed" in capsys.readouterr().out


def test_ctrl_c_keeps_the_jobs_that_are_done(tmp_path, monkeypatch):
    done = []

    def once(job, columns, on_epoch):
        if done:
            raise KeyboardInterrupt
        done.append(job)
        return Result(job, 10, {"numpy": 1.0, "torch": 1.0})

    monkeypatch.setattr("crosscheck.jobs.compare.train", once)
    assert compare(ONE_CASE, tmp_path, [QUICK, QUICK]) == 130
    assert len(report(tmp_path)["jobs"]) == 1
    assert report(tmp_path)["interrupted"]


@needs_a_port
def test_a_suite_that_diverges_fails_the_command_though_the_jobs_agree(tmp_path, monkeypatch):
    sound = Dense.forward
    monkeypatch.setattr(Dense, "forward", lambda self, p, A_prev: sound(self, p, 2 * A_prev))
    monkeypatch.setattr("crosscheck.jobs.compare.train", lambda job, *_, **__: Result(job, 10, {"a": 1.0, "b": 1.0}))
    with cache.suspended():
        assert compare(ONE_CASE, tmp_path, [QUICK]) == 1
    assert report(tmp_path)["counts"]["diverge"] == 1
    assert report(tmp_path)["jobs"][0]["problem"] == ""


def test_an_unknown_case_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(typer.Exit) as refusal:
        compare(["layers.dens.Dens"], tmp_path, [QUICK])
    assert refusal.value.exit_code == 2
    assert main(["layers.dens.Dens", "--folder", str(tmp_path)]) == 2
    assert not list(tmp_path.iterdir())
