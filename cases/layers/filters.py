from crosscheck.case import Case

TARGET = "layers.filters.detect_edges"
X = {"X": "m=2 h=7 w=5 c=3"}

CASES = [
    Case(TARGET, "", "vertical edges, every channel by itself", inputs=X),
    Case(TARGET, "horizontal", "the same turned", {"kind": "horizontal"}, X),
    Case(TARGET, "sobel", "weights 1 2 1", {"kind": "sobel"}, X),
    Case(TARGET, "scharr", "weights 3 10 3", {"kind": "scharr"}, X),
]
