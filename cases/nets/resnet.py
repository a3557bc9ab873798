from crosscheck.case import Case

CLASSES = {"cost": "layers.losses.softmax_cross_entropy_from_logits", "labels": "n=5 m=3 one_hot"}


def block(name, variant, why, c_prev, c, **arguments):
    arguments = {"c_prev": c_prev, "c": c, **arguments}
    return Case(f"nets.resnet.{name}", variant, why, arguments, {"X": f"m=3 h=8 w=7 c={c_prev}"})


def net(variant, why, block, layers, image="h=8 w=11", **arguments):
    arguments = {"block": block, "layers": layers, "num_classes": 5, "c_prev": 2, **arguments}
    return Case("nets.resnet.ResNet", variant, why, arguments, {"X": f"m=3 {image} c=2"})


CASES = [
    block("Subsample", "", "every third pixel, channels of zeros", 2, 5, stride=3),
    block("BasicBlock", "", "the identity as shortcut", 5, 5),
    block("BasicBlock", "projection", "stride and channels change: a 1x1 convolution", 3, 5, stride=2),
    block("BasicBlock", "plain", "no shortcut", 5, 5, skip="none"),
    block("Bottleneck", "", "the identity as shortcut", 12, 3),
    block("Bottleneck", "projection", "the stride in the 3x3 convolution", 5, 3, stride=2),
    net("basic", "ResNet-18 in small", "basic", (1, 1), image="h=33 w=41", widths=(4, 7)),
    net("bottleneck", "ResNet-50 in small", "bottleneck", (1, 1), image="h=33 w=41", widths=(3, 4)),
    net(
        "cifar",
        "stem for small images, shortcuts of zeros",
        "basic",
        (1, 1),
        widths=(3, 5),
        skip="zeros",
        small_images=True,
    ),
    net("plain", "the same without shortcuts", "basic", (1, 1), widths=(3, 5), skip="none", small_images=True),
]
