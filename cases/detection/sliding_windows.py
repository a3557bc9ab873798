from crosscheck.case import Case

HERE = "detection.sliding_windows."
SMALL = {"c_prev": 2, "c": 3, "f": 3, "hidden": 17, "size": 8}

CASES = [
    Case(
        HERE + "WindowClassifier",
        "",
        "one window; trained to say what there is and where",
        {"num_classes": 8, **SMALL, "hidden": 5},
        {"X": "m=7 h=8 w=8 c=2"},
        cost="detection.localization.localization_loss_from_logits",
        labels="n=8 m=7 localization",
    ),
    Case(
        HERE + "ConvolutionalWindows",
        "",
        "dense layers as convolutions: a map of logits, one a window",
        {"num_classes": 4, **SMALL},
        {"X": "m=2 h=12 w=15 c=2"},
        cost="nets.unet.pixel_cost",
        labels="m=2 h=3 w=4 c=4 one_hot_pixels",
    ),
]
