from crosscheck.case import Case

GRIDS = {"size": (32, 32), "strides": (8, 16), "anchors": (((6, 5), (4, 9)), ((12, 11), (10, 15), (17, 7)))}
VOLUME = {"output": "m s v", "differentiable": False}

CASES = [
    Case(
        "detection.assignment.targets",
        "",
        "objects of two scales, more than one in a cell",
        GRIDS | {"count": 3},
        {"Y": "m=3 n=7 v=5 objects"},
        **VOLUME,
    ),
    Case(
        "detection.assignment.targets",
        "crowded",
        "more objects than anchors in a cell: the first have theirs",
        GRIDS | {"count": 3},
        {"Y": "m=3 n=29 v=5 objects"},
        **VOLUME,
    ),
    Case(
        "detection.assignment.targets",
        "borders",
        "a centre on a border belongs to the cell right of it or below it",
        GRIDS | {"count": 3},
        {"Y": "m=3 n=7 v=5 border_objects"},
        **VOLUME,
    ),
]
