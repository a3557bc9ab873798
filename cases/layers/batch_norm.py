from crosscheck.case import Case

TARGET = "layers.batch_norm.BatchNorm"

CASES = [
    Case(TARGET, "", "defaults", {"n": 5}, {"Z": "n=5 m=7"}),
    Case(
        TARGET,
        "slow",
        "momentum and epsilon reach the formula",
        {"n": 3, "momentum": 0.99, "epsilon": 1e-3},
        {"Z": "n=3 m=11"},
    ),
    Case(
        TARGET,
        "exact",
        "a batch whose variance is exactly 1/4, so that variance plus epsilon is 1",
        {"n": 5, "momentum": 0.5, "epsilon": 0.75},
        {"Z": "n=5 m=8 two_valued"},
    ),
    Case(TARGET, "two-examples", "m - 1 = 1 is farthest from m", {"n": 17}, {"Z": "n=17 m=2"}),
]
