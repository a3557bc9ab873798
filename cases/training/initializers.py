from crosscheck.case import Case

WEIGHT = {"inputs": {"noise": "n=5 n_prev=7"}, "output": "n n_prev", "differentiable": False}

CASES = [
    Case(
        "training.initializers.zeros",
        why="all weights alike: nothing breaks the symmetry",
        vacuous={"output": "it is zero by definition"},
        **WEIGHT,
    ),
    Case("training.initializers.small_random", why="one scale for every layer", arguments={"scale": 0.02}, **WEIGHT),
    Case("training.initializers.he", why="fan-in is an axis that each column keeps elsewhere", **WEIGHT),
    Case("training.initializers.xavier", why="fan-in", **WEIGHT),
    Case("training.initializers.xavier_average", why="fan-in and fan-out", **WEIGHT),
]
