from crosscheck.case import Case

A, Z = "n=3 m=7 probability", "n=3 m=7"
EIGHT = "n=3 m=8"
BINARY, ONE_HOT = "n=3 m=7 binary", "n=3 m=7 one_hot"

CASES = [
    Case("layers.losses.squared_error", inputs={"A": Z, "Y": Z}, why="one half, summed over units, mean over examples"),
    Case("layers.losses.squared_error_from_logits", inputs={"Z": Z, "Y": A}, why="through the sigmoid"),
    Case("layers.losses.logistic_loss", inputs={"A": A, "Y": BINARY}, why="from probabilities, as the notes write it"),
    Case("layers.losses.logistic_loss_from_logits", inputs={"Z": Z, "Y": BINARY}, why="the stable form"),
    Case(
        "layers.losses.softmax_cross_entropy", inputs={"A": "n=3 m=7 simplex", "Y": ONE_HOT}, why="from probabilities"
    ),
    Case("layers.losses.softmax_cross_entropy_from_logits", inputs={"Z": Z, "Y": ONE_HOT}, why="the stable form"),
    Case("layers.losses.squared_error", "exact", inputs={"A": EIGHT, "Y": EIGHT}, why="a mean over 8 is exact"),
    Case(
        "layers.losses.softmax_cross_entropy_from_logits",
        "exact",
        inputs={"Z": "n=3 m=8 hard_scores", "Y": "n=3 m=8 one_hot"},
        why="probabilities of exactly 1, 1/2 and 0, a mean over 8",
    ),
    Case(
        "layers.losses.softmax_cross_entropy_from_logits",
        "soft-labels",
        inputs={"Z": "n=5 m=4", "Y": "n=5 m=4 simplex"},
        why="targets may be any distribution",
    ),
]
