from crosscheck.case import Case

FORM = {"inputs": {"B": "k=7 v=4 boxes"}, "output": "k v"}
PAIRS = {"inputs": {"B": "k=7 v=4 boxes", "D": "j=5 v=4 boxes"}, "output": "k j", "differentiable": False}
FIT = {"arguments": {"image": (30, 50), "network": (16, 24)}, "differentiable": False}

CASES = [
    Case("detection.boxes.corner_from_center", why="half a width to either side", **FORM),
    Case("detection.boxes.center_from_corner", why="the mean of the edges, not their sum", **FORM),
    Case(
        "detection.boxes.grid_from_center",
        why="the cell's row comes before its column, h before w",
        inputs={"C": "k=7 v=4 boxes"},
        arguments={"stride": 4, "grid": (3, 5)},
        output="k v",
        differentiable=False,
    ),
    Case(
        "detection.boxes.center_from_grid",
        why="and back to pixels",
        inputs={"cell": "k=7 u=2", "b": "k=7 v=4 boxes"},
        arguments={"stride": 8},
        output="k v",
        differentiable=False,
    ),
    Case("detection.boxes.area", inputs={"B": "k=7 v=4 boxes"}, differentiable=False, why="no pixel is added"),
    Case("detection.boxes.intersection", why="every box with every other", **PAIRS),
    Case("detection.boxes.iou", why="every box with every other", **PAIRS),
    Case(
        "detection.boxes.clip",
        why="x to the width, y to the height",
        inputs={"B": "k=7 v=4 boxes"},
        arguments={"image": (5, 7)},
        output="k v",
        differentiable=False,
    ),
    Case(
        "detection.boxes.letterbox", inputs={"B": "k=7 v=4 boxes"}, output="k v", why="margins above and below", **FIT
    ),
    Case("detection.boxes.unletterbox", inputs={"B": "k=7 v=4 boxes"}, output="k v", why="the way back", **FIT),
]
