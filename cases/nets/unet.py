from crosscheck.case import Case

CASES = [
    Case(
        "nets.unet.DoubleConv",
        "",
        "batch norm after each convolution, which then has no bias",
        {"c_prev": 3, "c": 5, "batch_norm": True},
        {"A_prev": "m=2 h=5 w=7 c=3"},
    ),
    Case(
        "nets.unet.Skip",
        "",
        "what goes across comes first along the channels",
        {"channels": (3, 5)},
        {"X": "m=2 h=4 w=6 c=3"},
    ),
    Case("nets.unet.Level", "", "the innermost", {"c_prev": 5, "channels": (7,)}, {"X": "m=2 h=3 w=5 c=5"}),
    Case(
        "nets.unet.UNet",
        "",
        "three levels, down and up again",
        {"num_classes": 3, "c_prev": 2, "channels": (5, 4, 7)},
        {"X": "m=2 h=8 w=12 c=2"},
        cost="nets.unet.pixel_cost",
        labels="m=2 h=8 w=12 c=3 one_hot_pixels",
    ),
    Case(
        "nets.unet.pixel_cost",
        "",
        "a mean over pixels, not over images",
        inputs={"Z": "m=2 h=5 w=7 c=3", "Y": "m=2 h=5 w=7 c=3 one_hot_pixels"},
    ),
]
