from crosscheck.case import Case

CURVE = {"inputs": {"precision": "d=23 probability", "recall": "d=23 recalls"}, "differentiable": False}

CASES = [
    Case("detection.evaluation.average_precision", why="the area below the best precision from here on", **CURVE),
    Case("detection.evaluation.average_precision", "11-point", "Pascal VOC until 2009", {"kind": "11-point"}, **CURVE),
    Case("detection.evaluation.average_precision", "101-point", "COCO", {"kind": "101-point"}, **CURVE),
    Case(
        "detection.evaluation.precision_recall",
        why="shares of the detections so far, and of all objects",
        arguments={"count": 11},
        inputs={"hit": "d=13 binary"},
        differentiable=False,
    ),
]
