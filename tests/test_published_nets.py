"""The published nets in full size, by their shapes alone, against published figures; and images that they refuse."""

from math import prod

import numpy as np
import pytest

from crosscheck import registry
from crosscheck.layout import join
from reference import formulas
from reference.layers.conv import Conv
from reference.layers.dense import Dense
from reference.layers.stochastic_depth import StochasticDepth
from reference.module import Mode, nest, shapes, walk
from reference.nets.efficientnet import COEFFICIENTS, efficientnet
from reference.nets.inception import GoogLeNet
from reference.nets.mobilenet_v1 import MobileNetV1
from reference.nets.mobilenet_v2 import MobileNetV2, rounded

COLUMNS = [column for column in registry.PACKAGES if not registry.missing(column)]

# Parameters

PUBLISHED = {
    "network in network": ("nets.network_in_network.NetworkInNetwork", {}, 966_986),
    "GoogLeNet": ("nets.inception.GoogLeNet", {}, 6_998_552),
    "GoogLeNet with heads": ("nets.inception.GoogLeNet", {"auxiliary": True}, 13_378_280),
    "MobileNet v1": ("nets.mobilenet_v1.MobileNetV1", {}, 4_231_976),
    "MobileNet v2": ("nets.mobilenet_v2.MobileNetV2", {}, 3_504_872),
    "EfficientNet-B0": ("nets.efficientnet.efficientnet", {"variant": "b0"}, 5_288_548),
    "EfficientNet-B1": ("nets.efficientnet.efficientnet", {"variant": "b1"}, 7_794_184),
    "EfficientNet-B2": ("nets.efficientnet.efficientnet", {"variant": "b2"}, 9_109_994),
    "EfficientNet-B3": ("nets.efficientnet.efficientnet", {"variant": "b3"}, 12_233_232),
    "EfficientNet-B4": ("nets.efficientnet.efficientnet", {"variant": "b4"}, 19_341_616),
    "EfficientNet-B5": ("nets.efficientnet.efficientnet", {"variant": "b5"}, 30_389_784),
    "EfficientNet-B6": ("nets.efficientnet.efficientnet", {"variant": "b6"}, 43_040_704),
    "EfficientNet-B7": ("nets.efficientnet.efficientnet", {"variant": "b7"}, 66_347_960),
    "U-Net with batch norm": ("nets.unet.UNet", {"num_classes": 1, "batch_norm": True}, 31_037_633),
}
"""Target, arguments and the number of parameters by which each is known in other frameworks."""

MILLIONS = [
    *((MobileNetV1, width, count) for width, count in ((0.75, 2.6), (0.5, 1.3), (0.25, 0.5))),
    *((MobileNetV2, width, count) for width, count in ((1.4, 6.1), (0.75, 2.6), (0.5, 2.0), (0.35, 1.7))),
]
"""The papers' and the authors' tables of width multipliers, in millions of parameters."""


def built(column, target, arguments):
    """The net in a column, without numbers: {path: shape} of its parameters and buffers."""
    found = registry.find(column, target)
    if column == "torch":
        import torch

        with torch.device("meta"):
            return {path: tuple(value.shape) for path, value in found(**arguments).state_dict().items()}
    from flax import nnx

    net = nnx.eval_shape(lambda: found(**arguments, rngs=nnx.Rngs(0)))
    state = nnx.to_flat_state(nnx.state(net, nnx.Any(nnx.Param, nnx.BatchStat)))
    return {".".join(map(str, keys)): variable.get_value().shape for keys, variable in state}


def count_of(net):
    return sum(map(prod, shapes(net).values()))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_net_has_as_many_parameters_as_published(name):
    target, arguments, count = PUBLISHED[name]
    assert count_of(registry.find("numpy", target)(**arguments)) == count


FULL_SIZE = ["network in network", "GoogLeNet with heads", "MobileNet v1", "MobileNet v2", "EfficientNet-B0"]


@pytest.mark.parametrize("name", FULL_SIZE)
@pytest.mark.parametrize("column", COLUMNS[1:])
def test_every_column_has_the_same_tensors_in_full_size(column, name):
    target, arguments, _ = PUBLISHED[name]
    join(registry.find("numpy", target)(**arguments), column).require_coverage(built(column, target, arguments))


