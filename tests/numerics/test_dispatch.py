"""Number types in place of arrays: every NumPy function means what it meant, and what has no meaning is refused.

On small integers no arithmetic rounds, so the certificate's values and a float32 run of the noise emulator must be
those of plain NumPy to the last bit.
"""

import numpy as np
import pytest
from programs import Net, convolution_data, net_data, run_convolution, run_net

from crosscheck.numerics.carrier import Carrier, map_leaves, values
from crosscheck.numerics.certificate import Certified, certify
from crosscheck.numerics.formats import arithmetic
from crosscheck.numerics.noise import Emulator
from reference.layers.activations import ACTIVATIONS, hardmax
from reference.layers.losses import logistic_loss_from_logits, squared_error

view = np.lib.stride_tricks.sliding_window_view
INDEX = np.array([2, 0, 1, 1])

PROGRAMS = {
    "operators": lambda x, y: -(x + y) * (x - 2) + 3 - x * y,
    "arrays on the left": lambda x, y: np.ones((3, 4)) * x + np.arange(4) - y + np.float64(2) * x,
    "powers": lambda x, y: x**2 + np.square(y) - x**3 + np.power(x, 4),
    "halving": lambda x, y: x / 2 + np.divide(y, 4) + 8 * np.reciprocal(x * 0 + 2),
    "negative power": lambda x, y: (x * 0 + 2.0) ** -2,
    "square roots": lambda x, y: np.sqrt(x * 0 + 4) + (y * 0 + 16) ** 0.5,
    "matmul": lambda x, y: x @ y.T,
    "matmul by a plain array": lambda x, y: np.eye(4)[:2] @ x.T @ y,
    "vectors": lambda x, y: x[0] @ y[1] + (x @ y[2])[1] + (x[:, 1] @ y)[0],
    "stacks of matrices": lambda x, y: np.stack([x, y]) @ np.stack([x, y]).transpose(0, 2, 1),
    "dot": lambda x, y: np.dot(x, y.T) + x.dot(2) @ np.ones((4, 3)),
    "dot of stacks": lambda x, y: np.dot(np.stack([x, y]), np.stack([x.T, y.T])),
    "inner and outer": lambda x, y: np.inner(x, y).sum() + np.outer(x[0], y[:, 1]),
    "tensordot": lambda x, y: np.tensordot(np.stack([x, y]), np.stack([y, x]), axes=((0, 2), (0, 2))),
    "tensordot by count": lambda x, y: np.tensordot(np.stack([x, y]), y, 2),
    "einsum": lambda x, y: np.einsum("ij,kj->ki", x, y),
    "einsum of a batch": lambda x, y: np.einsum("bij,bkj->bik", np.stack([x, y]), np.stack([y, x])),
    "einsum, elementwise": lambda x, y: np.einsum("ij,j->ji", x, y[0]),
    "einsum, summed beforehand": lambda x, y: np.einsum("ij,kl->ik", x, y),
    "einsum of one": lambda x, y: np.einsum("ij->j", x) + np.einsum("ij->ji", y)[:, 0],
    "einsum with an ellipsis": lambda x, y: np.einsum("...j,jk->...k", np.stack([x, y]), y.T),
    "sums": lambda x, y: x.sum() + np.sum(y, axis=0) + x.sum(axis=(0, 1), keepdims=True) + np.add.reduce(y),
    "means": lambda x, y: np.mean(x, axis=1, keepdims=True) + y.mean(axis=-1, keepdims=True),
    "cumulated sums": lambda x, y: np.cumsum(x, axis=1) + np.cumsum(y, axis=0),
    "largest": lambda x, y: x.max() + np.max(y, axis=0) + np.min(x, axis=1, keepdims=True) + np.amax(y) + y.min(),
    "reduced by ufunc": lambda x, y: np.maximum.reduce(x) + np.minimum.reduce(y),
    "sorted": lambda x, y: np.sort(x, axis=1) + np.take_along_axis(y, np.argsort(y, axis=0), axis=0),
    "clipped": lambda x, y: np.maximum(x, y) + np.minimum(x, 1) + np.clip(y, -1, 1) + x.clip(0),
    "signs": lambda x, y: np.abs(x) + np.sign(y) + np.floor(x) + np.negative(y) + np.positive(x),
    "where": lambda x, y: np.where(x > 0, y, 0) + np.where((x == y) | ~(x <= 1), 1, x),
    "masked": lambda x, y: x * (y > 0) + np.where(np.logical_and(x > 0, y > 0), x, y),
    "argmax": lambda x, y: np.take_along_axis(x, y.argmax(axis=1)[:, None], axis=1) + np.argmin(x, axis=0),
    "counted": lambda x, y: x * (x > y).sum() + (x > 0).any(axis=0) + np.all(y < 9),
    "remainder": lambda x, y: x[:, 0] + x.argmax(axis=1) // 2 + np.remainder(y.argmax(axis=1), 3),
    "indexing": lambda x, y: x[1:, ::-1] + y[:2, INDEX] + x[..., 0][1] + y[x[:, 0].argmax()],
    "boolean indexing": lambda x, y: x[np.arange(12).reshape(3, 4) > 4],
    "take": lambda x, y: np.take(x, INDEX, axis=1) + y.take([0, 0, 2, 1], axis=1),
    "iteration": lambda x, y: np.stack([row * 2 for row in x]) + len(y),
    "shapes": lambda x, y: x.reshape(2, 6).T.reshape((-1,))[:4] + np.ravel(y)[:4] + y.flatten()[4:8] + x.ndim + y.size,
    "transposes": lambda x, y: np.moveaxis(x[None], 0, -1)[..., 0] + y.swapaxes(0, 1).T + np.swapaxes(x.T, 0, 1),
    "new axes": lambda x, y: np.squeeze(np.expand_dims(x, 1)) + y[:, None].squeeze(1) + np.broadcast_to(x[0], (3, 4)),
    "pieces": lambda x, y: np.split(x, 2, axis=1)[1] + np.array_split(y, [1, 3], axis=1)[1],
    "joined": lambda x, y: np.concatenate([x, np.zeros((2, 4)), y]) + np.vstack([y, y[:2], x]),
    "stacked": lambda x, y: (
        np.stack([x, y], axis=-1) + np.hstack([x, y]).reshape(3, 4, 2) + np.column_stack([x, y])[0, 0]
    ),
    "repeated": lambda x, y: np.repeat(x, 2, axis=0) + np.tile(y, (2, 1)) + x.repeat(2, axis=0),
    "turned": lambda x, y: np.flip(x, 1) + np.roll(y, 1, axis=0) + np.rot90(x.T) + np.tril(x) + np.triu(y),
    "padded": lambda x, y: np.pad(x, 1) + np.pad(y, ((1, 1), (1, 1)), constant_values=7) + np.pad(x, 1, "edge"),
    "windows": lambda x, y: (view(x, (2, 2)) * view(y, (2, 2))[::, ::-1]).sum(axis=(2, 3)),
    "like": lambda x, y: np.zeros_like(x) + np.ones_like(y) * x + np.full_like(y, 3) + np.shape(x)[0],
}


