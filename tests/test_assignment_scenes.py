"""Matching and sampling give the same integers in every column, ties included, on 10,000 random scenes."""

import numpy as np
import pytest
from columns import NAMES, column

SCENES = 10_000
ANCHORS, MOST = 24, 4
HERE = "detection.matching."
SETTINGS = ({}, {"positive": 0.5, "negative": 0.5, "rescue": False}, {"positive": 0.25, "negative": 0.125})


def scenes(count, seed=0):
    """Anchors and objects on a coarse grid, so that overlaps are often equal; which are there; an order with ties."""
    rng = np.random.default_rng(seed)

    def boxes(k):
        near = rng.integers(0, 4, (count, k, 2))
        return np.concatenate([near, near + rng.integers(1, 3, (count, k, 2))], axis=-1).astype(float)

    order = rng.integers(0, 12, (count, ANCHORS)) / 12
    return boxes(ANCHORS), boxes(MOST), rng.random((count, MOST)) < 0.6, order


def assigned(name, B, D, present, order):
    """What is matched and sampled under each of the settings, all scenes at once."""
    own = column(name)
    match, sample = own.get(HERE + "match"), own.get(HERE + "sample")
    B, D, present, order = map(own.array, (B, D, present, order))
    found = []
    for settings in SETTINGS:
        matched = match(B, D, present, **settings)
        found += [own.numpy(matched), own.numpy(sample(matched, order, 9, 0.34))]
    return found


def by_hand(B, D, present, order, positive=0.7, negative=0.3, rescue=True):
    """One scene by the rule as it is written down, with whole numbers for overlaps."""
    common, union = np.zeros((ANCHORS, MOST)), np.ones((ANCHORS, MOST))
    for k, j in np.ndindex(ANCHORS, MOST):
        w, h = np.minimum(B[k, 2:], D[j, 2:]) - np.maximum(B[k, :2], D[j, :2])
        common[k, j] = max(w, 0) * max(h, 0) if present[j] else -1
        union[k, j] = np.prod(B[k, 2:] - B[k, :2]) + np.prod(D[j, 2:] - D[j, :2]) - common[k, j] if present[j] else 1
    overlap = common / union
    matched = []
    for k in range(ANCHORS):
        best = max(range(MOST), key=lambda j: (overlap[k, j], -j))
        nearest = any(overlap[k, j] > 0 and overlap[k, j] == overlap[:, j].max() for j in range(MOST))
        if overlap[k, best] >= positive or (rescue and nearest):
            matched.append(best)
        else:
            matched.append(-1 if overlap[k, best] < negative else -2)
    turn = sorted(range(ANCHORS), key=lambda k: order[k])
    with_object = [k for k in turn if matched[k] >= 0][:3]  # a 0.34th of 9
    background = [k for k in turn if matched[k] == -1][: 9 - len(with_object)]
    return matched, [k in with_object + background for k in range(ANCHORS)]


@pytest.mark.parametrize("name", NAMES[1:])
def test_all_columns_assign_alike(name):
    drawn = scenes(SCENES)
    for ours, theirs in zip(assigned("reference", *drawn), assigned(name, *drawn), strict=True):
        assert np.array_equal(ours, theirs)


def test_the_scenes_have_ties_and_all_kinds_of_anchors():
    B, D, present, order = scenes(SCENES)
    from reference.detection.boxes import iou

    overlap = np.where(present[:, None], iou(B, D), -1)
    for axis, share in ((1, 0.6), (2, 0.2)):
        tied = (overlap == overlap.max(axis=axis, keepdims=True)) & (overlap > 0)
        assert (tied.sum(axis=axis) > 1).any(axis=-1).mean() > share
    matched, chosen, *_ = assigned("reference", B, D, present, order)
    assert all((matched == kind).any(axis=-1).mean() > 0.3 for kind in (-2, -1))
    assert chosen.sum(axis=-1).max() == 9
    assert (~present).all(axis=-1).any()


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_rule_is_the_one_that_is_written_down(settings):
    drawn = scenes(200, seed=1)
    found = assigned("reference", *drawn)[2 * SETTINGS.index(settings) :][:2]
    for i, scene in enumerate(zip(*drawn)):
        matched, chosen = by_hand(*scene, **settings)
        assert found[0][i].tolist() == matched
        assert found[1][i].tolist() == chosen


