"""Wiring: which earlier values are added up, how often, with what factor, and in what order they are put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from crosscheck.axes import Array
from crosscheck.causes.catalogue import cause
from crosscheck.causes.centred import centred, reduced_apart
from crosscheck.causes.functions import NONE
from crosscheck.causes.numbers import recognised
from crosscheck.causes.site import FLOAT32, GIVEN, LATE, Site
from crosscheck.causes.sources import alone, same
from crosscheck.causes.sums import EXACT, LATER, Column, Reading, Term, columns, readings
from crosscheck.causes.variant import BETWEEN, Variant, family

ELSEWHERE = "value-from-elsewhere"
RESIDUAL = "https://arxiv.org/abs/1512.03385"

cause(
    "value-from-elsewhere",
    "wiring",
    "what reaches this place is a value from another place of the net",
    "forward(): which variable is handed on",
    "__call__(): which variable is handed on",
    "hand on the value that the other side hands on",
    "hand on the value that the other side hands on",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html",
)
cause(
    "residual-missing",
    "wiring",
    "one side adds a value (a residual connection, a skip) that the other does not",
    "y = block(x) + x",
    "y = block(x) + x",
    "add it, as JAX does, or leave it out",
    "add it, as torch does, or leave it out",
    RESIDUAL,
)
cause(
    "residual-from-elsewhere",
    "wiring",
    "the residual connections start at different places: ahead of a norm or activation and behind it, for instance",
    "pre-activation: y = block(norm(x)) + x; otherwise h = norm(x), y = block(h) + h",
    "pre-activation: y = block(norm(x)) + x; otherwise h = norm(x), y = block(h) + h",
    "add the value that JAX adds",
    "add the value that torch adds",
    "https://arxiv.org/abs/1603.05027",
)
cause(
    "residual-twice",
    "wiring",
    "one side adds the same value twice",
    "x + block(x), where block(x) already adds x",
    "x + block(x), where block(x) already adds x",
    "add it once",
    "add it once",
    RESIDUAL,
)
cause(
    "positional-missing",
    "wiring",
    "one side adds a parameter or table (positional embedding, token type, bias) that the other does not",
    "x = embed(ids) + pos[:t]",
    "x = embed(ids) + pos[:t]",
    "add it, or leave it out",
    "add it, or leave it out",
    "https://arxiv.org/abs/1706.03762",
)
cause(
    "positional-twice",
    "wiring",
    "one side adds a parameter or table (a positional embedding) twice",
    "in the embedding and again in the encoder",
    "in the embedding and again in the encoder",
    "add it once",
    "add it once",
    "https://arxiv.org/abs/1706.03762",
)
cause(
    "activation-around-sum",
    "wiring",
    "the activation is applied to the sum on one side, to one of the terms on the other",
    "relu(x + y)",
    "x + relu(y)",
    "x + F.relu(y)",
    "jax.nn.relu(x + y)",
    RESIDUAL,
)
cause(
    "norm-before-or-after",
    "wiring",
    "a norm comes before on one side, after on the other (pre-norm against post-norm)",
    "TransformerEncoderLayer(norm_first=False): norm(x + f(x)); norm_first=True: x + f(norm(x))",
    "written by hand: norm(x + f(x)), or x + f(norm(x))",
    "norm_first=True or False, as JAX has it",
    "move the norm to where torch has it",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html",
)
cause(
    "layer-missing",
    "wiring",
    "one side has a layer here that the other passes by",
    "forward() calls the layer",
    "__call__ calls the layer",
    "call the layer, or pass it by",
    "call the layer, or pass it by",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html",
)
cause(
    "parameter-unused",
    "wiring",
    "a parameter multiplies the value on one side only (a layer scale, a learned gain)",
    "y = self.gamma * block(x)",
    "y = self.gamma * block(x)",
    "multiply by it, as JAX does, or leave it out",
    "multiply by it, as torch does, or leave it out",
    "https://arxiv.org/abs/2103.17239",
)
cause(
    "parameter-elsewhere",
    "wiring",
    "a parameter multiplies one term of a sum on one side, another on the other (a layer scale on the skip)",
    "x + self.gamma * block(x)",
    "x + self.gamma * block(x)",
    "multiply what JAX multiplies",
    "multiply what torch multiplies",
    "https://arxiv.org/abs/2103.17239",
)
cause(
    "offset-constant",
    "wiring",
    "one side adds a constant that the other does not",
    "x + c",
    "x + c",
    "add the same constant",
    "add the same constant",
    "https://docs.pytorch.org/docs/stable/generated/torch.add.html",
)


@family
def wired(site: Site) -> Iterator[Variant]:
    """Both sides read as sums; of several readings those that differ least."""
    if site.target not in ("value", "output") or site.first.dtype.kind != "f" or site.first.size < 4:
        return
    if not alone(site) or site.second.shape != site.first.shape:
        return
    named = told_apart(site, site, False) or told_apart(site, site, True)
    if site.arrived and not named:
        theirs = replace(site, inputs=tuple(site.arrived.get(i, x) for i, x in enumerate(site.inputs)))
        named = told_apart(site, theirs, False)
    for ids, a, b in named[:3]:
        for which, reading in (("first", a), ("second", b)):
            make = partial(reading.make, site.first.shape)
            more = tuple((f"{which} {a} {b}", other) for other in ids[1:])
            yield Variant((), str(reading), make, f"{which} {a} {b}", ids[0], more)


def told_apart(site: Site, there: Site, results: bool) -> list[tuple[list[str], Reading, Reading]]:
    """Readings of both sides, the second by the columns that are there, and the causes by which they differ, the fewest
    first; with what modules without parameters made at the end, or without."""
    exact = FLOAT32 if site.coarse else EXACT
    found, found_there = ([c for c in columns(s) if results or not is_result(c, s)] for s in (site, there))
    mine = read(site.first, found, exact)
    theirs = read(site.second, found_there, exact) if mine else []
    every = [(differences(site, a, b), a, b) for a in mine for b in theirs]
    return sorted((trio for trio in every if all(trio[0]) and trio[0]), key=lambda trio: len(trio[0]))


def read(side: Array, found: Sequence[Column], exact: float) -> list[Reading]:
    """All readings; of what is no sum, or one with a constant of its own, also those with a reduction."""
    plain = readings(side, found, exact)
    known = any(all(term.column.kind != "constant" for term in reading.terms) for reading in plain)
    return plain if known else plain + centred(side, found, exact)


def is_result(column: Column, site: Site) -> bool:
    """Whether it is what a module without parameters made at the end: that says nothing of what it took."""
    return is_given(column) and any(same(column.array, side) for side in (site.first, site.second))


def differences(site: Site, a: Reading, b: Reading) -> list[str]:
    """The causes by which two readings differ."""
    if moved_activation(a, b) or moved_activation(b, a):
        return ["activation-around-sum"]
    ids = [] if a.outer == b.outer else [BETWEEN.get(frozenset((a.outer, b.outer)), "activation-other")]
    mine, theirs = {t.key: t for t in a.terms}, {t.key: t for t in b.terms}
    ids += [scaling(site, mine[k], theirs[k], len(a.terms)) for k in mine if k in theirs and apart(mine[k], theirs[k])]
    left = [t for k, t in mine.items() if k not in theirs]
    right = [t for k, t in theirs.items() if k not in mine]
    scales: list[tuple[str, str]] = []
    for t in list(left):
        twin = next((u for u in right if plain(u.column) == plain(t.column)), None)
        if twin:
            left.remove(t)
            right.remove(twin)
            if t.column.scaled != twin.column.scaled:
                scales.append((t.column.scaled, twin.column.scaled))
            if t.function != twin.function:
                ids.append(BETWEEN.get(frozenset((t.function, twin.function)), "activation-other"))
    if scales:
        ids.append("parameter-elsewhere" if any(pair[::-1] in scales for pair in scales) else "parameter-unused")
    ids += [i for t, u in zip(left, right) for i in elsewhere(t, u, len(a.terms))]
    if a.outer != b.outer and any(is_given(t.column) != is_given(u.column) for t, u in zip(left, right)):
        return [""]  # what a dropout hands on, say: it may be a function of the other's that nobody knows
    longer = left[len(right) :] or right[len(left) :]
    alone = [t.column for t in longer]
    if "Norm" in site.reaches and not ids and [added(c) for c in alone] == ["residual-missing"]:
        newest = any(alone[0] is reading.terms[0].column for reading in (a, b)) or alone[0].kind.startswith(LATE)
        newest &= alone[0].array.shape == site.first.shape
        return ["norm-before-or-after" if newest else "residual-missing"]  # the block's output, or the skip
    return list(dict.fromkeys([*ids, *(added(t.column) for t in longer)]))


def plain(column: Column) -> str:
    """What a column is without the parameter that scales it."""
    return column.words.removeprefix(f"`{column.scaled}` times ")


def moved_activation(a: Reading, b: Reading) -> bool:
    """Whether b has on one of its terms the function that a has around the sum."""
    inside = [t for t in b.terms if t.function == a.outer != NONE]
    same = {t.column.words for t in a.terms} == {t.column.words for t in b.terms}
    return same and b.outer == NONE and len(inside) == 1 and len(b.terms) > 1


def apart(a: Term, b: Term) -> bool:
    return abs(a.factor - b.factor) > 1e-9 * abs(a.factor)


def scaling(site: Site, a: Term, b: Term, terms: int) -> str:
    ratio = b.factor / a.factor
    if terms > 1 and {round(a.factor, 9), round(b.factor, 9)} == {1.0, 2.0}:
        return "positional-twice" if a.column.own else "residual-twice"
    known = recognised(ratio, replace(site, inputs=()) if terms > 1 else site)  # of a sum the width is its own
    return known[1] if known else "scale-constant"


def elsewhere(t: Term, u: Term, terms: int) -> list[str]:
    """Why a term comes from one place here and from another there; "" if that is no cause of the catalogue."""
    a, b = t.column, u.column
    if "constant" in (a.kind, b.kind) or apart(t, u) or t.function != u.function:
        return [""]
    if LATER in (a.kind, b.kind) and a.own and b.own:
        return ["embedding-index-offset"]
    if any(a.reduced) and any(b.reduced):
        return reduced_apart(a, b)
    if is_given(a) != is_given(b):
        return ["layer-missing"]
    if ("Norm" in a.kind) != ("Norm" in b.kind) and terms == 1:
        return ["norm-before-or-after"]
    return ["residual-from-elsewhere"] if terms > 1 else [ELSEWHERE]


def is_given(column: Column) -> bool:
    return column.kind.startswith(GIVEN)


def added(column: Column) -> str:
    if column.kind == "constant":
        return "offset-constant"
    if any(column.reduced):
        return "centring-missing"
    return "positional-missing" if column.own else "residual-missing"
