from crosscheck.case import Case

CASES = [
    Case(
        "nets.softmax_regression.SoftmaxRegression",
        why="several classes at once",
        arguments={"n_x": 7, "n_y": 3},
        inputs={"X": "n=7 m=11"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=3 m=11 one_hot",
    ),
]
