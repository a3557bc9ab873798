from crosscheck.case import Case

TARGET = "nets.alexnet.AlexNet"
SMALL = {"c_prev": 2, "num_classes": 5, "channels": (8, 19, 17, 16, 13), "hidden": 23, "keep_prob": 0.8, "h": 2, "w": 1}
CLASSES = {"cost": "layers.losses.softmax_cross_entropy_from_logits", "labels": "n=5 m=3 one_hot"}
IMAGES = {"X": "m=3 h=95 w=63 c=2"}

CASES = [
    Case(TARGET, "", "overlapping pools; dropout before and between the dense layers", SMALL, IMAGES, **CLASSES),
    Case(TARGET, "norm", "with the paper's norm", SMALL | {"local_response_norm": True}, IMAGES),
]
