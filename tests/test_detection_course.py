"""The figures that the course's assignment on object detection publishes, met by every column.

Its boxes come from normal draws, so that their corners are in any order, and it keeps them as y1 x1 y2 x2.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from columns import NAMES, column

DATA = Path(__file__).parent / "data" / "course_detection.json"
RECORDS = {record["id"].removeprefix("c4w3."): record for record in json.loads(DATA.read_text(encoding="utf-8"))}
every_column = pytest.mark.parametrize("name", NAMES)


def expect(record, **computed):
    for figure, value in computed.items():
        tolerance = record["tolerance"][figure]
        np.testing.assert_allclose(value, record["expected"][figure], **tolerance, err_msg=f"{record['id']} {figure}")
    assert set(computed) == set(record["expected"])


def run(name, target, *arrays, **settings):
    """A function of a column on arrays; its results as NumPy arrays."""
    col = column(name)
    results = col.get(f"detection.{target}")(*(col.array(x) for x in arrays), **settings)
    return tuple(map(col.numpy, results)) if isinstance(results, tuple) else col.numpy(results)


def philox(key, block, count):
    """Counter-based random words: `count` blocks of four, the counter being the block number and then 1."""
    number = np.arange(block, block + count, dtype=np.uint64)
    low, high = np.uint64(0xFFFFFFFF), np.uint64(32)
    counter = [number & low, number >> high, np.ones_like(number), np.zeros_like(number)]
    keys = [np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)]
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * counter[0], np.uint64(0xCD9E8D57) * counter[2]
        counter = [
            (second >> high) ^ counter[1] ^ keys[0],
            second & low,
            (first >> high) ^ counter[3] ^ keys[1],
            first & low,
        ]
        keys = [(k + np.uint64(w)) & low for k, w in zip(keys, (0x9E3779B9, 0xBB67AE85))]
    return np.stack(counter, axis=1)


@cache
def normals(key, block, shape, mean=1, deviation=4):
    """Normal draws, two of each pair of words, rounded to float32."""
    size = int(np.prod(shape))
    words = philox(key, block, -(-size // 4)) & np.uint64((1 << 23) - 1)
    u = (words / (1 << 23)).reshape(-1, 2)
    radius, angle = np.sqrt(-2 * np.log(np.maximum(u[:, 0], np.float32(1e-7)))), 2 * np.pi * u[:, 1]
    draws = (radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)).reshape(-1)[:size]
    draws = draws.astype(np.float32) * np.float32(deviation) + np.float32(mean)
    return draws.reshape(shape).astype(float)


def sorted_corners(B):
    return np.concatenate([np.minimum(B[..., :2], B[..., 2:]), np.maximum(B[..., :2], B[..., 2:])], axis=-1)


SHAPES = {"confidence": (19, 19, 5), "boxes": (19, 19, 5, 4), "classes": (19, 19, 5, 80)}


@every_column
def test_iou(name):
    record = RECORDS["iou"]
    pairs = np.array(record["inputs"]["pairs"], float)
    expect(record, iou=[run(name, "boxes.iou", a[None], b[None]).item() for a, b in pairs])


@every_column
def test_yolo_filter_boxes_of_2021(name):
    record = RECORDS["yolo_filter_boxes.v2021"]
    block, drawn = 0, []
    for shape in SHAPES.values():
        drawn.append(normals(10, block, shape))
        block += 256 * int(np.prod(shape))
    scores, boxes, classes = run(name, "yolo_eval.filter_boxes", *drawn, **record["hyperparameters"])
    expect(record, scores_2=scores[2], boxes_2=boxes[2], classes_2=classes[2], count=len(scores))


@every_column
def test_yolo_filter_boxes_of_2019(name):
    """Its three figures come from three evaluations, each of which drew anew what it needed."""
    record = RECORDS["yolo_filter_boxes.v2019"]

    def draw(times, boxes_times):
        turns = {"confidence": times, "boxes": boxes_times, "classes": times}
        return [normals(87654321, 256 * int(np.prod(s)) * turns[n], s) for n, s in SHAPES.items()]

    found = [
        run(name, "yolo_eval.filter_boxes", *draw(*turn), **record["hyperparameters"])
        for turn in ((0, 0), (1, 0), (2, 0))
    ]
    expect(record, scores_2=found[0][0][2], boxes_2=found[1][1][2], classes_2=found[2][2][2])


@every_column
def test_yolo_non_max_suppression(name):
    record = RECORDS["yolo_non_max_suppression.v2021"]
    scores, boxes, classes = (np.array(record["inputs"][k], float) for k in ("scores", "boxes", "classes"))
    settings = {
        "threshold": record["hyperparameters"]["iou_threshold"],
        "limit": record["hyperparameters"]["max_boxes"],
    }
    kept = run(name, "suppression.non_max_suppression", sorted_corners(boxes), scores, **settings)
    computed = {"scores_2": scores[kept][2], "boxes_2": boxes[kept][2], "classes_2": classes[kept][2]}
    shapes = {k: v for k, v in {"count": len(kept)}.items() if k in record["expected"]}
    expect(record, **computed, **shapes)


@every_column
def test_yolo_eval(name):
    record = RECORDS["yolo_eval.v2019"]
    settings = dict(record["hyperparameters"])
    height, width = settings.pop("image_shape")
    shapes = {"confidence": (19, 19, 5), "xy": (19, 19, 5, 2), "wh": (19, 19, 5, 2), "classes": (19, 19, 5, 80)}
    found = []
    for turn in range(3):
        c, xy, wh, P = (normals(87654321, 256 * int(np.prod(s)) * turn, s) for s in shapes.values())
        corners = np.concatenate([xy - wh / 2, xy + wh / 2], axis=-1) * [width, height, width, height]
        ordered = sorted_corners(corners)
        scores, boxes, classes = run(name, "yolo_eval.yolo_eval", c, ordered, P, **settings, per_class=False)
        place = np.argwhere((ordered == boxes[2]).all(axis=-1))[0]
        found.append((scores[2], corners[tuple(place)][[1, 0, 3, 2]], classes[2], len(scores)))
    expect(record, scores_2=found[0][0], boxes_2=found[1][1], classes_2=found[2][2], count=found[0][3])
