from crosscheck.case import Case

CASES = [
    Case(
        "nets.mobilenet_v2.InvertedResidual",
        "",
        "narrow, wide enough for some to be cut off at 6, narrow; the shortcut",
        {"c_prev": 5, "c": 5, "stride": 1, "expansion": 13},
        {"X": "m=3 h=5 w=4 c=5"},
    ),
    Case(
        "nets.mobilenet_v2.MobileNetV2",
        "",
        "blocks without expansion, the first with the stride and no shortcut; channels in multiples of 3",
        {
            "num_classes": 5,
            "width": 1.4,
            "c_prev": 2,
            "stem": 4,
            "settings": ((1, 5, 2, 2),),
            "head": 13,
            "divisor": 3,
        },
        {"X": "m=3 h=8 w=13 c=2"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=5 m=3 one_hot",
    ),
]
