from crosscheck.case import Case


def block(variant, why, c_prev, c, **arguments):
    arguments = {"c_prev": c_prev, "c": c, **arguments}
    return Case("nets.efficientnet.MBConv", variant, why, arguments, {"X": f"m=5 h=5 w=4 c={c_prev}"})


CASES = [
    block("", "5x5, the gate, stochastic depth before the shortcut", 5, 5, f=5, expansion=2, keep_prob=0.7),
    block("down", "a stride and other channels: no shortcut, no stochastic depth", 3, 5, stride=2, expansion=4),
    Case(
        "nets.efficientnet.EfficientNet",
        "",
        "width and depth scaled, survival falls with depth",
        {
            "num_classes": 5,
            "width": 1.4,
            "depth": 1.8,
            "keep_prob": 0.7,
            "survival_prob": 0.5,
            "c_prev": 2,
            "stem": 4,
            "stages": ((2, 5, 1, 2, 5),),
            "head": 11,
            "divisor": 3,
        },
        {"X": "m=3 h=8 w=13 c=2"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=5 m=3 one_hot",
    ),
]