@pytest.mark.parametrize("name", NAMES)
def test_without_objects_all_is_background(name):
    own = column(name)
    B, none = own.array(scenes(1)[0][0]), own.array(np.zeros((0, 4)))
    matched = own.get(HERE + "match")(B, none, own.array(np.zeros(0, bool)))
    assert own.numpy(matched).tolist() == [-1] * ANCHORS
    held = own.get(HERE + "held")(none, matched, B)
    assert np.array_equal(own.numpy(held), own.numpy(B))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("absent", ["no room for any", "room, but none there"])
def test_a_batch_without_objects_has_a_loss_of_background_alone(name, absent):
    """Logits of 0: the logistic loss of what is sampled is log 2, the cross-entropy of four classes log 4."""
    own, n = column(name), 0 if absent == "no room for any" else 3
    m, k, classes = 2, ANCHORS, 3
    anchors, B, none = scenes(1)[0][0] + [0, 0, 1, 1], np.ones((m, n, 4)) * [0, 0, 1, 1], np.full((m, n), -1.0)
    order = np.arange(m * k).reshape(m, k) / (m * k)
    proposals = np.stack([anchors] * m)
    maps = np.zeros((m, k)), np.zeros((m, k, 4)), anchors
    heads = np.zeros((1 + classes, m * k)), np.zeros((4 * classes, m * k)), proposals
    if name != "reference":
        heads = (heads[0].T, heads[1].T, proposals)
    for target, given, expected in (("proposals.rpn", maps, 2), ("fast_rcnn.fast_rcnn", heads, 4)):
        loss = own.get(f"detection.{target}_loss")(*map(own.array, (*given, B, none, order)))
        value = loss[0] if name == "reference" else loss
        np.testing.assert_allclose(float(value), np.log(expected), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_matching_one_scene_is_matching_many(name):
    B, D, present, order = scenes(3)
    own = column(name)
    for i in range(3):
        one = own.get(HERE + "match")(*map(own.array, (B[i], D[i], present[i])))
        assert np.array_equal(own.numpy(one), assigned(name, B, D, present, order)[0][i])


GOOD = tuple(array[0] for array in scenes(1))
MATCHED = np.zeros(ANCHORS, int)
REFUSED = {
    "negative above positive": (
        "match",
        GOOD[:3],
        {"positive": 0.2},
        "negative is 0.3; expected at most positive = 0.2",
    ),
    "a threshold above one": ("match", GOOD[:3], {"positive": 1.5}, "positive is 1.5; expected a number from 0 to 1"),
    "a box of negative size": ("match", (GOOD[0][:, [2, 3, 0, 1]], *GOOD[1:3]), {}, "expected x1 <= x2"),
    "NaN": ("match", (GOOD[0], GOOD[1] * np.nan, GOOD[2]), {}, "holds nan at index"),
    "no sample": ("sample", (MATCHED, GOOD[3], 0, 0.5), {}, "count is 0"),
    "more than all": ("sample", (MATCHED, GOOD[3], 9, 1.1), {}, "fraction is 1.1"),
    "another order": ("sample", (MATCHED, GOOD[3][:5], 9, 0.5), {}, r"order has shape \(5,\); expected \(24,\)"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_matched_is_refused(name, kind):
    own = column(name)
    target, arguments, settings, message = REFUSED[kind]
    given = [own.array(x) if isinstance(x, np.ndarray) else x for x in arguments]
    with pytest.raises(ValueError, match=message):
        own.get(HERE + target)(*given, **settings)
