"""The figures that the course's assignments on convolutional networks publish, met to the last digit by every column.

Layers and blocks are run as they are in `cases/`. Convolution and pooling gradients are sums, without 1/m.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from crosscheck import registry
from crosscheck.backends.base import subject
from crosscheck.case import Case
from crosscheck.feed import Feed
from crosscheck.observation import Key

DATA = Path(__file__).parent / "data" / "course_conv.json"
RECORDS = {record["id"]: record for record in json.loads(DATA.read_text(encoding="utf-8"))}
COLUMNS = [
    pytest.param(column, marks=pytest.mark.skipif(bool(registry.missing(column)), reason=registry.missing(column)))
    for column in registry.PACKAGES
]
every_column = pytest.mark.parametrize("column", COLUMNS)


def inputs(record):
    """The record's inputs: stored, or drawn as it says from NumPy's legacy generator."""
    if "draws" not in record:
        return {name: np.array(value, dtype=float) for name, value in record["inputs"].items()}
    random = np.random.RandomState(record["draws"]["seed"])
    return {name: random.randn(*shape) for name, _, shape in record["draws"]["order"]}


def expect(record, **computed):
    """Each computed figure lies within the record's tolerance of the published one."""
    for name, value in computed.items():
        tolerance = record["tolerance"][name]
        np.testing.assert_allclose(value, record["expected"][name], **tolerance, err_msg=f"{record['id']} {name}")
    assert set(computed) == set(record["expected"])


def run(column, target, X, cotangent=None, params=None, state=None, train=False, **arguments):
    """A layer's output on images X [m h w c], and with a cotangent its gradients, by their names in the reference."""
    sizes = " ".join(f"{axis}={n}" for axis, n in zip("mhwc", X.shape))
    case = Case(target, arguments=arguments, inputs={"X": sizes}, differentiable=cotangent is not None)
    feed = Feed(params or {}, state or {}, {"X": X}, None, () if cotangent is None else (cotangent,), {})
    observed = subject(column, case).observe(feed, train, trace=False).tensors
    named = {key.path: value for key, value in observed.items() if key.kind in ("gradient", "input gradient")}
    return observed[Key("output")], named


@every_column
def test_zero_pad(column):
    record = RECORDS["c4w1.zero_pad"]
    x = inputs(record)["x"]
    x_pad, _ = run(column, "layers.padding.ZeroPad", x, padding=record["hyperparameters"]["pad"])
    expect(record, shape=x_pad.shape, x_1_1=x[1, 1], x_pad_1_1=x_pad[1, 1])
    np.testing.assert_array_equal(x_pad[:, 2:-2, 2:-2], x)


@every_column
def test_conv_single_step(column):
    record = RECORDS["c4w1.conv_single_step"]
    given = inputs(record)
    params = {"W": given["W"][..., None], "b": given["b"].reshape(1)}
    Z, _ = run(column, "layers.conv.Conv", given["a_slice_prev"][None], params=params, c_prev=3, c=1, f=4)
    expect(record, Z=Z.item())


def convolve(column, record, cotangent=None):
    given, settings = inputs(record), record["hyperparameters"]
    W = given["W"]
    return run(
        column,
        "layers.conv.Conv",
        given["A_prev"],
        cotangent,
        {"W": W, "b": given["b"].reshape(-1)},
        c_prev=W.shape[2],
        c=W.shape[3],
        f=W.shape[0],
        stride=settings["stride"],
        padding=settings["pad"],
    )


@every_column
@pytest.mark.parametrize(("version", "place"), [("v2019", (3, 2, 1)), ("v2021", (0, 2, 1))])
def test_conv_forward(column, version, place):
    record = RECORDS[f"c4w1.conv_forward.{version}"]
    Z, _ = convolve(column, record)
    figures = {"Z_mean": Z.mean(), "Z_" + "_".join(map(str, place)): Z[place]}
    expect(record, **figures, A_prev_1_2_3=inputs(record)["A_prev"][1, 2, 3])


