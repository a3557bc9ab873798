"""Transfer learning: frozen parts need no gradients and run in eval mode, so that running statistics stay too.

`freeze` comes after `net.train()`, which would wake them up again.
"""


def freeze(net, parts):
    """The parameters that remain to be trained, for the optimizer; `parts` are paths of the net's submodules."""
    known = dict(net.named_modules())
    for part in parts:
        if part not in known:
            raise ValueError(f"parts names {part!r}; expected paths of submodules, such as {sorted(known)[1]!r}")
        known[part].requires_grad_(False).eval()
    return [parameter for parameter in net.parameters() if parameter.requires_grad]
