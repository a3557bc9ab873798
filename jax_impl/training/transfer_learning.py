"""Transfer learning: frozen parts run in eval mode, and a filter keeps their parameters from being trained.

trained = freeze(net, ("features",))                            after net.train(), which would wake them up again
loss, gradients = nnx.value_and_grad(cost, argnums=nnx.DiffState(0, trained))(net, x, y)
nnx.Optimizer(net, tx, wrt=trained).update(net, gradients)
"""

from flax import nnx


def freeze(net, parts):
    """A filter of the parameters that remain to be trained; `parts` are paths of the net's submodules."""
    known = {_dotted(keys): part for keys, part in nnx.iter_modules(net) if keys}
    for part in parts:
        if part not in known:
            such = f", such as {min(known)!r}" if known else ", of which the net has none"
            raise ValueError(f"parts names {part!r}; expected paths of submodules{such}")
        known[part].eval()

    def is_trained(keys, _):
        return not any(f"{_dotted(keys)}.".startswith(f"{part}.") for part in parts)

    return nnx.All(nnx.Param, is_trained)


def _dotted(keys):
    return ".".join(map(str, keys))
