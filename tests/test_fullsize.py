"""Full-size networks, tested on small ones: what is on disk, what is judged by it, who is blamed."""

import os
from dataclasses import replace

import numpy as np
import pytest

from crosscheck import registry
from crosscheck.case import select
from crosscheck.faults.catalogue import catalogue
from crosscheck.faults.plant import planted
from crosscheck.fullsize import shelf
from crosscheck.fullsize.__main__ import main
from crosscheck.fullsize.check import Floors, check, in_a_process
from crosscheck.fullsize.passes import column_pass
from crosscheck.fullsize.shelf import Shelf, pieces
from crosscheck.numerics.floor import judge
from crosscheck.numerics.formats import FORMATS
from crosscheck.observation import Key

COLUMNS = [column for column in registry.PACKAGES if not registry.missing(column)]
needs_torch = pytest.mark.skipif("torch" not in COLUMNS, reason="torch is not installed")
needs_a_port = pytest.mark.skipif(len(COLUMNS) < 2, reason="no port is installed")


def small(name):
    (case,) = select([name])
    return replace(case, compiled=False)


def checked(name, dtype="float64", columns=COLUMNS, runs=3, **more):
    return check(small(name), columns, dtype, runs, run=lambda function, *words: function(*words), **more)


# Verdicts


@needs_a_port
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["nets.resnet.ResNet/cifar", "nets.vgg.VGG"])
def test_sound_columns_agree(name, dtype):
    steps = []
    result = checked(name, dtype, on_step=steps.append)
    assert result.agrees, [verdict for verdict in result.verdicts if not verdict.agrees]
    assert result.divergence is None
    kinds = {verdict.key.kind for verdict in result.verdicts}
    assert {"output", "activation", "gradient", "input gradient", "input cotangent"} <= kinds
    for column in COLUMNS[1:]:
        assert 0 < result.units(column, "forward") < 8
        assert 0 < result.units(column, "backward") < 8
    assert steps == ["definitions", *COLUMNS, "noise 1 of 3", "noise 2 of 3", "noise 3 of 3", "comparing"]


FAULTS = {
    "torch residual block: shortcut dropped": ("nets.resnet.ResNet/cifar", "forward", "layer1.0"),
    "torch residual block: shortcut added after the activation": ("nets.resnet.ResNet/cifar", "forward", "layer1.0"),
    "torch conv: input cut off from the gradient": ("nets.conv_net.ConvNet", "backward", "conv2"),
    "torch conv: bias dropped before batch norm": ("nets.vgg.VGG/batch-norm", "forward", "features.0"),
}


@needs_torch
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_where_it_is(name):
    case, direction, path = FAULTS[name]
    (fault,) = (fault for fault in catalogue(["torch"]) if fault.id == name)
    with planted(fault):
        result = checked(case, columns=["numpy", "torch"])
    assert not result.agrees
    found = result.divergence
    assert (found.direction, found.path, found.off) == (direction, path, "torch")
    assert not result.worst(direction).agrees


@needs_torch
def test_large_tensors_are_judged_in_pieces(monkeypatch):
    whole = checked("nets.vgg.VGG", columns=["numpy", "torch"])
    monkeypatch.setattr(shelf, "LARGEST", 400)
    cut = checked("nets.vgg.VGG", columns=["numpy", "torch"])
    assert cut.agrees
    assert len(cut.verdicts) > len(whole.verdicts)
    assert any(verdict.key.path.startswith("classifier.0.W[") for verdict in cut.verdicts)


# Tensors on disk


@pytest.mark.parametrize("shape", [(7, 11), (3,), (1, 200), (100, 2, 3)])
def test_pieces_make_up_the_whole(shape, monkeypatch, tmp_path):
    monkeypatch.setattr(shelf, "LARGEST", 20)
    X, kept = np.random.default_rng(0).standard_normal(shape), Shelf(tmp_path / "shelf")
    for key, piece in pieces(Key("gradient", "fc.W"), X):
        assert piece.size <= 20 or len(piece) == 1
        kept.put(key, piece)
    np.testing.assert_array_equal(np.concatenate(list(kept.values())), X)
    assert len(kept) == len(list(tmp_path.rglob("*.npy")))
    assert Key("gradient", "other") not in kept


def test_a_pass_in_its_own_process_leaves_its_tensors_behind(tmp_path):
    taken = in_a_process(column_pass, small("nets.conv_net.ConvNet"), "numpy", "float32", 0, tmp_path / "numpy")
    assert taken.peak > 1 << 20
    assert taken.seen.tensors[Key("output")].dtype == np.float32
    assert os.listdir(tmp_path / "numpy")


# The tail of the noise


def floors(*runs):
    key = Key("gradient", "W")
    return key, Floors({key: np.ones(runs[0].shape)}, [{key: run} for run in runs], FORMATS["float32"])


def test_noise_without_a_tail_allows_hardly_more_than_it_did():
    key, made = floors(*1e-6 * np.random.default_rng(0).standard_normal((4, 1000)))
    wider = made.with_tail(key).element / made[key].element
    assert 1 <= wider.min() <= wider.max() < 2.5


def test_noise_with_a_tail_allows_what_noisy_runs_do_to_each_other():
    runs = 1e-6 * np.random.default_rng(0).standard_normal((4, 100_000))
    for k, run in enumerate(runs):
        run[k] = 1e-3  # in each run another relu flips
    key, made = floors(*runs)
    seen, reference = np.ones(100_000), np.ones(100_000)
    seen[50] += 1e-3
    assert not judge(seen, reference, made[key]).passes
    assert judge(seen, reference, made.with_tail(key)).passes
    seen[50] += 1e-1
    assert not judge(seen, reference, made.with_tail(key)).passes
    assert made.with_tail(key).tensor == made[key].tensor


# The command


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resnet51"], "unknown network 'resnet51'; did you mean resnet50"),
        (["--dtypes", "bfloat16"], "unknown dtype 'bfloat16'"),
        (["--runs", "1"], "--runs is 1; expected at least 2"),
    ],
)
def test_misuse_is_refused(words, message, capsys):
    with pytest.raises(SystemExit) as refusal:
        main(words)
    assert refusal.value.code == 2
    assert message in capsys.readouterr().err


@needs_a_port
@pytest.mark.parametrize("broken", [False, True])
def test_the_command_says_who_is_off_and_where(broken, monkeypatch, capsys):
    monkeypatch.setattr("crosscheck.fullsize.__main__.NETS", {"resnet50": small("nets.resnet.ResNet/cifar")})
    monkeypatch.setattr("crosscheck.fullsize.check.in_a_process", None)
    direct = lambda *words: check(*words, run=lambda function, *more: function(*more))  # noqa: E731
    monkeypatch.setattr("crosscheck.fullsize.__main__.check", direct)
    if broken:
        pytest.importorskip("torch")
        from torch_impl.nets.resnet import BasicBlock

        monkeypatch.setattr(BasicBlock, "forward", lambda self, x: self.bn2(self.conv2(self.bn1(self.conv1(x)))))
    assert main(["--dtypes", "float64", "--runs", "2"]) == broken
    printed = capsys.readouterr()
    assert "noise 2 of 2" in printed.err
    assert ("first divergence forward: layer1.0, torch off" in printed.out) == broken
    assert "peak memory" in printed.out
