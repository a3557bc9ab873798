from crosscheck.case import Case

GRIDS = {"size": (32, 32), "strides": (4, 8), "anchors": (((6, 5), (4, 9)), ((12, 11), (10, 15)))}

CASES = [
    Case(
        "detection.yolo.ConvUnit",
        "",
        "leaky, and no bias before batch norm",
        {"c_prev": 3, "c": 5, "stride": 2},
        {"A_prev": "m=2 h=7 w=11 c=3"},
    ),
    Case(
        "detection.yolo.DarknetBlock",
        "",
        "no activation after the sum",
        {"c": 6},
        {"X": "m=2 h=5 w=7 c=6"},
    ),
    Case(
        "detection.yolo.Yolo",
        "",
        "two scales, from backbone to loss",
        {"num_classes": 3, "widths": (5, 6, 8, 10)},
        {"X": "m=3 h=32 w=32 c=3"},
        output="m s v",
        cost="detection.yolo_loss.yolo_loss",
        cost_arguments=GRIDS | {"coordinate_weight": 0.25, "no_object_weight": 0.125},
        labels="m=3 n=3 v=5 objects",
    ),
    Case(
        "detection.yolo.Yolo",
        "wide",
        "an image wider than high, three boxes a cell",
        {"num_classes": 2, "boxes": 3, "widths": (4, 7, 6), "c_prev": 2},
        {"X": "m=2 h=8 w=12 c=2"},
        output="m s v",
    ),
]
