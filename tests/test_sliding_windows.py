"""The convolutional sliding windows are the crop-and-classify loop, window by window."""

import numpy as np
import pytest
from columns import NAMES, column

from crosscheck.layout import join
from reference.detection.sliding_windows import ConvolutionalWindows, WindowClassifier
from reference.module import flatten, nest, shapes

SIZES = {"num_classes": 4, "c_prev": 2, "c": 3, "f": 3, "hidden": 7, "size": 8}
RNG = np.random.default_rng(3)
X = RNG.standard_normal((2, 14, 17, 2))


def random_parameters(draw=RNG.standard_normal):
    return {path: draw(shape) for path, shape in shapes(WindowClassifier(**SIZES)).items()}


def whole_numbers(shape):
    return RNG.integers(-2, 3, shape).astype(float)


def reference_windows(p, X):
    """Logits [m h w n] by the loop and by convolution."""
    get = column("reference").get
    loop = get("detection.sliding_windows.crop_and_classify")
    net, windows = WindowClassifier(**SIZES), ConvolutionalWindows(**SIZES)
    moved = get("detection.sliding_windows.as_convolutions")(nest(p), net.h, net.w)
    assert shapes(windows) == {path: value.shape for path, value in flatten(moved).items()}
    return loop(lambda crops: net(nest(p), {}, crops)[0], X, SIZES["size"], 2), windows(moved, {}, X)[0]


def torch_windows(p, X):
    torch = pytest.importorskip("torch")
    from torch_impl.detection import sliding_windows as own

    net, windows = own.WindowClassifier(**SIZES).double(), own.ConvolutionalWindows(**SIZES).double()
    net.load_state_dict({path: torch.tensor(value) for path, value in own_parameters("torch", p).items()})
    windows.load_state_dict(own.as_convolutions(net.state_dict(), 3, 3))
    x = torch.from_numpy(X).permute(0, 3, 1, 2)
    with torch.no_grad():
        found = own.crop_and_classify(net, x, SIZES["size"], 2), windows(x)
    return [maps.permute(0, 2, 3, 1).numpy() for maps in found]


def jax_windows(p, X):
    for needed in ("jax", "flax"):
        pytest.importorskip(needed)
    import jax.numpy as jnp
    from flax import nnx

    from crosscheck.backends.jax_backend import configure
    from jax_impl.detection import sliding_windows as own

    configure()
    net, windows = (make(**SIZES, rngs=nnx.Rngs(0)) for make in (own.WindowClassifier, own.ConvolutionalWindows))
    state = nest({path: jnp.asarray(value) for path, value in own_parameters("jax", p).items()})
    nnx.update(net, state)
    nnx.update(windows, own.as_convolutions(state, 3, 3))
    return [np.asarray(y) for y in (own.crop_and_classify(net, jnp.asarray(X), SIZES["size"], 2), windows(X))]


def own_parameters(column, p):
    """The classifier's parameters by the column's own names and in its axes."""
    return join(WindowClassifier(**SIZES), column).to_column(p, trainable=True)


COLUMNS = {"reference": reference_windows, "torch_impl": torch_windows, "jax_impl": jax_windows}


@pytest.mark.parametrize("name", NAMES)
def test_every_window_is_that_of_the_loop(name):
    loop, convolution = COLUMNS[name](random_parameters(), X)
    assert loop.shape == convolution.shape == (2, 4, 5, 4)
    np.testing.assert_allclose(convolution, loop, rtol=0, atol=1e-12 * np.abs(loop).max())


@pytest.mark.parametrize("name", NAMES)
def test_on_whole_numbers_every_window_is_the_same_to_the_last_bit(name):
    loop, convolution = COLUMNS[name](random_parameters(whole_numbers), whole_numbers(X.shape))
    assert np.array_equal(loop, convolution)
    assert len(np.unique(loop)) > 20


def test_a_weight_moved_in_the_wrong_order_is_seen():
    p = random_parameters()
    loop, convolution = reference_windows(p, X)
    turned = p | {"fc1.W": p["fc1.W"].reshape(-1, 3, 3, 3).transpose(0, 2, 1, 3).reshape(7, -1)}
    _, wrong = reference_windows(turned, X)
    assert np.abs(wrong - loop).max() > 0.1 * np.abs(convolution).max()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_window_is_refused(name):
    own = column(name)
    loop = own.get("detection.sliding_windows.crop_and_classify")
    images = own.array(X.transpose(0, 3, 1, 2) if name == "torch_impl" else X)
    with pytest.raises(ValueError, match="expected at least 15 x 15 pixels"):
        loop(None, images, 15, 2)
    with pytest.raises(ValueError, match="stride is 0"):
        loop(None, images, 8, 0)
    with pytest.raises(ValueError, match=r"expected \(.*2 \* 2"):
        own.get("detection.sliding_windows.as_filters")(own.array(np.zeros((9, 9))), 2, 2)