@pytest.mark.parametrize(("net", "width", "millions"), MILLIONS)
def test_a_width_multiplier_gives_the_published_size(net, width, millions):
    assert round(count_of(net(width=width)) / 1e6, 1) == millions


def test_the_channels_of_googlenet_are_those_of_the_papers_table():
    channels = [part.c for name, part in GoogLeNet().parts.items() if name.startswith("inception")]
    assert channels == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


# Multiplications


def multiplications(net, size):
    """The products that the convolutions and dense layers of a net make of one image."""
    total = 0
    parts = dict(walk(net))

    def watch(path, X, Y, back):
        nonlocal total
        if isinstance(part := parts[path], Conv):
            total += formulas.conv_multiplications(*Y.shape[1:3], part.fh, part.c_prev, part.c, part.groups)
        elif isinstance(part, Dense):
            total += part.n * part.n_prev
        return Y, back

    def zeros(kind):
        return nest({path: np.broadcast_to(np.float32(0), shape) for path, shape in shapes(net, kind).items()})

    net(zeros("params"), zeros("state"), np.zeros((1, size, size, 3), np.float32), mode=Mode(watch=watch))
    return total


@pytest.mark.parametrize(
    ("net", "millions"), [(MobileNetV1(), 569), (MobileNetV2(), 300), (MobileNetV2(width=0.5), 97)], ids=repr
)
def test_a_mobilenet_makes_as_many_multiplications_as_published(net, millions):
    assert round(multiplications(net, 224) / 1e6) == pytest.approx(millions, abs=1)


def test_the_notes_bottleneck_is_the_first_module_of_googlenet():
    module = GoogLeNet().parts["inception3a"]
    sizes = 28, 28, 5, module.c_prev
    assert formulas.conv_multiplications(*sizes, module.c5) == 120_422_400
    assert formulas.bottleneck_multiplications(*sizes, module.c5_reduce, module.c5) == 12_443_648
    narrow, _, wide, _ = module.parts["branch5"].parts.values()
    assert count_of(narrow) + count_of(wide) == formulas.conv_parameters(1, 192, 16) + formulas.conv_parameters(
        5, 16, 32
    )


# Scaling


def test_the_published_coefficients_are_compound():
    for variant, phi in zip(COEFFICIENTS, (0, 0.5, 1, 2, 3, 4, 5, 6)):
        width, depth, resolution, _ = COEFFICIENTS[variant]
        expected = np.array(formulas.compound_scaling(phi))
        published = np.array([depth, width, resolution / 224])
        assert np.all(published > 0.94 * expected), variant
        assert np.all(published < 1.18 * expected), variant


def test_survival_falls_with_depth():
    kept = {path: part.keep_prob for path, part in walk(efficientnet("b0")) if isinstance(part, StochasticDepth)}
    assert kept["features.2.1.stochastic_depth"] == pytest.approx(1 - 0.2 * 2 / 16)
    assert kept["features.6.3.stochastic_depth"] == pytest.approx(1 - 0.2 * 14 / 16)
    assert list(kept.values()) == sorted(kept.values(), reverse=True)


@pytest.mark.parametrize(("c", "to"), [(32, 32), (11.2, 16), (44.8, 48), (33.6, 32), (19, 24), (3, 8), (12, 16)])
def test_channels_are_rounded_to_the_divisor_but_lose_no_tenth(c, to):
    assert rounded(c, 8) == to
    assert to >= 0.9 * c


# Auxiliary heads


def test_auxiliary_heads_change_nothing_of_what_the_net_answers():
    settings = {
        "num_classes": 3,
        "c_prev": 2,
        "stem": (3, 5, 7),
        "config": (("inception3a", 2, 3, 4, 1, 3, 2), ("aux1",)),
        "head": (2, 5),
        "h": 1,
        "w": 1,
    }
    net, headed = GoogLeNet(**settings), GoogLeNet(**settings, auxiliary=True)
    rng = np.random.default_rng(0)
    p = {path: rng.standard_normal(shape) for path, shape in shapes(headed).items()}
    X = rng.standard_normal((2, 40, 43, 2))
    (Z, Z1), _, back = headed(nest(p), {}, X)
    alone, _, back_alone = net(nest({path: p[path] for path in shapes(net)}), {}, X)
    np.testing.assert_array_equal(Z, alone)
    assert Z1.shape == Z.shape
    dZ = rng.standard_normal(Z.shape)
    np.testing.assert_array_equal(back(dZ, 0 * Z1)[1], back_alone(dZ)[1])


