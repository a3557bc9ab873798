"""How many bits an exact result needs: sums of small integers and dyadic fractions that no order can round.

    sum_k t_k is exact in every order if    sum_k |t_k| <= 2^p lattice,   where the lattice is the largest power of two
                                                                          that divides all terms, and p are the bits of
                                                                          the accumulator

since then every partial sum is a multiple of the lattice with at most p bits. A tensor is certified when this holds for
every sum on the way to it, every stored result has at most the bits of the storage format, every operand of a matrix
product those of the operand format, and all magnitudes are in range. Summation order, threads, fusion and fused
multiply-add cannot change a bit of such a tensor.

Sums that follow each other count as one, because a port may reassociate them (a bias added in the accumulator, a
convolution summed tap by tap): a result keeps the sum of its |terms|, through moves and scaling by powers of two, until
something else is done to it. Stored tensors that are added elementwise, three or more, must fit the storage format in
any order too.

Also exact: products; division by powers of two, and of zeros; square roots of powers of four; functions at the points
of EXACT_AT. Anything else leaves the tensor uncertified: infinitely many bits, for good. Masks and positions carry what
they were decided from. Values are float64, so no more than 53 bits can be certified.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import frexp, inf, isfinite, log2
from typing import Any

import numpy as np

from crosscheck.numerics.carrier import Carrier, Function, values
from crosscheck.numerics.formats import Arithmetic, Array, Format, arithmetic


@dataclass(frozen=True, slots=True)
class Demand:
    """What numbers ask of a format: significant bits, magnitudes below 2^top, multiples of 2^bottom."""

    bits: float = 0.0
    top: float = -inf
    bottom: float = inf

    def __or__(self, other: "Demand") -> "Demand":
        return Demand(max(self.bits, other.bits), max(self.top, other.top), min(self.bottom, other.bottom))

    def fits(self, format: Format) -> bool:
        return self.bits <= format.bits and self.top <= format.emax + 1 and self.bottom >= format.finest


NOTHING = Demand()
ANYTHING = Demand(inf, inf, -inf)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The demands of everything on the way to a tensor: stored results, operands of matrix products, sums of any kind,
    and among these the sums over axes, which some libraries keep in another format."""

    storage: Demand = NOTHING
    operand: Demand = NOTHING
    accumulator: Demand = NOTHING
    reduction: Demand = NOTHING

    def __or__(self, other: "Evidence") -> "Evidence":
        return Evidence(
            self.storage | other.storage,
            self.operand | other.operand,
            self.accumulator | other.accumulator,
            self.reduction | other.reduction,
        )

    def fits(self, arithmetic: Arithmetic) -> bool:
        return (
            self.storage.fits(arithmetic.storage)
            and self.operand.fits(arithmetic.operand)
            and self.accumulator.fits(arithmetic.accumulator)
            and self.reduction.fits(arithmetic.reduction)
        )


UNCERTIFIED = Evidence(ANYTHING, ANYTHING, ANYTHING, ANYTHING)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a sum was made of: sum |t_k| for every element, and the exponent of the terms' lattice."""

    mass: Array
    lattice: float

    def __add__(self, other: "Terms") -> "Terms":
        return Terms(self.mass + other.mass, min(self.lattice, other.lattice))

    def scaled(self, power: float) -> "Terms":
        return Terms(self.mass * power, self.lattice + log2(power))

    @property
    def demand(self) -> Demand:
        heaviest = float(np.max(self.mass, initial=0))
        if not isfinite(heaviest):
            return ANYTHING
        bits = log2(heaviest) - self.lattice if heaviest else 0.0
        if bits >= 53:  # float64 cannot tell 2^53 from 2^53 + 1
            bits = max(bits, 53 + 1e-9)
        return Demand(bits, frexp(heaviest)[1], self.lattice) if heaviest else NOTHING


