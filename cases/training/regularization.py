from crosscheck.case import Case

WEIGHT = {"inputs": {"W": "n=5 n_prev=7"}, "arguments": {"lambd": 0.7, "m": 11}}
ZEROS = {"inputs": {"W": "n=5 n_prev=7 integers"}, "arguments": {"lambd": 0.7, "m": 11}}

CASES = [
    Case("training.regularization.l2_penalty", why="lambda over 2m", **WEIGHT),
    Case("training.regularization.l1_penalty", why="lambda over 2m", **WEIGHT),
    Case("training.regularization.l1_penalty", "kink", why="the derivative of |w| at 0 is a convention", **ZEROS),
]
