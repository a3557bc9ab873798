from crosscheck.case import Case

HERE = "detection.fast_rcnn."
HEADS = {"scores": "n=4 m=14", "deltas": "n=12 m=14"}
LABELS = {
    "P": "m=2 k=7 box=4 rectangles",
    "B": "m=2 n=4 box=4 rectangles",
    "classes": "m=2 n=4 class_or_none",
    "order": "m=2 k=7 priorities",
}

CASES = [
    Case(
        HERE + "FastRCNNHead",
        "",
        "two heads on one trunk; each column's own order of h, w and c when it flattens",
        {"num_classes": 3, "c": 5, "f": 2, "hidden": 17},
        {"A": "m=7 h=2 w=2 c=5"},
    ),
    Case(
        HERE + "fast_rcnn_loss",
        "",
        "all proposals; background is class 0, and each class has deltas of its own",
        {"count": 16, "fraction": 1.0, "positive": 0.2, "negative": 0.2},
        HEADS | LABELS,
    ),
    Case(
        HERE + "fast_rcnn_loss",
        "sampled",
        "a part of the proposals, some of which are neither objects nor background",
        {"count": 4, "fraction": 0.5, "positive": 0.3, "negative": 0.1},
        HEADS | LABELS,
    ),
]
