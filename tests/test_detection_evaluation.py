"""Average precision: by hand, and against pycocotools on random detections."""

import contextlib
import io

import numpy as np
import pytest
from columns import NAMES, column

COCO = tuple((50 + 5 * i) / 100 for i in range(10))
every_column = pytest.mark.parametrize("name", NAMES)


def run(name, target, *arrays, **settings):
    col = column(name)
    result = col.get(f"detection.evaluation.{target}")(*(col.array(np.asarray(x)) for x in arrays), **settings)
    return tuple(map(col.numpy, result)) if isinstance(result, tuple) else np.asarray(result)


HIT = np.array([True, False, True, True, False])
BY_HAND = {
    "all-point": (1 + 2 * 0.75) / 4,
    "11-point": (3 * 1 + 5 * 0.75) / 11,
    "101-point": (26 * 1 + 50 * 0.75) / 101,
}


@every_column
@pytest.mark.parametrize("kind", BY_HAND)
def test_average_precision_by_hand(name, kind):
    """Four objects; precision 1, 1/2, 2/3, 3/4, 3/5 at recall 1/4, 1/4, 2/4, 3/4, 3/4."""
    col = column(name)
    precision, recall = run(name, "precision_recall", HIT, count=4)
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3, 3 / 4, 3 / 5])
    np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 2 / 4, 3 / 4, 3 / 4])
    np.testing.assert_allclose(run(name, "average_precision", precision, recall, kind=kind), BY_HAND[kind])
    assert float(col.get("detection.evaluation.average_precision")(*(col.array(np.ones(0)),) * 2, kind=kind)) == 0


@every_column
def test_a_second_detection_of_one_object_is_a_false_alarm(name):
    overlap = np.array([[0.6, 0.4], [0.9, 0.4], [0.9, 0.5], [-1, -1]])
    assert run(name, "hits", overlap, threshold=0.5).tolist() == [True, False, True, False]
    assert run(name, "hits", np.zeros((2, 0)), threshold=0.5).tolist() == [False, False]


def scenes(seed, images=30, counts=(37, 41, 43)):
    """Objects, and detections that are some of them, shaken, beside false ones. Of a class there are a prime number of
    objects: no recall is a hundredth, which COCO's tools write with rounding errors."""
    rng = np.random.default_rng(seed)
    count, classes = sum(counts), len(counts)
    near = rng.uniform(0, 60, (count, 2))
    T = np.concatenate([near, near + rng.uniform(8, 30, near.shape)], axis=1)
    T_classes, T_images = rng.permutation(np.repeat(range(classes), counts)), np.sort(rng.integers(0, images, count))
    chosen = rng.integers(0, count, 2 * count)
    B = T[chosen] + rng.normal(0, 1.5, (2 * count, 4))
    B[:, 2:] = np.maximum(B[:, 2:], B[:, :2] + 1)
    kinds = np.where(rng.random(2 * count) < 0.8, T_classes[chosen], rng.integers(0, classes, 2 * count))
    order = np.argsort(T_images[chosen], kind="stable")
    scores = np.round(rng.random(2 * count), 2)  # with ties
    return [x[order] for x in (B, scores, kinds, T_images[chosen])] + [T, T_classes, T_images]


def coco(B, scores, classes, images, T, T_classes, T_images):
    """AP [threshold class] by pycocotools."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO as Data
    from pycocotools.cocoeval import COCOeval

    def entries(boxes, kinds, images, **more):
        sizes = boxes[:, 2:] - boxes[:, :2]
        return [
            {
                "id": i + 1,
                "image_id": int(images[i]),
                "category_id": int(kinds[i]),
                "bbox": [*boxes[i, :2].tolist(), *sizes[i].tolist()],
                "area": float(sizes[i].prod()),
                "iscrowd": 0,
            }
            | {key: float(values[i]) for key, values in more.items()}
            for i in range(len(boxes))
        ]

    every = {"images": [{"id": int(i)} for i in np.unique(T_images)], "categories": [{"id": k} for k in range(3)]}
    with contextlib.redirect_stdout(io.StringIO()):
        truth, found = Data(), Data()
        truth.dataset = every | {"annotations": entries(T, T_classes, T_images)}
        found.dataset = every | {"annotations": entries(B, classes, images, score=scores)}
        truth.createIndex()
        found.createIndex()
        judge = COCOeval(truth, found, "bbox")
        judge.evaluate()
        judge.accumulate()
    return judge.eval["precision"][:, :, :, 0, 2].mean(axis=1)


@pytest.mark.parametrize("seed", range(3))
@every_column
def test_average_precisions_are_those_of_pycocotools(name, seed):
    data = scenes(seed)
    found = run(name, "average_precisions", *data, count=3, thresholds=COCO, kind="101-point")
    np.testing.assert_allclose(found, coco(*data), rtol=1e-12)
    mean = run(name, "mean_average_precision", *data, count=3, thresholds=COCO, kind="101-point")
    np.testing.assert_allclose(mean, found.mean(), rtol=1e-12)
    assert 0.2 < mean < 0.8


@every_column
def test_columns_agree_to_the_bit_on_what_is_a_hit(name):
    data = scenes(7)
    expected = run("reference", "average_precisions", *data, count=4)
    found = run(name, "average_precisions", *data, count=4)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert np.isnan(found[:, 3]).all()


@every_column
def test_what_cannot_be_evaluated_is_refused(name):
    B, scores, classes, images, T, T_classes, T_images = scenes(0)
    nothing = np.zeros((0, 4)), np.zeros(0), np.zeros(0)
    with pytest.raises(ValueError, match="holds no object"):
        run(name, "average_precisions", B, scores, classes, images, *nothing, count=3)
    with pytest.raises(ValueError, match="whole numbers from 0 to 1"):
        run(name, "average_precisions", B, scores, classes, images, T, T_classes, T_images, count=2)
    nothing_found = np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(0)
    assert run(name, "mean_average_precision", *nothing_found, T, T_classes, T_images, count=3) == 0
