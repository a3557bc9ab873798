from crosscheck.case import Case

EPOCHS = {"factory": True, "differentiable": False, "inputs": {"epoch": "k=9 epochs"}}

CASES = [
    Case("training.schedules.inverse_time", why="divisor", arguments={"alpha0": 0.2, "rate": 0.7}, **EPOCHS),
    Case("training.schedules.exponential", why="powers", arguments={"alpha0": 0.3, "base": 0.95}, **EPOCHS),
    Case("training.schedules.inverse_sqrt", why="root", arguments={"alpha0": 0.2, "k": 1.5}, **EPOCHS),
    Case(
        "training.schedules.staircase",
        why="steps: the epoch is divided and floored",
        arguments={"alpha0": 0.2, "rate": 0.6, "interval": 3},
        **EPOCHS,
    ),
]
