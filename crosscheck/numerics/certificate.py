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

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import frexp, inf, log2
from operator import or_
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
        if other is NOTHING:
            return self
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
        if heaviest == 0:
            return Demand(bottom=self.lattice)
        if heaviest == inf:
            return ANYTHING
        bits = log2(heaviest) - self.lattice
        if bits >= 53:  # float64 cannot tell 2^53 from 2^53 + 1
            bits = max(bits, 53 + 1e-9)
        return Demand(bits, frexp(heaviest)[1], self.lattice)


class Certified(Carrier):
    """Values, what they ask of a format, the evidence for them, and the terms of the sum that they are, which a port
    may reassociate: `terms` as an accumulator sees them, `stored` as elementwise additions do (None: each value is its
    own only term)."""

    __slots__ = ("demand", "evidence", "stored", "terms")

    def __init__(
        self,
        value: Array,
        evidence: Evidence,
        terms: Terms | None = None,
        stored: Terms | None = None,
        demand: Demand | None = None,
    ) -> None:
        self.value = value
        self.demand = significance(value) if demand is None else demand
        self.evidence = UNCERTIFIED if np.isnan(value).any() else evidence | Evidence(storage=self.demand)
        self.terms = terms
        self.stored = stored

    def _compute(self, ufunc: np.ufunc, *operands: Any) -> "Certified":
        parts = [certify(x) for x in operands]
        if ufunc in ARITHMETIC:
            return ARITHMETIC[ufunc](*parts)
        value = np.asarray(ufunc(*[part.value for part in parts]))
        exact_at = EXACT_AT.get(ufunc.__name__, nowhere)
        exact = value.dtype.kind in "iub" or np.all(exact_at(parts[0].value))
        return Certified(value, merged(parts) if exact else UNCERTIFIED)

    def _matmul(self, A: Any, B: Any) -> "Certified":
        A, B = certify(A), certify(B)
        terms = Terms(np.abs(A.value) @ np.abs(B.value), A.demand.bottom + B.demand.bottom)
        return total(A.value @ B.value, merged((A, B)) | Evidence(operand=A.demand | B.demand), terms)

    def _sum(self, axes: tuple[int, ...], keepdims: bool) -> "Certified":
        parts = accumulated(self)
        terms = Terms(np.asarray(parts.mass.sum(axis=axes, keepdims=keepdims)), parts.lattice)
        value = np.asarray(self.value.sum(axis=axes, keepdims=keepdims, dtype=np.float64))
        return total(value, self.evidence | Evidence(reduction=terms.demand), terms)

    def _rearrange(self, function: Function, *parts: Any) -> "Certified":
        parts = tuple(certify(x) for x in parts)
        value = np.asarray(function(*[part.value for part in parts]))
        terms = moved(function, [accumulated(x) for x in parts]) if any(x.terms for x in parts) else None
        stored = moved(function, [added(x) for x in parts]) if any(x.stored for x in parts) else None
        demand = union(part.demand for part in parts)
        return Certified(value, merged(parts), terms, stored, demand)

    def _pick(self, function: Function, x: Any, index: Any) -> "Certified":
        result = self._rearrange(lambda v: function(v, values(index)), x)
        deciders = [i for i in (index if isinstance(index, tuple) else (index,)) if isinstance(i, Certified)]
        result.evidence |= merged(deciders)
        return result

    def _choose(self, function: Function, *parts: Any) -> "Certified":
        parts = tuple(certify(x) for x in parts)
        return Certified(np.asarray(function(*[part.value for part in parts])), merged(parts))

    _decide = _choose


def certify(x: Any) -> Certified:
    """A constant, an input or a parameter as the start of a certificate."""
    if isinstance(x, Certified):
        return x
    value = np.asarray(x)
    return Certified(value if value.dtype.kind in "iub" else value.astype(np.float64), Evidence())


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
    """The exponent of the step of the grid on which x lies, and the terms of the sum that it is; infinite for zeros."""
    return accumulated(x).lattice


def union(demands: Iterable[Demand]) -> Demand:
    return reduce(or_, demands, NOTHING)


def merged(parts: Iterable[Certified]) -> Evidence:
    return reduce(or_, (part.evidence for part in parts), Evidence())


def accumulated(x: Certified) -> Terms:
    return x.terms or Terms(magnitude(x.value), x.demand.bottom)


