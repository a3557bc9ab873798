from crosscheck.case import Case

CASES = [
    Case(
        "nets.conv_net.ConvNet",
        why="three convolutions, the last two of stride 2, then flatten: each column's own order of h, w and c",
        arguments={"num_classes": 3, "c_prev": 2, "channels": (5, 7, 11), "h": 2, "w": 1},
        inputs={"X": "m=3 h=19 w=15 c=2"},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=3 m=3 one_hot",
        compiled=True,
    ),
]
