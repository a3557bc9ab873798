"""What no network can make anything of is refused in every column, and a NaN is never lost on the way."""

from dataclasses import replace

import numpy as np
import pytest
from one_layer import COLUMNS, applied, built

from crosscheck import registry
from crosscheck.agreement import compare
from crosscheck.case import select
from crosscheck.session import Session

THROUGH = (
    "layers.activations.relu",
    "layers.activations.relu6",
    "layers.activations.leaky_relu/slope",
    "layers.activations.swish",
    "layers.batch_norm_2d.BatchNorm2d",
    "layers.conv.Conv",
    "layers.conv.Conv/groups",
    "layers.conv_transpose.ConvTranspose",
    "layers.dropout.Dropout/images",
    "layers.flatten.Flatten",
    "layers.local_response_norm.LocalResponseNorm",
    "layers.pooling.AveragePool",
    "layers.pooling.GlobalAveragePool",
    "layers.pooling.MaxPool",
    "layers.squeeze_excitation.SqueezeExcitation",
    "layers.stochastic_depth.StochasticDepth",
    "layers.upsampling.Upsample",
    "nets.conv_net.ConvNet",
    "nets.resnet.ResNet/cifar",
)


def with_nan(feed):
    """The feed with the first example of its input, along the first axis, NaN."""
    name, X = next(iter(feed.inputs.items()))
    return replace(feed, inputs={**feed.inputs, name: np.where(np.arange(len(X)) == 0, np.nan, X.T).T})


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", THROUGH)
@np.errstate(invalid="ignore")
def test_a_nan_reaches_the_output(name, column):
    (case,) = select([name])
    session = Session(case, ["numpy"])
    seen = session.subject(column).observe(with_nan(session.feed()), train=True, trace=False)
    outputs = [tensor for key, tensor in seen.tensors.items() if key.kind == "output"]
    assert outputs
    assert all(np.isnan(output).any() for output in outputs)


@pytest.mark.skipif(bool(registry.missing("torch")), reason=registry.missing("torch"))
@np.errstate(invalid="ignore")
def test_columns_that_agree_on_a_nan_do_not_agree():
    (case,) = select(["layers.conv.Conv/groups"])
    session = Session(case, ["numpy", "torch"])
    session.feeds[0] = with_nan(session.feed())
    problems = {
        verdict.problem for verdict in compare(session.observe_all(True), session.reference_pass(True), ["output"])
    }
    assert problems == {"NaN or infinite in numpy and torch"}


# Layers that are given what they cannot take. A layer of a port says it in its library's words, a net in its own.