class Certified(Carrier):
    """Values, the evidence for them, and while a sum may still be reassociated its terms: `terms` as an accumulator
    sees them, `stored` as elementwise additions do (None: the value is its own only term)."""

    __slots__ = ("evidence", "stored", "terms")

    def __init__(
        self, value: Array, evidence: Evidence, terms: Terms | None = None, stored: Terms | None = None
    ) -> None:
        self.value = value
        self.evidence = UNCERTIFIED if np.isnan(value).any() else evidence
        self.terms = terms
        self.stored = stored

    def _compute(self, ufunc: np.ufunc, *operands: Any) -> "Certified":
        parts = [certify(x) for x in operands]
        if ufunc in ARITHMETIC:
            return ARITHMETIC[ufunc](*parts)
        value = np.asarray(ufunc(*[part.value for part in parts]))
        if value.dtype.kind in "iub":
            return Certified(value, merged(parts))
        exact = ufunc.__name__ in EXACT_AT and bool(np.all(EXACT_AT[ufunc.__name__](parts[0].value)))
        return Certified(value, merged(parts) | Evidence(significance(value)) if exact else UNCERTIFIED)

    def _matmul(self, A: Any, B: Any) -> "Certified":
        A, B = certify(A), certify(B)
        value = A.value @ B.value
        terms = Terms(np.abs(A.value) @ np.abs(B.value), lattice_of(A.value) + lattice_of(B.value))
        operands = Evidence(operand=significance(A.value) | significance(B.value))
        return total(value, A.evidence | B.evidence | operands, terms)

    def _sum(self, axes: tuple[int, ...], keepdims: bool) -> "Certified":
        terms = accumulated(self)
        mass = np.asarray(terms.mass.sum(axis=axes, keepdims=keepdims))
        value = np.asarray(self.value.sum(axis=axes, keepdims=keepdims, dtype=np.float64))
        result = Terms(mass, terms.lattice)
        return total(value, self.evidence | Evidence(reduction=result.demand), result)

    def _rearrange(self, function: Function, *parts: Any) -> "Certified":
        parts = tuple(certify(x) for x in parts)
        value = np.asarray(function(*[part.value for part in parts]))
        terms, stored = (moved(function, parts, kind) for kind in (accumulated, added))
        return Certified(
            value,
            merged(parts),
            terms if any(part.terms for part in parts) else None,
            stored if any(part.stored for part in parts) else None,
        )

    def _choose(self, function: Function, *parts: Any) -> "Certified":
        parts = tuple(certify(x) for x in parts)
        return Certified(np.asarray(function(*[part.value for part in parts])), merged(parts))

    _decide = _choose

    def _pick(self, function: Function, x: Any, index: Any) -> "Certified":
        result = self._rearrange(lambda v: function(v, values(index)), x)
        deciders = [i for i in (index if isinstance(index, tuple) else (index,)) if isinstance(i, Certified)]
        return Certified(result.value, result.evidence | merged(deciders), result.terms, result.stored)


def certify(x: Any) -> Certified:
    """A constant, an input or a parameter as the start of a certificate."""
    if isinstance(x, Certified):
        return x
    value = np.asarray(x)
    value = value if value.dtype.kind in "iub" else value.astype(np.float64)
    return Certified(value, Evidence(significance(value)))


def bits(x: Certified) -> tuple[float, float]:
    """The bits that the accumulator and the storage need for x and everything on the way to it."""
    return x.evidence.accumulator.bits, x.evidence.storage.bits


def certified(
    x: Certified,
    dtype: str,
    *,
    accumulator: str | None = None,
    reduction: str | None = None,
    operand: str | None = None,
) -> bool:
    """Whether x is exact, whatever the order of its sums, in the arithmetic of that name."""
    return x.evidence.fits(arithmetic(dtype, accumulator=accumulator, reduction=reduction, operand=operand))


def lattice(x: Certified) -> float:
    """The step of the grid on which x lies, and the terms of the sum that it is; infinite for zeros only."""
    return float(2.0 ** accumulated(x).lattice)


def merged(parts: Any) -> Evidence:
    evidence = Evidence()
    for part in parts:
        evidence |= part.evidence
    return evidence


def accumulated(x: Certified) -> Terms:
    return x.terms or Terms(magnitude(x.value), lattice_of(x.value))


def added(x: Certified) -> Terms:
    return x.stored or Terms(magnitude(x.value), lattice_of(x.value))


def moved(function: Function, parts: tuple[Certified, ...], kind: Callable[[Certified], Terms]) -> Terms:
    terms = [kind(part) for part in parts]
    return Terms(np.asarray(function(*[t.mass for t in terms])), min(t.lattice for t in terms))


def total(value: Array, evidence: Evidence, terms: Terms) -> Certified:
    """The result of a product or a sum over axes."""
    if not np.all(np.isfinite(value)):
        return Certified(value, UNCERTIFIED)
    return Certified(value, evidence | Evidence(significance(value), accumulator=terms.demand), terms)


