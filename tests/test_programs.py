"""Programs of the JAX column are kept whole: what was compiled once is neither traced nor compiled again."""

import os
import time
from dataclasses import replace

import pytest

pytest.importorskip("jax")

import jax
import numpy as np

from crosscheck import cache
from crosscheck.backends.jax_backend import configure
from crosscheck.backends.jax_watch import Recorder
from crosscheck.backends.programs import Program, digest
from crosscheck.feed import Feed, same

CPU = jax.devices("cpu")[0]
X = np.arange(3.0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSCHECK_CACHE", str(tmp_path))
    return tmp_path


def program(traced, name="twice", factor=2.0):
    """{"y": factor x}; whenever it is traced, `traced` grows."""

    def run(x):
        traced.append(x.shape)
        return {"y": factor * x}

    return Program(run, name, CPU, None)


def kept(folder):
    return [file for file in folder.rglob("*") if file.is_file()]


def test_what_was_kept_is_not_traced_again(folder):
    traced = []
    first = program(traced)(X)
    again = program(traced)(X)
    assert traced == [(3,)]
    assert np.array_equal(first["y"], 2 * X)
    assert np.array_equal(again["y"], 2 * X)
    assert len(kept(folder)) == 1


def test_what_was_read_from_jaxs_own_cache_is_compiled_anew_before_it_is_kept():
    """XLA writes no functions of a program that it has itself read from a file: kept so, it would fail when called."""
    configure()

    def run(x):
        return jax.numpy.sort(x @ x.T, axis=0).sum(axis=1)

    square = np.random.default_rng(0).normal(size=(8, 8))
    expected = jax.jit(run)(square)  # leaves the program in JAX's cache
    jax.clear_caches()
    Program(run, "sorted", CPU, None)(square)
    assert np.array_equal(Program(run, "sorted", CPU, None)(square), expected)


def test_other_shapes_names_and_dtypes_are_other_programs(folder):
    traced = []
    for x, name in ((X, "a"), (np.arange(4.0), "a"), (X.astype(np.float32), "a"), (X, "b")):
        assert np.array_equal(program(traced, name)(x)["y"], 2 * x)
    assert len(traced) == len(kept(folder)) == 4


def test_patched_sources_neither_read_nor_write(folder):
    program([])(X)
    before = kept(folder)
    with cache.suspended("programs"):
        assert np.array_equal(program([], factor=3.0)(X)["y"], 3 * X)
        assert np.array_equal(program([], "new")(X)["y"], 2 * X)
    assert kept(folder) == before
    with cache.suspended("noise"):
        traced = []
        program(traced)(X)
        assert not traced


@pytest.mark.parametrize("damage", [b"", b"not a program", b"\x80\x05K\x01."])
def test_a_damaged_file_is_compiled_anew(folder, damage):
    traced = []
    program(traced)(X)
    kept(folder)[0].write_bytes(damage)
    assert np.array_equal(program(traced)(X)["y"], 2 * X)
    assert len(traced) == 2
    program(traced)(X)
    assert len(traced) == 2


def test_a_program_that_holds_arrays_of_its_own_runs_though_it_cannot_be_kept():
    held = jax.device_put(np.arange(1000.0))
    run = Program(lambda x: held[:3] + x, "held", CPU, None)
    assert np.array_equal(run(X), 2 * X)


def test_the_digest_tells_machines_apart(monkeypatch):
    before = digest("a", CPU)
    monkeypatch.setattr("crosscheck.backends.programs.processor", lambda: "flags: another")
    assert digest("a", CPU) != before


def test_what_other_sources_gave_goes_after_a_week(folder, monkeypatch):
    old, young = folder / "noise" / "old", folder / "noise" / "young"
    for path in (old, young):
        path.mkdir(parents=True)
        (path / "kept").write_bytes(b"1")
    os.utime(old, (time.time() - 8 * 24 * 3600,) * 2)
    cache.used.cache_clear()
    mine = cache.folder("noise", "reference")
    assert mine.exists()
    assert young.exists()
    assert not old.exists()


def test_what_was_recorded_keeps_its_order_in_a_pytree():
    recorder = Recorder({}, None)
    for path in ("z", "a", "m"):
        recorder.enter(path, (X,))
        recorder.leave(path, (X,), X)
    kept_in_order = jax.tree.map(lambda x: x, recorder.numbered())
    assert [key.partition(" ")[2] for key in sorted(kept_in_order)] == ["z", "a", "m"]


def test_two_feeds_are_the_same_if_every_number_is():
    feed = Feed({"W": X}, {}, {"X": X}, None, (X,), {"drop": X})
    assert same(feed, replace(feed, labels=X))
    for other in ({"params": {"W": X + 1}}, {"inputs": {}}, {"cotangents": (X, X)}, {"uniforms": {"drop": -X}}):
        assert not same(feed, replace(feed, **other))
