from crosscheck.case import Case

HERE = "detection.weighted_losses."
Z = "n=3 m=7"
EACH = "n=1 m=7 weights"

CASES = [
    Case(HERE + "weighted_squared_error", "", "no half, no mean", inputs={"A": Z, "Y": Z, "W": EACH}),
    Case(HERE + "weighted_squared_error", "numbers", "a weight a number", inputs={"A": Z, "Y": Z, "W": f"{Z} weights"}),
    Case(HERE + "weighted_smooth_l1", "", "beta is 1", inputs={"A": Z, "Y": Z, "W": EACH}),
    Case(
        HERE + "weighted_smooth_l1",
        "narrow",
        "a small parabola of curvature 1/beta",
        {"beta": 0.125},
        {"A": Z, "Y": Z, "W": EACH},
    ),
    Case(
        HERE + "weighted_smooth_l1",
        "kink",
        "whole numbers hit 0 and beta",
        {"beta": 2.0},
        {"A": "n=3 m=16 integers", "Y": "n=3 m=16 integers", "W": "n=1 m=16 weights"},
    ),
    Case(HERE + "weighted_logistic_loss", "", "stable", inputs={"Z": Z, "Y": f"{Z} binary", "W": EACH}),
    Case(HERE + "weighted_cross_entropy", "", "stable", inputs={"Z": Z, "Y": f"{Z} one_hot", "W": EACH}),
    Case(
        HERE + "weighted_cross_entropy",
        "exact",
        "probabilities of exactly 1, 1/2 and 0",
        inputs={"Z": "n=3 m=8 hard_scores", "Y": "n=3 m=8 one_hot", "W": "n=1 m=8 weights"},
    ),
]
