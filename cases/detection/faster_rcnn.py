from crosscheck.case import Case

TARGET = "detection.faster_rcnn.FasterRCNN"
BOXES = {"anchor_sizes": (6, 11), "ratios": (0.7, 1.9)}
SMALL = {"num_classes": 3, "c_prev": 2, "channels": (4, 5, 7), "proposals": 9, "f": 2, "hidden": 17} | BOXES
LOSS = {"image": (32, 32), "stride": 8, "anchor_samples": 24, "roi_samples": 5, "overlap": 0.1} | BOXES
CONSTANT = "a constant: no gradient is taken by it"
AXES = "m k, m k box, m r box, n m, n m, m k"

CASES = [
    Case(
        TARGET,
        "",
        "from image to both heads, trained end to end with half of the anchors and proposals",
        SMALL,
        {"X": "m=2 h=32 w=32 c=2"},
        AXES,
        cost="detection.faster_rcnn.faster_rcnn_cost",
        cost_arguments=LOSS,
        labels="m=2 n=3 v=5 objects",
    ),
    Case(TARGET, "wide", "an image wider than high", SMALL, {"X": "m=3 h=16 w=24 c=2"}, AXES),
    Case(
        "detection.faster_rcnn.faster_rcnn_cost",
        "",
        "both losses, each with its own part of the random numbers",
        LOSS,
        {
            "O": "m=2 k=64",
            "T": "m=2 k=64 box=4",
            "P": "m=2 r=9 box=4 boxes",
            "scores": "n=4 m=18",
            "deltas": "n=12 m=18",
            "order": "m=2 p=73 probability",
            "Y": "m=2 n=13 v=5 objects",
        },
        vacuous={f"input gradient {name}": CONSTANT for name in ("P", "order")},
    ),
]
