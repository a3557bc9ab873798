from crosscheck.case import Case

SCENE = {"inputs": {"B": "k=23 v=4 boxes", "scores": "k=23 probability"}, "differentiable": False}
CLASSES = {"inputs": SCENE["inputs"] | {"classes": "k=23 binary"}, "differentiable": False}
TIED = {"inputs": {"B": "k=23 v=4 tied_boxes", "scores": "k=23 integers"}, "differentiable": False}

CASES = [
    Case("detection.suppression.survivors", why="the best of those that overlap", **SCENE),
    Case("detection.suppression.survivors", "classes", "each class for itself", {"threshold": 0.2}, **CLASSES),
    Case("detection.suppression.survivors", "ties", "equal scores, overlaps of just the threshold", **TIED),
    Case("detection.suppression.soft_suppression", why="scores damped by what is taken before them", **SCENE),
    Case(
        "detection.suppression.soft_suppression",
        "linear",
        "damped above the threshold only",
        {"kind": "linear", "threshold": 0.25},
        **SCENE,
    ),
]
