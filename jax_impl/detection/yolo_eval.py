"""From what a detector says of every slot of one image to the few boxes it stands by.

confidence (..), boxes (.., 4), probabilities (.., k) -> scores (n,), boxes (n, 4), classes (n,); n depends on the
numbers, so these cannot be jitted.
"""

from jax_impl.detection.suppression import non_max_suppression


def filter_boxes(confidence, boxes, probabilities, threshold=0.6):
    """The slots whose likeliest class has a score of at least the threshold, in their order."""
    if probabilities.shape[:-1] != confidence.shape or boxes.shape != (*confidence.shape, 4):
        shapes = f"{confidence.shape}, {boxes.shape}, {probabilities.shape}"
        raise ValueError(f"confidence, boxes, probabilities have shapes {shapes}; expected (..), (.., 4) and (.., k)")
    scores = confidence[..., None] * probabilities
    best = scores.max(axis=-1)
    stays = best >= threshold
    return best[stays], boxes[stays], scores.argmax(axis=-1)[stays]


def yolo_eval(confidence, boxes, probabilities, max_boxes=10, score_threshold=0.6, iou_threshold=0.5, per_class=True):
    """The boxes that pass the filter, less those that non-max suppression drops, best first."""
    scores, boxes, classes = filter_boxes(confidence, boxes, probabilities, score_threshold)
    kept = non_max_suppression(boxes, scores, classes if per_class else None, iou_threshold, max_boxes)
    return scores[kept], boxes[kept], classes[kept]
