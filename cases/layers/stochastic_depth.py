from crosscheck.case import Case

TARGET = "layers.stochastic_depth.StochasticDepth"

CASES = [
    Case(TARGET, "", "whole examples are dropped, not pixels", {"keep_prob": 0.7}, {"X": "m=11 h=3 w=2 c=5"}),
    Case(TARGET, "rare", "few examples survive", {"keep_prob": 0.3}, {"X": "m=13 h=2 w=3 c=5"}),
]
