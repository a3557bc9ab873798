"""Boxes, suppression and assignment: properties, refusals, and decisions that are the same to the bit everywhere."""

import tracemalloc

import numpy as np
import pytest
from columns import NAMES, column

every_column = pytest.mark.parametrize("name", NAMES)
SCENES, BOXES = 10_000, 9


def run(name, target, *arrays, **settings):
    """A function of a column on arrays, as NumPy arrays; of the reference's pair the value alone."""
    col = column(name)
    result = col.get(f"detection.{target}")(*(col.array(np.asarray(x)) for x in arrays), **settings)
    if name == "reference" and isinstance(result, tuple) and callable(result[-1]):
        result = result[0]
    return tuple(map(col.numpy, result)) if isinstance(result, tuple) else col.numpy(result)


def boxes(*rows):
    return np.array(rows, float).reshape(-1, 4)


def scattered(rng, *shape, whole=False):
    """Corners; in whole numbers many are equal, touch, or overlap by a round share."""
    draw = (lambda low, high: rng.integers(low, high, (*shape, 2)).astype(float)) if whole else None
    draw = draw or (lambda low, high: rng.uniform(low, high, (*shape, 2)))
    near = draw(0, 3)
    return np.concatenate([near, near + draw(2, 5)], axis=-1)


# Overlaps

PAIRS = {
    "the same": ([0, 0, 2, 3], [0, 0, 2, 3], 1),
    "apart": ([0, 0, 1, 1], [2, 2, 3, 3], 0),
    "touching along an edge": ([0, 0, 1, 1], [1, 0, 2, 1], 0),
    "touching at a corner": ([0, 0, 1, 1], [1, 1, 2, 2], 0),
    "nested": ([0, 0, 4, 4], [1, 1, 3, 3], 1 / 4),
    "half": ([0, 0, 2, 1], [1, 0, 3, 1], 1 / 3),
    "one empty": ([1, 1, 1, 1], [0, 0, 2, 2], 0),
    "both empty, at one place": ([1, 1, 1, 1], [1, 1, 1, 1], 0),
}


@every_column
@pytest.mark.parametrize(("a", "b", "expected"), PAIRS.values(), ids=PAIRS)
def test_iou_of_two(name, a, b, expected):
    assert run(name, "boxes.iou", boxes(a), boxes(b)).item() == expected


@every_column
def test_iou_is_a_matrix_with_a_row_for_each_box(name):
    assert run(name, "boxes.iou", scattered(np.random.default_rng(0), 3), boxes()).shape == (3, 0)
    assert run(name, "boxes.iou", boxes(), boxes([0, 0, 1, 1])).shape == (0, 1)


@every_column
@pytest.mark.parametrize("loss", ["iou", "giou", "diou", "ciou"])
def test_a_loss_is_0_for_the_same_box_and_the_same_at_any_scale(name, loss):
    B, T = scattered(np.random.default_rng(1), 2, 20)
    assert np.all(run(name, f"box_losses.{loss}_loss", B, B) == 0)
    np.testing.assert_allclose(
        run(name, f"box_losses.{loss}_loss", 8 * B, 8 * T), run(name, f"box_losses.{loss}_loss", B, T), rtol=1e-12
    )


@every_column
def test_only_iou_is_blind_to_how_far_apart_boxes_are(name):
    near, far = boxes([0, 0, 1, 1], [0, 0, 1, 1]), boxes([2, 0, 3, 1], [9, 0, 10, 1])
    assert np.all(run(name, "box_losses.iou_loss", near, far) == 1)
    for loss in ("giou", "diou", "ciou"):
        close, distant = run(name, f"box_losses.{loss}_loss", near, far)
        assert 1 < close < distant


@every_column
def test_overlaps_are_those_of_torchvision(name):
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is not installed: not run")
    col, rng = column("torch_impl"), np.random.default_rng(9)
    B, D = scattered(rng, 40), scattered(rng, 30)
    theirs = ops.box_iou(col.array(B), col.array(D)).numpy()
    np.testing.assert_allclose(run(name, "boxes.iou", B, D), theirs, rtol=1e-14)