CONV, NORM = "layers.conv.Conv", "layers.batch_norm_2d.BatchNorm2d"
REFUSED = {
    "groups that do not divide the channels that come in": (CONV, None, {"c_prev": 5, "c": 6, "f": 3, "groups": 3}),
    "groups that do not divide the channels that go out": (CONV, None, {"c_prev": 6, "c": 5, "f": 3, "groups": 3}),
    "no groups": (CONV, None, {"c_prev": 6, "c": 5, "f": 3, "groups": 0}),
    "channels first or last": (CONV, (2, 3, 7, 11), {"c_prev": 3, "c": 5, "f": 3}),
    "an image smaller than the filter": (CONV, (2, 5, 11, 3), {"c_prev": 3, "c": 5, "f": 7}),
    "an image smaller than the dilated filter": (CONV, (2, 6, 11, 3), {"c_prev": 3, "c": 5, "f": 3, "dilation": 3}),
    "an image smaller than the max pool": ("layers.pooling.MaxPool", (2, 5, 2, 3), {"f": 3}),
    "an image smaller than the average pool": ("layers.pooling.AveragePool", (2, 5, 2, 3), {"f": 3}),
    "too few channels to normalize": (NORM, (2, 4, 4, 1), {"c": 3}),
    "one example of one pixel to take a variance of": (NORM, (1, 1, 1, 3), {"c": 3}),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_in_every_column(name, column):
    target, shape, arguments = REFUSED[name]
    with pytest.raises((ValueError, RuntimeError)):
        built(column, target, **arguments) if shape is None else applied(column, target, shape, **arguments)


# Integers: a byte wraps around at 255, and an average of whole numbers is none.

MAX, AVERAGE, UPSAMPLE = "layers.pooling.MaxPool", "layers.pooling.AveragePool", "layers.upsampling.Upsample"
OF_FLOATS = {
    "a max pool": (MAX, {"f": 2}),
    "an average pool": (AVERAGE, {"f": 2}),
    "a mean over the image": ("layers.pooling.GlobalAveragePool", {}),
    "local response norm": ("layers.local_response_norm.LocalResponseNorm", {}),
    "bilinear upsampling": (UPSAMPLE, {"scale": 2, "kind": "bilinear"}),
    "a convolution": (CONV, {"c_prev": 3, "c": 5, "f": 3}),
    "batch norm": (NORM, {"c": 3}),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize("name", OF_FLOATS)
def test_images_of_integers_are_refused(name, dtype, column):
    """Where there are parameters a library says so in its own words."""
    target, arguments = OF_FLOATS[name]
    with pytest.raises(
        (ValueError, RuntimeError, TypeError), match=r"expected floats|dtype|Input type|[Bb]yte|[Ll]ong"
    ):
        applied(column, target, (2, 4, 6, 3), dtype, **arguments)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_images_of_integers_are_refused_by_nets(dtype, column):
    with pytest.raises(ValueError, match=r"^[xX] is of .*int.*; expected floats \([xX] / 255.0"):
        applied(column, "nets.conv_net.ConvNet", (1, 39, 39, 3), dtype)


@pytest.mark.parametrize("name", ["sigmoid", "swish", "softmax"])
def test_an_activation_that_needs_the_negative_of_a_byte_refuses_it(name):
    with pytest.raises(ValueError, match=r"Z is of uint8; expected floats"):
        registry.find("numpy", f"layers.activations.{name}")(np.ones((3, 2), np.uint8))


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", ["vertical", "scharr"])
def test_edges_of_a_photograph_of_bytes_are_those_of_its_floats(kind, column):
    photo = np.random.default_rng(3).integers(0, 256, (2, 5, 6, 3)).astype(np.uint8)
    of_bytes, of_floats = edges(column, photo, kind), edges(column, photo.astype(np.float32), kind)
    assert of_bytes.dtype.kind == "f"
    assert of_bytes.min() < 0
    np.testing.assert_array_equal(of_bytes, of_floats)


@pytest.mark.parametrize("column", COLUMNS)
def test_edges_are_refused_alike(column):
    with pytest.raises(ValueError, match=r"expected at least 3 x 3 pixels"):
        edges(column, np.ones((1, 2, 2, 3), np.float32), "vertical")
    with pytest.raises(ValueError, match=r"kind is 'laplace'; expected one of 'vertical'"):
        edges(column, np.ones((1, 5, 5, 3), np.float32), "laplace")


def edges(column, X, kind):
    detect_edges = registry.find(column, "layers.filters.detect_edges")
    if column == "numpy":
        return detect_edges(X, kind)[0]
    if column == "torch":
        import torch

        return detect_edges(torch.tensor(X.transpose(0, 3, 1, 2)), kind).numpy()
    import jax.numpy as jnp

    return np.asarray(detect_edges(jnp.asarray(X), kind))


@pytest.mark.parametrize("column", COLUMNS)
def test_what_fits_is_taken(column):
    """The helper above refuses nothing of its own."""
    assert applied(column, CONV, (2, 7, 11, 3), c_prev=3, c=5, f=3).shape in {(2, 5, 9, 5), (2, 5, 5, 9)}
    assert applied(column, NORM, (2, 1, 1, 3), c=3).shape in {(2, 1, 1, 3), (2, 3, 1, 1)}
