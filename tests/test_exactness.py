"""The exact rung over many seeds: what it counts, and that a slip is found."""

import pytest

from crosscheck.case import Case
from crosscheck.exactness import Count, table

DENSE = Case("layers.dense.Dense", "test", "", {"n_prev": 3, "n": 4}, {"A_prev": "n=3 m=5"})
SIGMOID = Case("layers.activations.sigmoid", "test", "", {}, {"Z": "n=3 m=5"})


def counted(case, column, dtype="float64", seeds=2, compiled=False):
    count = Count()
    count.add(case, ["numpy", column], dtype, range(seeds), compiled)
    return count


@pytest.mark.parametrize("column", ["torch", "jax"])
def test_every_certified_tensor_is_counted_once_a_seed_and_data_set(column):
    pytest.importorskip(column)
    count = counted(DENSE, column)
    tensors = 2 * 2 * 6  # the output, the gradients by W, b and the input; output and input gradient of the layer
    assert count.figures == {"tensors": tensors, "certified": tensors, "identical": tensors, "up_to_rounding": 0}
    assert not count.differing
    assert count.cases == {DENSE.name}


def slipping(sound, slip):
    """A forward pass that is off by a factor 1 + slip, with the sound gradients."""

    def forward(self, A_prev):
        Z = sound(self, A_prev)
        return Z + (Z * slip).detach()

    return forward


def test_nothing_is_certified_of_a_function_that_no_dyadic_fraction_satisfies():
    pytest.importorskip("torch")
    count = counted(SIGMOID, "torch")
    assert count.figures["certified"] == 0
    assert not count.cases


@pytest.mark.parametrize(("slip", "differing", "up_to_rounding"), [(2.0**-52, 0, 4), (1e-12, 4, 0)])
def test_a_slip_is_counted_and_its_column_named(monkeypatch, slip, differing, up_to_rounding):
    """Outputs, as activations too, in two data sets; a last bit is what an algorithm that is not direct may lose."""
    pytest.importorskip("torch")
    from torch_impl.layers.dense import Dense

    monkeypatch.setattr(Dense, "forward", slipping(Dense.forward, slip))
    count = counted(DENSE, "torch", seeds=1)
    assert (len(count.differing), count.figures["up_to_rounding"]) == (differing, up_to_rounding)
    assert all(text.startswith("layers.dense.Dense/test float64 seed 0: ") for text in count.differing)
    assert all(text.endswith("(torch)") for text in count.differing)


def test_the_table_has_a_row_for_each_dtype():
    count = Count({"tensors": 40, "certified": 30, "identical": 29, "up_to_rounding": 1}, [], {"a"})
    cells = [list(column.cells) for column in table({"float64": count, "float32": count}, 7).columns]
    assert [column[0] for column in cells] == ["float64", "1 of 7", "40", "30 = 75.0%", "29", "1", "0"]
    assert len(cells[0]) == 2
