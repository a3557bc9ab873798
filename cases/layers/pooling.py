from crosscheck.case import Case

MAX, AVERAGE = "layers.pooling.MaxPool", "layers.pooling.AveragePool"
A_PREV, TIED = {"A_prev": "m=2 h=7 w=11 c=3"}, {"A_prev": "m=2 h=7 w=8 c=5 integers"}
POWERS = {"A_prev": "m=3 h=8 w=4 c=5"}  # means over powers of two are exact
EVEN = {"A_prev": "m=2 h=8 w=6 c=3"}
MANY = {"A_prev": "m=5 h=8 w=6 c=7"}  # so many windows at the border that some see nothing positive

CASES = [
    Case(MAX, "", "side by side; the last row and column are dropped", {"f": 2}, A_PREV, compiled=True),
    Case(MAX, "overlap", "AlexNet's 3x3 windows 2 apart", {"f": 3, "stride": 2}, A_PREV),
    Case(MAX, "rectangle", "height and width differ", {"f": (2, 3), "stride": (1, 2), "padding": (1, 0)}, A_PREV),
    Case(MAX, "gaps", "a stride larger than the window skips pixels", {"f": 2, "stride": 3}, A_PREV),
    Case(MAX, "whole-image", "one window", {"f": (7, 11)}, A_PREV),
    Case(MAX, "padding", "padded with -inf, not zero", {"f": 3, "stride": 2, "padding": 1}, MANY),
    Case(MAX, "same", "stride 2, even image: symmetric", {"f": 3, "stride": 2, "padding": "same"}, EVEN),
    Case(MAX, "same-tf", "stride 2, even image: none at the top", {"f": 3, "stride": 2, "padding": "same_tf"}, EVEN),
    Case(MAX, "four-sides", "four different sides", {"f": 4, "stride": 3, "padding": ((0, 2), (2, 1))}, A_PREV),
    Case(MAX, "ties", "the first of equal maxima, row by row, gets the gradient", {"f": 2}, TIED),
    Case(MAX, "ties-overlap", "ties in overlapping, padded windows", {"f": 3, "stride": 2, "padding": 1}, TIED),
    Case(AVERAGE, "", "side by side; the last row and column are dropped", {"f": 2}, A_PREV),
    Case(AVERAGE, "overlap", "windows share pixels", {"f": 3, "stride": 2}, A_PREV),
    Case(AVERAGE, "rectangle", "height and width differ", {"f": (4, 2), "stride": (3, 1)}, A_PREV),
    Case(AVERAGE, "padding", "the padding is left out of the count", {"f": 3, "padding": 1, "stride": 1}, EVEN),
    Case(
        AVERAGE,
        "count-padding",
        "the padding is counted",
        {"f": 3, "stride": 1, "padding": 1, "count_padding": True},
        EVEN,
    ),
    Case(AVERAGE, "same-tf", "asymmetric, not counted", {"f": 3, "stride": 2, "padding": "same_tf"}, EVEN),
    Case(
        AVERAGE,
        "same-tf-count-padding",
        "asymmetric, counted",
        {"f": 3, "stride": 2, "padding": "same_tf", "count_padding": True},
        EVEN,
    ),
    Case("layers.pooling.GlobalAveragePool", "", "over height and width, not channels", inputs=POWERS),
]
