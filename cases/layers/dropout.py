from crosscheck.case import Case

CASES = [
    Case("layers.dropout.Dropout", "", "what is kept is scaled up", {"keep_prob": 0.7}, {"A_prev": "n=7 m=5"}),
    Case("layers.dropout.Dropout", "half", "scaled up by 2, exactly", {"keep_prob": 0.5}, {"A_prev": "n=5 m=7"}),
    Case("layers.dropout.Dropout", "rare", "few units survive", {"keep_prob": 0.2}, {"A_prev": "n=11 m=13"}),
    Case("layers.dropout.Dropout", "images", "pixel by pixel", {"keep_prob": 0.6}, {"A_prev": "m=3 h=5 w=2 c=7"}),
]
