"""Checkpoints cut short, with bytes changed, with tensors that NumPy has not, and models that cannot be saved."""

import os
from functools import partial

import numpy as np
import pytest

from crosscheck import registry
from crosscheck.checkpoints import into, load, save
from crosscheck.tensor_files import write

torch = pytest.importorskip("torch")
save_tensors = pytest.importorskip("safetensors.torch").save_file

NET = "nets.resnet.ResNet"
SIZES = {"block": "basic", "layers": (1,), "num_classes": 3, "widths": (2,)}
every_column = pytest.mark.parametrize(
    "column",
    [
        pytest.param(column, marks=pytest.mark.skipif(bool(registry.missing(column)), reason=registry.missing(column)))
        for column in registry.PACKAGES
    ],
)


def require_refusal(caught, path, expected="; expected "):
    """A ValueError of the project's own, not one of the many kinds that are ValueErrors too."""
    assert type(caught) is ValueError
    assert str(caught).startswith(f"{path}: ")
    assert expected in str(caught)


# Damage

FORMATS = {
    "safetensors": (".safetensors", save_tensors),
    "zip": (".pth", torch.save),
    "legacy": (".pth", partial(torch.save, _use_new_zipfile_serialization=False)),
}
every_format = pytest.mark.parametrize(("suffix", "writer"), FORMATS.values(), ids=FORMATS)


def small_file(folder, suffix, writer):
    path = folder / f"net{suffix}"
    writer({"conv.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2), "steps": torch.tensor(3)}, path)
    return path, path.read_bytes()


def places(content, most=300):
    return range(0, len(content), -(-len(content) // most))


@every_format
def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path, suffix, writer):
    path, whole = small_file(tmp_path, suffix, writer)
    assert len(load(path)) == 3
    for kept in (*places(whole), len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match=r"damaged, or |code that loading would run, \w+\.") as caught:
            load(path)  # half the name of a function of PyTorch's is another's
        require_refusal(caught.value, path)


@every_format
@pytest.mark.parametrize("flipped", [0x01, 0xFF], ids=["lowest bit", "all bits"])
def test_a_file_with_a_changed_byte_is_read_or_refused(tmp_path, suffix, writer, flipped):
    path, whole = small_file(tmp_path, suffix, writer)
    refused = 0
    for place in places(whole):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ flipped]) + whole[place + 1 :])
        try:
            load(path)  # other numbers or another name are as good as those before
        except ValueError as error:
            require_refusal(error, path)
            refused += 1
    assert refused > 50


@pytest.mark.parametrize("content", [b"epoch,loss\n1,0.5\n", b"\xff\xfe\x00", b"GIF89a" * 99, b"(lp0\n."])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged, or |holds a list") as caught:
        load(path)
    require_refusal(caught.value, path)


@every_format
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, suffix, writer):
    path, _ = small_file(tmp_path, suffix, writer)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(PermissionError, match="net"):
        load(path)


# Tensors that NumPy has not

COMPLEX = torch.complex(torch.ones(2), torch.full((2,), 3.0))
FOREIGN = {
    "float8": (lambda: torch.ones(2).to(torch.float8_e4m3fn), "float8_e4m3fn"),
    "quantized": (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "qint8"),
    "sparse": (lambda: torch.eye(2).to_sparse(), "float32, sparse_coo"),
    "sparse bfloat16": (lambda: torch.eye(2).bfloat16().to_sparse_csr(), "bfloat16, sparse_csr"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "float32, nested"),
    "meta": (lambda: torch.ones(2, device="meta"), "float32, on meta"),
}


@pytest.mark.filterwarnings("ignore")  # PyTorch's, of what is experimental or to be removed
@pytest.mark.parametrize(("tensor", "found"), FOREIGN.values(), ids=FOREIGN)
def test_a_tensor_that_numpy_has_not_is_refused_by_its_name(tmp_path, tensor, found):
    path = tmp_path / "net.pth"
    torch.save({"conv.weight": torch.ones(2), "fc.bias": tensor()}, path)
    with pytest.raises(ValueError, match="expected dense numbers of NumPy's dtypes") as caught:
        load(path)
    require_refusal(caught.value, path, f": fc.bias holds {found}; expected ")


