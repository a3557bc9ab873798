from crosscheck.case import Case

CLASSES = {"cost": "layers.losses.softmax_cross_entropy_from_logits", "labels": "n=5 m=3 one_hot"}


def block(name, why, c_prev, c, **arguments):
    arguments = {"c_prev": c_prev, "c": c, **arguments}
    return Case(f"nets.resnet.{name}", "", why, arguments, {"X": f"m=3 h=8 w=7 c={c_prev}"})


def net(variant, why, block, layers, widths, image, **more):
    arguments = {"block": block, "layers": layers, "num_classes": 5, "widths": widths, "c_prev": 2}
    return Case("nets.resnet.ResNet", variant, why, arguments | more.pop("options", {}), {"X": f"{image} c=2"}, **more)


CIFAR = {"small_images": True, "skip": "zeros"}
PLAIN = {"small_images": True, "skip": "none"}

CASES = [
    block("Subsample", "every third pixel, channels of zeros", 2, 5, stride=3),
    block("BasicBlock", "stride and channels change: a 1x1 convolution on the shortcut", 3, 17, stride=2),
    block("Bottleneck", "the stride in the 3x3 convolution", 7, 5, stride=2),
    net("basic", "ResNet-18 in small", "basic", (1, 1), (16, 11), "m=3 h=33 w=25"),
    net("bottleneck", "ResNet-50 in small", "bottleneck", (1, 1), (4, 5), "m=3 h=33 w=25"),
    net(
        "cifar",
        "stem for small images, shortcuts of zeros",
        "basic",
        (1, 1),
        (16, 19),
        "m=3 h=8 w=7",
        options=CIFAR,
        **CLASSES,
    ),
    net("plain", "a stage without shortcuts", "basic", (1,), (17,), "m=3 h=7 w=5", options=PLAIN),
]
