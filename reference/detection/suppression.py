"""Non-max suppression: of boxes that overlap, the best one stays.

    greedy   take the best box left, drop those left whose IoU with it is above the threshold; until none is left
    soft     take the best box left, damp the scores of those left by their IoU with it; until none is left
                 gaussian   s e^(-IoU^2/sigma)          linear   s (1 - IoU) where the IoU is above the threshold

Best is the higher score, and of equal scores the lower index; a box at exactly the threshold stays. With `classes`,
boxes of different classes leave each other alone. IoU > t is decided as |B and D| > t |B or D|, which is exact for
whole numbers and needs no division: an empty box neither drops nor is dropped. A row of overlaps at a time: memory
grows as the number of boxes, not as its square.

B [k 4] corners, scores [k], classes [k].
Sources: Course 4, week 3, "Non-max suppression"; Bodla et al. 2017 (soft-NMS).
"""

import numpy as np

from reference.checks import one_of, positive
from reference.detection.boxes import area, intersection
from reference.detection.checks import corners, finite, fraction, one_each


def ranked(scores):
    """The indices from the best score to the worst, equal ones in their order."""
    return np.argsort(-scores, kind="stable")


def non_max_suppression(B, scores, classes=None, threshold=0.5, limit=None):
    """The indices of the boxes that stay, best first, at most `limit` of them."""
    candidates("B", B, scores, classes)
    fraction("threshold", threshold)
    rest, kept = ranked(scores), []
    boxes, kinds = B[rest], None if classes is None else classes[rest]
    while rest.size and (limit is None or len(kept) < limit):
        kept.append(rest[:1] + 0)  # a view would keep all of `rest`
        stays = ~overlaps(boxes[:1], boxes[1:], threshold)
        if kinds is not None:
            stays = stays | (kinds[1:] != kinds[0])
            kinds = kinds[1:][stays]
        rest, boxes = rest[1:][stays], boxes[1:][stays]
    return np.concatenate(kept) if kept else rest[:0]


def survivors(B, scores, classes=None, threshold=0.5):
    """Whether each box stays [k]."""
    kept = non_max_suppression(B, scores, classes, threshold)
    return (np.arange(len(B))[:, None] == kept).any(axis=1)


def soft_suppression(B, scores, classes=None, sigma=0.5, threshold=0.3, kind="gaussian"):
    """The damped scores [k]: what each box had left when it was taken."""
    candidates("B", B, scores, classes)
    one_of("kind", kind, ("gaussian", "linear"))
    positive("sigma", sigma)
    fraction("threshold", threshold)
    places, left = np.arange(len(B)), np.ones_like(scores, bool)
    for _ in places:
        best = np.where(left, scores.real, -np.inf).argmax()
        left = left & (places != best)
        touched = left if classes is None else left & (classes == classes[best])
        scores = np.where(touched, scores * damping(B[best][None], B, sigma, threshold, kind), scores)
    return scores


def damping(best, B, sigma, threshold, kind):
    common, union = common_and_union(best, B)
    overlap = common / np.where(union > 0, union, 1)
    if kind == "gaussian":
        return np.exp(-overlap * overlap / sigma)
    return np.where(common > threshold * union, 1 - overlap, 1)


def overlaps(best, B, threshold):
    """Whether the IoU of one box [1 4] with each of B [k 4] is above the threshold."""
    common, union = common_and_union(best, B)
    return common > threshold * union


def common_and_union(best, B):
    common = intersection(best, B)[0]
    return common, area(best) + area(B) - common


def candidates(name, B, scores, classes):
    """Boxes with one finite score each, and if given one class each."""
    corners(name, B)
    one_each("scores", scores, name, B)
    finite("scores", scores)
    if classes is not None:
        one_each("classes", classes, name, B)
