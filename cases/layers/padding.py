from crosscheck.case import Case

TARGET = "layers.padding.ZeroPad"
X = {"X": "m=2 h=5 w=7 c=3"}

CASES = [
    Case(TARGET, "", "alike on all sides", {"padding": 2}, X),
    Case(TARGET, "height-width", "height first", {"padding": (1, 3)}, X),
    Case(TARGET, "asymmetric", "four different sides", {"padding": ((1, 4), (2, 3))}, X),
]
