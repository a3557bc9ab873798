"""Where a comparison was made: versions, and the settings of the two models' frameworks that results depend on."""

from __future__ import annotations

import os
import sys
from typing import Any

from crosscheck.models.model import Model
from crosscheck.settings import COLUMNS, ENVIRONMENT, differences, unchanging

COLUMN = {"torch": "torch", "jax": "jax", "flax.nnx": "jax", "flax.linen": "jax", "numpy": "numpy"}
"""By a framework the column of the suite that has its settings."""


def audit(*models: Model) -> dict[str, Any]:
    """Plain data. float64 is left out: comparing turns it on where it is needed."""
    columns = {}
    for model in models:
        column = COLUMN[model.framework]
        facts = COLUMNS[column]("gpu" if on_gpu(column, model) else "cpu")
        columns[column] = {name: value for name, value in facts.items() if name != "float64"}
    return {
        **{name: value for name, value in unchanging().items() if name != "commit"},
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        "columns": columns,
        "differences": differences(columns),
    }


def devices(*models: Model) -> list[str]:
    """What is to be known of where the models are run."""
    named = list(zip(("first", "second"), models))
    found = [
        f"the {which} model's arrays are on {model.home}; it is run on {model.machine}"
        for which, model in named
        if model.home != model.machine
    ]
    if len({model.machine.partition(":")[0].replace("cuda", "gpu") for model in models}) > 1:
        told = ", ".join(f"the {which} model is run on {model.machine}" for which, model in named)
        found.append(f"{told}: what they make of the same may differ by the rounding of either")
    return found


def on_gpu(column: str, model: Model) -> bool:
    if column == "jax":
        return bool(sys.modules["jax"].default_backend() == "gpu")
    return str(getattr(model, "device", "cpu")).startswith("cuda")
