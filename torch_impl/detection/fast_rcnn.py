"""Fast R-CNN's two heads: of each region, what it is (class 0 is background) and where exactly its box is.

Each class of objects has deltas of its own, [r (k 4)]; a class c of the labels is column c + 1 of the scores.
"""

import torch
import torch.nn.functional as F
from torch import nn

from torch_impl.detection.box_deltas import decode, encode
from torch_impl.detection.checks import class_numbers
from torch_impl.detection.checks import fraction as a_fraction
from torch_impl.detection.matching import held, match, sample
from torch_impl.detection.proposals import inside
from torch_impl.detection.suppression import non_max_suppression
from torch_impl.detection.weighted_losses import weighted_cross_entropy, weighted_smooth_l1
from torch_impl.layers.dense import Dense
from torch_impl.layers.flatten import Flatten

WEIGHTS = (10, 10, 5, 5)


class FastRCNNHead(nn.Module):
    def __init__(self, num_classes: int, c: int, f: int = 7, hidden: int = 1024):
        super().__init__()
        self.flatten = Flatten()
        self.fc1 = Dense(c * f * f, hidden)
        self.scores = Dense(hidden, 1 + num_classes)
        self.deltas = Dense(hidden, 4 * num_classes)

    def forward(self, x):
        x = torch.relu(self.fc1(self.flatten(x)))
        return self.scores(x), self.deltas(x)


def fast_rcnn_loss(
    scores, deltas, proposals, boxes, classes, order, count=16, fraction=0.25, positive=0.5, negative=0.5
):
    """Boxes [m n 4] are objects, none if of class -1 [m n]; of each image `count` proposals are sampled, by `order`."""
    k = class_count(scores, deltas)
    class_numbers("classes", classes, k, least=-1)
    matched = match(proposals, boxes, classes >= 0, positive, negative, rescue=False)
    chosen = sample(matched, order, count, fraction)
    none = classes.new_full((*matched.shape, 1), -1)
    u = 1 + held(classes[..., None], matched, none).long().flatten()
    n = chosen.sum().clamp(min=1).to(scores.dtype)  # whole numbers are divided in float32, whatever the scores
    J_class = weighted_cross_entropy(scores, F.one_hot(u, 1 + k), chosen.view(-1, 1) / n)
    target = encode(held(boxes, matched, proposals), proposals, WEIGHTS).view(-1, 4)
    with_object = chosen.flatten() & (u > 0)
    own = deltas.view(-1, k, 4)[with_object, u[with_object] - 1]
    return J_class + weighted_smooth_l1(own, target[with_object], 1 / n)


def detections(scores, deltas, proposals, image, least=0.5, threshold=0.5):
    """Of scores [r 1+k], deltas [r (k 4)] and proposals [r 4]: those of a probability of at least `least`."""
    k = class_count(scores, deltas)
    a_fraction("least", least)
    probability = torch.softmax(scores, dim=1)[:, 1:].flatten()
    boxes = inside(decode(deltas.view(-1, 4), proposals.repeat_interleave(k, dim=0), WEIGHTS), image)
    classes = torch.arange(k, device=scores.device).repeat(len(proposals))
    likely = probability >= least
    boxes, classes, probability = boxes[likely], classes[likely], probability[likely]
    kept = non_max_suppression(boxes, probability, classes, threshold)
    return torch.cat([boxes, probability[:, None], classes[:, None]], dim=1)[kept]


def class_count(scores, deltas):
    k = scores.shape[1] - 1
    if k < 1 or deltas.shape[1] != 4 * k:
        shapes = tuple(deltas.shape), tuple(scores.shape)
        raise ValueError(
            f"deltas has shape {shapes[0]}; expected 4 columns for each class of scores {shapes[1]} but one"
        )
    return k
