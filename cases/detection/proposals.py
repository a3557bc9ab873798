from crosscheck.case import Case

HERE = "detection.proposals."
HEAD = {"O": "m=2 k=12", "T": "m=2 k=12 box=4", "anchors": "k=12 box=4 rectangles"}
LABELS = {"B": "m=2 n=4 box=4 rectangles", "classes": "m=2 n=4 class_or_none", "order": "m=2 k=12 priorities"}

CASES = [
    Case(
        HERE + "RPNHead",
        "",
        "two heads on one trunk, whose gradient is the sum of theirs",
        {"c_prev": 3, "c": 5, "anchors": 2},
        {"A": "m=2 h=5 w=7 c=3"},
    ),
    Case(
        HERE + "propose",
        "",
        "moved, kept in the image, suppressed, the best few",
        {"image": (11, 13), "count": 7},
        HEAD,
        "m count box",
        differentiable=False,
    ),
    Case(
        HERE + "propose",
        "all",
        "those that are dropped come last",
        {"image": (11, 13), "count": 12, "threshold": 0.1},
        HEAD,
        "m count box",
        differentiable=False,
    ),
    Case(HERE + "rpn_loss", "", "few anchors fit: what is nearest to an object is rescued", {}, HEAD | LABELS),
    Case(
        HERE + "rpn_loss",
        "sampled",
        "a part of the anchors counts, fewer of those with an object",
        {"count": 5, "fraction": 0.4, "positive": 0.4, "negative": 0.2},
        HEAD | LABELS,
    ),
]
