from crosscheck.case import Case

TARGET = "layers.batch_norm_2d.BatchNorm2d"

CASES = [
    Case(TARGET, "", "over examples, height and width", {"c": 5}, {"Z": "m=3 h=7 w=2 c=5"}, compiled=True),
    Case(
        TARGET,
        "slow",
        "momentum and epsilon reach the formula",
        {"c": 3, "momentum": 0.99, "epsilon": 1e-3},
        {"Z": "m=2 h=5 w=7 c=3"},
    ),
    Case(TARGET, "one-image", "an image alone has a variance", {"c": 7}, {"Z": "m=1 h=5 w=3 c=7"}),
    Case(TARGET, "one-pixel", "1x1 maps: m - 1 = 1 is farthest from m", {"c": 17}, {"Z": "m=2 h=1 w=1 c=17"}),
]
