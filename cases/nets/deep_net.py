from crosscheck.case import Case

TARGET = "nets.deep_net.DeepNet"
CLASSES = {"cost": "layers.losses.softmax_cross_entropy_from_logits", "labels": "n=3 m=11 one_hot"}

CASES = [
    Case("nets.deep_net.DenseBlock", "", "dense and relu", {"n_prev": 7, "n": 5}, {"A_prev": "n=7 m=3"}),
    Case(
        "nets.deep_net.DenseBlock",
        "norm-dropout",
        "the order dense, norm, activation, dropout",
        {"n_prev": 5, "n": 7, "activation": "leaky_relu", "batch_norm": True, "keep_prob": 0.6},
        {"A_prev": "n=5 m=11"},
    ),
    Case(TARGET, "", "relu, no extras", {"layer_dims": (5, 17, 7, 3)}, {"X": "n=5 m=11"}, **CLASSES),
    Case(
        TARGET,
        "activations",
        "a different activation in every layer",
        {"layer_dims": (7, 13, 5, 19, 3), "activations": ("tanh", "sigmoid", "leaky_relu", "linear")},
        {"X": "n=7 m=11"},
        **CLASSES,
    ),
    Case(
        TARGET,
        "batch-norm",
        "running statistics, no bias before the norm",
        {"layer_dims": (5, 17, 7, 3), "batch_norm": True},
        {"X": "n=5 m=11"},
        **CLASSES,
    ),
    Case(
        TARGET,
        "dropout",
        "the same mask in all columns",
        {"layer_dims": (5, 17, 13, 3), "keep_prob": 0.8},
        {"X": "n=5 m=11"},
        **CLASSES,
    ),
    Case(
        TARGET,
        "everything",
        "batch norm, dropout and mixed activations together",
        {
            "layer_dims": (7, 17, 13, 3),
            "activations": ("relu", "tanh", "linear"),
            "batch_norm": True,
            "keep_prob": 0.7,
        },
        {"X": "n=7 m=11"},
        compiled=True,
        **CLASSES,
    ),
    Case(
        TARGET,
        "binary",
        "the notes' cat classifier in small: L layers, one output",
        {"layer_dims": (11, 17, 7, 19, 1)},
        {"X": "n=11 m=13"},
        cost="layers.losses.logistic_loss_from_logits",
        labels="n=1 m=13 binary",
    ),
]
