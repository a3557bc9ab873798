"""Checkpoints: torchvision's keys and shapes, one file for every column, and refusals of files that do not fit."""

import json
import os
import pickle
from math import prod
from pathlib import Path

import numpy as np
import pytest

from crosscheck import registry
from crosscheck.checkpoints import into, load, save
from crosscheck.layout import join
from reference.module import shapes

torch = pytest.importorskip("torch")

KEYS = json.loads((Path(__file__).parent / "data" / "torchvision_keys.json").read_text(encoding="utf-8"))["models"]
ARCHITECTURES = {
    "resnet18": ("nets.resnet.resnet18", {}, 11_689_512),
    "resnet34": ("nets.resnet.resnet34", {}, 21_797_672),
    "resnet50": ("nets.resnet.resnet50", {}, 25_557_032),
    "resnet101": ("nets.resnet.resnet101", {}, 44_549_160),
    "resnet152": ("nets.resnet.resnet152", {}, 60_192_808),
    "vgg16": ("nets.vgg.vgg16", {}, 138_357_544),
    "vgg16_bn": ("nets.vgg.vgg16", {"batch_norm": True}, 138_365_992),
    "alexnet": ("nets.alexnet.AlexNet", {}, 61_100_840),
    "mobilenet_v2": ("nets.mobilenet_v2.MobileNetV2", {}, 3_504_872),
}
"""torchvision's name: ours, its arguments and the number of parameters that torchvision publishes."""

SMALL = {
    "resnet": ("nets.resnet.ResNet", {"block": "bottleneck", "layers": (1, 1), "num_classes": 3, "widths": (2, 3)}),
    "vgg": ("nets.vgg.VGG", {"config": (5, "pool"), "num_classes": 3, "hidden": 7, "h": 11, "w": 13}),
}
IMAGES = np.random.default_rng(1).standard_normal((2, 22, 26, 3))
every_column = pytest.mark.parametrize(
    "column",
    [
        pytest.param(column, marks=pytest.mark.skipif(bool(registry.missing(column)), reason=registry.missing(column)))
        for column in registry.PACKAGES
    ],
)
every_net = pytest.mark.parametrize("name", SMALL)


# Names and shapes


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_torchvision_checkpoint_loads_strictly(name):
    target, arguments, _ = ARCHITECTURES[name]
    with torch.device("meta"):
        model = registry.find("torch", target)(**arguments)
        checkpoint = {key: torch.empty(shape) for key, shape in KEYS[name].items()}
    model.load_state_dict(checkpoint, strict=True, assign=True)
    assert {key: list(value.shape) for key, value in model.state_dict().items()} == KEYS[name]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_layout_of_the_reference_leads_to_torchvisions_keys(name):
    target, arguments, count = ARCHITECTURES[name]
    net = registry.find("numpy", target)(**arguments)
    layout = join(net, "torch")
    counters = {key for key in KEYS[name] if key.endswith("num_batches_tracked")}
    assert {row.column_path: list(layout.shape(row)) for row in layout.rows} == {
        key: shape for key, shape in KEYS[name].items() if key not in counters
    }
    assert sum(map(prod, shapes(net).values())) == count


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_jax_column_has_the_same_tensors(name):
    nnx = pytest.importorskip("flax.nnx")
    target, arguments, count = ARCHITECTURES[name]
    model = nnx.eval_shape(lambda: registry.find("jax", target)(**arguments, rngs=nnx.Rngs(0)))
    flat = nnx.to_flat_state(nnx.state(model, nnx.Any(nnx.Param, nnx.BatchStat)))
    found = {".".join(map(str, keys)): variable.get_value().shape for keys, variable in flat}
    join(registry.find("numpy", target)(**arguments), "jax").require_coverage(found)
    assert sum(prod(variable.get_value().shape) for keys, variable in flat if isinstance(variable, nnx.Param)) == count


# One file, three columns


def checkpoint(name, dtype="float32"):
    """Random tensors under PyTorch's names, with PyTorch's own counters as in any of its files."""
    target, arguments = SMALL[name]
    torch.manual_seed(3)
    state = registry.find("torch", target)(**arguments).state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5) if key.endswith("running_var") else value.normal_(std=0.3)
    return {
        key: value.to(getattr(torch, dtype)) if value.is_floating_point() else value for key, value in state.items()
    }


def written(folder, name, suffix, state):
    path = folder / f"{name}{suffix}"
    if suffix == ".safetensors":
        pytest.importorskip("safetensors.torch").save_file(state, path)
    else:
        torch.save(state, path)
    return path


