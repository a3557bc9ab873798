"""The parts of the script that reproduces a divergence; $names are filled in."""

HEAD = '''"""$what

Run it beside arrays.npz: python reproduce.py
"""

from pathlib import Path

import numpy as np

ARRAYS = np.load(Path(__file__).with_name("arrays.npz"))
PAIRS = [  # name in the first, in the second, and how the first's axes are laid out there
$pairs]


def given(side, kind):
    """The arrays of one side by name: value, input, cotangent."""
    prefix = f"{side}/{kind}/"
    return {name.removeprefix(prefix): ARRAYS[name] for name in ARRAYS.files if name.startswith(prefix)}


def arguments(inputs):
    args = [value for name, value in inputs.items() if name.isdigit()]
    return args, {name: value for name, value in inputs.items() if not name.isdigit()}


def named(result, name=""):
    """The arrays in a result by name."""
    if hasattr(result, "shape") or not isinstance(result, (dict, list, tuple)):
        return {name: result} if hasattr(result, "shape") else {}
    parts = result.items() if isinstance(result, dict) else enumerate(result)
    return {key: x for i, part in parts for key, x in named(part, f"{name}.{i}" if name else str(i)).items()}


def inside(model, path):
    for name in path.split("."):
        model = model[int(name)] if name.isdigit() else getattr(model, name)
    return model


def told(**kinds):
    rows = [(kind.replace("_", " "), name, x) for kind, found in kinds.items() for name, x in found.items()]
    return {f"{kind} {name}".strip(): np.asarray(x) for kind, name, x in rows}'''

TORCH = """def $side():
    import torch

    $layer
    values, inputs, cotangents = (given("$side", kind) for kind in ("value", "input", "cotangent"))
    layer.to(torch.$dtype)
    layer.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()}, strict=False)
    layer.$mode()
    x = {name: torch.from_numpy(value) for name, value in inputs.items()}
    for value in x.values():
        value.requires_grad_(value.is_floating_point())
    args, kwargs = arguments(x)
    y = named(layer(*args, **kwargs))
    found = {"output": {name: value.detach() for name, value in y.items()}, "state": dict(layer.named_buffers())}
    if $backward:
        sum((y[name] * torch.from_numpy(u)).sum() for name, u in cotangents.items()).backward()
        found["gradient"] = {name: p.grad for name, p in layer.named_parameters() if p.grad is not None}
        found["input_gradient"] = {name: value.grad for name, value in x.items() if value.grad is not None}
    return told(**found)"""

NNX = """def $side():
    import jax
    import jax.numpy as jnp
    from flax import nnx

    jax.config.update("jax_enable_x64", $wide)
    $layer
    values, inputs, cotangents = (given("$side", kind) for kind in ("value", "input", "cotangent"))
    layer.$mode()
    graph, state = nnx.split(layer)
    paths = {".".join(map(str, keys)): (keys, variable) for keys, variable in nnx.to_flat_state(state)}
    smooth = {name: jnp.asarray(x) for name, x in inputs.items() if x.dtype.kind == "f"}
    trained = {name: jnp.asarray(values[name]) for name, (_, v) in paths.items() if isinstance(v, nnx.Param)}

    def run(trained, smooth):
        now = {name: jnp.asarray(value) for name, value in values.items()} | trained
        filled = [(keys, v.replace(now[name]) if name in now else v) for name, (keys, v) in paths.items()]
        model = nnx.merge(graph, nnx.from_flat_state(filled))
        args, kwargs = arguments({name: smooth.get(name, x) for name, x in inputs.items()})
        y = named(model$call(*args, **kwargs))
        after = {".".join(map(str, k)): v.get_value() for k, v in nnx.to_flat_state(nnx.state(model, nnx.BatchStat))}
        return sum(jnp.sum(y[name] * u) for name, u in cotangents.items()), (y, after)

    (y, after) = run(trained, smooth)[1]
    found = {"output": y, "state": after}
    if $backward:
        found["gradient"], found["input_gradient"] = jax.grad(lambda *at: run(*at)[0], (0, 1))(trained, smooth)
    return told(**found)"""

LINEN = """def $side():
    import jax
    import jax.numpy as jnp
    from flax import linen, traverse_util

    jax.config.update("jax_enable_x64", $wide)
    $layer
    values, inputs, cotangents = (given("$side", kind) for kind in ("value", "input", "cotangent"))
    trained = {name: jnp.asarray(x) for name, x in values.items() if name.startswith("params.")}
    smooth = {name: jnp.asarray(x) for name, x in inputs.items() if x.dtype.kind == "f"}
    switches = {"use_running_average": not $train, "deterministic": not $train, "train": $train}

    def run(trained, smooth):
        variables = traverse_util.unflatten_dict(values | trained, sep=".")
        args, kwargs = arguments({name: smooth.get(name, x) for name, x in inputs.items()})
        taken = getattr(type(layer), $method).__code__.co_varnames
        kwargs |= {name: value for name, value in switches.items() if name in taken}
        changing = [name for name in variables if name != "params"]
        how = {"mutable": changing, "rngs": {"dropout": jax.random.key(0)}, "method": $method}
        result, after = layer.apply(variables, *args, **how, **kwargs)
        y = named(result)
        return sum(jnp.sum(y[name] * u) for name, u in cotangents.items()), (y, after)

    (y, after) = run(trained, smooth)[1]
    found = {"output": y, "state": traverse_util.flatten_dict(dict(after), sep=".")}
    if $backward:
        found["gradient"], found["input_gradient"] = jax.grad(lambda *at: run(*at)[0], (0, 1))(trained, smooth)
    return told(**found)"""

OTHER = """def $side():
    values, inputs, cotangents = (given("$side", kind) for kind in ("value", "input", "cotangent"))
    $layer
    args, kwargs = arguments(inputs)
    return told(output=named(layer(values, *args, **kwargs)))  # by name, as in PAIRS"""

SIDES = {"torch": TORCH, "flax.nnx": NNX, "flax.linen": LINEN, "other": OTHER}

TAIL = '''def laid_out(x, pattern, sizes):
    """As einops.rearrange; without it where axes are only permuted."""
    left, right = (side.split() for side in pattern.split("->"))
    if sorted(left) == sorted(right) and "(" not in pattern:
        return x.transpose([left.index(name) for name in right])
    from einops import rearrange

    return rearrange(x, pattern, **sizes)


if __name__ == "__main__":
    a, b = first(), second()
    for mine, theirs, pattern, sizes in PAIRS:
        if mine in a and theirs in b:
            x, y = laid_out(a[mine], pattern, sizes), b[theirs]
            gap = np.linalg.norm(x - y) / (np.linalg.norm(x) or 1)
            print(f"{mine} | {theirs}: relative difference {gap:.2g}")
'''
