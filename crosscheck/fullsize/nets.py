"""The networks of published size, by name. Batch 1 where the noise of a batch of 2 would not fit into 8 GiB."""

from crosscheck.case import Case

IMAGES = "h=224 w=224 c=3"


def resnet(layers: tuple[int, ...], m: int) -> Case:
    arguments = {"block": "bottleneck", "layers": layers}
    return Case("nets.resnet.ResNet", "full", "the published size", arguments, {"X": f"m={m} {IMAGES}"}, compiled=True)


NETS = {
    "resnet50": resnet((3, 4, 6, 3), m=2),
    "vgg16": Case("nets.vgg.VGG", "full", "the published size", {}, {"X": f"m=2 {IMAGES}"}, compiled=True),
}
SLOW = {"resnet152": resnet((3, 8, 36, 3), m=1)}
