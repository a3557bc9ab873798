from crosscheck.case import Case

CASES = [
    Case(
        "layers.flatten.Flatten",
        "",
        "each column's own order of h, w and c",
        inputs={"A_prev": "m=2 h=3 w=5 c=7"},
        output="(h w c) m",
    )
]
