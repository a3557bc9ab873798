from crosscheck.case import Case


def block(variant, why, c_prev, c, stride, expansion):
    arguments = {"c_prev": c_prev, "c": c, "stride": stride, "expansion": expansion}
    return Case("nets.mobilenet_v2.InvertedResidual", variant, why, arguments, {"X": f"m=3 h=5 w=4 c={c_prev}"})


CASES = [
    block("", "narrow, wide enough for some to be cut off at 6, narrow; the shortcut", 5, 5, 1, 13),
    block("down", "a stride and other channels: no shortcut", 3, 5, 2, 4),
    block("no-expansion", "the first block's kind: no 1x1 before the depthwise", 7, 5, 1, 1),
    Case(
        "nets.mobilenet_v2.MobileNetV2",
        "",
        "the width multiplier, channels rounded to multiples of 3, a stage's first block with the stride",
        {
            "num_classes": 5,
            "width": 1.4,
            "c_prev": 2,
            "stem": 4,
            "settings": ((2, 5, 2, 2),),
            "head": 13,
            "divisor": 3,
        },
        {"X": "m=3 h=8 w=13 c=2"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=5 m=3 one_hot",
    ),
]
