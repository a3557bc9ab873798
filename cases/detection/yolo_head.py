from crosscheck.case import Case

GRIDS = {"size": (16, 24), "strides": (8,), "anchors": (((6, 5), (4, 9)),)}
SCALES = {"size": (32, 32), "strides": (8, 16), "anchors": (((6, 5), (4, 9)), ((12, 11), (10, 15), (17, 7)))}

CASES = [
    Case(
        "detection.yolo_head.decode",
        "",
        "rows before columns, h before w",
        GRIDS,
        {"Z": "m=2 s=12 v=8 modest"},
        output="m s v",
    ),
    Case(
        "detection.yolo_head.decode",
        "scales",
        "each scale has its own stride and anchors",
        SCALES,
        {"Z": "m=2 s=44 v=7 modest"},
        output="m s v",
    ),
]
