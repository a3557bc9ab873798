from crosscheck.case import Case

LOSS = "layers.losses.logistic_loss_from_logits"

CASES = [
    Case(
        "nets.logistic_regression.LogisticRegression",
        why="the first net of the notes",
        arguments={"n_x": 5},
        inputs={"X": "n=5 m=7"},
        cost=LOSS,
        labels="n=1 m=7 binary",
    ),
]
