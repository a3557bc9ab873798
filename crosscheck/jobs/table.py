"""The jobs: which net is trained on which data, how, and what it must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Job:
    """One row. Names are dotted below each column, as in `cases/`; a rate of 0 keeps alpha constant.

    image: "h=20 w=20 c=1" if a column of X [n m] is an image; X then is taken as it is, otherwise it is normalized
    optimizer, schedule: hyperparameters beside alpha, which the schedule gives
    target: the held-out accuracy to reach
    """

    name: str
    data: str
    net: str
    arguments: Mapping[str, Any]
    cost: str
    initializer: str
    optimizer: str
    schedule: str
    schedule_arguments: Mapping[str, float]
    batch_size: int
    epochs: int
    target: float
    optimizer_arguments: Mapping[str, float] = field(default_factory=dict)
    image: str = ""


JOBS = (
    Job(
        name="logistic regression, breast cancer",
        data="breast_cancer",
        net="nets.logistic_regression.LogisticRegression",
        arguments={"n_x": 30},
        cost="layers.losses.logistic_loss_from_logits",
        initializer="zeros",
        optimizer="gradient_descent",
        schedule="inverse_time",
        schedule_arguments={"alpha0": 0.5, "rate": 0.0},
        batch_size=456,
        epochs=400,
        target=0.95,
    ),
    Job(
        name="softmax regression, digits",
        data="digits",
        net="nets.softmax_regression.SoftmaxRegression",
        arguments={"n_x": 64, "n_y": 10},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        initializer="small_random",
        optimizer="momentum",
        schedule="inverse_time",
        schedule_arguments={"alpha0": 0.2, "rate": 0.05},
        batch_size=64,
        epochs=30,
        target=0.94,
    ),
    Job(
        name="deep net with batch norm and Adam, digits",
        data="digits",
        net="nets.deep_net.DeepNet",
        arguments={"layer_dims": (64, 48, 32, 10), "batch_norm": True},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        initializer="he",
        optimizer="adam",
        schedule="exponential",
        schedule_arguments={"alpha0": 0.01, "base": 0.95},
        batch_size=64,
        epochs=30,
        target=0.96,
    ),
    Job(
        name="LeNet-5, modernized, digits",
        data="large_digits",
        net="nets.lenet.LeNet5",
        arguments={"activation": "relu", "pool": "max", "h": 2, "w": 2},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        initializer="he",
        optimizer="adam",
        schedule="exponential",
        schedule_arguments={"alpha0": 0.002, "base": 0.85},
        batch_size=32,
        epochs=8,
        target=0.98,
        image="h=20 w=20 c=1",
    ),
    Job(
        name="residual network, digits",
        data="small_digits",
        net="nets.resnet.ResNet",
        arguments={"block": "basic", "layers": (1, 1), "widths": (16, 32), "small_images": True}
        | {"num_classes": 10, "c_prev": 1},
        cost="layers.losses.softmax_cross_entropy_from_logits",
        initializer="he",
        optimizer="adam",
        schedule="exponential",
        schedule_arguments={"alpha0": 0.01, "base": 0.75},
        batch_size=64,
        epochs=4,
        target=0.98,
        image="h=8 w=8 c=1",
    ),
)
