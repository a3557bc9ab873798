"""Where PyTorch keeps each parameter of the reference and what its axes mean; nothing about the other columns.

A row reads: reference name -> (name in this module, axes in this module). Paths of submodules are equal everywhere.
"""

DATA = {
    "n m": "m n",
    "n 1": "n",
    "m h w c": "m c h w",
    "n m t": "m t n",
    "(h w c) m": "m (c h w)",
    "(h w c) r": "r (c h w)",
}
"""How a tensor of data with the reference's axes is laid out here; axes not listed are laid out as in the reference."""

PARAMETERS = {
    "Dense": {"W": ("weight", "n n_prev"), "b": ("bias", "n")},
    "BatchNorm": {
        "gamma": ("weight", "n"),
        "beta": ("bias", "n"),
        "mu": ("running_mean", "n"),
        "sigma2": ("running_var", "n"),
    },
    "Conv": {"W": ("weight", "c c_group fh fw"), "b": ("bias", "c")},
    "TrueConvolution": {"W": ("weight", "c c_group fh fw"), "b": ("bias", "c")},
    "ConvTranspose": {"W": ("weight", "c_prev c fh fw"), "b": ("bias", "c")},
    "BatchNorm2d": {
        "gamma": ("weight", "c"),
        "beta": ("bias", "c"),
        "mu": ("running_mean", "c"),
        "sigma2": ("running_var", "c"),
    },
    "ConvNet": {"fc.W": ("fc.weight", "n (c h w)")},
    "LeNet5": {"fc1.W": ("fc1.weight", "n (c h w)")},
    "AlexNet": {"classifier.1.W": ("classifier.1.weight", "n (c h w)")},
    "VGG": {"classifier.0.W": ("classifier.0.weight", "n (c h w)")},
    "AuxiliaryHead": {"fc1.W": ("fc1.weight", "n (c h w)")},
    "WindowClassifier": {"fc1.W": ("fc1.weight", "n (c h w)")},
    "FastRCNNHead": {"fc1.W": ("fc1.weight", "n (c h w)")},
}

BOOKKEEPING = {"num_batches_tracked": "counts batches; enters no formula while momentum is a number"}
"""Buffers of this framework that the reference does not have, and why they need no counterpart."""

MOMENTS = {
    "gradient_descent": {},
    "momentum": {"v": ("momentum_buffer", lambda beta, **_: 1 - beta)},
    "nesterov": {"v": ("momentum_buffer", lambda beta, **_: 1 - beta)},
    "rmsprop": {"s": ("square_avg", lambda **_: 1)},
    "adam": {"v": ("exp_avg", lambda **_: 1), "s": ("exp_avg_sq", lambda **_: 1)},
    "adamw": {"v": ("exp_avg", lambda **_: 1), "s": ("exp_avg_sq", lambda **_: 1)},
}
"""Where an optimizer keeps the notes' moments: reference moment = factor(hyperparameters) * the one kept here."""
