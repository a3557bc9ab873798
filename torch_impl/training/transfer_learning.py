"""Transfer learning: frozen parts need no gradients and run in eval mode, so that running statistics stay too.

`freeze` comes after `net.train()`, which would wake them up again.
"""


def freeze(net, parts):
    """The parameters that remain to be trained, for the optimizer; `parts` are paths of the net's submodules."""
    known = {path: part for path, part in net.named_modules() if path}
    for part in parts:
        if part not in known:
            such = f", such as {min(known)!r}" if known else ", of which the net has none"
            raise ValueError(f"parts names {part!r}; expected paths of submodules{such}")
        known[part].requires_grad_(False).eval()
    return [parameter for parameter in net.parameters() if parameter.requires_grad]
