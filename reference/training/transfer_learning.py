"""Transfer learning: start from parameters that were trained on something else, freeze some parts, train the others.

    few examples    freeze all but the last layer         then the frozen parts' outputs could even be computed once
    more            freeze the first parts
    many            freeze nothing: the parameters are only a better place to start from

A frozen part is a fixed function. The optimizer is given the other parameters alone, and the part runs in eval mode
while the rest is trained, `Mode(train=True, frozen=parts)`, so that its running statistics stay as they are too.
Source: Course 3, week 2, "Transfer learning"; Course 4, week 2, "Transfer learning".
"""

from reference.module import shapes, walk


def freeze(net, parts):
    """The paths of the parameters that remain to be trained; `parts` are paths of the net's submodules."""
    known = sorted({path for path, _ in walk(net)} - {""})
    for part in parts:
        if part not in known:
            such = f", such as {known[0]!r}" if known else ", of which the net has none"
            raise ValueError(f"parts names {part!r}; expected paths of submodules{such}")
    return [path for path in shapes(net) if not any(f"{path}.".startswith(f"{part}.") for part in parts)]
