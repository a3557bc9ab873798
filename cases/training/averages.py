from crosscheck.case import Case

THETA = {"inputs": {"theta": "k=11"}, "differentiable": False}

CASES = [
    Case("training.averages.exponentially_weighted_average", why="with bias correction", **THETA),
    Case(
        "training.averages.exponentially_weighted_average",
        "uncorrected",
        why="starts near zero",
        arguments={"beta": 0.7, "bias_correction": False},
        **THETA,
    ),
]
