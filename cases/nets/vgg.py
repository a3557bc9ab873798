from crosscheck.case import Case

TARGET = "nets.vgg.VGG"
SMALL = {"config": (5, 4, "pool", 7, "pool"), "num_classes": 3, "hidden": 17, "h": 3, "w": 2, "keep_prob": 0.8}
IMAGES = {"X": "m=3 h=12 w=8 c=3"}

CASES = [
    Case(
        TARGET,
        "",
        "pairs of convolutions and pools, dropout between the dense layers",
        SMALL,
        IMAGES,
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=3 m=3 one_hot",
    ),
    Case(
        TARGET,
        "batch-norm",
        "convolutions that keep their biases before batch norm",
        SMALL | {"batch_norm": True},
        IMAGES,
    ),
]
