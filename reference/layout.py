"""What the axes of the reference's own tensors mean, where a module does not say so itself."""

ACTIVATIONS = {0: "", 1: "m", 2: "n m", 3: "n m t", 4: "m h w c"}
"""The axes of a module's inputs and outputs by rank, unless the module says otherwise (`axes`)."""

PARAMETERS = {
    "ConvNet": {"fc.W": "n (h w c)"},
    "LeNet5": {"fc1.W": "n (h w c)"},
    "AlexNet": {"classifier.1.W": "n (h w c)"},
    "VGG": {"classifier.0.W": "n (h w c)"},
    "AuxiliaryHead": {"fc1.W": "n (h w c)"},
    "WindowClassifier": {"fc1.W": "n (h w c)"},
    "FastRCNNHead": {"fc1.W": "n (h w c)"},
}
"""Parameters of a net whose axes are finer than their layer knows."""

DATA = {
    "ConvNet": {"flatten out": "(h w c) m", "fc in": "(h w c) m"},
    "LeNet5": {"flatten out": "(h w c) m", "fc1 in": "(h w c) m"},
    "AlexNet": {
        "flatten out": "(h w c) m",
        "classifier.0 in": "(h w c) m",
        "classifier.0 out": "(h w c) m",
        "classifier.1 in": "(h w c) m",
    },
    "VGG": {"flatten out": "(h w c) m", "classifier.0 in": "(h w c) m"},
    "AuxiliaryHead": {"flatten out": "(h w c) m", "fc1 in": "(h w c) m"},
    "WindowClassifier": {"flatten out": "(h w c) m", "fc1 in": "(h w c) m"},
    "FastRCNNHead": {"flatten out": "(h w c) m", "fc1 in": "(h w c) m"},
    "FasterRCNN": {"head.flatten out": "(h w c) r", "head.fc1 in": "(h w c) r"},
    "GoogLeNet": {
        "aux1.flatten out": "(h w c) m",
        "aux1.fc1 in": "(h w c) m",
        "aux2.flatten out": "(h w c) m",
        "aux2.fc1 in": "(h w c) m",
    },
}
"""Inputs and outputs of a net's parts with axes finer than their rank tells."""
