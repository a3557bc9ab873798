from crosscheck.case import Case

CASES = [
    Case(
        "training.normalization.input_statistics",
        why="mean and biased variance of every feature, over the examples",
        inputs={"X": "n=5 m=7"},
        output="n 1",
        differentiable=False,
    ),
]
