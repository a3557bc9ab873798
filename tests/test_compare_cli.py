"""The commands for two models of one's own: what they print, write and refuse, and how they end."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from crosscheck.cli import app
from crosscheck.pairing.links import Pairing
from crosscheck.pairing.saved import load

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402

MODELS = '''
"""Two ways to write one net."""

import torch
from sizes import WIDTH
from torch import nn


class Block(nn.Module):
    def __init__(self, eps=1e-5):
        super().__init__()
        self.up, self.norm, self.down = nn.Linear(5, WIDTH), nn.LayerNorm(WIDTH, eps=eps), nn.Linear(WIDTH, 3)

    def forward(self, x):
        return self.down(self.norm(torch.relu(self.up(x))))


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, WIDTH), nn.ReLU(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 3))


def other():
    return Block(1e-3)


def rough():
    class Rough(Block):
        def forward(self, x):
            return self.down(self.norm(torch.nn.functional.gelu(self.up(x))))

    return Rough()


block = Block


def square():
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))


class Far(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.a(torch.relu(self.b(x)))


def raising():
    class Raising(nn.Module):
        def forward(self, x):
            raise RuntimeError("no such luck")

    return Raising()


def sized(width):
    return nn.Linear(width, 3)


def broken():
    return undefined_name


def number():
    return 3
'''
SPEC = ("--input", "x: n c = 4 5")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a file of models, which imports from beside it."""
    (tmp_path / "nets.py").write_text(MODELS)
    (tmp_path / "sizes.py").write_text("WIDTH = 7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


def crosscheck(*words):
    return CliRunner().invoke(app, list(words))


# compare


def test_models_that_agree_end_with_0(folder):
    ended = crosscheck("compare", "nets.py:plain", "nets.py:block", *SPEC, "--rungs", "eval,train", "--table")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("✓ Sequential (torch) and Block (torch) agree on eval and train\n")
    assert "0.weight  7 5" in ended.stdout
    assert "rung train" in ended.stderr


def test_models_that_differ_end_with_1_and_files(folder):
    files = ("--json", "out/r.json", "--html", "out/r.html", "--reproduce", "issue")
    ended = crosscheck("compare", "nets.py:plain", "nets.py:other", *SPEC, "--rungs", "eval", *files)
    assert ended.exit_code == 1, ended.output
    assert "first divergence  2 (LayerNorm) | norm (LayerNorm)" in ended.stdout
    assert "layernorm-eps" in ended.stdout
    report = json.loads((folder / "out" / "r.json").read_text())
    assert report["status"] == "diverge"
    assert report["command"].startswith("crosscheck")
    assert "first divergence" in (folder / "out" / "r.html").read_text()
    assert (folder / "issue" / "arrays.npz").exists()


def test_code_of_the_model_itself_is_reproduced_from_a_copy_of_its_file(folder):
    words = ("nets.py:block", "nets.py:rough", *SPEC, "--rungs", "eval", "--reproduce", "issue")
    assert crosscheck("compare", *words).exit_code == 1
    run = subprocess.run([sys.executable, "issue/reproduce.py"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    name, _, figure = run.stdout.strip().rpartition(" ")
    assert name == "output | output: relative difference"
    assert float(figure) > 1e-3


def test_a_model_that_raises_ends_with_2_and_its_own_line(folder):
    ended = crosscheck("compare", "nets.py:raising", "nets.py:block", *SPEC)
    assert ended.exit_code == 2
    assert "the first model (Raising) raised RuntimeError: no such luck" in ended.stdout
    assert "nets.py" in ended.stdout
    assert "Traceback" not in ended.output


REFUSED = [
    ("no-file", ("absent.py:build", "nets.py:block", *SPEC), "A: there is no file absent.py"),
    ("no-function", ("nets.py:plane", "nets.py:block", *SPEC), "nets.py has no plane; did you mean plain?"),
    ("no-colon", ("nets.py", "nets.py:block", *SPEC), "expected file.py:function"),
    ("needs-arguments", ("nets.py:sized", "nets.py:block", *SPEC), "nets.py:sized needs arguments (width)"),
    ("raises", ("nets.py:block", "nets.py:broken", *SPEC), "B: nets.py: broken() raised NameError in line"),
    ("no-model", ("nets.py:number", "nets.py:block", *SPEC), "first is int; expected a torch.nn.Module"),
    ("no-input", ("nets.py:plain", "nets.py:block"), "no --input; expected"),
    (
        "bad-spec",
        ("nets.py:plain", "nets.py:block", "-i", "x: 4 by 5"),
        "is not of the form 'name: axes = sizes dtype'",
    ),
    ("bad-rung", ("nets.py:plain", "nets.py:block", *SPEC, "--rungs", "evil"), "rungs has ['evil']"),
    ("no-pairing", ("nets.py:plain", "nets.py:block", *SPEC, "--pairing", "none.json"), "which is no file"),
    ("folder", ("nets.py:plain", "nets.py:block", *SPEC, "--json", "."), "expected the name of a file"),
]


@pytest.mark.parametrize(("words", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_misuse_ends_with_2_and_a_line(folder, words, said):
    ended = crosscheck("compare", *words)
    assert ended.exit_code == 2
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.output


def test_inputs_may_come_from_a_file(folder):
    np.save("batch.npy", np.ones((4, 5), "float32"))
    for spec in ("x: n c = batch.npy", "x = batch.npy"):
        assert crosscheck("compare", "nets.py:plain", "nets.py:block", "-i", spec, "--rungs", "given").exit_code == 0
    np.save("objects.npy", np.array([{}, 3], dtype=object), allow_pickle=True)
    for spec, said in (
        ("x = none.npy", "there is no file none.npy"),
        ("x = objects.npy", "objects.npy is damaged, or no array of numbers"),
        ("x: n c h = batch.npy", "names 3 axes; batch.npy has 2, (4, 5)"),
    ):
        ended = crosscheck("compare", "nets.py:plain", "nets.py:block", "-i", spec)
        assert ended.exit_code == 2
        assert said in ended.stderr


def test_an_interruption_is_told(folder, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("crosscheck.twins.compare.compare", interrupted)
    ended = crosscheck("compare", "nets.py:plain", "nets.py:block", *SPEC)
    assert ended.exit_code == 130
    assert "interrupted" in ended.stderr


# layout


def test_a_layout_is_printed_saved_and_used_again(folder):
    ended = crosscheck("layout", "nets.py:square", "nets.py:Far", "--input", "x: n c = 3 4", "-o", "pairing.json")
    assert ended.exit_code == 0, ended.output
    saved = load(folder / "pairing.json")
    assert isinstance(saved, Pairing)
    assert {link.first.path: link.second.path for link in saved.links}["0.weight"] == "b.weight"
    again = crosscheck(
        "compare", "nets.py:square", "nets.py:Far", "-i", "x: n c = 3 4", "--rungs", "eval", "--pairing", "pairing.json"
    )
    assert again.exit_code == 0, again.output
    other = crosscheck("compare", "nets.py:plain", "nets.py:block", *SPEC, "--pairing", "pairing.json")
    assert other.exit_code == 2
    assert "pairing names" in other.stderr or "does not fit" in other.stderr


def test_what_only_running_can_tell_is_said_to_be_open(folder):
    ended = crosscheck("layout", "nets.py:square", "nets.py:Far")
    assert ended.exit_code == 1
    assert "open: 0.weight may be" in ended.stdout
    assert "with --input both models are run" in ended.stdout


def test_options_for_two_models_are_refused_for_a_case(folder):
    ended = crosscheck("layout", "layers.dense.Dense", "-o", "x.json")
    assert ended.exit_code == 2
    assert "go with two models" in ended.stderr


# convert


def weights(folder, name="plain"):
    """The weights of a model of the file, saved; returns them."""
    scope = {}
    exec(MODELS.replace("from sizes import WIDTH", "WIDTH = 7"), scope)
    model = scope[name]()
    save_file(model.state_dict(), folder / "in.safetensors")
    torch.save(model.state_dict(), folder / "in.pth")
    return model.state_dict()


@pytest.mark.parametrize("source", ["in.safetensors", "in.pth"])
def test_weights_are_converted_and_loaded_by_the_other_model(folder, source):
    given = weights(folder)
    ended = crosscheck("convert", source, "--from", "nets.py:plain", "--to", "nets.py:block", "-o", "out.safetensors")
    assert ended.exit_code == 0, ended.output
    found = load_file(folder / "out.safetensors")
    pairs = {"0": "up", "2": "norm", "3": "down"}
    assert {name: x.shape for name, x in found.items()} == {
        f"{pairs[name[0]]}{name[1:]}": x.shape for name, x in given.items()
    }
    assert all(torch.equal(found[f"{pairs[name[0]]}{name[1:]}"], x) for name, x in given.items())


def test_what_is_in_doubt_is_not_guessed_but_settled_by_running(folder):
    given = weights(folder, "square")
    words = ("convert", "in.safetensors", "--from", "nets.py:square", "--to", "nets.py:Far", "-o", "out.safetensors")
    ended = crosscheck(*words)
    assert ended.exit_code == 2
    assert "names and shapes leave open: 0.weight may be" in ended.stderr
    assert crosscheck(*words, "-i", "x: n c = 3 4").exit_code == 0
    assert torch.equal(load_file(folder / "out.safetensors")["b.weight"], given["0.weight"])


def test_models_that_were_exchanged_are_told(folder):
    weights(folder)
    ended = crosscheck(
        "convert", "in.safetensors", "--to", "nets.py:plain", "--from", "nets.py:block", "-o", "out.safetensors"
    )
    assert ended.exit_code == 2
    assert "has the names of Sequential, not of Block: are the two models exchanged?" in ended.stderr


def test_an_output_is_overwritten_only_if_asked_to(folder):
    weights(folder)
    (folder / "out.safetensors").write_text("precious")
    words = ("convert", "in.safetensors", "--from", "nets.py:plain", "--to", "nets.py:block", "-o", "out.safetensors")
    ended = crosscheck(*words)
    assert ended.exit_code == 2
    assert "out.safetensors exists; --force overwrites it" in ended.stderr
    assert (folder / "out.safetensors").read_text() == "precious"
    assert crosscheck(*words, "--force").exit_code == 0


class Planted:
    """What a pickle can do to whoever loads it."""

    def __reduce__(self):
        return open, ("planted.txt", "w")


def spoiled(kind, folder):
    given = {name: x.numpy() for name, x in weights(folder).items()}
    tensors = {name: torch.from_numpy(np.array(x)) for name, x in given.items()}
    if kind == "pickle":
        (folder / "in.pth").write_bytes(pickle.dumps({"0.weight": Planted()}))
        return "in.pth"
    if kind == "cut":
        (folder / "in.safetensors").write_bytes((folder / "in.safetensors").read_bytes()[:150])
    if kind == "missing":
        save_file({name: x for name, x in tensors.items() if name != "2.bias"}, folder / "in.safetensors")
    if kind == "surplus":
        save_file(tensors | {"4.weight": torch.zeros(2)}, folder / "in.safetensors")
    if kind == "shape":
        save_file(tensors | {"0.bias": torch.zeros(2)}, folder / "in.safetensors")
    return {"absent": "none.safetensors", "suffix": "nets.py"}.get(kind, "in.safetensors")


SPOILED = [
    ("pickle", "in.pth: "),
    ("cut", "in.safetensors: damaged"),
    ("missing", "in.safetensors has no 2.bias, which Sequential has with shape (7,)"),
    ("surplus", "in.safetensors has 4.weight, which Sequential has not"),
    ("shape", "0.bias has shape (2,); Sequential has (7,)"),
    ("absent", "there is no such file"),
    ("suffix", "expected one of .safetensors, .pth, .pt"),
]


@pytest.mark.parametrize(("kind", "said"), SPOILED, ids=[row[0] for row in SPOILED])
def test_a_file_that_is_not_what_it_should_be_is_refused(folder, kind, said):
    file = spoiled(kind, folder)
    ended = crosscheck("convert", file, "--from", "nets.py:plain", "--to", "nets.py:block", "-o", "out.safetensors")
    assert ended.exit_code == 2, ended.output
    assert said in ended.stderr
    assert not (folder / "out.safetensors").exists()
    assert not (folder / "planted.txt").exists()
