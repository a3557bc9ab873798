from crosscheck.case import Case

CASES = [
    Case(
        "detection.anchors.size_iou",
        why="width with width and height with height",
        inputs={"S": "k=7 u=2 positive", "A": "a=3 u=2 positive"},
        output="k a",
        differentiable=False,
    ),
    Case(
        "detection.anchors.k_means",
        why="clusters by overlap, not by distance",
        arguments={"steps": 5},
        inputs={"S": "k=23 u=2 positive", "start": "a=3 u=2 positive"},
        output="a u",
        differentiable=False,
    ),
]
