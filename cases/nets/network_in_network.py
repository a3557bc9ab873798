from crosscheck.case import Case

CASES = [
    Case(
        "nets.network_in_network.MLPConv",
        "",
        "a dense net at every pixel",
        {"c_prev": 3, "channels": (5, 7, 11), "f": 3},
        {"X": "m=2 h=5 w=7 c=3"},
    ),
    Case(
        "nets.network_in_network.NetworkInNetwork",
        "",
        "both pools, dropout on maps, class maps whose means are the logits",
        {"num_classes": 5, "keep_prob": 0.7, "c_prev": 2, "channels": ((7, 5, 3), (17, 7, 11), (5, 7))},
        {"X": "m=3 h=8 w=15 c=2"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=5 m=3 one_hot",
    ),
]
