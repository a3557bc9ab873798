from crosscheck.case import Case

TARGET = "layers.conv.Conv"


def row(variant, why, image, c_prev, c, f, **arguments):
    """`image` is "m=.. h=.. w=..": the channels are c_prev."""
    arguments = {"c_prev": c_prev, "c": c, "f": f, **arguments}
    return Case(TARGET, variant, why, arguments, {"A_prev": f"{image} c={c_prev}"}, compiled=not variant)


CASES = [
    row("", "the notes' convolution: valid, stride 1", "m=2 h=11 w=7", 3, 5, 3),
    row("no-bias", "the bias is optional", "m=2 h=7 w=11", 5, 3, 3, bias=False),
    row("pointwise", "1x1: a dense layer at every pixel", "m=2 h=5 w=7", 11, 3, 1),
    row("whole-image", "a filter as large as the image: one number each", "m=3 h=5 w=7", 2, 11, (5, 7)),
    row("wide", "sums of many terms", "m=2 h=7 w=5", 23, 17, 3, padding=1),
    row("one-image", "a batch of one", "m=1 h=7 w=5", 3, 2, 3),
    row("padding", "alike on all sides, more than the filter's half", "m=2 h=5 w=7", 3, 4, 3, padding=2),
    row("rows-and-columns", "padding, height first", "m=2 h=5 w=7", 3, 4, 3, padding=(2, 1)),
    row("four-sides", "four different sides", "m=2 h=5 w=7", 2, 3, 3, padding=((0, 3), (2, 1))),
    row("stride", "windows 2 apart", "m=2 h=11 w=7", 3, 5, 3, stride=2),
    row("stride-leftover", "the last row and columns meet no window", "m=2 h=12 w=11", 3, 5, 2, stride=(3, 4)),
    row("stride-gaps", "a stride larger than the filter skips pixels", "m=2 h=11 w=13", 3, 5, 2, stride=3),
    row("pointwise-stride", "the projection shortcut of a residual net", "m=2 h=8 w=6", 5, 7, 1, stride=2),
    row("stem", "7x7 of stride 2 on few channels", "m=2 h=17 w=20", 3, 5, 7, stride=2, padding="same"),
    row("same", "odd filter, stride 1: the image keeps its size", "m=2 h=7 w=5", 3, 2, (5, 3), padding="same"),
    row("same-stride", "stride 2, even image: symmetric", "m=2 h=8 w=6", 3, 5, 3, stride=2, padding="same"),
    row("same-even-filter", "an even filter loses a row and a column", "m=2 h=8 w=5", 3, 7, 4, padding="same"),
    row("same-dilation", "the padding grows with the dilation", "m=2 h=11 w=9", 3, 5, 3, padding="same", dilation=2),
    row("same-tf-stride", "stride 2, even image: none at the top", "m=2 h=8 w=6", 3, 5, 3, stride=2, padding="same_tf"),
    row("same-tf-odd-image", "stride 2, odd image: symmetric", "m=2 h=7 w=9", 3, 5, 3, stride=2, padding="same_tf"),
    row("same-tf-even-filter", "an odd zero goes to the end", "m=2 h=8 w=5", 3, 7, 4, padding="same_tf"),
    row("same-tf-gaps", "a filter narrower than its stride", "m=2 h=8 w=7", 3, 5, 1, stride=2, padding="same_tf"),
    row("dilation", "holes in the filter", "m=2 h=11 w=13", 3, 5, 3, dilation=2),
    row(
        "rectangle",
        "filter, stride, padding and dilation differ in height and width",
        "m=2 h=13 w=11",
        3,
        5,
        (2, 3),
        stride=(3, 2),
        padding=(1, 4),
        dilation=(2, 3),
    ),
    row("groups", "each half of the channels by itself", "m=2 h=7 w=5", 4, 6, 3, groups=2, padding=1),
    row("three-groups", "more groups than outputs of one", "m=2 h=5 w=7", 9, 6, (2, 3), groups=3, stride=2),
    row("depthwise", "a filter a channel", "m=2 h=7 w=11", 5, 5, 3, groups=5, padding=1),
    row("depthwise-stride", "MobileNet's downsampling", "m=2 h=8 w=6", 5, 5, 3, groups=5, stride=2, padding="same"),
    row("multiplier", "two filters a channel", "m=2 h=7 w=5", 3, 6, 3, groups=3),
]