@every_column
@pytest.mark.parametrize("beta", [1.0, 0.125])
def test_smooth_l1_is_that_of_pytorch(name, beta):
    functional = pytest.importorskip("torch.nn.functional", reason="PyTorch is not installed: not run")
    col, rng = column("torch_impl"), np.random.default_rng(10)
    A, Y = rng.standard_normal((2, 3, 7))
    theirs = functional.smooth_l1_loss(col.array(A), col.array(Y), reduction="sum", beta=beta).item()
    found = run(name, "weighted_losses.weighted_smooth_l1", A, Y, np.ones((3, 7)), beta=beta)
    np.testing.assert_allclose(found, theirs, rtol=1e-14)


@pytest.mark.parametrize("loss", ["giou", "diou", "ciou"])
def test_losses_are_those_of_torchvision(loss):
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is not installed: not run")
    theirs = {
        "giou": ops.generalized_box_iou_loss,
        "diou": ops.distance_box_iou_loss,
        "ciou": ops.complete_box_iou_loss,
    }[loss]
    col = column("torch_impl")
    B, T = scattered(np.random.default_rng(2), 2, 50)
    found = run("torch_impl", f"box_losses.{loss}_loss", B, T)
    np.testing.assert_allclose(found, theirs(col.array(B), col.array(T)).numpy(), atol=1e-6)


# Forms


@every_column
def test_forms_turn_into_each_other(name):
    B = scattered(np.random.default_rng(3), 11, whole=True)
    C = run(name, "boxes.center_from_corner", B)
    np.testing.assert_allclose(run(name, "boxes.corner_from_center", C), B, rtol=0)
    cell, b = run(name, "boxes.grid_from_center", C, stride=4, grid=(3, 3))
    np.testing.assert_allclose(run(name, "boxes.center_from_grid", cell, b, stride=4), C, rtol=1e-15)
    assert np.all((b[:, :2] >= 0) & (b[:, :2] < 1))


@every_column
def test_a_centre_on_a_border_of_cells_belongs_to_the_right_and_below(name):
    C = [[8, 8, 2, 4], [0, 16, 2, 2], [24, 24, 2, 2]]
    cell, b = run(name, "boxes.grid_from_center", np.array(C, float), stride=8, grid=(3, 3))
    assert cell.tolist() == [[1, 1], [2, 0], [2, 2]]
    assert b.tolist() == [[0, 0, 0.5, 0.25], [0, 0, 0.25, 0.25], [1, 1, 0.25, 0.25]]


@every_column
def test_clip_and_letterbox(name):
    B = boxes([-5, -5, 30, 30], [2, 3, 4, 5], [50, 50, 60, 60])
    assert run(name, "boxes.clip", B, image=(20, 10)).tolist() == [[0, 0, 10, 20], [2, 3, 4, 5], [10, 20, 10, 20]]
    fitted = run(name, "boxes.letterbox", boxes([0, 0, 200, 100]), image=(100, 200), network=(64, 64))
    assert fitted.tolist() == [[0, 16, 64, 48]]
    back = run(name, "boxes.unletterbox", fitted, image=(100, 200), network=(64, 64))
    np.testing.assert_allclose(back, boxes([0, 0, 200, 100]), rtol=1e-15)


# Suppression


def suppress_scenes(name, B, scores, classes):
    """Which boxes stay, in each of many scenes."""
    if name == "jax_impl":
        jax = pytest.importorskip("jax", reason="JAX is not installed: not run")
        survivors = jax.jit(jax.vmap(column(name).get("detection.suppression.survivors")))
        return np.asarray(survivors(B, scores, classes))
    return np.stack([run(name, "suppression.survivors", *scene) for scene in zip(B, scores, classes)])


@pytest.fixture(scope="module")
def decided():
    rng = np.random.default_rng(4)
    B = scattered(rng, SCENES, BOXES, whole=True)
    scores = rng.integers(0, 4, (SCENES, BOXES)) / 4
    classes = rng.integers(0, 2, (SCENES, BOXES)).astype(float)
    return B, scores, classes, suppress_scenes("reference", B, scores, classes)


@pytest.mark.parametrize("name", NAMES[1:])
def test_suppression_decides_alike_in_thousands_of_scenes_full_of_ties(name, decided):
    *scenes, expected = decided
    assert 0.1 < expected.mean() < 0.9
    np.testing.assert_array_equal(suppress_scenes(name, *scenes), expected)


