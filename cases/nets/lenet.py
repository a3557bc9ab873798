from crosscheck.case import Case

TARGET = "nets.lenet.LeNet5"
SMALL = {"num_classes": 5, "channels": (3, 7), "units": (17, 11), "h": 1, "w": 2}
IMAGES = {"X": "m=3 h=16 w=20 c=1"}

CASES = [
    Case(TARGET, "", "as published: tanh and average pooling", SMALL, IMAGES),
    Case(
        TARGET,
        "modern",
        "as the notes modernize it: relu and max pooling",
        SMALL | {"activation": "relu", "pool": "max"},
        IMAGES,
        cost="layers.losses.softmax_cross_entropy_from_logits",
        labels="n=5 m=3 one_hot",
    ),
]
