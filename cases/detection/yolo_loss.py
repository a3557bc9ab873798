from crosscheck.case import Case

SCALES = {"size": (32, 32), "strides": (8, 16), "anchors": (((6, 5), (4, 9)), ((12, 11), (10, 15), (17, 7)))}
BATCH = {"Z": "m=3 s=44 v=8 modest", "Y": "m=3 n=5 v=5 objects"}
BORDERS = {"Z": "m=3 s=44 v=8 modest", "Y": "m=3 n=5 v=5 border_objects"}

CASES = [
    Case("detection.yolo_loss.yolo_loss", "", "box, confidence, class", SCALES, BATCH),
    Case("detection.yolo_loss.yolo_loss", "borders", "centres on borders of cells", SCALES, BORDERS),
    Case(
        "detection.yolo_loss.yolo_loss",
        "ignore",
        "slots that overlap an object a little are not told that they hold none",
        SCALES | {"ignore": 0.125, "no_object_weight": 0.75},
        BATCH,
    ),
    Case("detection.yolo_loss.yolo_loss", "giou", "boxes judged as a whole", SCALES | {"regression": "giou"}, BATCH),
    Case(
        "detection.yolo_loss.yolo_loss",
        "ciou",
        "the loss of today's detectors",
        SCALES | {"regression": "ciou", "coordinate_weight": 2.0},
        BATCH,
    ),
]
