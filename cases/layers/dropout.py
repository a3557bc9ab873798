from crosscheck.case import Case

CASES = [
    Case("layers.dropout.Dropout", "", "what is kept is scaled up", {"keep_prob": 0.7}, {"A_prev": "n=7 m=5"}),
    Case("layers.dropout.Dropout", "rare", "few units survive", {"keep_prob": 0.2}, {"A_prev": "n=11 m=13"}),
]