def added(x: Certified) -> Terms:
    return x.stored or Terms(magnitude(x.value), x.demand.bottom)


def moved(function: Function, parts: Sequence[Terms]) -> Terms:
    return Terms(np.asarray(function(*[part.mass for part in parts])), min(part.lattice for part in parts))


def total(value: Array, evidence: Evidence, terms: Terms) -> Certified:
    """The result of a product or a sum over axes."""
    finite = np.all(np.isfinite(value))
    return Certified(value, evidence | Evidence(accumulator=terms.demand) if finite else UNCERTIFIED, terms)


def add(a: Certified, b: Certified) -> Certified:
    value = np.asarray(a.value + b.value)
    if value.dtype.kind in "iub":
        return Certified(value, merged((a, b)))
    terms, stored = accumulated(a) + accumulated(b), added(a) + added(b)
    chain = stored.demand if a.stored or b.stored else NOTHING
    return Certified(value, merged((a, b)) | Evidence(chain, accumulator=terms.demand), terms, stored)


def negative(a: Certified) -> Certified:
    return Certified(-a.value, a.evidence, a.terms, a.stored, a.demand)


def subtract(a: Certified, b: Certified) -> Certified:
    return add(a, negative(b))


def multiply(a: Certified, b: Certified) -> Certified:
    value = np.asarray(a.value * b.value)
    demand = None if exact_product(a.demand, b.demand) else product_demand(a, b, value)
    for x, scale in ((a, b), (b, a)):
        if is_scale(scale):
            power = abs(scale.value.item())
            terms, stored = (kind and kind.scaled(power) for kind in (x.terms, x.stored))
            return Certified(value, merged((a, b)), terms, stored, demand)
    return Certified(value, merged((a, b)), demand=demand)


def exact_product(a: Demand, b: Demand) -> bool:
    """Whether no product of two such numbers is rounded, in significance or in range."""
    return a.bits + b.bits <= 53 and a.top + b.top <= 1024 and a.bottom + b.bottom >= -1022


def product_demand(a: Certified, b: Certified, value: Array) -> Demand:
    """The demand of the products, of which `value` may be a rounding."""
    return significance(value, lowest_bit(a.value) + lowest_bit(b.value))


def divide(a: Certified, b: Certified) -> Certified:
    power = is_power(b.value)
    if not np.all(power | ((a.value == 0) & (b.value != 0))):
        return Certified(np.asarray(a.value / b.value), UNCERTIFIED)
    inverse = 1 / np.where(power, b.value, np.copysign(1, b.value))
    return multiply(a, Certified(inverse, b.evidence))


def nowhere(x: Array) -> bool:
    return False


ARITHMETIC: dict[Any, Callable[..., Certified]] = {
    np.add: add,
    np.subtract: subtract,
    np.negative: negative,
    np.multiply: multiply,
    np.divide: divide,
}
NONE = 1 << 20  # more than any exponent, also when added to one
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


def is_scale(x: Certified) -> bool:
    """Whether x is a constant by which every sum may be scaled."""
    return x.ndim == 0 and x.terms is None and bool(is_power(x.value))


def magnitude(v: Array) -> Array:
    """|v|; an infinite element (a masked score) is no term of a sum that could be rounded."""
    size = np.abs(np.asarray(v, dtype=np.float64))
    return size if np.max(size, initial=0) < inf else np.where(size < inf, size, 0.0)


def lowest_bit(v: Array) -> Array:
    """The exponent of the last significant bit of every element; NONE for zeros and infinities, which have none."""
    pattern = np.asarray(v, dtype=np.float64).view(np.int64)
    exponent = (pattern >> 52) & 0x7FF
    whole = (pattern & ((1 << 52) - 1)) | (1 << 52)
    trailing = np.bitwise_count((whole & -whole) - 1)
    return np.where((exponent != 0x7FF) & (v != 0), exponent - 1075 + trailing, NONE)


def significance(v: Array, lowest: Array | None = None) -> Demand:
    """The demand of stored values v, whose last significant bits may be known better than from a rounded v."""
    lowest = lowest_bit(v) if lowest is None else lowest
    bottom = int(np.min(lowest, initial=NONE))
    if bottom >= NONE:
        return NOTHING
    top = ((np.asarray(v, dtype=np.float64).view(np.int64) >> 52) & 0x7FF) - 1022
    return Demand(int(np.max(top - lowest)), int(np.max(top[lowest < NONE])), bottom)
