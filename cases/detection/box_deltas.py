from crosscheck.case import Case

HERE = "detection.box_deltas."
ANCHORS = {"A": "k=11 box=4 rectangles"}
ROWS = "k box"

CASES = [
    Case(
        HERE + "encode",
        "",
        "shifts by the anchor's size, ratios of sizes",
        {},
        {"B": "k=11 box=4 boxes"} | ANCHORS,
        ROWS,
    ),
    Case(
        HERE + "encode",
        "weights",
        "each number by its own weight",
        {"weights": (10, 10, 5, 5)},
        {"B": "k=11 box=4 boxes"} | ANCHORS,
        ROWS,
    ),
    Case(HERE + "decode", "", "the way back", {}, {"T": "k=11 box=4"} | ANCHORS, ROWS),
    Case(
        HERE + "decode",
        "weights",
        "each number by its own",
        {"weights": (8, 4, 2, 2)},
        {"T": "k=11 box=4"} | ANCHORS,
        ROWS,
    ),
    Case(
        HERE + "decode",
        "cut-off",
        "wild sizes: the exponent ends at log(1000/16), and so does the gradient",
        {"weights": (1, 1, 0.25, 0.25)},
        {"T": "m=3 k=7 box=4"} | {"A": "m=3 k=7 box=4 rectangles"},
        "m k box",
    ),
]
