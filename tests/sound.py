"""Pairs that are the same model: the columns of this project with each other, and refactors of them. None may be
accused, and every parameter has to be paired with its own.

    python -m tests.sound [parts of cases' names] [--seeds 3] [--kinds torch-flax torch-refactor ...]
"""

import argparse
import copy
import inspect
import time
from collections import Counter

import numpy as np
import torch
from flax import nnx
from torch import nn

import crosscheck
from crosscheck import case, layout, registry


def built(chosen, column):
    """The column's model of a case, and where it keeps each parameter of the reference."""
    net = registry.find("numpy", chosen.target)(**chosen.arguments)
    paths = {row.path: row.column_path for row in layout.join(net, column).rows}
    if column == "numpy":
        return net, paths
    maker = registry.find(column, chosen.target)
    takes = "rngs" in inspect.signature(maker.__init__).parameters
    return maker(**chosen.arguments, **({"rngs": nnx.Rngs(0)} if takes else {})), paths


def arrays(chosen, first, seed):
    """Inputs as the first model takes them."""
    rng = np.random.default_rng(seed)
    found = []
    for spec in chosen.inputs.values():
        names, sizes = zip(*(word.split("=") for word in spec.split() if "=" in word))
        sizes = [int(size) for size in sizes]
        x = rng.standard_normal(sizes[::-1] if names == ("n", "m") else sizes).astype(np.float32)
        found.append(np.moveaxis(x, -1, 1).copy() if x.ndim == 4 and names[0] == "m" and first == "torch" else x)
    return found


def renamed_torch(model):
    """A copy whose modules have other names, and are kept one level deeper; with the new paths by the old."""
    twin = copy.deepcopy(model)
    for part in list(twin.modules()):
        children = dict(part._modules)
        if isinstance(part, nn.Sequential):
            part._modules = {f"stage_{name}": child for name, child in children.items()}
        elif children and not isinstance(part, (nn.ModuleList, nn.ModuleDict)):
            names = {name: f"piece{i}" for i, name in enumerate(children)}
            inner = nn.Module()
            inner._modules = {names[name]: child for name, child in children.items()}
            part._modules = {"body": inner}
            part.__class__ = with_names(type(part), names, lambda self: self._modules["body"]._modules)
    old, new = (list(dict(m.named_parameters()) | dict(m.named_buffers())) for m in (model, twin))
    return twin, {a: b for a, b in zip(old, new) if "num_batches_tracked" not in a}  # counts: no one else has them


def renamed_flax(model):
    """A copy whose modules have other names; with the new paths by the old."""
    twin = nnx.clone(model)
    moved = {}
    for keys, part in list(nnx.iter_modules(twin)):
        children = {name: child for name, child in vars(part).items() if isinstance(child, nnx.Module)}
        if children and not isinstance(part, (nnx.List, nnx.Dict, nnx.Sequential)):
            names = {name: f"piece{i}" for i, name in enumerate(children)}
            for name, child in children.items():
                delattr(part, name)
                setattr(part, names[name], child)
            part.__class__ = with_names(type(part), names, vars)
            moved[keys] = names
    paths = [keys for keys, _ in nnx.to_flat_state(nnx.state(model))]
    return twin, {".".join(map(str, keys)): ".".join(renamed(keys, moved)) for keys in paths}


def renamed(keys, moved):
    return [str(moved.get(keys[:i], {}).get(key, key)) for i, key in enumerate(keys)]


def with_names(cls, names, home):
    """A class whose objects still know their parts by the old names."""

    def get(self, name):
        if name in names:
            return home(self)[names[name]]
        above = getattr(cls, "__getattr__", None)
        if above is None:
            raise AttributeError(name)
        return above(self, name)

    return type(f"Other{cls.__name__}", (cls,), {"__getattr__": get})


def pairs(chosen):
    """(kind, first's column, first, second, the paths that belong together)."""
    torch_model, torch_paths = built(chosen, "torch")
    flax_model, flax_paths = built(chosen, "jax")
    reference, reference_paths = built(chosen, "numpy")
    yield "torch-flax", "torch", torch_model, flax_model, together(torch_paths, flax_paths)
    yield "flax-torch", "jax", flax_model, torch_model, together(flax_paths, torch_paths)
    yield "torch-reference", "torch", torch_model, reference, together(torch_paths, reference_paths)
    yield "reference-torch", "numpy", reference, torch_model, together(reference_paths, torch_paths)
    yield "flax-reference", "jax", flax_model, reference, together(flax_paths, reference_paths)
    yield "torch-refactor", "torch", torch_model, *renamed_torch(torch_model)
    yield "flax-refactor", "jax", flax_model, *renamed_flax(flax_model)


def together(first, second):
    return {first[path]: second[path] for path in first}


def suitable(patterns):
    for chosen in case.all_cases():
        whole = chosen.differentiable and not (chosen.factory or chosen.part)
        named = not patterns or any(part in chosen.name for part in patterns)
        if whole and named and isinstance(registry.find("torch", chosen.target), type):
            yield chosen


def wrong(report, expected):
    """Parameters that are not paired with their own."""
    linked = {link.first.path: link.second.path for link in report.pairing.links}
    known = {leaf.path for leaf in report.twins.first.leaves} if report.twins else set()
    return [path for path, other in expected.items() if path in known and linked.get(path) != other]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--kinds", nargs="*")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    counts = Counter()
    for one in suitable(chosen.patterns):
        for kind, column, first, second, expected in pairs(one):
            if chosen.kinds and kind not in chosen.kinds:
                continue
            for seed in range(chosen.seeds):
                start = time.perf_counter()
                report = crosscheck.compare(first, second, arrays(one, column, seed), seed=seed)
                astray = wrong(report, expected)
                counts.update({"pairs": 1, kind: 1, "accused": not report.agree, "paired wrongly": bool(astray)})
                verdict = "ok" if report.agree and not astray else "WRONG"
                print(f"{verdict:6} {one.name:60} {kind:16} {seed} {time.perf_counter() - start:5.1f} s", flush=True)
                if verdict != "ok":
                    print(report.problem or [c.divergence.where for c in report.accused()], astray[:4])
    print(dict(counts))


if __name__ == "__main__":
    main()
