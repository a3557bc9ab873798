from crosscheck.case import Case

HERE = "detection.localization."
EIGHT = "n=8 m=7"

CASES = [
    Case(
        HERE + "localization_target",
        "",
        "the order p_c, box, classes; nothing where there is no object",
        {"num_classes": 3},
        {"b": "m=11 box=4", "classes": "m=11 class_or_none"},
        differentiable=False,
    ),
    Case(
        HERE + "localization_loss",
        "",
        "only p_c counts where there is no object",
        inputs={"A": EIGHT, "Y": f"{EIGHT} localization"},
    ),
    Case(
        HERE + "localization_loss",
        "exact",
        "a mean over 8 is exact",
        inputs={"A": "n=7 m=8", "Y": "n=7 m=8 localization"},
    ),
    Case(
        HERE + "localization_loss_from_logits",
        "",
        "logistic for p_c, squares for the box, softmax for the class",
        inputs={"Z": EIGHT, "Y": f"{EIGHT} localization"},
    ),
    Case(
        HERE + "landmark_loss",
        "",
        "landmarks count where there is a face",
        inputs={"Z": "n=11 m=7", "Y": "n=11 m=7 landmarks"},
    ),
]
