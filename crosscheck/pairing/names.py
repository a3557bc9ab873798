"""What the names of leaves say: the words of their paths, with the frameworks' synonyms made one."""

from __future__ import annotations

import re
from functools import cache

from crosscheck.models.model import Leaf
from crosscheck.models.torch_axes import RECURRENT

SYNONYMS = {
    "bn": "norm", "ln": "norm", "gn": "norm", "batchnorm": "norm", "layernorm": "norm", "groupnorm": "norm",
    "norm": "norm", "rmsnorm": "norm",
    "fc": "dense", "linear": "dense", "dense": "dense", "lin": "dense", "proj": "dense", "projection": "dense",
    "attn": "attention", "attention": "attention", "mha": "attention", "selfattention": "attention",
    "q": "query", "query": "query", "wq": "query", "k": "key", "key": "key", "wk": "key", "v": "value",
    "value": "value", "wv": "value", "o": "out", "out": "out", "output": "out", "wo": "out",
    "mlp": "mlp", "ffn": "mlp", "feedforward": "mlp", "ff": "mlp",
    "emb": "embedding", "embed": "embedding", "embedding": "embedding", "embeddings": "embedding",
    "tok": "token", "token": "token", "wte": "token", "word": "token", "words": "token",
    "pos": "position", "position": "position", "positional": "position", "positions": "position", "wpe": "position",
    "cls": "class", "class": "class",
    "head": "head", "classifier": "head", "logits": "head",
    "downsample": "shortcut", "shortcut": "shortcut", "skip": "shortcut", "residual": "shortcut",
    "layers": "layer", "blocks": "layer", "block": "layer", "layer": "layer", "stages": "stage", "stage": "stage",
    "convolution": "conv", "conv": "conv", "cnn": "conv",
    "encoder": "encoder", "enc": "encoder", "decoder": "decoder", "dec": "decoder",
}  # fmt: skip
SIDES = {
    "input": {"ih", "i2h", "x2h", "xh", "wx", "wi", "wih", "x", "i", "input", "in"},
    "state": {"hh", "h2h", "wh", "whh", "uh", "u", "h", "hidden", "recurrent", "state"},
}
"""What a recurrent cell's own layers are called, by what they take."""
NOISE = {"params", "batch", "stats", "model", "module", "net", "modules", "parameters"}

ROLES = {
    "weight": "weight", "kernel": "weight", "w": "weight", "embedding": "weight", "bias": "bias", "b": "bias",
    "beta": "bias", "shift": "bias", "offset": "bias", "scale": "scale", "gamma": "scale", "gain": "scale",
    "running_mean": "mean", "mean": "mean", "mu": "mean", "moving_mean": "mean",
    "running_var": "var", "var": "var", "variance": "var", "sigma2": "var", "moving_variance": "var",
}  # fmt: skip


@cache
def role(leaf: Leaf) -> str:
    """weight, bias, scale, mean or var; "" if the name does not tell. A norm's weight is its scale."""
    name = leaf.name.lower()
    parts = re.split(r"[_\d]", name)
    found = next((ROLES[part] for part in (name, parts[0], parts[-1]) if part in ROLES), "")
    if found == "weight" and len(leaf.shape) == 1:
        return "scale"
    return found


def title(leaf: Leaf) -> str:
    """What tells a leaf by name: its module's path, and its own name if that says more than its role."""
    return leaf.owner if leaf.name.lower() in ROLES or leaf.kind in RECURRENT else leaf.path


@cache
def side(leaf: Leaf) -> str:
    """Whether a leaf of a recurrent cell takes the input or the state; "" if the names do not tell."""
    said = f"{leaf.owner.rpartition('.')[2]} {leaf.name}".lower()
    for told in (re.findall(r"[a-z0-9]+", said), re.findall(r"[a-z]+", said)):
        found = [which for which, known in SIDES.items() if known & {*told}]
        if found:
            return found[0] if len(found) == 1 else ""
    return ""


@cache
def words(path: str) -> tuple[str, ...]:
    """The words and numbers of a path: "layer2.0.bn1" is (layer, 2, 0, norm, 1)."""
    found = []
    for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", path):
        word = SYNONYMS.get(part.lower(), part.lower())
        if word not in NOISE:
            found.append(word)
    return tuple(found)


@cache
def unlikeness(first: str, second: str) -> float:
    """0 for paths of the same words, 1 for paths that share none. Words nearer to the leaf weigh more."""
    a, b = weighted(words(first)), weighted(words(second))
    every = a.keys() | b.keys()
    if not every:
        return 0.5
    shared = sum(min(a.get(word, 0), b.get(word, 0)) for word in every)
    return 1 - shared / sum(max(a.get(word, 0), b.get(word, 0)) for word in every)


def weighted(found: tuple[str, ...]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for depth, word in enumerate(reversed(found)):
        weights[word] = weights.get(word, 0) + 1 / (1 + 0.3 * depth)
    return weights
