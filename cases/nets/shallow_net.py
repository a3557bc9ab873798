from crosscheck.case import Case

TARGET = "nets.shallow_net.ShallowNet"

CASES = [
    Case(
        TARGET,
        why="one hidden layer of tanh units, one output",
        arguments={"n_x": 2, "n_h": 4},
        inputs={"X": "n=2 m=7"},
        cost="layers.losses.logistic_loss_from_logits",
        labels="n=1 m=7 binary",
    ),
    Case(
        TARGET,
        "regression",
        why="several outputs under squared error",
        arguments={"n_x": 3, "n_h": 17, "n_y": 2, "activation": "sigmoid"},
        inputs={"X": "n=3 m=5"},
        cost="layers.losses.squared_error",
        labels="n=2 m=5",
    ),
]