def test_what_stays_overlaps_nothing_better_that_stays(decided):
    for B, scores, classes, stays in zip(*(part[:500] for part in decided)):
        overlap = run("reference", "boxes.iou", B, B)
        better = (scores[:, None] > scores) | ((scores[:, None] == scores) & np.tri(BOXES, k=-1, dtype=bool).T)
        drops = (overlap > 0.5) & better & (classes[:, None] == classes) & stays[:, None]
        np.testing.assert_array_equal(stays, ~drops.any(axis=0))


@every_column
def test_a_box_at_the_threshold_stays_and_equal_scores_keep_their_order(name):
    B = boxes([0, 0, 2, 1], [0, 0, 1, 1], [5, 5, 6, 6])
    assert run(name, "suppression.non_max_suppression", B, np.ones(3)).tolist() == [0, 1, 2]
    assert run(name, "suppression.non_max_suppression", B, np.ones(3), threshold=0.4).tolist() == [0, 2]
    assert run(name, "suppression.non_max_suppression", B, np.array([1, 2, 3.0]), limit=2).tolist() == [2, 1]
    assert run(name, "suppression.non_max_suppression", boxes(), np.ones(0)).tolist() == []


@every_column
def test_thousands_of_equal_scores(name):
    B = np.repeat(scattered(np.random.default_rng(5), 20) * 100, 150, axis=0)
    kept = run(name, "suppression.non_max_suppression", B, np.ones(len(B)))
    assert kept.tolist() == sorted(kept.tolist())
    assert set(kept % 150) == {0}


def test_suppression_holds_a_row_of_overlaps_at_a_time():
    """5000 equal scores, nothing dropped: the matrix of all overlaps would take 200 MB."""
    near = np.stack(np.meshgrid(np.arange(100.0), np.arange(50.0)), axis=-1).reshape(-1, 2)
    B, scores = np.concatenate([near, near + 1], axis=1), np.ones(5000)
    tracemalloc.start()
    kept = run("reference", "suppression.non_max_suppression", B, scores)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept.tolist() == list(range(5000))
    assert peak < 40 * B.nbytes


@every_column
def test_suppression_is_per_class_unless_classes_are_left_out(name):
    B, scores = boxes([0, 0, 2, 2], [0, 0, 2, 2]), np.array([0.5, 0.9])
    assert run(name, "suppression.non_max_suppression", B, scores).tolist() == [1]
    assert run(name, "suppression.non_max_suppression", B, scores, np.array([0.0, 1.0])).tolist() == [1, 0]


def test_suppression_is_that_of_torchvision():
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is not installed: not run")
    rng, col = np.random.default_rng(6), column("torch_impl")
    B, scores = scattered(rng, 200), rng.random(200)
    theirs = ops.nms(col.array(B), col.array(scores), 0.5).numpy()
    for name in NAMES:
        np.testing.assert_array_equal(run(name, "suppression.non_max_suppression", B, scores), theirs)


@every_column
def test_soft_suppression_by_hand(name):
    B, scores = boxes([0, 0, 2, 1], [1, 0, 3, 1], [0, 0, 2, 1]), np.array([0.9, 0.8, 0.5])
    linear = run(name, "suppression.soft_suppression", B, scores, kind="linear")
    np.testing.assert_allclose(linear, [0.9, 0.8 * 2 / 3, 0], atol=1e-15)
    gaussian = run(name, "suppression.soft_suppression", B, scores, sigma=0.5)
    first = 0.8 * np.exp(-2 / 9)
    np.testing.assert_allclose(gaussian, [0.9, first, 0.5 * np.exp(-2) * np.exp(-2 / 9)], rtol=1e-14)


# Anchors and assignment

NOTES = {"size": (24, 24), "strides": (8,), "anchors": (((4, 12), (12, 4)),)}
GRIDS = {"size": (32, 32), "strides": (8, 16), "anchors": (((6, 6), (4, 8)), ((12, 12), (8, 16)))}


@every_column
def test_k_means_finds_the_sizes_that_there_are(name):
    rng, truth = np.random.default_rng(7), np.array([[4, 5], [10, 6], [20, 24.0]])
    S = np.repeat(truth, 40, axis=0) * rng.uniform(0.9, 1.1, (120, 2))
    found = run(name, "anchors.k_means", S, S[[0, 50, 100]])
    np.testing.assert_allclose(found, truth, rtol=0.05)
    alone = run(name, "anchors.k_means", np.array([[2.0, 2]]), np.array([[2, 2], [50.0, 50]]))
    assert alone.tolist() == [[2, 2], [50, 50]]


