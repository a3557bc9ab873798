"""Floating-point formats, and rounding a float64 array to one of them.

A format has p significant bits and normal exponents emin..emax. Its numbers are k 2^(e-p+1) with |k| < 2^p, e >= emin:

    unit roundoff 2^-p      largest (2 - 2^(1-p)) 2^emax      smallest normal 2^emin      spacing below it 2^(emin-p+1)

`round_to` is IEEE 754 round to nearest, ties to even: gradual underflow below the smallest normal number, and infinity
from half a step beyond the largest. Hardware may do less: XLA and many GPU kernels flush subnormal float32 (hence tf32
and bfloat16, which share its exponents) to zero; `finest` is the magnitude below which a format promises nothing.

An arithmetic is what a framework calls a dtype: results are stored in one format, the operands of matrix products are
rounded to another, and the partial sums of products and of reductions (sums over axes) are kept in a third and fourth.
tf32 stores float32 and multiplies 11-bit operands.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Format:
    name: str
    bits: int
    emin: int
    emax: int
    flushes: bool = True

    @property
    def unit_roundoff(self) -> float:
        return 2.0**-self.bits

    @property
    def largest(self) -> float:
        return (2 - 2.0 ** (1 - self.bits)) * 2.0**self.emax

    @property
    def spacing(self) -> float:
        """The distance between neighbors below the smallest normal number."""
        return 2.0 ** (self.emin - self.bits + 1)

    @property
    def finest(self) -> int:
        """The exponent of the smallest magnitude that is sure to survive."""
        return self.emin if self.flushes else self.emin - self.bits + 1


@dataclass(frozen=True)
class Arithmetic:
    name: str
    storage: Format
    operand: Format
    accumulator: Format
    reduction: Format


FORMATS = {
    format.name: format
    for format in (
        Format("float64", 53, -1022, 1023),
        Format("float32", 24, -126, 127),
        Format("tf32", 11, -126, 127),
        Format("bfloat16", 8, -126, 127),
        Format("float16", 11, -14, 15, flushes=False),
    )
}


def arithmetic(
    name: str, *, accumulator: str | None = None, reduction: str | None = None, operand: str | None = None
) -> Arithmetic:
    """The arithmetic of that name, with other formats where a backend declares them. Unless told otherwise products
    and reductions are summed alike, in float64 for float64 and in float32 for all else."""
    storage = "float32" if name == "tf32" else name
    accumulator = accumulator or ("float64" if name == "float64" else "float32")
    names = (storage, operand or name, accumulator, reduction or accumulator)
    unknown = [given for given in names if given not in FORMATS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a format; expected one of {', '.join(FORMATS)}")
    return Arithmetic(name, *(FORMATS[given] for given in names))


def coarser(number: Arithmetic, bits: int) -> Arithmetic:
    """The arithmetic that stores so many bits less."""
    storage = replace(number.storage, bits=number.storage.bits - bits)
    operand = storage if number.operand.bits > storage.bits else number.operand
    return replace(number, storage=storage, operand=operand)


def round_to(x: ArrayLike, format: Format) -> Array:
    """x rounded to the nearest number of the format, ties to even; the result is still float64."""
    x = np.asarray(x, dtype=np.float64)
    if format.bits == 53:
        return x
    dropped = 53 - format.bits
    pattern = x.view(np.int64)
    half = (1 << dropped - 1) - 1 + ((pattern >> dropped) & 1)  # a tie rounds up only from an odd neighbor
    near = ((pattern + half) & -(1 << dropped)).view(np.float64)
    tiny = np.abs(x) < 2.0**format.emin
    near = np.where(tiny, np.rint(np.where(tiny, x, 0) / format.spacing) * format.spacing, near)
    near = np.where(np.abs(near) > format.largest, np.copysign(np.inf, x), near)
    return np.where(np.isnan(x), x, near)
