"""What a net cannot do with its settings, or with images of a size, it says when it is told: in every column alike."""

import re

import numpy as np
import pytest
from one_layer import COLUMNS, applied, built

SMALL_ALEXNET = {"channels": (2, 3, 2, 3, 2), "hidden": 3}
HEADED = {
    "stem": (2, 3, 5),
    "config": (("pool3",), ("aux1",), ("pool4",), ("aux2",)),
    "head": (2, 3),
    "auxiliary": True,
}
FLATTENING = {
    "LeNet": ("nets.lenet.LeNet5", {}, 1, (32, 35), 5),
    "the smallest LeNet": ("nets.lenet.LeNet5", {"h": 1, "w": 1}, 1, (16, 19), 1),
    "the notes' small net": ("nets.conv_net.ConvNet", {}, 3, (39, 42), 7),
    "the smallest of the notes' nets": ("nets.conv_net.ConvNet", {"h": 1, "w": 1}, 3, (15, 18), 1),
    "AlexNet": ("nets.alexnet.AlexNet", SMALL_ALEXNET, 3, (223, 254), 6),
    "the smallest AlexNet": ("nets.alexnet.AlexNet", SMALL_ALEXNET | {"h": 1, "w": 1}, 3, (63, 94), 1),
    "VGG": ("nets.vgg.VGG", {"config": (2, "pool", 3, "pool"), "hidden": 3}, 3, (28, 31), 7),
    "GoogLeNet's first head": ("nets.inception.GoogLeNet", HEADED | {"config": HEADED["config"][:2]}, 3, (209, 256), 4),
    "a head by itself": ("nets.inception.AuxiliaryHead", {"c_prev": 3, "num_classes": 2, "hidden": 3}, 3, (14, 16), 4),
    "a classifier of windows": (
        "detection.sliding_windows.WindowClassifier",
        {"hidden": 3, "size": 13},
        3,
        (12, 13),
        4,
    ),
}
"""Target, arguments, channels, the least and most pixels, and the size of the maps."""


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", FLATTENING)
def test_a_net_that_flattens_names_the_sizes_of_images_that_it_takes(name, column):
    target, arguments, c, (least, most), maps = FLATTENING[name]
    for h, w in ((least - 1, least), (least, most + 1)):
        wanted = f"so {h} x {w} pixels; expected {least} to {most} high and {least} to {most} wide, which leave the "
        with pytest.raises(ValueError, match=f"{wanted}maps of h x w = {maps} x {maps} that are flattened"):
            applied(column, target, (1, h, w, c), **arguments)
    applied(column, target, (1, least, most, c), **arguments)


@pytest.mark.parametrize("column", COLUMNS)
def test_heads_behind_different_pools_fit_no_image(column):
    with pytest.raises(ValueError, match="expected 417 to 512 high"):
        applied(column, "nets.inception.GoogLeNet", (1, 224, 224, 3), **HEADED)


RESNET = {"layers": (1,), "widths": (2,)}
SETTINGS = {
    "an unknown activation": ("nets.lenet.LeNet5", {"activation": "gelu"}, "activation is 'gelu'; expected one of"),
    "an unknown pool": ("nets.lenet.LeNet5", {"pool": "min"}, "pool is 'min'; expected one of 'average', 'max'"),
    "an unknown block": (
        "nets.resnet.ResNet",
        RESNET | {"block": "basik"},
        "block is 'basik'; expected one of 'basic', 'bottleneck'",
    ),
    "an unknown activation of a shallow net": (
        "nets.shallow_net.ShallowNet",
        {"n_x": 2, "n_h": 3, "activation": "gelu"},
        "activation is 'gelu'; expected one of",
    ),
    "an unknown activation of a dense block": (
        "nets.deep_net.DenseBlock",
        {"n_prev": 2, "n": 3, "activation": "gelu"},
        "activation is 'gelu'; expected one of",
    ),
    "an unknown activation of a gate": (
        "layers.squeeze_excitation.SqueezeExcitation",
        {"c": 2, "c_squeeze": 1, "activation": "gelu"},
        "activation is 'gelu'; expected one of",
    ),
    "no pool of VGG": ("nets.vgg.VGG", {"config": (4, "pol")}, "config is (4, 'pol'); expected numbers of channels"),
    "nothing but a pool": ("nets.vgg.VGG", {"config": ("pool",)}, "config is ('pool',); expected numbers of channels"),
    "a U-Net of no levels": (
        "nets.unet.UNet",
        {"channels": ()},
        "channels is (); expected those of at least one level",
    ),
    "MobileNet without width": ("nets.mobilenet_v1.MobileNetV1", {"width": 0}, "width is 0; expected a factor"),
    "MobileNet too narrow": ("nets.mobilenet_v1.MobileNetV1", {"width": 0.03}, "width is 0.03; expected a factor"),
    "MobileNet v2 without width": ("nets.mobilenet_v2.MobileNetV2", {"width": 0}, "width is 0; expected a positive"),
    "EfficientNet without width": ("nets.efficientnet.EfficientNet", {"width": -1}, "width is -1; expected a positive"),
    "EfficientNet without depth": ("nets.efficientnet.EfficientNet", {"depth": 0}, "depth is 0; expected a positive"),
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_refused_by_name(name, column):
    target, arguments, message = SETTINGS[name]
    with pytest.raises(ValueError, match=re.escape(message)):
        built(column, target, **arguments)


def test_the_dtype_of_images_is_looked_at_last():
    """Their shape is the plainer thing to be told of."""
    with pytest.raises(ValueError, match="5 channels; expected 3"):
        applied("numpy", "nets.conv_net.ConvNet", (1, 39, 39, 5), np.uint8)
