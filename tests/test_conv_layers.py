"""What the convolutional layers promise beyond agreement: refusals, ties, borders, checkpoints' names."""

import numpy as np
import pytest

from reference import formulas
from reference.layers.batch_norm_2d import BatchNorm2d
from reference.layers.conv import Conv
from reference.layers.conv_transpose import ConvTranspose
from reference.layers.filters import FILTERS, detect_edges
from reference.layers.flatten import Flatten
from reference.layers.local_response_norm import LocalResponseNorm
from reference.layers.padding import ZeroPad, pads
from reference.layers.pooling import AveragePool, GlobalAveragePool, MaxPool
from reference.layers.squeeze_excitation import SqueezeExcitation
from reference.layers.stochastic_depth import StochasticDepth
from reference.layers.true_convolution import TrueConvolution
from reference.layers.upsampling import Upsample
from reference.module import Mode, nest, shapes

TRAIN = Mode(train=True)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def parameters(module):
    return nest({path: random(*shape, seed=i) for i, (path, shape) in enumerate(shapes(module).items())})


def starting_state(module):
    return nest({path: 1 + random(*shape) ** 2 for path, shape in shapes(module, "state").items()})


def forward(module, *X, mode=TRAIN):
    return module(parameters(module), starting_state(module), *X, mode=mode)[0]


# Refusals

