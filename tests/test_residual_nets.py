"""Residual networks: a block without weights is the identity, plain nets beside residual ones, sizes as published."""

from math import prod

import numpy as np
import pytest

from crosscheck import registry
from crosscheck.backends.base import subject
from crosscheck.case import Case
from crosscheck.feed import Feed
from crosscheck.forcing import culprits
from crosscheck.observation import Key
from crosscheck.session import Session
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.module import shapes, walk
from reference.nets.lenet import LeNet5
from reference.nets.resnet import ResNet, resnet_cifar

COLUMNS = [column for column in registry.PACKAGES if not registry.missing(column)]
BLOCKS = {
    "BasicBlock": ("nets.resnet.BasicBlock", {"c_prev": 4, "c": 4}),
    "Bottleneck": ("nets.resnet.Bottleneck", {"c_prev": 4, "c": 1}),
    "IdentityBlock": ("nets.residual_blocks.IdentityBlock", {"c_prev": 4, "filters": (3, 5, 4)}),
}


@pytest.mark.parametrize("train", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_block_with_zero_weights_is_the_identity(column, block, train):
    """The notes: A[l+2] = g(W A + b + A[l]) = g(A[l]) = A[l] when W and b are zero and A[l] came out of a relu."""
    target, arguments = BLOCKS[block]
    net, random = registry.find("numpy", target)(**arguments), np.random.default_rng(5)
    params = {
        path: np.zeros(shape) if path.endswith(("W", "beta")) else random.standard_normal(shape)
        for path, shape in shapes(net).items()
    }
    state = {path: np.full(shape, float(path.endswith("sigma2"))) for path, shape in shapes(net, "state").items()}
    A, dA = np.maximum(random.standard_normal((2, 5, 7, 4)), 0), random.standard_normal((2, 5, 7, 4))
    case = Case(target, arguments=arguments, inputs={"A": "m=2 h=5 w=7 c=4"})
    seen = subject(column, case).observe(Feed(params, state, {"A": A}, None, (dA,), {}), train, trace=False).tensors
    np.testing.assert_array_equal(seen[Key("output")], A)
    np.testing.assert_array_equal(seen[Key("input gradient", "A")], dA * (A > 0))


CIFAR = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7}
"""Layers: millions of parameters, as the paper has them."""


@pytest.mark.parametrize("depth", CIFAR)
def test_a_cifar_network_has_the_papers_depth_and_size(depth):
    net = resnet_cifar(depth)
    assert sum(isinstance(part, (Conv, Dense)) for _, part in walk(net)) == depth
    assert f"{sum(map(prod, shapes(net).values())) / 1e6:.2g}" == f"{CIFAR[depth]:.2g}"


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("depth", [19, 2, 21])
def test_a_depth_that_no_cifar_network_has_is_refused(column, depth):
    rngs = {"rngs": None} if column == "jax" else {}
    with pytest.raises(ValueError, match=rf"depth is {depth}; expected 6 n \+ 2 layers"):
        registry.find(column, "nets.resnet.resnet_cifar")(depth, **rngs)


def test_the_plain_network_has_the_parameters_of_the_residual_one():
    assert shapes(resnet_cifar(20, residual=False)) == shapes(resnet_cifar(20))


def test_shortcuts_are_where_they_should_be():
    """Only where the shape changes is there a part: the first block of each stage, but in layer1 of basic blocks."""
    basic, bottleneck = ResNet("basic", (2, 2, 1, 1)), ResNet("bottleneck", (2, 1, 1, 2))
    assert projections(basic) == {"layer2.0", "layer3.0", "layer4.0"}
    assert projections(bottleneck) == {"layer1.0", "layer2.0", "layer3.0", "layer4.0"}


def projections(net):
    return {path.removesuffix(".downsample") for path, _ in walk(net) if path.endswith(".downsample")}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_unknown_shortcut_is_refused(column):
    rngs = {}
    if column == "jax":
        from flax import nnx

        rngs = {"rngs": nnx.Rngs(0)}
    with pytest.raises(ValueError, match="skip is 'sum'; expected"):
        getattr(registry.find(column, "nets.resnet.BasicBlock")(3, 3, skip="sum", **rngs), "parts", None)


def test_stages_and_widths_have_to_match():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        assert not ResNet("basic", (1, 1, 1)).parts


def test_lenet_has_the_notes_number_of_parameters():
    assert sum(map(prod, shapes(LeNet5()).values())) == 61_706


@pytest.mark.skipif(len(COLUMNS) < 2, reason="neither PyTorch nor JAX is installed: not run")
@pytest.mark.parametrize("target", ["nets.conv_net.ConvNet", "nets.resnet.ResNet/basic"])
def test_every_part_of_a_sound_net_passes_when_it_is_forced(target):
    """Flatten among them, whose order of h, w and c is each column's own."""
    from crosscheck.case import select

    session = Session(select([target])[0], COLUMNS)
    assert not culprits(session, train=True)