@every_column
def test_conv_backward(column):
    record = RECORDS["c4w1.conv_backward"]
    Z, _ = convolve(column, record)
    _, gradient = convolve(column, record, cotangent=Z)
    expect(record, dA_mean=gradient["X"].mean(), dW_mean=gradient["W"].mean(), db_mean=gradient["b"].mean())


@every_column
@pytest.mark.parametrize("version", ["v2018", "stride1", "stride2"])
def test_pool_forward(column, version):
    record = RECORDS[f"c4w1.pool_forward.{version}"]
    A_prev, windows = inputs(record)["A_prev"], record["hyperparameters"]
    maximum, _ = run(column, "layers.pooling.MaxPool", A_prev, **windows)
    average, _ = run(column, "layers.pooling.AveragePool", A_prev, **windows)
    expect(record, max=maximum, average=average)


@every_column
def test_create_mask_is_what_max_pool_sends_back(column):
    record = RECORDS["c4w1.create_mask"]
    x = inputs(record)["x"]
    _, gradient = run(column, "layers.pooling.MaxPool", x[None, ..., None], np.full((1, 1, 1, 1), 3.0), f=x.shape)
    expect(record, mask=gradient["X"][0, ..., 0] == 3)


@every_column
def test_distribute_value_is_what_average_pool_sends_back(column):
    record = RECORDS["c4w1.distribute_value"]
    shape = tuple(record["inputs"]["shape"])
    x = np.random.default_rng(0).standard_normal((1, *shape, 1))
    dz = np.full((1, 1, 1, 1), float(record["inputs"]["dz"]))
    _, gradient = run(column, "layers.pooling.AveragePool", x, dz, f=shape)
    expect(record, a=gradient["X"][0, ..., 0])


def residual_block(column, X, W1, W2, W3, W_shortcut=None, stride=1, train=False):
    """A block with these filters, its batch norms as they are before training."""
    block, filters = "IdentityBlock", {"conv1": W1, "conv2": W2, "conv3": W3}
    norms = {"bn1": W1, "bn2": W2, "bn3": W3}
    sizes = {"c_prev": X.shape[3], "filters": tuple(W.shape[3] for W in norms.values()), "f": W2.shape[0]}
    if W_shortcut is not None:
        block, sizes["stride"] = "ConvolutionalBlock", stride
        filters["downsample.0"] = norms["downsample.1"] = W_shortcut
    start = {"gamma": 1.0, "beta": 0.0, "mu": 0.0, "sigma2": 1.0}
    normal = {
        f"{path}.{name}": np.full((1, 1, 1, W.shape[3]), x) for path, W in norms.items() for name, x in start.items()
    }
    state = {path: normal.pop(path) for path in list(normal) if path.endswith(("mu", "sigma2"))}
    params = {f"{path}.W": W for path, W in filters.items()} | normal
    return run(column, f"nets.residual_blocks.{block}", X, params=params, state=state, train=train, **sizes)[0]


@every_column
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_identity_block(column, mode):
    record = RECORDS[f"c4w2.identity_block.{mode}"]
    X, f, (c1, c2, c3) = inputs(record)["X"], record["hyperparameters"]["f"], record["hyperparameters"]["filters"]
    kernels = (np.ones(shape) for shape in ((1, 1, X.shape[3], c1), (f, f, c1, c2), (1, 1, c2, c3)))  # as published
    A = residual_block(column, X, *kernels, train=mode == "training")
    expect(record, rows=A[:, (0, -1)].mean(axis=-1))


@every_column
def test_identity_block_with_random_kernels(column):
    record = RECORDS["c4w2.identity_block.v2018"]
    A = residual_block(column, **inputs(record))
    expect(record, out_1_1_0=A[1, 1, 0])


@every_column
@pytest.mark.parametrize("version", ["v2018", "inference"])
def test_convolutional_block(column, version):
    record = RECORDS[f"c4w2.convolutional_block.{version}"]
    A = residual_block(column, **inputs(record), stride=record["hyperparameters"]["s"])
    expect(record, **({"out_1_1_0": A[1, 1, 0]} if version == "v2018" else {"out": A}))
