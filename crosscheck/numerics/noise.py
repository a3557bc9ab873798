"""Random rounding: one run of the reference as a lower precision might have computed it, another for every seed.

The numbers stay float64, and the result of every primitive is disturbed as the tested arithmetic would:

    elementwise     stochastic rounding to the storage format: to one of the two neighbors, so that the mean is exact
    function        first +-4 ulp of the format it is computed in, which is the accumulator's where the storage is
                    narrower (an ulp is 1 to 2 unit roundoffs of the value; 1.5 is taken)
    product, sum    in the accumulator's own arithmetic with the terms in random order, sums one by one and products as
                    NumPy makes them, then rounded to the storage; operands are first rounded to the operand format
                    where that is narrower
    choice, move    exact

float64 has no wider arithmetic to be rounded from, and its reference is as inexact as what is compared with it:

    sum             s + u sqrt((1 + n/6) sum_k t_k^2 + n/3 s^2) xi,     n terms t_k, xi uniform on (-1, 1)
    elementwise     -1, 0 or 1 ulp with probabilities 1/8, 3/4, 1/8: how stochastic rounding and rounding to nearest
                    differ when the rounding error is uniform

The sum's is the mean square of the partial sums when terms are added one by one in random order, E sum_k s_k^2 =
n/6 sum_k t_k^2 + n/3 s^2 but for terms of lower order, and 1 for the rounding of the terms themselves if they are
products. Libraries that add in blocks, lanes or pairs do better; torch's batch norm does not.

Inputs are not disturbed: both sides of a comparison are given the same. Constants that the storage format lacks (0.9 in
float32) are rounded at each use. What exceeds the range is infinite; subnormal results survive, and that hardware may
flush them to zero is the noise floor's business (floor.py).

Sources: Vignes, "Discrete stochastic arithmetic for validating results of numerical software" (2004); Connolly, Higham
& Mary, "Stochastic rounding and its probabilistic backward error analysis" (2021).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from crosscheck.numerics.carrier import Carrier, Function, values
from crosscheck.numerics.formats import Arithmetic, Array, Format, round_to

EXACT = {np.negative, np.remainder, np.floor_divide}
CORRECTLY_ROUNDED = {np.add, np.subtract, np.multiply, np.divide, np.sqrt}
FUNCTION_ULPS = 4
NUDGES = np.array([-(2.0**-53), 0, 0, 0, 0, 0, 0, 2.0**-53])  # times x: one ulp of x
EIGHTHS = np.uint64(61)  # shifts 64 random bits to 3
PATTERNS = {p: (np.uint64(11 + p), np.uint64(2**64 - 2 ** (53 - p))) for p in range(1, 53)}  # shift, mask of kept bits
NATIVE = {24: np.float32, 53: np.float64}  # the accumulators that NumPy sums in, by their bits
CONTAINERS = {127: np.float32, 15: np.float16}  # the NumPy type with a format's range, by its emax


class Emulator:
    """The arithmetic and the random numbers of one noisy run."""

    def __init__(self, arithmetic: Arithmetic, seed: int) -> None:
        self.arithmetic = arithmetic
        self.storage = arithmetic.storage
        self.is_float64 = self.storage.bits == 53
        self.generator = np.random.Generator(np.random.SFC64(seed))
        self.raw: Any = self.generator.bit_generator.random_raw
        widest = max(self.storage.bits, arithmetic.accumulator.bits)
        self.function_spread = FUNCTION_ULPS * 1.5 * 2.0**-widest
        self.in_storage: dict[float, bool] = {}

    def lift(self, x: Any) -> Any:
        """An input or a parameter as the start of the run; positions, labels and masks are data and stay plain."""
        x = np.asarray(x)
        return Noisy(x.astype(np.float64), self) if x.dtype.kind == "f" else x

    def plain(self, x: Any) -> Any:
        """The numbers of an operand; a constant is rounded to the storage format, but for whole Python numbers."""
        if type(x) is Noisy:
            return x.value
        if self.is_float64 or isinstance(x, int):
            return x
        if isinstance(x, float):
            if x not in self.in_storage:
                self.in_storage[x] = bool(round_to(x, self.storage) == x)
            if self.in_storage[x]:
                return x
        x = np.asarray(x)
        return self.stochastic(x.astype(np.float64), self.storage) if x.dtype.kind == "f" else x

    def rounded(self, x: Array) -> Array:
        """A result in the storage format."""
        if self.is_float64:
            return np.asarray(x + x * NUDGES[self.raw(x.shape) >> EIGHTHS])
        return self.stochastic(x, self.storage)

    def stochastic(self, x: Array, format: Format) -> Array:
        """One of the two neighbors of x in the format, the nearer one more often: a random number as long as the
        dropped bits is added to the bit pattern, and they are cleared. A cast settles what is out of range."""
        shift, kept = PATTERNS[format.bits]
        pattern = self.raw(x.shape) >> shift
        pattern += x.view(np.uint64)
        pattern &= kept
        return np.asarray(pattern.view(np.float64).astype(CONTAINERS[format.emax]).astype(np.float64))

    def function_error(self, y: Array) -> Array:
        return np.asarray(y * (1 + self.function_spread * self.uniform(y.shape)))

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """xi on (-1, 1)"""
        return self.generator.random(shape) * 2 - 1

    def matmul(self, A: Any, B: Any) -> Array:
        """A [.. r k] B [.. k c] -> [.. r c]"""
        accumulator = self.arithmetic.accumulator
        if self.arithmetic.operand.bits < self.storage.bits:
            A, B = (self.stochastic(x.astype(np.float64), self.arithmetic.operand) for x in (A, B))
        if accumulator.bits == 53:
            return self.disturbed(A @ B, (A * A) @ (B * B), A.shape[-1], accumulator)
        order = self.generator.permutation(A.shape[-1])
        if accumulator.bits not in NATIVE:
            return one_by_one((A[..., :, k, None] * B[..., None, k, :] for k in order), accumulator)
        A, B = (x.astype(NATIVE[accumulator.bits]) for x in (A, B))
        A, B = reordered(A, order, -1), reordered(B, order, -2)
        if A.shape[-2] == B.shape[-1] == 1:  # for which OpenBLAS has a dot product that sums in float64
            return np.cumsum(A * B.swapaxes(-1, -2), axis=-1)[..., -1:].astype(np.float64)
        return np.asarray(A @ B, dtype=np.float64)

    def sum(self, x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
        """The sum of x over axes."""
        accumulator = self.arithmetic.reduction
        if accumulator.bits == 53:
            total, squares = (np.asarray(t.sum(axis=axes, keepdims=keepdims)) for t in (x, x * x))
            return self.disturbed(total, squares, x.size // max(total.size, 1), accumulator)
        terms = np.moveaxis(x, axes, range(len(axes))).reshape(-1, *np.delete(x.shape, axes))
        total = one_by_one(terms[self.generator.permutation(len(terms))], accumulator)
        return np.expand_dims(total, axes) if keepdims else total

    def disturbed(self, total: Array, squares: Array, n: int, accumulator: Format) -> Array:
        """A float64 sum of n terms whose squares sum to `squares`."""
        partial = (1 + n / 6) * squares + n / 3 * total * total
        return np.asarray(total + accumulator.unit_roundoff * np.sqrt(partial) * self.uniform(squares.shape))

    def stored(self, total: Array, accumulator: Format) -> Array:
        """A sum leaves its accumulator; where that is the storage format, it already is rounded."""
        return self.rounded(total) if self.storage.bits < accumulator.bits else total


class Noisy(Carrier):
    """Numbers of one noisy run; answers about them (comparisons, positions) are plain arrays."""

    __slots__ = ("emulator",)

    def __init__(self, value: Array, emulator: Emulator) -> None:
        self.value = value
        self.emulator = emulator

    def _compute(self, ufunc: np.ufunc, *operands: Any) -> "Noisy":
        emulator = self.emulator
        result = np.asarray(ufunc(*[emulator.plain(x) for x in operands]))
        if ufunc in EXACT:
            return Noisy(result, emulator)
        if ufunc not in CORRECTLY_ROUNDED:
            result = emulator.function_error(result)
        return Noisy(emulator.rounded(result), emulator)

    def _matmul(self, A: Any, B: Any) -> "Noisy":
        emulator = self.emulator
        product = emulator.matmul(emulator.plain(A), emulator.plain(B))
        return Noisy(emulator.stored(product, emulator.arithmetic.accumulator), emulator)

    def _sum(self, axes: tuple[int, ...], keepdims: bool) -> "Noisy":
        if not axes:
            return self
        emulator = self.emulator
        total = emulator.sum(self.value, axes, keepdims)
        return Noisy(emulator.stored(total, emulator.arithmetic.reduction), emulator)

    def _rearrange(self, function: Function, *parts: Any) -> "Noisy":
        return Noisy(np.asarray(function(*[self.emulator.plain(x) for x in parts])), self.emulator)

    _choose = _rearrange

    def _pick(self, function: Function, x: Any, index: Any) -> "Noisy":
        return Noisy(np.asarray(function(self.emulator.plain(x), index)), self.emulator)

    def _decide(self, function: Function, *parts: Any) -> Any:
        return function(*values(parts))


def reordered(x: Array, order: Array, axis: int) -> Array:
    """Rows or columns of matrices in another order and the same memory layout, which decides how products are summed:
    OpenBLAS's are three times as noisy where an operand is transposed."""
    if x.strides[-2] < x.strides[-1]:
        return x.swapaxes(-1, -2).take(order, -3 - axis).swapaxes(-1, -2)
    return x.take(order, axis)


def one_by_one(terms: Iterable[Array], accumulator: Format) -> Array:
    """A sum rounded to the accumulator after every term, which NumPy's own sum, adding pairs, is not."""
    if accumulator.bits in NATIVE and isinstance(terms, np.ndarray):
        return np.asarray(np.cumsum(terms, axis=0, dtype=NATIVE[accumulator.bits])[-1:].sum(axis=0), dtype=np.float64)
    total = np.zeros(())
    for term in terms:
        total = round_to(total + term, accumulator)
    return total
