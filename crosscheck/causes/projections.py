"""Projections of attention modules: the layers for q, k and v, and the one behind, by their weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crosscheck.axes import Array

Projection = tuple[Array, Array]


def torch_weights(weights: Mapping[str, Array]) -> tuple[list[Projection], Projection] | None:
    if "out_proj.weight" not in weights:
        return None
    e = len(weights["out_proj.weight"])
    if "in_proj_weight" in weights:
        kernels = [part.T for part in np.split(weights["in_proj_weight"], 3)]
    elif "q_proj_weight" in weights:
        kernels = [weights[f"{which}_proj_weight"].T for which in "qkv"]
    else:
        return None
    biases = np.split(weights.get("in_proj_bias", np.zeros(3 * e)), 3)
    return list(zip(kernels, biases)), (weights["out_proj.weight"].T, weights.get("out_proj.bias", np.zeros(e)))


def separate_weights(weights: Mapping[str, Array], leaf: str) -> tuple[list[Projection], Projection] | None:
    """Of dense layers whose names begin with q, k and v, and of the only other one, which comes last."""
    layers = [path.rpartition(".")[0] for path in weights if path.rpartition(".")[2] == leaf]
    named = [[layer for layer in layers if layer.rpartition(".")[2].lower().startswith(which)] for which in "qkv"]
    others = [layer for layer in layers if not any(layer in found for found in named)]
    if any(len(found) != 1 for found in (*named, others)):
        return None

    def projection(layer: str, shape: tuple[int, int]) -> Projection:
        kernel = weights[f"{layer}.{leaf}"]
        kernel = kernel.T if leaf == "weight" else kernel.reshape(shape)
        return kernel, np.ravel(weights.get(f"{layer}.bias", np.zeros(kernel.shape[1])))

    (out,) = others
    inward = [projection(layer, (len(weights[f"{layer}.{leaf}"]), -1)) for (layer,) in named]
    return inward, projection(out, (-1, weights[f"{out}.{leaf}"].shape[-1]))