@every_column
def test_the_target_volume_of_the_notes(name):
    """A 3 x 3 grid, two anchors, three classes: 3 x 3 x 2 x 8. A pedestrian and a car share the middle cell."""
    Y = np.array([[[12, 12, 4, 12, 0], [13, 14, 12, 4, 1], [0, 0, 0, 0, -1]]], float)
    volume = run(name, "assignment.targets", Y, **NOTES, count=3).reshape(3, 3, 2, 8)
    assert volume[1, 1].tolist() == [[1, 0.5, 0.5, 1.5, 0.5, 1, 0, 0], [1, 0.625, 0.75, 0.5, 1.5, 0, 1, 0]]
    assert np.count_nonzero(volume) == np.count_nonzero(volume[1, 1])


@every_column
def test_an_object_takes_what_is_free_in_its_cell_or_is_left_out(name):
    tall = [12, 12, 4, 12, 0]
    owner = run(name, "assignment.assign", np.array([[tall, tall, tall]], float), **NOTES).reshape(3, 3, 2)
    assert owner[1, 1].tolist() == [0, 1]
    assert (owner >= 0).sum() == 2


@every_column
def test_of_anchors_that_fit_alike_the_first_is_taken(name):
    owner = run(name, "assignment.assign", np.array([[[12, 12, 8, 8, 0]]], float), **NOTES).reshape(3, 3, 2)
    assert owner[1, 1].tolist() == [0, -1]


@every_column
def test_no_objects_at_all(name):
    for Y in (np.zeros((2, 0, 5)), np.full((2, 3, 5), -1.0)):
        assert not run(name, "assignment.targets", Y, **GRIDS, count=2).any()
        J = run(name, "yolo_loss.yolo_loss", np.zeros((2, 40, 7)), Y, **GRIDS)
        np.testing.assert_allclose(J, 40 * 0.5 * np.log(2))


@pytest.fixture(scope="module")
def assigned():
    rng = np.random.default_rng(8)
    middle = rng.integers(0, 9, (SCENES, 6, 2)) * 4.0
    size = rng.integers(1, 5, (SCENES, 6, 2)) * 4.0
    Y = np.concatenate([middle, size, rng.integers(-1, 3, (SCENES, 6, 1))], axis=2)
    return Y, run("reference", "assignment.assign", Y, **GRIDS)


@pytest.mark.parametrize("name", NAMES[1:])
def test_assignment_decides_alike_in_thousands_of_scenes_full_of_ties(name, assigned):
    Y, expected = assigned
    assert (expected >= 0).sum() > SCENES
    np.testing.assert_array_equal(run(name, "assignment.assign", Y, **GRIDS), expected)
    volume = run("reference", "assignment.targets", Y, **GRIDS, count=3)
    np.testing.assert_array_equal(run(name, "assignment.targets", Y, **GRIDS, count=3), volume)


