from crosscheck.case import Case

MAX, ALIGN = "detection.roi.roi_max_pool", "detection.roi.roi_align"


def row(target, variant, why, image, kind="", **arguments):
    inputs = {"X": f"m=2 {image} c=3 {kind}".strip(), "rois": "r=5 region=5 regions"}
    return Case(target, variant, why, arguments, inputs)


CASES = [
    row(MAX, "", "bins of unequal size, of regions that reach over the edges", "h=7 w=11", f=3),
    row(MAX, "scale", "regions in pixels of the image, maps half as large", "h=4 w=6", f=2, scale=0.5),
    row(MAX, "small", "more bins than pixels: neighbours share them", "h=7 w=5", f=4, scale=0.25),
    row(MAX, "ties", "the first of equal maxima, row by row, gets the gradient", "h=7 w=8", "integers", f=2),
    row(ALIGN, "", "the half pixel, and regions that reach over the edges", "h=7 w=11", f=3),
    row(ALIGN, "scale", "regions in pixels of the image, maps half as large", "h=4 w=6", f=2, scale=0.5),
    row(ALIGN, "samples", "another number of samples a bin", "h=7 w=5", f=2, samples=3),
    row(ALIGN, "one-sample", "the middle of each bin", "h=5 w=8", f=4, samples=1),
]
