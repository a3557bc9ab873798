from crosscheck.case import Case

TARGET = "layers.true_convolution.TrueConvolution"

CASES = [
    Case(TARGET, "", "the filter is flipped", {"c_prev": 3, "c": 5, "f": 3}, {"A_prev": "m=2 h=7 w=11 c=3"}),
    Case(
        TARGET,
        "everything",
        "the flip is of the filter, not of its holes or of the image",
        {"c_prev": 4, "c": 6, "f": (2, 3), "stride": 2, "padding": ((1, 0), (2, 1)), "dilation": (3, 2), "groups": 2},
        {"A_prev": "m=2 h=9 w=11 c=4"},
    ),
]
