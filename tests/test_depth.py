"""The comparison of plain and residual networks by depth: repeatable, fair, and judged as the notes claim."""

import numpy as np
import pytest

from crosscheck.jobs.depth import KINDS, WIDTHS, Run, holds, initialize, train

torch = pytest.importorskip("torch")


def test_a_run_is_repeated_to_the_bit():
    first, again = (train(Run("plain", 8, 0), epochs=1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 0 < first[0] < 0.9


def test_both_kinds_start_from_the_same_weights():
    from torch_impl.nets.resnet import ResNet

    nets = [ResNet("basic", (1, 1, 1), 10, WIDTHS, skip, small_images=True, c_prev=1) for skip in KINDS.values()]
    for net in nets:
        initialize(net, torch.Generator().manual_seed(5))
    plain, residual = (dict(net.named_parameters()) for net in nets)
    assert plain.keys() == residual.keys()
    assert all(torch.equal(plain[name], residual[name]) for name in plain)


def curves(plain, residual):
    """Training errors of the last of two epochs, of one seed, by depth."""
    each = {"plain": plain, "residual": residual}
    return {Run(kind, d, 0): np.array([0.9, error]) for kind, errors in each.items() for d, error in errors.items()}


@pytest.mark.parametrize(
    ("plain", "residual", "expected"),
    [
        ({8: 0.0, 56: 0.7}, {8: 0.01, 56: 0.0}, True),
        ({8: 0.1, 56: 0.1}, {8: 0.1, 56: 0.1}, False),
        ({8: 0.0, 56: 0.3}, {8: 0.0, 56: 0.4}, False),
    ],
    ids=["as claimed", "nothing rises", "the residual net gets worse too"],
)
def test_the_claim_is_that_only_plain_nets_get_worse(plain, residual, expected):
    assert holds(curves(plain, residual), [8, 56]) is expected