# Images that are refused

SMALL = {
    "network in network": ("nets.network_in_network.NetworkInNetwork", {"channels": ((2, 3, 2), (3, 2, 3), (2, 3))}, 4),
    "GoogLeNet": ("nets.inception.GoogLeNet", {"stem": (2, 3, 5), "config": (("pool3",),)}, 16),
    "MobileNet v1": ("nets.mobilenet_v1.MobileNetV1", {"blocks": ((3, 2), (5, 2))}, 8),
    "MobileNet v2": ("nets.mobilenet_v2.MobileNetV2", {"settings": ((1, 8, 1, 2),), "head": 8}, 4),
    "EfficientNet": ("nets.efficientnet.EfficientNet", {"stages": ((1, 8, 1, 2, 3),), "head": 8}, 4),
    "U-Net": ("nets.unet.UNet", {"channels": (2, 3, 2)}, 4),
    "the notes' small net": ("nets.conv_net.ConvNet", {"channels": (2, 3, 2)}, 4),
    "LeNet": ("nets.lenet.LeNet5", {"c_prev": 3, "channels": (2, 3), "units": (3, 2)}, 4),
    "AlexNet": ("nets.alexnet.AlexNet", {"channels": (2, 3, 2, 3, 2), "hidden": 3}, 32),
    "VGG": ("nets.vgg.VGG", {"config": (2, "pool", 3, "pool"), "hidden": 3}, 4),
    "ResNet": ("nets.resnet.ResNet", {"block": "basic", "layers": (1, 1), "widths": (2, 3)}, 8),
    "ResNet for small images": (
        "nets.resnet.ResNet",
        {"block": "basic", "layers": (1, 1, 1), "widths": (2, 3, 2), "small_images": True},
        4,
    ),
}
"""Target, arguments and total stride."""


def answer(column, name, shape, turned=False):
    """What the net makes of images of a shape in the reference's axes, or in those of the other framework."""
    target, arguments, _ = SMALL[name]
    found, X = registry.find(column, target), np.zeros(shape, np.float32)
    if (column == "torch") != turned:
        X = np.moveaxis(X, -1, -3)
    if column == "numpy":
        return found(**arguments)({}, {}, X)
    if column == "torch":
        import torch

        return found(**arguments)(torch.tensor(X))
    from flax import nnx

    return nnx.eval_shape(lambda: found(**arguments, rngs=nnx.Rngs(0))(X))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("column", COLUMNS)
def test_images_that_a_net_can_make_nothing_of_are_refused(column, name):
    stride = SMALL[name][2]
    size = 2 * stride
    for shape, message in {
        (2, size, stride - 1, 3): f"(at least {stride} x {stride} pixels|divisible by {stride}|flattened)",
        (2, size, size, 5): "so 5 channels; expected 3",
        (size, size, 3): "one image is a batch of one",
    }.items():
        with pytest.raises(ValueError, match=message):
            answer(column, name, shape)
    with pytest.raises(ValueError, match=f"so {size} channels; expected 3 .it looks like m"):
        answer(column, name, (2, size, size, 3), turned=True)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_unet_refuses_images_that_cannot_be_halved_evenly(column):
    with pytest.raises(ValueError, match="expected a height and width divisible by 4"):
        answer(column, "U-Net", (2, 8, 14, 3))


@pytest.mark.parametrize("column", COLUMNS)
def test_an_unknown_efficientnet_is_refused(column):
    more = {"rngs": None} if column == "jax" else {}
    with pytest.raises(ValueError, match="variant is 'b8'; expected one of 'b0', 'b1'"):
        registry.find(column, "nets.efficientnet.efficientnet")("b8", **more)
