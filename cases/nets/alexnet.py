from crosscheck.case import Case

TARGET = "nets.alexnet.AlexNet"
SMALL = {"c_prev": 2, "num_classes": 5, "channels": (3, 17, 13, 11, 7), "hidden": 11, "keep_prob": 0.8, "h": 2, "w": 1}
CLASSES = {"cost": "layers.losses.softmax_cross_entropy_from_logits", "labels": "n=5 m=2 one_hot"}
IMAGES = {"X": "m=2 h=95 w=63 c=2"}

CASES = [
    Case(TARGET, "", "overlapping pools; dropout before and between the dense layers", SMALL, IMAGES, **CLASSES),
    Case(TARGET, "norm", "with the paper's norm", SMALL | {"local_response_norm": True}, IMAGES),
]
