from crosscheck.case import Case

BLOCK = "nets.mobilenet_v1.DepthwiseSeparable"

CASES = [
    Case(BLOCK, "", "a filter a channel, then 1x1", {"c_prev": 5, "c": 7}, {"X": "m=3 h=5 w=4 c=5"}),
    Case(
        "nets.mobilenet_v1.MobileNetV1",
        "",
        "the width multiplier reaches every layer; a block with a stride",
        {"num_classes": 5, "width": 0.5, "c_prev": 2, "stem": 29, "blocks": ((23, 2),)},
        {"X": "m=3 h=8 w=13 c=2"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=5 m=3 one_hot",
    ),
]
