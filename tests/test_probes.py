"""The probes tell which arithmetic an executor uses, and what they find is what is declared."""

import numpy as np
import pytest

from crosscheck import registry
from crosscheck.numerics.formats import FORMATS, round_to
from crosscheck.probes import readings as module
from crosscheck.probes.readings import Reading, lopsided, probes, readings, summary, surprises

COLUMNS = [column for column in registry.PACKAGES if not registry.missing(column)]


@pytest.mark.parametrize("column", COLUMNS)
def test_what_is_found_is_what_is_declared(column):
    assert not surprises(readings(column))


@pytest.mark.parametrize("column", COLUMNS)
def test_every_operation_is_probed_in_float32(column):
    found = {(reading.operation, reading.probe) for reading in readings(column) if reading.dtype == "float32"}
    operations = {operation for operation, _ in found}
    assert operations >= {"matmul", "sum"}
    assert found == {(operation, probe) for operation in operations for probe in ("product", "accumulator")}


@pytest.mark.parametrize(
    ("format", "exact"), [("tf32", 4096), ("bfloat16", 4096), ("float16", 4096), ("float32", 4097)]
)
def test_the_product_probe_sees_a_lossy_operand(format, exact):
    _, _, a, b = next(probe for probe in probes() if probe[0] == "product")
    assert round_to(a, FORMATS[format]) @ b == exact


@pytest.mark.parametrize("format", ["bfloat16", "float16"])
def test_the_wide_sum_probe_sees_a_narrow_accumulator(format):
    total = 0.0
    for term in lopsided(8192):
        total = float(round_to(np.float64(total + term), FORMATS[format]))
    assert total < 0.8 * 16384


def test_a_reading_that_contradicts_its_declaration_says_so(monkeypatch):
    monkeypatch.setattr(module.policies, "POLICIES", ())
    narrow = Reading("jax", "conv bias gradient", "bfloat16", "wide sum", 8192, 16384)
    full = Reading("jax", "conv bias gradient", "bfloat16", "small sum", 272, 272)
    assert surprises([full]) == []
    (text,) = surprises([full, narrow])
    assert "jax conv bias gradient in bfloat16: accumulates in bfloat16" in text


def test_the_summary_names_what_is_lesser():
    found = [
        Reading("jax", "sum", "bfloat16", "wide sum", 16384, 16384),
        Reading("jax", "conv bias gradient", "bfloat16", "wide sum", 8192, 16384),
        Reading("jax", "matmul", "float32", "product", 4096, 4097),
    ]
    assert summary(found) == {
        "bfloat16 sums": "float32, but bfloat16 in conv bias gradient",
        "float32 products": "full, but rounded to 16 bits or TF32 in matmul",
    }