def integers(seed=0):
    g = np.random.default_rng(seed)
    return g.integers(-3, 4, (3, 4)).astype(float), g.integers(-3, 4, (3, 4)).astype(float)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("lift", [certify, Emulator(arithmetic("float32"), seed=1).lift], ids=["certificate", "noise"])
def test_a_function_means_what_it_meant(name, lift):
    x, y = integers()
    expected, found = PROGRAMS[name](x, y), PROGRAMS[name](lift(x), lift(y))
    assert isinstance(found, Carrier)
    assert found.shape == np.shape(expected)
    assert np.array_equal(found.value, expected)


@pytest.mark.parametrize("name", PROGRAMS)
def test_float64_noise_is_a_few_ulps(name):
    x, y = integers()
    lift = Emulator(arithmetic("float64"), seed=2).lift
    expected, found = PROGRAMS[name](x, y), PROGRAMS[name](lift(x), lift(y))
    assert np.allclose(found.value, expected, rtol=0, atol=64 * 2.0**-53 * np.abs(x).sum() ** 2)


REFUSALS = {
    "a function without a meaning": (lambda x: np.linalg.norm(x), "np.norm has no meaning for"),
    "a fused formula": (lambda x: np.var(x), "np.var has no meaning for .*: write it as primitives"),
    "in place": (lambda x: x.__iadd__(1), "np.add in place has no meaning"),
    "into a plain array": (lambda x: np.add(np.ones((3, 4)), x, out=np.ones((3, 4))), "np.add in place"),
    "scattering": (lambda x: np.add.at(np.zeros(4), INDEX, x[0]), "np.add in place"),
    "assignment": (lambda x: x.__setitem__(0, 1), "__setitem__"),
    "a plain array of it": (np.asarray, "would lose what it carries"),
    "a float of it": (lambda x: float(x.sum()), "must be a string or a real number"),
    "three at a time": (lambda x: np.einsum("ij,kj,kl->il", x, x, x), "contract two at a time"),
    "padding by means": (lambda x: np.pad(x, 1, "mean"), "np.pad in mode 'mean' has no meaning"),
    "a typed sum": (lambda x: np.sum(x, dtype=np.float32), "dtype"),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("lift", [certify, Emulator(arithmetic("float32"), seed=1).lift], ids=["certificate", "noise"])
def test_what_has_no_meaning_is_refused(name, lift):
    program, message = REFUSALS[name]
    with pytest.raises((TypeError, AttributeError), match=message):
        program(lift(integers()[0]))


def test_a_certified_position_cannot_lose_its_evidence():
    x = certify(integers()[0])
    with pytest.raises((TypeError, IndexError)):
        np.eye(4)[x.argmax(axis=1)]


@pytest.mark.parametrize("spec", ["ii,ij->j", "ij,jk", "ij,j->"])
def test_einsum_names_what_it_cannot_read(spec):
    x = certify(np.ones((3, 3)))
    with pytest.raises(ValueError, match="einsum"):
        np.einsum(spec, x, x)


# The reference, unchanged


def lift_to(number, seed=3):
    """A fresh run each: what a test sees does not depend on those before it."""
    return certify if number == "certificate" else Emulator(arithmetic(number), seed).lift


SPREAD = {"certificate": 0, "float64": 2e-14, "float32": 1e-5, "tf32": 5e-2, "bfloat16": 0.4, "float16": 5e-2}


def differences(found, expected):
    """The largest difference in each tensor, in units of its largest element or 1."""
    assert found.keys() == expected.keys()
    assert all(np.all(np.isfinite(found[name].value)) for name in expected)
    scales = {name: max(np.abs(array).max(), 1) for name, array in expected.items()}
    return {name: np.abs(found[name].value - array).max() / scales[name] for name, array in expected.items()}


def close(found, expected, spread):
    assert max(differences(found, expected).values()) <= spread


@pytest.mark.parametrize("number", SPREAD)
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "leaky_relu"])
def test_a_net_runs_forward_and_backward(number, train, activation):
    net, sizes = Net((7, 23, 11, 5), ACTIVATIONS[activation]), (7, 23, 11, 5)
    arrays = net_data(net, sizes, m=13, seed=5)
    runs = [run_net(net, map_leaves(lift_to(number, seed), arrays), train) for seed in range(5)]
    apart = [differences(found, run_net(net, arrays, train)) for found in runs]
    for name in apart[0]:  # in one run or another an example may fall to the other side of a kink
        assert np.median([run[name] for run in apart]) <= (SPREAD[number] or 1e-15), name


