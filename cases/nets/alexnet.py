from crosscheck.case import Case

TARGET = "nets.alexnet.AlexNet"
SMALL = {"num_classes": 5, "channels": (4, 7, 6, 5, 3), "hidden": 17, "h": 2, "w": 1}
IMAGES = {"X": "m=2 h=95 w=63 c=3"}

CASES = [
    Case(TARGET, "", "overlapping pools; dropout before and between the dense layers", SMALL, IMAGES),
    Case(TARGET, "norm", "with the paper's norm", SMALL | {"local_response_norm": True}, IMAGES),
]
