"""What the axes of the reference's own tensors mean, where a module does not say so itself."""

ACTIVATIONS = {0: "", 1: "m", 2: "n m", 3: "n m t", 4: "m h w c"}
"""The axes of a module's inputs and outputs by rank, unless the module says otherwise (`axes`)."""

PARAMETERS: dict[str, dict[str, str]] = {}
"""Parameters of a net whose axes are finer than their layer knows: {"ConvNet": {"fc1.W": "n (h w c)"}}."""

DATA: dict[str, dict[str, str]] = {}
"""Inputs and outputs of a net's parts with axes finer than their rank tells: {"ConvNet": {"fc1 in": "(h w c) m"}}."""
