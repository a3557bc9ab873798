"""Where Flax keeps each parameter of the reference and what its axes mean; nothing about the other columns.

A row reads: reference name -> (name in this module, axes in this module). Paths of submodules are equal everywhere.
"""

DATA = {
    "n m": "m n",
    "n 1": "n",
    "m h w c": "m h w c",
    "n m t": "m t n",
    "(h w c) m": "m (h w c)",
    "(h w c) r": "r (h w c)",
    "n n_prev": "n_prev n",
}
"""How a tensor of data with the reference's axes is laid out here; axes not listed are laid out as in the reference."""

PARAMETERS = {
    "Dense": {"W": ("kernel", "n_prev n"), "b": ("bias", "n")},
    "BatchNorm": {
        "gamma": ("scale", "n"),
        "beta": ("bias", "n"),
        "mu": ("mean", "n"),
        "sigma2": ("var", "n"),
    },
    "Conv": {"W": ("kernel", "fh fw c_group c"), "b": ("bias", "c")},
    "TrueConvolution": {"W": ("kernel", "fh fw c_group c"), "b": ("bias", "c")},
    "ConvTranspose": {"W": ("kernel", "fh fw c c_prev"), "b": ("bias", "c")},
    "BatchNorm2d": {
        "gamma": ("scale", "c"),
        "beta": ("bias", "c"),
        "mu": ("mean", "c"),
        "sigma2": ("var", "c"),
    },
    "ConvNet": {"fc.W": ("fc.kernel", "(h w c) n")},
    "LeNet5": {"fc1.W": ("fc1.kernel", "(h w c) n")},
    "AlexNet": {"classifier.1.W": ("classifier.1.kernel", "(h w c) n")},
    "VGG": {"classifier.0.W": ("classifier.0.kernel", "(h w c) n")},
    "AuxiliaryHead": {"fc1.W": ("fc1.kernel", "(h w c) n")},
    "WindowClassifier": {"fc1.W": ("fc1.kernel", "(h w c) n")},
    "FastRCNNHead": {"fc1.W": ("fc1.kernel", "(h w c) n")},
}

BOOKKEEPING = {}
"""Variables of this framework that the reference does not have, and why they need no counterpart."""

MOMENTS = {
    "gradient_descent": {},
    "momentum": {"v": ("trace", lambda **_: 1)},
    "nesterov": {"v": ("trace", lambda **_: 1)},
    "rmsprop": {"s": ("nu", lambda **_: 1)},
    "adam": {"v": ("mu", lambda **_: 1), "s": ("nu", lambda **_: 1)},
    "adamw": {"v": ("mu", lambda **_: 1), "s": ("nu", lambda **_: 1)},
}
"""Where an optimizer keeps the notes' moments: reference moment = factor(hyperparameters) * the one kept here."""
