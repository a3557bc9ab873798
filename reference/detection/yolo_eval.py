"""From what a detector says of every slot of one image to the few boxes it stands by.

    filter_boxes   score = p_c c_k of the likeliest class k (the first of equal ones); stays from the threshold on
    yolo_eval      the boxes that pass the filter, less those that non-max suppression drops, best first

confidence [..], B [.. 4] corners, P [.. k] -> scores [n], boxes [n 4], classes [n], from the slots in their order.
The course suppresses across classes: `per_class=False`. Source: Course 4, week 3, programming assignment.
"""

from reference.detection.suppression import non_max_suppression


def filter_boxes(confidence, B, P, threshold=0.6):
    if P.shape[:-1] != confidence.shape or B.shape != (*confidence.shape, 4):
        shapes = f"{confidence.shape}, {B.shape} and {P.shape}"
        raise ValueError(f"confidence, B and P have shapes {shapes}; expected (..), (.., 4) and (.., k)")
    scores = confidence[..., None] * P
    best = scores.max(axis=-1)
    stays = best >= threshold
    return best[stays], B[stays], scores.argmax(axis=-1)[stays]


def yolo_eval(confidence, B, P, max_boxes=10, score_threshold=0.6, iou_threshold=0.5, per_class=True):
    scores, boxes, classes = filter_boxes(confidence, B, P, score_threshold)
    kept = non_max_suppression(boxes, scores, classes if per_class else None, iou_threshold, max_boxes)
    return scores[kept], boxes[kept], classes[kept]
