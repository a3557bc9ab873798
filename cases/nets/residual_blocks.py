from crosscheck.case import Case

CASES = [
    Case(
        "nets.residual_blocks.IdentityBlock",
        "",
        "an even filter, padded as TensorFlow does",
        {"c_prev": 7, "filters": (3, 5, 7), "f": 2},
        {"X": "m=3 h=5 w=4 c=7"},
    ),
    Case(
        "nets.residual_blocks.ConvolutionalBlock",
        "",
        "the stride in the first 1x1 convolution and in the shortcut",
        {"c_prev": 5, "filters": (3, 7, 11)},
        {"X": "m=3 h=8 w=7 c=5"},
    ),
]
