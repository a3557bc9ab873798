from crosscheck.case import Case

LOGITS = {"Z": "n=3 m=5", "Z1": "n=3 m=5", "Z2": "n=3 m=5"}

CASES = [
    Case(
        "nets.inception.Inception",
        "",
        "the order of the branches along the channels; bottlenecks; a pool of stride 1",
        {"c_prev": 5, "c1": 3, "c3_reduce": 2, "c3": 7, "c5_reduce": 4, "c5": 6, "c_pool": 8},
        {"X": "m=2 h=7 w=5 c=5"},
    ),
    Case(
        "nets.inception.AuxiliaryHead",
        "",
        "each column's own order of h, w and c when it flattens",
        {"c_prev": 2, "num_classes": 5, "c": 3, "hidden": 17, "h": 1, "w": 2},
        {"A_prev": "m=7 h=6 w=8 c=2"},
    ),
    Case(
        "nets.inception.GoogLeNet",
        "",
        "two heads leave the trunk, whose gradient is the sum of all three",
        {
            "num_classes": 5,
            "auxiliary": True,
            "c_prev": 2,
            "stem": (7, 5, 11),
            "config": (("inception3a", 7, 5, 17, 3, 11, 4), ("aux1",), ("aux2",), ("pool3",)),
            "head": (7, 17),
            "h": 1,
            "w": 1,
        },
        {"X": "m=2 h=33 w=35 c=2"},
        cost="nets.inception.auxiliary_cost",
        labels="n=5 m=2 one_hot",
    ),
    Case("nets.inception.auxiliary_cost", "", "a head weighs 0.3", inputs={**LOGITS, "Y": "n=3 m=5 one_hot"}),
    Case(
        "nets.inception.auxiliary_cost",
        "half",
        "another weight; exactly representable",
        {"weight": 0.5},
        dict.fromkeys(LOGITS, "n=3 m=8 hard_scores") | {"Y": "n=3 m=8 one_hot"},
    ),
]