def logits(column, model):
    """What a filled model says of the images, examples first."""
    if column == "numpy":
        net, p, s = model
        return net(p, s, IMAGES)[0].T
    if column == "torch":
        with torch.no_grad():
            return model.eval()(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2))).numpy()
    from flax import nnx

    model.eval()
    return np.asarray(nnx.jit(lambda model, x: model(x))(model, IMAGES))


@every_column
@every_net
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_fills_every_column(tmp_path, column, name, suffix):
    target, arguments = SMALL[name]
    state = checkpoint(name, "float64")
    model = registry.find("torch", target)(**arguments).double()
    model.load_state_dict(state, strict=True)
    filled = into(column, target, written(tmp_path, name, suffix, state), **arguments)
    np.testing.assert_allclose(logits(column, filled), logits("torch", model), rtol=1e-12)


@every_column
@every_net
def test_what_a_column_saves_is_what_it_was_filled_with(tmp_path, column, name):
    target, arguments = SMALL[name]
    state = checkpoint(name)
    filled = into(column, target, written(tmp_path, name, ".pth", state), **arguments)
    save(tmp_path / "saved.safetensors", column, target, filled, **arguments)
    saved = load(tmp_path / "saved.safetensors")
    assert set(state) - set(saved) == {key for key in state if key.endswith("num_batches_tracked")}
    for key, value in saved.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, state[key].numpy(), err_msg=key)
    registry.find("torch", target)(**arguments).load_state_dict(
        {key: torch.from_numpy(value) for key, value in saved.items()}, strict=True
    )


# Refusals


class Code:
    """Unpickling this would run a command."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


def without(key):
    return lambda state: {k: v for k, v in state.items() if k != key}


REFUSED = {
    "missing": (without("fc.bias"), r"no fc\.bias, expected from nets\.resnet\.ResNet with shape \(3,\)"),
    "renamed": (
        lambda state: without("fc.bias")(state) | {"fc.biases": state["fc.bias"]},
        r"no fc\.bias, .*did you mean fc\.biases\?",
    ),
    "surplus": (lambda state: state | {"head.bias": torch.zeros(3)}, r"has no head\.bias; expected a file without"),
    "shape": (
        lambda state: state | {"conv1.weight": state["conv1.weight"].transpose(0, 1).contiguous()},
        r"conv1\.weight has shape \(3, 2, 7, 7\); expected \(2, 3, 7, 7\) \(c c_group fh fw\)",
    ),
    "type": (
        lambda state: state | {"fc.bias": torch.zeros(3, dtype=torch.int32)},
        r"fc\.bias holds int32; expected floating-point",
    ),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("change", REFUSED)
def test_tensors_that_do_not_fit_are_refused(tmp_path, change, suffix):
    target, arguments = SMALL["resnet"]
    changed, message = REFUSED[change]
    path = written(tmp_path, "net", suffix, changed(checkpoint("resnet")))
    with pytest.raises(ValueError, match=message) as caught:
        into("numpy", target, path, **arguments)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("kept", [0, 0.3, 0.999], ids=["empty", "third", "almost whole"])
def test_a_truncated_file_is_refused(tmp_path, suffix, kept):
    path = written(tmp_path, "net", suffix, checkpoint("vgg"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match=rf"net\{suffix}: damaged, or no .* file .*; expected a whole one"):
        load(path)


WRITERS = {
    "torch": lambda path: torch.save(Code(), path),
    "beside a tensor": lambda path: torch.save({"fc.weight": torch.zeros(2), "extra": Code()}, path),
    "pickle": lambda path: path.write_bytes(pickle.dumps(Code(), protocol=2)),
    "new pickle": lambda path: path.write_bytes(pickle.dumps(Code(), protocol=5)),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_code_in_a_file_is_refused_and_never_run(tmp_path, monkeypatch, writer):
    monkeypatch.chdir(tmp_path)
    WRITERS[writer](tmp_path / "net.pth")
    found = "pickled by something else" if writer == "new pickle" else r"code that loading would run, \w+\.mkdir"
    with pytest.raises(ValueError, match=rf"net\.pth: .*{found}.*; expected tensors by name and nothing else"):
        load(tmp_path / "net.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {"fc.bias": torch.zeros(2)}, "epoch": 3}, "state_dict is a dict; expected a tensor"),
        ([torch.zeros(2)], "it holds a list; expected tensors by name"),
    ],
    ids=["nested", "list"],
)
def test_other_content_is_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "net.pt")


def test_a_file_of_another_kind_and_no_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"ends in '\.onnx'; expected one of \.safetensors, \.pth, \.pt"):
        load(tmp_path / "net.onnx")
    with pytest.raises(FileNotFoundError, match=r"net\.pth: there is no such file"):
        load(tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"ends in '\.pth'; expected \.safetensors"):
        save(tmp_path / "net.pth", "numpy", "nets.conv_net.ConvNet", None)
