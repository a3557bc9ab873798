from crosscheck.case import Case

TARGET = "layers.local_response_norm.LocalResponseNorm"

CASES = [
    Case(TARGET, "", "AlexNet's numbers", inputs={"X": "m=2 h=3 w=5 c=11"}),
    Case(
        TARGET,
        "strong",
        "n, k, alpha and beta all matter",
        {"n": 3, "k": 1.0, "alpha": 0.5, "beta": 0.6},
        {"X": "m=2 h=5 w=3 c=7"},
    ),
    Case(TARGET, "few-channels", "fewer channels than neighbours", {"n": 5, "alpha": 0.3}, {"X": "m=3 h=5 w=7 c=2"}),
]