def test_float8_in_safetensors_is_refused_by_its_name(tmp_path):
    path = tmp_path / "net.safetensors"
    save_tensors({"fc.bias": torch.ones(2).to(torch.float8_e5m2)}, path)
    with pytest.raises(ValueError, match=r"expected one of BOOL, .*BF16") as caught:
        load(path)
    require_refusal(caught.value, path, ": fc.bias holds F8_E5M2; expected ")


def test_lazily_conjugated_and_negated_tensors_are_what_they_stand_for(tmp_path):
    torch.save({"conjugated": COMPLEX.conj(), "negated": COMPLEX.clone().conj().imag}, tmp_path / "net.pth")
    found = load(tmp_path / "net.pth")
    np.testing.assert_array_equal(found["conjugated"], [1 - 3j, 1 - 3j])
    np.testing.assert_array_equal(found["negated"], [-3, -3])


def test_a_name_that_is_no_string_is_refused(tmp_path):
    path = tmp_path / "net.pth"
    torch.save({"fc.bias": torch.ones(2), 7: torch.ones(2)}, path)
    with pytest.raises(ValueError, match=r"names a tensor 7; expected a string") as caught:
        load(path)
    require_refusal(caught.value, path)


DTYPES = ("bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64")


@every_format
def test_every_dtype_that_numpy_has_is_read(tmp_path, suffix, writer):
    tensors = {name: torch.tensor([[0, 1, 1]]).to(getattr(torch, name)) for name in DTYPES}
    writer(tensors | {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4)}, tmp_path / f"net{suffix}")
    found = load(tmp_path / f"net{suffix}")
    for name in DTYPES:
        assert found[name].dtype.name == name
        np.testing.assert_array_equal(found[name], [[0, 1, 1]])
    assert (found["scalar"].shape, found["scalar"], found["empty"].shape) == ((), 2.5, (0, 4))


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("kind", ["safetensors", "zip"])  # the legacy format has none of them
def test_wide_unsigned_integers_are_read(tmp_path, kind, name):
    suffix, writer = FORMATS[kind]
    writer({"steps": torch.tensor([3]).to(getattr(torch, name))}, tmp_path / f"net{suffix}")
    assert load(tmp_path / f"net{suffix}")["steps"] == np.array([3], name)


def state(dtype):
    torch.manual_seed(4)
    return registry.find("torch", NET)(**SIZES).to(dtype).state_dict()


@every_column
@every_format
def test_bfloat16_becomes_the_same_numbers_in_float32(tmp_path, column, suffix, writer):
    half = state(torch.bfloat16)
    writer(half, tmp_path / f"net{suffix}")
    save(tmp_path / "wide.safetensors", column, NET, into(column, NET, tmp_path / f"net{suffix}", **SIZES), **SIZES)
    for name, value in load(tmp_path / "wide.safetensors").items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, half[name].float().numpy(), err_msg=name)


@every_format
def test_the_refusal_of_a_dtype_names_those_that_are_taken(tmp_path, suffix, writer):
    path = tmp_path / f"net{suffix}"
    writer(state(torch.float32) | {"fc.bias": torch.ones(3).to(torch.complex64)}, path)
    with pytest.raises(ValueError, match=r"\(bfloat16, float16, float32, float64\)") as caught:
        into("numpy", NET, path, **SIZES)
    require_refusal(caught.value, path, ": fc.bias holds complex64; expected floating-point numbers")


# What cannot be saved


def model(column, dtype="float32"):
    """A model of the column with its numbers in the dtype."""
    if column == "torch":
        return registry.find("torch", NET)(**SIZES).to(getattr(torch, dtype))
    if column == "numpy":
        net = registry.find("numpy", NET)(**SIZES)
        return net, {"fc": {"W": np.ones((3, 2), dtype)}}, {}
    import jax.numpy as jnp
    from flax import nnx

    built = registry.find("jax", NET)(**SIZES, rngs=nnx.Rngs(0))
    nnx.update(built, nnx.map_state(lambda _, value: value.astype(getattr(jnp, dtype)), nnx.state(built)))
    return built