def test_every_object_has_a_slot_of_its_own_cell_or_none_was_free(assigned):
    Y, owner = (part[:300] for part in assigned)
    table = run("reference", "anchors.slots", **GRIDS)
    for scene, holder in zip(Y, owner):
        for j, (x, y, *_, kind) in enumerate(scene):
            row, column = (min(int(v // 8), 3) for v in (y, x))
            mine = np.flatnonzero(holder == j)
            if kind < 0:
                assert len(mine) == 0
            elif len(mine):
                assert len(mine) == 1
                scale = 2 if table[mine[0], 2] == 16 else 1
                assert table[mine[0], :2].tolist() == [column // scale, row // scale]
            else:
                cells = ((table[:, 2] == 8) & (table[:, 0] == column) & (table[:, 1] == row)) | (
                    (table[:, 2] == 16) & (table[:, 0] == column // 2) & (table[:, 1] == row // 2)
                )
                assert (holder[cells] >= 0).all()


@every_column
def test_a_perfect_prediction_decodes_to_the_object(name):
    Z = np.full((1, 40, 7), -30.0)
    table = run(name, "anchors.slots", **GRIDS)
    slot = 21
    column, row, stride, p_w, p_h = table[slot]
    Z[0, slot] = [30, np.log(3), -np.log(3), np.log(2), 0, 30, 0]
    B, confidence, P = run(name, "yolo_head.decode", Z, **GRIDS)
    x, y = (column + 0.75) * stride, (row + 0.25) * stride
    np.testing.assert_allclose(B[0, slot], [x - p_w / 2, y - p_h, x + p_w / 2, y + p_h])
    assert confidence[0].argmax() == slot
    scores, kept, classes = run(name, "yolo_eval.yolo_eval", confidence[0], B[0], P[0])
    assert (len(scores), classes.tolist()) == (1, [0])
    np.testing.assert_allclose(kept[0], B[0, slot])


# Refusals

GOOD = boxes([0, 0, 2, 2])
UPSIDE_DOWN, NOT_A_NUMBER = boxes([0, 3, 2, 2]), boxes([0, 0, np.nan, 2])
ONE, TWO = np.ones(1), np.ones(2)
Z, LABELED = np.ones((1, 40, 7)), {**GRIDS, "count": 2}


def labeled(x=4.0, y=4.0, w=2.0, h=2.0, kind=0.0):
    return (np.array([[[x, y, w, h, kind]]]),)


REFUSED = {
    "a negative height": ("boxes.iou", (GOOD, UPSIDE_DOWN), {}, "holds the box .*0.* 3.*; expected x1 <= x2"),
    "not a number": ("boxes.iou", (NOT_A_NUMBER, GOOD), {}, r"holds nan at index \(0, 2\)"),
    "five numbers a box": ("boxes.area", (np.ones((2, 5)),), {}, r"shape \(2, 5\); expected boxes"),
    "a true box without area": ("box_losses.ciou_loss", (GOOD, boxes([0, 0, 0, 2])), {}, "above 0"),
    "unequal numbers of boxes": ("box_losses.giou_loss", (GOOD, np.repeat(GOOD, 2, 0)), {}, r"expected \(1, 4\)"),
    "an image without height": ("boxes.clip", (GOOD,), {"image": (0, 5)}, "image is"),
    "a score too many": ("suppression.non_max_suppression", (GOOD, TWO), {}, r"scores has shape \(2,\)"),
    "an infinite score": ("suppression.non_max_suppression", (GOOD, np.inf * ONE), {}, "holds inf"),
    "a threshold above 1": ("suppression.survivors", (GOOD, ONE), {"threshold": 1.5}, "threshold is 1.5"),
    "an unknown damping": ("suppression.soft_suppression", (GOOD, ONE), {"kind": "hard"}, "'hard'"),
    "an anchor of no width": (
        "anchors.slots",
        (),
        GRIDS | {"anchors": (((0, 5),), ((5, 5),))},
        "anchors holds the size",
    ),
    "sizes of 0": ("anchors.k_means", (np.zeros((3, 2)), np.ones((1, 2))), {}, "holds the size"),
    "anchors for one scale": ("anchors.slots", (), GRIDS | {"anchors": (((5, 5),),)}, "expected 2, one for each"),
    "an image that no grid covers": ("anchors.slots", (), GRIDS | {"size": (40, 32)}, "divisible by 16; fit the image"),
    "an unknown class": ("assignment.targets", labeled(kind=2.0), LABELED, "from -1 to 1"),
    "half a class": ("assignment.targets", labeled(kind=0.5), LABELED, "whole numbers"),
    "a centre outside": ("assignment.targets", labeled(x=50.0), LABELED, "in the image"),
    "an object without size": ("assignment.targets", labeled(w=0.0), LABELED, "a size above 0"),
    "numbers of another grid": ("yolo_head.decode", (Z[:, 1:],), GRIDS, r"expected \(m, 40, 5 \+ k\)"),
    "an unknown box loss": ("yolo_loss.yolo_loss", (Z, *labeled()), GRIDS | {"regression": "l1"}, "'l1'"),
    "confidence of other boxes": ("yolo_eval.filter_boxes", (np.ones(3), GOOD, np.ones((3, 2))), {}, "have shapes"),
}


@every_column
@pytest.mark.parametrize(("target", "arrays", "settings", "message"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(name, target, arrays, settings, message):
    with pytest.raises(ValueError, match=message):
        run(name, target, *arrays, **settings)
