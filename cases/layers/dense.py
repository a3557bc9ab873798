from crosscheck.case import Case

TARGET = "layers.dense.Dense"

CASES = [
    Case(TARGET, "", "sizes pairwise different", {"n_prev": 7, "n": 5}, {"A_prev": "n=7 m=3"}),
    Case(TARGET, "no-bias", "the bias is optional", {"n_prev": 3, "n": 11, "bias": False}, {"A_prev": "n=3 m=5"}),
    Case(TARGET, "wide", "sums of many terms", {"n_prev": 67, "n": 19}, {"A_prev": "n=67 m=13"}),
    Case(TARGET, "one-example", "a batch of one", {"n_prev": 5, "n": 2}, {"A_prev": "n=5 m=1"}),
]
