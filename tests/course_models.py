"""The models that the course trains on points in the plane: their data, their training, recipes of their figures."""

from functools import cache

import numpy as np
from course_recipes import DEEP, SHALLOW, arrays, deep_net, from_net, he_weights, in_net, initial, setting, shallow_net

BEGUN_IN_TORCH = dict.fromkeys(
    (
        "c2w1.model_he.costs",
        "c2w1.model_zeros",
        "c2w2.model_gd.v2021",
        "c2w2.model_adam.v2021",
        "c2w2.model_gd_decay_every_epoch",
        "c2w2.model_momentum_decay_steps",
    ),
    "a step takes 0.3 to 1 ms: the costs published at epochs 0 and 1000, not the later ones and the accuracy",
)
BEGUN = 1001  # epochs


# Data of the trained models: points in the plane, two classes


def shuffled_with_noise(random, points, labels, scale):
    order = np.arange(len(labels))
    random.shuffle(order)
    return (points[order] + random.normal(scale=scale, size=points.shape)).T, labels[order][None, :].astype(float)


def circles(seed, m):
    angle, labels = np.linspace(0, 2 * np.pi, m // 2, endpoint=False), np.repeat([0, 1], m // 2)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    return shuffled_with_noise(np.random.RandomState(seed), np.vstack([ring, 0.8 * ring]), labels, 0.05)


def moons():
    t, labels = np.linspace(0, np.pi, 150), np.repeat([0, 1], 150)
    points = np.vstack([np.column_stack([np.cos(t), np.sin(t)]), np.column_stack([1 - np.cos(t), 0.5 - np.sin(t)])])
    return shuffled_with_noise(np.random.RandomState(3), points, labels, 0.2)


def flower():
    random, points = np.random.RandomState(1), []
    for j in (0, 1):
        angle = np.linspace(3.12 * j, 3.12 * (j + 1), 200) + 0.2 * random.randn(200)
        radius = 4 * np.sin(4 * angle) + 0.2 * random.randn(200)
        points.append(np.vstack([radius * np.sin(angle), radius * np.cos(angle)]))
    return np.hstack(points), np.repeat([[0.0, 1.0]], 200, axis=1)


# Trained models


def full_batch(m, steps):
    """One batch of all examples, as they are, for every step."""
    return np.tile(np.arange(m), (steps, 1))


def accuracy(Z, Y):
    return np.mean((Z > 0) == (Y == 1))


def length(col, record, epochs):
    return BEGUN if col.name == "torch_impl" and record["id"] in BEGUN_IN_TORCH else epochs


def train_shallow(col, X, Y, n_h, alpha, steps):
    """The course's two-layer model: its costs, and its parameters at the end as W1, b1, W2, b2."""
    random = np.random.RandomState(2)
    W1, W2 = (initial(col, "small_random", random.randn(*shape)) for shape in ((n_h, len(X)), (1, n_h)))
    p = in_net({"W1": W1, "b1": 0 * W1[:, :1], "W2": W2, "b2": 0 * W2[:, :1]}, SHALLOW)
    net = "nets.shallow_net.ShallowNet", {"n_x": len(X), "n_h": n_h}
    orders = full_batch(X.shape[1], steps)
    costs, kept = col.train(*net, p, X, Y, orders, X.shape[1], lambda epoch: alpha, keep=(steps,))
    return costs, from_net(kept[steps], SHALLOW)


def shallow_model(col, record):
    given = arrays(record)
    settings = (setting(record, name) for name in ("n_h", "learning_rate", "num_iterations"))
    costs, parameters = train_shallow(col, given["X"], given["Y"].astype(float), *settings)
    yield parameters | {"cost_0": costs[0]}


def flower_model(col, record):
    X, Y = flower()
    settings = (setting(record, name) for name in ("n_h", "learning_rate", "num_iterations"))
    _, parameters = train_shallow(col, X, Y, *settings)
    yield {"accuracy_percent_floor": np.floor(100 * accuracy(shallow_net(col, parameters, X)[0], Y))}


def train_deep(col, weights, X, Y, orders, size, alpha, keep, **settings):
    """The course's three-layer model from the given W's and zero b's: costs, and parameters {epochs: {"W1": ...}}."""
    p = in_net(weights | {f"b{l}": np.zeros((len(weights[f"W{l}"]), 1)) for l in (1, 2, 3)}, DEEP)
    dims = (len(X), *(len(weights[f"W{l}"]) for l in (1, 2, 3)))
    net = "nets.deep_net.DeepNet", {"layer_dims": dims}
    costs, kept = col.train(*net, p, X, Y, orders, size, alpha, keep=keep, **settings)
    return costs, {epochs: from_net(p, DEEP) for epochs, p in kept.items()}


def circle_model(start):
    """The recipe of the model trained on circles, from the weights that `start(col, dims)` gives."""

    def recipe(col, record):
        dims, steps = setting(record, "layers_dims"), length(col, record, setting(record, "num_iterations"))
        (X, Y), (X_test, Y_test) = circles(1, 300), circles(2, 100)
        weights = {f"W{l}": W for l, W in start(col, dims).items()}
        alpha = setting(record, "learning_rate")
        costs, kept = train_deep(col, weights, X, Y, full_batch(300, steps), 300, lambda epoch: alpha, keep=(steps,))
        yield {
            "costs": costs[::1000],
            "train_accuracy": accuracy(deep_net(col, kept[steps], X)[0], Y),
            "test_accuracy": accuracy(deep_net(col, kept[steps], X_test)[0], Y_test),
        }

    return recipe


def large_weights(col, dims):
    random = np.random.RandomState(3)
    return {l: initial(col, "small_random", random.randn(dims[l], dims[l - 1]), scale=10) for l in range(1, len(dims))}


def zero_weights(col, dims):
    return {l: initial(col, "zeros", np.ones((dims[l], dims[l - 1]))) for l in range(1, len(dims))}


@cache
def shuffles(epochs):
    """A permutation of the 300 moons for each epoch, drawn from its own seed, 11 and up."""
    return np.array([np.random.RandomState(11 + epoch).permutation(300) for epoch in range(epochs)])


@cache
def moon_run(col, rule, alpha0, decay, epochs, keep, settings):
    """Costs and kept parameters of a run on the moons in batches of 64; runs that share their beginning are one run."""
    X, Y = moons()
    weights = {f"W{l}": W for l, W in he_weights(col, (2, 5, 2, 1)).items()}
    orders = shuffles(10000)[:epochs]
    schedule = col.get(f"training.schedules.{decay[0]}")(alpha0, *decay[1:]) if decay else lambda epoch: alpha0
    return train_deep(
        col,
        weights,
        X,
        Y,
        orders,
        64,
        lambda epoch: schedule((epoch - 1) * (epoch > 0)),  # the rate of an epoch is set after the one before
        keep,
        rule=rule,
        **dict(settings),
    )


def moon_model(rule, decay=None):
    """The recipe of the model trained on the moons; without decay the runs of 5000 epochs begin those of 10000."""

    def recipe(col, record):
        given = record["hyperparameters"]
        names = {"gradient_descent": (), "momentum": ("beta",), "adam": ("beta1", "beta2", "epsilon")}[rule]
        settings = tuple((name, given[name]) for name in names if name in given)
        decay_settings = tuple(given[name] for name in ("decay_rate", "time_interval") if name in given)
        epochs, longest = (length(col, record, n) for n in (given["num_epochs"], 5000 if decay else 10000))
        costs, kept = moon_run(
            col,
            rule,
            given["learning_rate"],
            (decay, *decay_settings) if decay else None,
            longest,
            tuple(sorted({min(5000, longest), longest})),
            settings,
        )
        X, Y = moons()
        share = accuracy(deep_net(col, kept[epochs], X)[0], Y)
        yield {"costs": costs[:epochs:1000], "accuracy": share, "accuracy_percent": 100 * share}

    return recipe
