from crosscheck.case import Case

TARGET = "layers.squeeze_excitation.SqueezeExcitation"

CASES = [
    Case(TARGET, "", "the paper's, with relu", {"c": 11, "c_squeeze": 7}, {"X": "m=3 h=2 w=5 c=11"}),
    Case(
        TARGET,
        "efficientnet",
        "swish inside the gate",
        {"c": 17, "c_squeeze": 2, "activation": "swish"},
        {"X": "m=3 h=5 w=7 c=17"},
    ),
]