@pytest.mark.parametrize("number", SPREAD)
def test_convolution_runs_forward_and_backward(number):
    arrays = convolution_data(seed=7)
    found = run_convolution(map_leaves(lift_to(number), arrays))
    close(found, run_convolution(arrays), SPREAD[number] or 1e-14)


@pytest.mark.parametrize("loss", [squared_error, logistic_loss_from_logits])
@pytest.mark.parametrize("number", SPREAD)
def test_a_loss_runs_forward_and_backward(number, loss):
    A, Y = np.random.default_rng(8).standard_normal((3, 5)), np.ones((3, 5))
    lift = lift_to(number)
    J, back = loss(lift(A), lift(Y))
    J_plain, back_plain = loss(A, Y)
    close({"J": J, "dA": back(1.0)}, {"J": J_plain, "dA": back_plain(1.0)}, SPREAD[number] or 1e-15)


def test_hardmax_decides_as_it_did():
    Z = np.random.default_rng(9).standard_normal((4, 6))
    assert np.array_equal(hardmax(certify(Z)).value, hardmax(Z))


def test_values_unwraps_a_nest():
    tree = {"a": [certify(1.0), (2, certify(np.ones(3)))]}
    assert values(tree)["a"][0] == 1.0
    assert values(tree)["a"][1][0] == 2
    assert not isinstance(values(tree)["a"][1][1], Certified)
