from crosscheck.case import Case

TARGET = "layers.upsampling.Upsample"
X = {"X": "m=2 h=5 w=7 c=3"}

CASES = [
    Case(TARGET, "", "every pixel twice", {"scale": 2}, X),
    Case(TARGET, "rectangle", "height and width by different factors", {"scale": (3, 2)}, X),
    Case(TARGET, "bilinear", "half-pixel centres, edges repeated", {"scale": 2, "kind": "bilinear"}, X),
    Case(TARGET, "bilinear-odd", "an odd factor keeps the centres", {"scale": (3, 5), "kind": "bilinear"}, X),
    Case(
        TARGET, "bilinear-line", "one row has no neighbours", {"scale": 2, "kind": "bilinear"}, {"X": "m=2 h=1 w=3 c=5"}
    ),
]
