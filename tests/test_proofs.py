"""What certificates prove is worked out once: kept, it says the same, and of a changed reference nothing is used."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from crosscheck import cache, proofs
from crosscheck.case import select
from crosscheck.exact_feed import DATA_SETS
from crosscheck.numerics.certificate import Certified, certified, certify, lattice
from crosscheck.observation import Key
from crosscheck.session import Session

X = {"y": Key("output", ""), "sum": Key("activation", "sum"), "root": Key("activation", "root")}
DTYPES = ("float64", "float32", "bfloat16", "float16")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSCHECK_CACHE", str(tmp_path))
    return tmp_path


def files(folder):
    return [file for file in folder.rglob("*") if file.is_file()]


def experiment(factor=2.0, asked=None):
    def run(lift):
        if asked is not None:
            asked.append(lift)
        x = lift(np.array([3.0, 5.0, 300.0]))
        return {X["y"]: x * factor, X["sum"]: x.sum(), X["root"]: np.sqrt(x)}

    return run


def prove(factor=2.0, asked=None):
    plain = {key: np.asarray(value) for key, value in experiment(factor)(lambda x: x).items()}
    return proofs.proofs(experiment(factor, asked), plain, "case")


def test_what_is_kept_says_what_the_certificate_says(folder):
    asked = []
    first, again = prove(asked=asked), prove(asked=asked)
    assert asked == [certify]
    assert len(files(folder)) == 1
    certificates = experiment()(certify)
    for found in (first, again):
        for key, proof in found.items():
            tensor = certificates[key]
            assert np.array_equal(proof.value, tensor.value)
            assert [proof.covers(dtype) for dtype in DTYPES] == [certified(tensor, dtype) for dtype in DTYPES]
            assert proof.covers("float32", "bfloat16") == certified(tensor, "float32", accumulator="bfloat16")
            assert proof.lattice == lattice(tensor)
    assert [again[X[name]].covers("bfloat16") for name in X] == [True, True, False]


def test_of_other_results_nothing_is_used():
    prove()
    assert prove(factor=3.0)[X["y"]].value[0] == 9


def test_a_damaged_file_is_worked_out_anew(folder):
    prove()
    (file,) = files(folder)
    file.write_bytes(b"nothing")
    assert prove()[X["y"]].covers("float32")


@pytest.mark.parametrize("change", [lambda numbers: numbers[:-1], lambda numbers: np.append(numbers, 0.0)])
def test_evidence_of_another_form_is_worked_out_anew(folder, change):
    whole = prove()
    (file,) = files(folder)
    kept = load_file(file)
    save_file({name: change(x) if name.endswith("evidence") else x for name, x in kept.items()}, file)
    assert {key: proof.evidence for key, proof in prove().items()} == {
        key: proof.evidence for key, proof in whole.items()
    }


def test_of_patched_sources_nothing_is_kept(folder):
    with cache.suspended("proofs"):
        prove()
    assert not files(folder)


@pytest.mark.parametrize("name", ["layers.conv.Conv/same", "layers.batch_norm.BatchNorm/exact"])
def test_of_a_case_it_is_the_certificate_of_its_pass(name):
    (case,) = select([name])
    for _ in range(2):
        session = Session(case, ["numpy"], ("float64",))
        for data_set in DATA_SETS:
            found = session.proofs(True, data_set)
            pass_ = session.oracle.observe_as(certify, session.feed(data_set), True).tensors
            assert list(found) == list(pass_)
            for key, tensor in pass_.items():
                exact = isinstance(tensor, Certified) and bool(tensor.size) and certified(tensor, "float32")
                assert found[key].covers("float32") == exact
