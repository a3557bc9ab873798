from crosscheck.case import Case

CASES = [
    Case(
        "nets.efficientnet.MBConv",
        "",
        "5x5, the gate, stochastic depth before the shortcut",
        {"c_prev": 5, "c": 5, "f": 5, "expansion": 2, "keep_prob": 0.7},
        {"X": "m=5 h=5 w=4 c=5"},
    ),
    Case(
        "nets.efficientnet.EfficientNet",
        "",
        "two blocks where B0 has one, the first with the stride and no shortcut; survival falls with depth",
        {
            "num_classes": 5,
            "width": 1.4,
            "depth": 1.8,
            "keep_prob": 0.7,
            "survival_prob": 0.5,
            "c_prev": 2,
            "stem": 4,
            "stages": ((1, 5, 1, 2, 3),),
            "head": 11,
            "divisor": 3,
        },
        {"X": "m=3 h=8 w=13 c=2"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=5 m=3 one_hot",
    ),
]