REFUSALS = {
    "channels first": (lambda: forward(Conv(3, 5, 3), random(2, 3, 7, 11)), "looks like m c h w"),
    "a wrong number of channels": (lambda: forward(Conv(3, 5, 3), random(2, 7, 11, 4)), "4 channels; expected 3"),
    "one image without its batch": (lambda: forward(Conv(3, 5, 3), random(7, 11, 3)), "X\\[None\\]"),
    "an empty batch": (lambda: forward(Conv(3, 5, 3), random(0, 7, 11, 3)), "at least one example"),
    "an image smaller than the filter": (lambda: forward(Conv(3, 5, 7), random(2, 5, 11, 3)), "5 x 11 .* smaller"),
    "an image smaller than a dilated filter": (
        lambda: forward(Conv(3, 5, 3, dilation=3), random(2, 6, 11, 3)),
        "smaller than the filter, \\[7, 7\\]",
    ),
    "an image smaller than the pool": (lambda: forward(MaxPool(3), random(2, 5, 2, 3)), "5 x 2 .* smaller"),
    "groups that do not divide the input": (lambda: Conv(5, 6, 3, groups=3), "groups is 3; .* c_prev = 5"),
    "groups that do not divide the output": (lambda: Conv(6, 5, 3, groups=3), "groups is 3; .* c = 5"),
    "an unknown padding": (lambda: forward(Conv(3, 5, 3, padding="full"), random(2, 7, 5, 3)), "'full'; expected"),
    "a negative padding": (lambda: forward(Conv(3, 5, 3, padding=(1, -1)), random(2, 7, 5, 3)), "none below 0"),
    "more pool padding than half a window": (
        lambda: forward(MaxPool(3, padding=2), random(2, 7, 5, 3)),
        "padding is \\(2, 2\\)",
    ),
    "an output padding as large as the stride": (
        lambda: ConvTranspose(3, 5, 3, stride=2, output_padding=2),
        "output_padding is \\(2, 2\\)",
    ),
    "one pixel in all in train mode": (lambda: forward(BatchNorm2d(3), random(1, 1, 1, 3)), "at least 2"),
    "an even neighbourhood": (lambda: LocalResponseNorm(n=4), "n is 4; expected an odd number"),
    "an unknown interpolation": (lambda: Upsample(2, "cubic"), "'cubic'; expected one of 'nearest', 'bilinear'"),
    "a probability above one": (lambda: StochasticDepth(1.5), "keep_prob is 1.5"),
    "an image too small for an edge": (lambda: detect_edges(random(1, 2, 5, 1)), "at least 3 x 3"),
    "an unknown edge filter": (lambda: detect_edges(random(1, 5, 5, 1), "laplace"), "'laplace'; expected one of"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_is_refused(name):
    attempt, message = REFUSALS[name]
    with pytest.raises(ValueError, match=message):
        attempt()


@pytest.mark.parametrize(
    "layer",
    [ZeroPad(1), MaxPool(2), AveragePool(2), GlobalAveragePool(), Flatten(), LocalResponseNorm(), Upsample(2)],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_without_parameters_want_images(layer):
    with pytest.raises(ValueError, match=r"expected images \(m, h, w, c\)"):
        forward(layer, random(5, 7))


def test_ports_refuse_an_image_smaller_than_the_filter():
    torch = pytest.importorskip("torch")
    jnp = pytest.importorskip("jax.numpy")
    from flax import nnx

    from jax_impl.layers import conv as jax_conv
    from jax_impl.layers import pooling as jax_pooling
    from torch_impl.layers import conv as torch_conv
    from torch_impl.layers import pooling as torch_pooling

    x = random(2, 5, 4, 3).astype("float32")
    channels_first = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    for attempt in (
        lambda: torch_conv.Conv(3, 2, 7)(channels_first),
        lambda: torch_pooling.MaxPool(7)(channels_first),
        lambda: jax_conv.Conv(3, 2, 7, rngs=nnx.Rngs(0))(jnp.asarray(x)),
        lambda: jax_pooling.MaxPool(7)(jnp.asarray(x)),
        lambda: jax_pooling.AveragePool(7)(jnp.asarray(x)),
    ):
        with pytest.raises(ValueError, match=r"an image of 5 x 4 .* is smaller than the filter"):
            attempt()


def test_ports_refuse_a_variance_of_one_number():
    torch = pytest.importorskip("torch")
    jnp = pytest.importorskip("jax.numpy")
    from flax import nnx

    from jax_impl.layers import batch_norm_2d as jax_norm
    from torch_impl.layers import batch_norm_2d as torch_norm

    x = random(1, 1, 1, 3).astype("float32")
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        torch_norm.BatchNorm2d(3)(torch.from_numpy(x.reshape(1, 3, 1, 1)))
    with pytest.raises(ValueError, match="one number a unit"):
        jax_norm.BatchNorm2d(3, rngs=nnx.Rngs(0))(jnp.asarray(x))


# Padding

SAME = {  # size, f, stride, dilation: "same" (top, bottom), "same_tf" (top, bottom)
    (8, 3, 1, 1): ((1, 1), (1, 1)),
    (8, 3, 2, 1): ((1, 1), (0, 1)),
    (7, 3, 2, 1): ((1, 1), (1, 1)),
    (8, 5, 2, 1): ((2, 2), (1, 2)),
    (8, 2, 1, 1): ((0, 0), (0, 1)),
    (8, 4, 2, 1): ((1, 1), (1, 1)),
    (8, 1, 2, 1): ((0, 0), (0, 0)),
    (8, 3, 1, 2): ((2, 2), (2, 2)),
    (224, 7, 2, 1): ((3, 3), (2, 3)),
}


@pytest.mark.parametrize("geometry", SAME, ids=lambda g: "n{} f{} s{} d{}".format(*g))
def test_the_two_kinds_of_same_padding(geometry):
    n, f, s, d = geometry
    along = [pads(kind, (f, 1), (s, 1), (d, 1), (n, 9))[0] for kind in ("same", "same_tf")]
    assert tuple(along) == SAME[geometry]
    assert formulas.output_size(n + sum(along[1]), f, s=s, d=d) == -(-n // s)


def test_same_paddings_of_equal_size_differ_by_a_pixel():
    X, settings = random(2, 8, 6, 3), {"c_prev": 3, "c": 5, "f": 3, "stride": 2}
    ours, tensorflows = (forward(Conv(**settings, padding=kind), X) for kind in ("same", "same_tf"))
    shifted = forward(Conv(**settings), np.pad(X, ((0, 0), (0, 1), (0, 1), (0, 0))))
    assert ours.shape == tensorflows.shape
    assert np.abs(ours - tensorflows).min() > 1e-6
    np.testing.assert_allclose(tensorflows, shifted, rtol=0, atol=1e-14)


# Convolution


def test_conv_is_the_sum_it_is_said_to_be():
    conv = Conv(4, 6, (2, 3), stride=(2, 1), padding=((1, 0), (2, 1)), dilation=(3, 2), groups=2)
    A_prev, p = random(2, 9, 7, 4), parameters(conv)
    A_pad, Z = np.pad(A_prev, ((0, 0), (1, 0), (2, 1), (0, 0))), forward(conv, A_prev)
    for m, i, j, n in np.ndindex(*Z.shape):
        group = slice(0, 2) if n < 3 else slice(2, 4)
        window = A_pad[m, 2 * i : 2 * i + 4 : 3, j : j + 5 : 2, group]
        np.testing.assert_allclose(Z[m, i, j, n], (window * p["W"][..., n]).sum() + p["b"][n], rtol=0, atol=1e-13)


def test_true_convolution_is_scipys():
    signal = pytest.importorskip("scipy.signal")
    layer, X = TrueConvolution(1, 1, (3, 5), bias=False), random(1, 9, 11, 1)
    expected = signal.convolve2d(X[0, ..., 0], parameters(layer)["W"][..., 0, 0], mode="valid")
    np.testing.assert_allclose(forward(layer, X)[0, ..., 0], expected, rtol=0, atol=1e-13)


def test_only_true_convolution_is_associative():
    """(X * U) * V = X * (U * V), where U * V is itself a full convolution; not so for cross-correlation."""
    X, U, V = random(1, 9, 11, 1), random(3, 3, 1, 1, seed=1), random(3, 3, 1, 1, seed=2)
    for layer, associative in ((TrueConvolution, True), (Conv, False)):

        def apply(X, W, layer=layer, **padding):
            return layer(1, 1, W.shape[:2], bias=False, **padding)({"W": W}, {}, X)[0]

        left = apply(apply(X, U), V)
        U_as_image = U.transpose(2, 0, 1, 3)
        UV = apply(U_as_image, V, padding=2).transpose(1, 2, 0, 3)
        assert np.allclose(left, apply(X, UV), rtol=0, atol=1e-12) == associative


def test_transposed_convolution_is_the_adjoint_of_convolution():
    """<conv(X), Y> = <X, conv_transpose(Y)> with the same filter, for each size that the convolution maps to Y's."""
    conv = Conv(3, 5, 4, stride=3, padding=(1, 2), bias=False)
    W = parameters(conv)["W"]
    for h, output_padding in ((8, 0), (9, 1), (10, 2)):
        X = random(2, h, 9, 3)
        transpose = ConvTranspose(5, 3, 4, 3, (1, 2), (output_padding, 0), bias=False)
        Z, Y = conv({"W": W}, {}, X)[0], random(2, 3, 4, 5, seed=3)
        back = transpose({"W": W.transpose(0, 1, 3, 2)}, {}, Y)[0]
        assert back.shape == X.shape
        np.testing.assert_allclose((Z * Y).sum(), (X * back).sum(), rtol=1e-13)


# Pooling: ties and borders


def test_the_first_of_equal_maxima_gets_the_gradient():
    X = np.array([[2.0, 5, 5, 1], [5, 5, 0, 1]])[None, ..., None]
    _, _, back = MaxPool(2)({}, {}, X)
    expected = np.array([[0, 3, 7, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(back(np.array([3.0, 7]).reshape(1, 1, 2, 1))[1][0, ..., 0], expected)


def test_padding_never_wins_a_maximum():
    X = -1 - random(2, 5, 7, 3) ** 2
    assert forward(MaxPool(3, 1, padding=1), X).max() <= -1


def test_an_average_keeps_a_constant_image_unless_it_counts_the_padding():
    X = np.broadcast_to(random(1, 1, 1, 3), (2, 6, 8, 3))
    for padding in (1, "same_tf", ((1, 0), (0, 1))):
        counting, leaving_out = (forward(AveragePool(3, 2, padding, count), X) for count in (True, False))
        np.testing.assert_allclose(leaving_out, X[:, :3, :4], rtol=1e-14)
        assert np.abs(counting).min() < 0.9 * np.abs(X).min()


# Batch norm


def test_batch_norm_of_images_normalizes_each_channel():
    X = 3 + 5 * random(4, 5, 7, 3)
    p = {"gamma": np.full((1, 1, 1, 3), 2.0), "beta": np.full((1, 1, 1, 3), -4.0)}
    s = {"mu": random(1, 1, 1, 3), "sigma2": random(1, 1, 1, 3) ** 2}
    Y, after, _ = BatchNorm2d(3, momentum=0.75, epsilon=1e-12)(p, s, X, mode=TRAIN)
    np.testing.assert_allclose(Y.mean(axis=(0, 1, 2)), -4, rtol=1e-13)
    np.testing.assert_allclose(Y.std(axis=(0, 1, 2)), 2, rtol=1e-11)
    variance = X.var(axis=(0, 1, 2), keepdims=True)
    np.testing.assert_allclose(after["sigma2"], 0.75 * s["sigma2"] + 0.25 * variance, rtol=1e-13)


def test_torch_keeps_the_state_dict_keys_of_torchs_own_layers():
    torch = pytest.importorskip("torch")
    from torch_impl.layers import batch_norm_2d, conv, conv_transpose

    pairs = {
        "batch norm": (batch_norm_2d.BatchNorm2d(5), torch.nn.BatchNorm2d(5)),
        "conv": (conv.Conv(4, 6, 3, groups=2), torch.nn.Conv2d(4, 6, 3, groups=2)),
        "transposed conv": (conv_transpose.ConvTranspose(4, 6, 3), torch.nn.ConvTranspose2d(4, 6, 3)),
    }
    for ours, theirs in pairs.values():
        assert {k: v.shape for k, v in ours.state_dict().items()} == {
            k: v.shape for k, v in theirs.state_dict().items()
        }
        ours.load_state_dict(theirs.state_dict(), strict=True)


# Upsampling, edges


def test_bilinear_upsampling_keeps_a_ramp_between_its_ends():
    ramp = np.arange(7.0)[None, :, None, None] * random(1, 1, 1, 3)
    tall = forward(Upsample((4, 1), "bilinear"), ramp)
    places = ((np.arange(28) + 0.5) / 4 - 0.5).clip(0, 6)
    np.testing.assert_allclose(tall, places[None, :, None, None] * ramp[:, 1:2], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", FILTERS)
def test_edges_of_a_photograph_are_scipys(kind):
    ndimage = pytest.importorskip("scipy.ndimage")
    datasets = pytest.importorskip("sklearn.datasets")
    pytest.importorskip("PIL")
    photograph = datasets.load_sample_image("china.jpg")[:200, :300] / 255
    edges, _ = detect_edges(photograph[None], kind)
    for channel in range(3):
        expected = ndimage.correlate(photograph[..., channel], np.array(FILTERS[kind], float))[1:-1, 1:-1]
        np.testing.assert_allclose(edges[0, ..., channel], expected, rtol=0, atol=1e-13)


# Gates and drops


def test_squeeze_excitation_scales_whole_channels():
    X, layer = random(2, 5, 7, 6), SqueezeExcitation(6, 2)
    gate = forward(layer, X) / X
    assert np.ptp(gate, axis=(1, 2)).max() < 1e-13
    assert 0 < gate.min() < gate.max() < 1


def test_stochastic_depth_drops_whole_examples():
    X, U = random(5, 2, 3, 4), np.array([0.1, 0.69, 0.71, 0.99, 0.3]).reshape(5, 1, 1, 1)
    Y = forward(StochasticDepth(0.7), X, mode=Mode(train=True, uniform=lambda path, shape: U.reshape(shape)))
    np.testing.assert_allclose(Y, X / 0.7 * (U < 0.7), rtol=1e-15)
    assert not Y[2:4].any()


@pytest.mark.parametrize("count_padding", [False, True])
def test_jax_adds_up_a_window_in_16_bits_without_losing_ones(count_padding):
    """In bfloat16 a sum of ones stops at 256."""
    jnp = pytest.importorskip("jax.numpy")
    from jax_impl.layers.pooling import AveragePool as JaxAveragePool

    Y = JaxAveragePool(17, count_padding=count_padding)(jnp.ones((1, 17, 17, 1), jnp.bfloat16))
    assert (Y.dtype, Y.item()) == (jnp.bfloat16, 1)
