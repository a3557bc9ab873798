from crosscheck.case import Case

TARGET = "layers.conv_transpose.ConvTranspose"


def row(variant, why, image, c_prev, c, f, **arguments):
    """`image` is "m=.. h=.. w=..": the channels are c_prev."""
    arguments = {"c_prev": c_prev, "c": c, "f": f, **arguments}
    return Case(TARGET, variant, why, arguments, {"A_prev": f"{image} c={c_prev}"}, compiled=not variant)


CASES = [
    row("", "stamps that overlap", "m=2 h=5 w=7", 3, 2, 3),
    row("notes", "the notes' example: 2x2 becomes 4x4", "m=3 h=2 w=2", 5, 7, 3, stride=2, padding=1, output_padding=1),
    row("stride", "stamps 2 apart", "m=2 h=5 w=3", 3, 7, 3, stride=2),
    row("side-by-side", "U-Net's upsampling: stamps touch", "m=2 h=5 w=3", 7, 2, 2, stride=2),
    row("gaps", "a stride larger than the filter leaves zeros", "m=2 h=3 w=5", 3, 7, 2, stride=3),
    row("padding", "padding crops the output", "m=2 h=5 w=7", 3, 4, 4, stride=2, padding=1),
    row("much-padding", "more padding than filter", "m=2 h=5 w=7", 3, 4, 2, padding=2),
    row("output-padding", "at the bottom and right only", "m=2 h=5 w=3", 2, 7, 3, stride=3, output_padding=(1, 2)),
    row(
        "four-sides",
        "TensorFlow's same: cropped at the end",
        "m=2 h=5 w=3",
        7,
        2,
        3,
        stride=2,
        padding=((0, 1), (0, 1)),
    ),
    row("no-bias", "the bias is optional", "m=2 h=3 w=5", 7, 2, 3, bias=False),
    row(
        "rectangle",
        "everything differs in height and width",
        "m=2 h=5 w=3",
        2,
        7,
        (3, 4),
        stride=(2, 3),
        padding=(1, 2),
        output_padding=(1, 0),
    ),
]
