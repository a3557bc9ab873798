"""The gradient of a padding's row, named from two whole models."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
nnx = pytest.importorskip("flax.nnx")

import crosscheck  # noqa: E402

IDS = np.array([[0, 3, 4], [0, 0, 8]])


class Words(torch.nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.table, self.out = torch.nn.Embedding(9, 4, **options), torch.nn.Linear(4, 2)

    def forward(self, ids):
        return self.out(self.table(ids))


class Port(nnx.Module):
    def __init__(self):
        self.table, self.out = nnx.Embed(9, 4, rngs=nnx.Rngs(0)), nnx.Linear(4, 2, rngs=nnx.Rngs(0))

    def __call__(self, ids):
        return self.out(self.table(ids))


@pytest.mark.parametrize("row", [0, 4])
def test_a_row_without_a_gradient_is_named(row):
    report = crosscheck.compare(Words(padding_idx=row), Port(), IDS, rungs=("eval",))
    assert report.first_divergence.first == "table"
    assert [cause.id for cause in report.causes[0].causes] == ["embedding-padding-gradient"]


def test_other_gradients_are_not_taken_for_it():
    class Halved(Words):
        def forward(self, ids):
            kept = self.table(ids)
            return self.out(kept + (kept - kept.detach()) * (ids == 3).unsqueeze(-1))

    report = crosscheck.compare(Halved(), Port(), IDS, rungs=("eval",))
    assert not report.agree
    assert all("padding" not in cause.id for found in report.causes for cause in found.causes)


def test_without_padding_they_agree():
    assert crosscheck.compare(Words(), Port(), IDS, rungs=("eval",)).agree