BELONGS = {
    "numpy": r"expected a tuple as `into` gives it: a net, its parameters, its running statistics",
    "torch": r"expected a torch\.nn\.Module",
    "jax": r"expected a flax\.nnx\.Module",
}


def require_refused_save(folder, error, message, column, model, name="net.safetensors"):
    """The error, and a folder as it was."""
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(error, match=message) as caught:
        save(folder / name, column, NET, model, **SIZES)
    assert type(caught.value) is error
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@every_column
@pytest.mark.parametrize("given", [None, {}, (1, 2), (1, 2, 3)], ids=["None", "dict", "pair", "numbers"])
def test_what_is_no_model_of_the_column_is_not_saved(tmp_path, column, given):
    (tmp_path / "net.safetensors").write_bytes(b"of before")
    kind = type(given).__name__
    require_refused_save(tmp_path, TypeError, rf"^model is a {kind}; {BELONGS[column]}$", column, given)


@every_column
@pytest.mark.parametrize("other", ["torch", "numpy"])
def test_a_model_of_another_column_is_not_saved(tmp_path, column, other):
    if column != other:
        kind = "tuple" if other == "numpy" else "ResNet"
        require_refused_save(tmp_path, TypeError, rf"^model is a {kind}; {BELONGS[column]}$", column, model(other))


UNSAVED = {
    "bfloat16 in torch": (
        "torch",
        "bfloat16",
        r"^model: \S+ holds bfloat16; expected dense numbers of NumPy's dtypes$",
    ),
    "complex in torch": ("torch", "complex64", r"^model: \S+ holds complex64; expected float16, float32, float64$"),
    "bfloat16 in jax": ("jax", "bfloat16", r"^model: \S+ holds bfloat16; expected float16, float32, float64$"),
    "integers in numpy": ("numpy", "int64", r"^model: fc\.W holds int64; expected float16, float32, float64$"),
}


@pytest.mark.filterwarnings("ignore:Complex modules")
@pytest.mark.parametrize(("column", "dtype", "message"), UNSAVED.values(), ids=UNSAVED)
def test_numbers_that_not_every_column_has_are_not_saved(tmp_path, column, dtype, message):
    if reason := registry.missing(column):
        pytest.skip(reason)
    require_refused_save(tmp_path, ValueError, message, column, model(column, dtype))


def test_a_model_without_numbers_is_not_saved(tmp_path):
    require_refused_save(
        tmp_path, ValueError, r"^model: \S+ holds float32, on meta; ", "torch", model("torch").to("meta")
    )
    lists = (None, {"fc": {"W": [[1.0]]}}, {})
    require_refused_save(tmp_path, TypeError, r"^model: fc\.W is a list; expected an array$", "numpy", lists)
    require_refused_save(tmp_path, ValueError, r"column does not cover it: missing: ", "numpy", model("numpy"))


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    whole = model("torch")
    message = r"absent/net\.safetensors: there is no folder \S+absent; expected one to write into$"
    require_refused_save(tmp_path, FileNotFoundError, message, "torch", whole, "absent/net.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    message = r"folder\.safetensors: could not be written \(.+\); expected the name of a file that can be$"
    require_refused_save(tmp_path, OSError, message, "torch", whole, "folder.safetensors")


def test_a_write_that_breaks_off_leaves_the_file_of_before(tmp_path, monkeypatch):
    def breaks_off(tensors, path, facts):
        path.write_bytes(b"half")
        raise OSError("no space left on device")

    save(tmp_path / "net.safetensors", "torch", NET, model("torch"), **SIZES)
    monkeypatch.setattr("safetensors.numpy.save_file", breaks_off)
    require_refused_save(
        tmp_path, OSError, r"net\.safetensors: could not be written \(no space", "torch", model("torch")
    )


def test_a_single_number_keeps_its_shape(tmp_path):
    write(tmp_path / "net.safetensors", {"scalar": np.array(2.5)})
    assert load(tmp_path / "net.safetensors")["scalar"].shape == ()