def add(a: Certified, b: Certified) -> Certified:
    value = np.asarray(a.value + b.value)
    if value.dtype.kind in "iub":
        return Certified(value, merged((a, b)))
    terms, stored = accumulated(a) + accumulated(b), added(a) + added(b)
    chain = stored.demand if a.stored or b.stored else NOTHING
    demands = Evidence(significance(value) | chain, accumulator=terms.demand)
    return Certified(value, a.evidence | b.evidence | demands, terms, stored)


def negative(a: Certified) -> Certified:
    return Certified(-a.value, a.evidence, a.terms, a.stored)


def subtract(a: Certified, b: Certified) -> Certified:
    return add(a, negative(b))


def multiply(a: Certified, b: Certified) -> Certified:
    value = np.asarray(a.value * b.value)
    evidence = a.evidence | b.evidence
    if value.dtype.kind in "iub":
        return Certified(value, evidence)
    evidence |= Evidence(significance(value, lowest_bit(a.value) + lowest_bit(b.value)))
    if is_scale(a.value):
        a, b = b, a
    if not is_scale(b.value):
        return Certified(value, evidence)
    power = abs(b.value.item())
    terms, stored = (kind and kind.scaled(power) for kind in (a.terms, a.stored))
    return Certified(value, evidence, terms, stored)


def divide(a: Certified, b: Certified) -> Certified:
    power = is_power(b.value)
    if not np.all(power | ((a.value == 0) & (b.value != 0))):
        return Certified(np.asarray(a.value / b.value), UNCERTIFIED)
    inverse = 1 / np.where(power, b.value, np.copysign(1, b.value))
    return multiply(a, Certified(inverse, b.evidence))


ARITHMETIC: dict[Any, Callable[..., Certified]] = {
    np.add: add,
    np.subtract: subtract,
    np.negative: negative,
    np.multiply: multiply,
    np.divide: divide,
}
SATURATED = 40  # tanh and erf are 1 from here on, in every format
VANISHED = -1000  # exp is 0 from here on, in every format
EXACT_AT: dict[str, Function] = {
    "sqrt": lambda x: (x == 0) | ((x > 0) & is_power(x, step=2)),
    "exp": lambda x: (x == 0) | (x <= VANISHED),
    "expm1": lambda x: (x == 0) | (x <= VANISHED),
    "log": lambda x: x == 1,
    "log2": lambda x: x == 1,
    "log1p": lambda x: x == 0,
    "tanh": lambda x: (x == 0) | (np.abs(x) >= SATURATED),
    "erf": lambda x: (x == 0) | (np.abs(x) >= SATURATED),
    "sin": lambda x: x == 0,
    "cos": lambda x: x == 0,
}


def is_power(x: Array, step: int = 1) -> Array:
    """Where |x| is a power of 2^step."""
    fraction, exponent = np.frexp(x)
    return np.asarray((np.abs(fraction) == 0.5) & ((exponent - 1) % step == 0))


def is_scale(x: Array) -> bool:
    return x.size == 1 and x.ndim == 0 and bool(is_power(x))


def magnitude(v: Array) -> Array:
    """|v|; an infinite element (a masked score) is no term of a sum that could be rounded."""
    return np.where(np.isfinite(v), np.abs(v), 0.0)


def lowest_bit(v: Array) -> Array:
    """The exponent of the last significant bit of every element; infinite for 0, which has none, and for infinities."""
    fraction, exponent = np.frexp(np.where(np.isfinite(v), v, 0.0))
    whole = np.ldexp(fraction, 53).astype(np.int64)
    trailing = np.bitwise_count((whole & -whole) - 1)
    return np.where(whole == 0, inf, exponent - 53.0 + trailing)


def lattice_of(v: Array) -> float:
    return float(np.min(lowest_bit(v), initial=inf))


def significance(v: Array, lowest: Array | None = None) -> Demand:
    """The demand of stored values v, whose last significant bits may be known better than from a rounded v."""
    lowest = lowest_bit(v) if lowest is None else lowest
    top = np.frexp(v)[1]
    counted = np.isfinite(lowest) & np.isfinite(v)
    if not counted.any():
        return NOTHING
    return Demand(float((top - lowest)[counted].max()), float(top[counted].max()), float(lowest[counted].min()))
