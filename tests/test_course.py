"""The figures that the course's own assignments publish, met by every column to the digits published.

tests/data/course.json holds, for each function of courses 1 and 2, its inputs, the published figures and half a unit of
their last place as tolerance. A recipe below says how our pieces make these figures; it runs through all columns alike.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from columns import NAMES, column

RECORDS = {
    record["id"]: record for record in json.loads((Path(__file__).parent / "data" / "course.json").read_text("utf-8"))
}

NOT_IN_PORTS = {
    "c1w2.normalize_rows": "nothing in the columns divides rows by their norm: the figure is NumPy's alone",
    "c1w2.image2vector": "a port's images have other axes, so that it flattens to another order on purpose",
}
NOT_IN_TORCH = {
    "c1w3.planar_model.accuracy": "10000 steps for one figure; c1w3.nn_model.v2019 trains the same net as long",
    "c2w1.model_random.accuracy": "15000 steps for two figures; c2w1.model_he.costs is the same net",
    "c2w2.model_gd.v2019.accuracy": "50000 steps for one figure; c2w2.model_gd.v2021 is the same run",
    "c2w2.model_momentum.v2019.accuracy": "50000 steps for one figure; c2w2.model_momentum_decay_steps has the rule",
    "c2w2.model_adam.v2019.accuracy": "50000 steps for one figure; c2w2.model_adam.v2021 is the same run",
}
BEGUN_IN_TORCH = dict.fromkeys(
    (
        "c2w1.model_he.costs",
        "c2w1.model_zeros",
        "c2w2.model_gd.v2021",
        "c2w2.model_adam.v2021",
        "c2w2.model_gd_decay_every_epoch",
        "c2w2.model_gd_decay_steps",
        "c2w2.model_momentum_decay_steps",
    ),
    "a step takes 0.3 to 1 ms: the costs published at epochs 0 and 1000, not the later ones and the accuracy",
)
BEGUN = 1001  # epochs


# The 1/m


def with_1_over_m(figures, m):
    """The figures in the course's convention, from ours: the only place that knows of the difference.

    The course keeps dA and dZ free of the cost's 1/m and puts it into dW and db; here the cost's pullback brings it
    into dZ, from where it flows on. So dW and db are equal, and the course's dA and dZ are m times ours.
    """
    return {name: value * m if name.startswith(("dA", "dZ")) else value for name, value in figures.items()}


def without_1_over_m(gradient, m):
    """A dA or dZ that the course gives, in our convention."""
    return np.asarray(gradient) / m


# Pieces


def arrays(record):
    return {name: np.asarray(value) for name, value in record["inputs"].items()}


def setting(record, name):
    return record["hyperparameters"][name]


def layer(col, W, b, A_prev):
    """Z of a dense layer, and its pullback dZ -> {"W": dW, "b": db}, dA_prev."""
    n, n_prev = W.shape
    return col.net("layers.dense.Dense", {"n_prev": n_prev, "n": n}, {"W": W, "b": b}, A_prev)


def activation(col, name, Z):
    return col.call(f"layers.activations.{name}", Z)


def in_net(parameters, paths):
    """{"W1": ..., "b1": ...} under the paths of a net: {1: "hidden"} gives {"hidden.W": ..., "hidden.b": ...}."""
    return {
        f"{path}.{kind}": np.asarray(parameters[f"{kind}{l}"], float)
        for l, path in paths.items()
        for kind in ("W", "b")
    }


def from_net(p, paths):
    return {f"{kind}{l}": p[f"{path}.{kind}"] for l, path in paths.items() for kind in ("W", "b")}


SHALLOW = {1: "hidden", 2: "output"}
DEEP = {1: "layers.0.dense", 2: "layers.1.dense", 3: "layers.2.dense"}


def shallow_net(col, parameters, X):
    (n_h, n_x), n_y = np.shape(parameters["W1"]), len(parameters["W2"])
    return col.net("nets.shallow_net.ShallowNet", {"n_x": n_x, "n_h": n_h, "n_y": n_y}, in_net(parameters, SHALLOW), X)


def deep_net(col, parameters, X, keep_prob=1.0, uniforms=None):
    dims = (X.shape[0], *(len(parameters[f"W{l}"]) for l in (1, 2, 3)))
    return col.net(
        "nets.deep_net.DeepNet", {"layer_dims": dims, "keep_prob": keep_prob}, in_net(parameters, DEEP), X, uniforms
    )


def logit(A):
    return np.log(A / (1 - A))


# Recipes, one a function: each yields the figures that one way of computing them gives


def sigmoid(col, record):
    (x,) = arrays(record).values()
    yield {"sigmoid": activation(col, "sigmoid", x)[0]}


def sigmoid_derivative(col, record):
    x = arrays(record)["x"]
    _, back = activation(col, "sigmoid", x)
    yield {"ds": back(np.ones(x.shape))}


def image2vector(col, record):
    from crosscheck.axes import convert

    yield {"v": convert(arrays(record)["image"], "h w c", "(h w c) 1")}


def normalize_rows(col, record):
    x = arrays(record)["x"]
    yield {"x_normalized": x / np.linalg.norm(x, axis=1, keepdims=True)}


def softmax_rows(col, record):
    yield {"softmax": activation(col, "softmax", arrays(record)["x"].T)[0].T}


def l1_loss(col, record):
    difference = arrays(record)["yhat"] - arrays(record)["y"]
    penalty = col.get("training.regularization.l1_penalty")
    J = penalty(col.array(difference), lambd=2, m=1)
    yield {"L1": col.numpy(col.value(J))}


def l2_loss(col, record):
    yhat, y = (arrays(record)[name][None, :] for name in ("yhat", "y"))
    J, _ = col.call("layers.losses.squared_error", yhat, y)
    yield {"L2": 2 * yhat.size * J}  # ours is a mean with one half


def propagate_with(col, function, w, b, X, Y):
    own = (col.array(col.examples(np.asarray(values, float))) for values in (X, Y))
    J, dw, db = col.get(f"nets.logistic_regression.{function}")(col.array(w), col.array(np.float64(b)), *own)
    return {"cost": J, "dw": dw, "db": db}


def propagate(col, record):
    for function in ("propagate", "propagate_loop"):
        yield numpy_figures(col, propagate_with(col, function, **arrays(record)))


def numpy_figures(col, figures):
    return {name: col.numpy(value) for name, value in figures.items()}


def optimize(col, record):
    given, last = arrays(record), {}

    def gradient(p):
        last.update(numpy_figures(col, propagate_with(col, "propagate", p["w"], p["b"], given["X"], given["Y"])))
        return {"w": last["dw"], "b": last["db"]}

    optimizer = col.optimizer("gradient_descent", alpha=setting(record, "learning_rate"))
    start = {"w": given["w"], "b": given["b"]}
    *_, p = col.walk(optimizer, start, gradient, setting(record, "num_iterations"))
    yield p | {"dw": last["dw"], "db": last["db"]}


def predict_logistic(col, record):
    given = arrays(record)
    p = {"dense.W": given["w"].T, "dense.b": given["b"].reshape(1, 1)}
    Z, _ = col.net("nets.logistic_regression.LogisticRegression", {"n_x": len(given["w"])}, p, given["X"])
    yield {"predictions": activation(col, "sigmoid", Z)[0] > 0.5}


def predict_shallow(col, record):
    given = record["inputs"]
    Z, _ = shallow_net(col, given["parameters"], np.array(given["X"]))
    yield {"predictions": activation(col, "sigmoid", Z)[0] > 0.5}


def initial(col, name, noise, **settings):
    W = col.get(f"training.initializers.{name}")(col.array(col.kernel(noise)), **settings)
    return col.kernel(col.numpy(W))


def initialize(col, record):
    random, figures = np.random.RandomState(record["draws"]["seed"]), {}
    for name, _, shape, scale in record["draws"]["order"]:
        noise = random.randn(*shape)
        figures[name] = initial(col, "small_random", noise, scale=scale)
        figures[name.replace("W", "b")] = initial(col, "zeros", noise[:, :1])
    yield figures


def initialize_he(col, record):
    yield {f"W{l}": W for l, W in he_weights(col, record["inputs"]["layer_dims"]).items()}


def he_weights(col, dims):
    random = np.random.RandomState(3)
    return {l: initial(col, "he", random.randn(dims[l], dims[l - 1])) for l in range(1, len(dims))}


def forward_shallow(col, record):
    given = arrays(record)
    Z1, _ = layer(col, given["W1"], given["b1"], given["X"])
    A1, _ = activation(col, "tanh", Z1)
    for Z2, _ in (layer(col, given["W2"], given["b2"], A1), shallow_net(col, given, given["X"])):
        figures = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": activation(col, "sigmoid", Z2)[0]}
        yield figures | {f"mean_{name}": value.mean() for name, value in figures.items()}


def cross_entropy(col, record):
    Y, A = (given := arrays(record)).pop("Y"), *given.values()
    yield {"cost": col.call("layers.losses.logistic_loss", A, Y)[0]}
    yield {"cost": col.call("layers.losses.logistic_loss_from_logits", logit(A), Y)[0]}


def backward_shallow(col, record):
    """The activations are given, so each pullback is taken where they would come from: tanh at artanh(A1)."""
    given = arrays(record)
    _, back_cost = col.call("layers.losses.logistic_loss_from_logits", logit(given["A2"]), given["Y"])
    _, back_output = layer(col, given["W2"], np.zeros((1, 1)), given["A1"])
    _, back_tanh = activation(col, "tanh", np.arctanh(given["A1"]))
    _, back_hidden = layer(col, given["W1"], np.zeros((4, 1)), given["X"])
    d2, dA1 = back_output(back_cost(np.array(1.0)))
    d1, _ = back_hidden(back_tanh(dA1))
    yield with_1_over_m({"dW1": d1["W"], "db1": d1["b"], "dW2": d2["W"], "db2": d2["b"]}, m=3)


def linear_forward(col, record):
    given = arrays(record)
    b, W = given.pop("b"), given.pop("W")
    (A_prev,) = given.values()
    Z, _ = layer(col, W, b, A_prev)
    yield {"Z": Z, "Y": Z} | {f"A_{g}": activation(col, g, Z)[0] for g in ("sigmoid", "relu")}


def forward_deep(col, record):
    given = arrays(record)
    A, figures = given["X"], {}
    for l, g in ((1, "relu"), (2, "relu"), (3, "sigmoid")):
        Z, _ = layer(col, given[f"W{l}"], given[f"b{l}"], A)
        A, _ = activation(col, g, Z)
        figures |= {f"Z{l}": Z, f"A{l}": A}
    yield figures | {"AL": A}
    Z, _ = deep_net(col, given, given["X"])
    yield {"Z3": Z, "AL": activation(col, "sigmoid", Z)[0]}


def linear_backward(col, record):
    given = arrays(record)
    m = given["dZ"].shape[1]
    _, back = layer(col, given["W"], given["b"], given["A"])
    dp, dA_prev = back(without_1_over_m(given["dZ"], m))
    yield with_1_over_m({"dA_prev": dA_prev, "dW": dp["W"], "db": dp["b"]}, m)


def linear_activation_backward(col, record):
    given, figures = arrays(record), {}
    m = given["dA"].shape[1]
    _, back_linear = layer(col, given["W"], given["b"], given["A"])
    for g in ("sigmoid", "relu"):
        _, back = activation(col, g, given["Z"])
        dp, dA_prev = back_linear(back(without_1_over_m(given["dA"], m)))
        figures |= {f"dA_prev_{g}": dA_prev, f"dW_{g}": dp["W"], f"db_{g}": dp["b"]}
    yield with_1_over_m(figures, m)


def backward_deep(col, record):
    """AL is an arbitrary draw, even outside (0, 1) where no cost is defined; the recipe gives its gradient."""
    given = arrays(record)
    AL, Y, m = given["AL"], np.array([[1, 0]]), 2
    dAL = without_1_over_m(-(Y / AL - (1 - Y) / (1 - AL)), m)
    _, back_sigmoid = activation(col, "sigmoid", given["Z2"])
    _, back_2 = layer(col, given["W2"], given["b2"], given["A2"])
    _, back_relu = activation(col, "relu", given["Z1"])
    _, back_1 = layer(col, given["W1"], given["b1"], given["A1"])
    d2, dA1 = back_2(back_sigmoid(dAL))
    d1, dA0 = back_1(back_relu(dA1))
    figures = {"dA1": dA1, "dW2": d2["W"], "db2": d2["b"], "dA0": dA0, "dW1": d1["W"], "db1": d1["b"]}
    yield with_1_over_m(figures, m)


def l2(col, W, lambd, m):
    """The penalty and its gradient by W."""
    penalty = col.get("training.regularization.l2_penalty")
    J = col.value(penalty(col.array(W), lambd, m))
    return col.numpy(J), col.numpy(col.slope(lambda W: penalty(W, lambd, m), col.array(W)))


def cost_with_l2(col, record):
    given = arrays(record)
    J, _ = col.call("layers.losses.logistic_loss", given["A3"], given["Y"])
    penalties = [l2(col, given[f"W{l}"], setting(record, "lambd"), m=5)[0] for l in (1, 2, 3)]
    yield {"cost": J + sum(penalties)}


def backward_with_l2(col, record):
    given, m = arrays(record), 5
    _, back_cost = col.call("layers.losses.logistic_loss_from_logits", logit(given["A3"]), given["Y"])
    figures, dZ = {}, back_cost(np.array(1.0))
    for l, A_prev in ((3, given["A2"]), (2, given["A1"]), (1, given["X"])):
        W = given[f"W{l}"]
        _, back = layer(col, W, np.zeros((len(W), 1)), A_prev)
        dp, dA_prev = back(dZ)
        _, dW_penalty = l2(col, W, setting(record, "lambd"), m)
        figures |= {f"dZ{l}": dZ, f"dW{l}": dp["W"] + dW_penalty, f"db{l}": dp["b"]}
        if l > 1:
            _, back_relu = activation(col, "relu", A_prev)  # relu'(Z) is relu'(A)
            figures[f"dA{l - 1}"], dZ = dA_prev, back_relu(dA_prev)
    yield with_1_over_m(figures, m)


def forward_with_dropout(col, record):
    given, keep_prob, random = arrays(record), setting(record, "keep_prob"), np.random.RandomState(1)
    A, figures, uniforms = given["X"], {}, {}
    for l in (1, 2):
        Z, _ = layer(col, given[f"W{l}"], given[f"b{l}"], A)
        A, _ = activation(col, "relu", Z)
        U = uniforms[f"layers.{l - 1}.dropout"] = random.rand(*A.shape)
        A, D = (col.net("layers.dropout.Dropout", {"keep_prob": keep_prob}, {}, X, {"": U})[0] for X in (A, A * 0 + 1))
        figures |= {f"Z{l}": Z, f"D{l}": D > 0, f"A{l}": A}
    for Z3, _ in (layer(col, given["W3"], given["b3"], A), deep_net(col, given, given["X"], keep_prob, uniforms)):
        yield figures | {"Z3": Z3, "A3": activation(col, "sigmoid", Z3)[0]}


def forward_1d(col, record):
    x, theta = (np.array([[record["inputs"][name]]], float) for name in ("x", "theta"))
    J, _ = layer(col, theta, np.zeros((1, 1)), x)
    yield {"J": J[0, 0]}


def gradient_check_1d(col, record):
    x, theta = record["inputs"]["x"], np.array([float(record["inputs"]["theta"])])
    _, back = layer(col, theta[:, None], np.zeros((1, 1)), np.array([[float(x)]]))
    dtheta = back(np.ones((1, 1)))[0]["W"][0]
    check = col.get("training.gradient_check.gradient_check")
    ratio = check(lambda theta: theta[0] * x, col.array(theta), col.array(dtheta), setting(record, "epsilon"))
    yield {"difference": ratio}


def gradient_check_n(col, record):
    """theta is W1, b1, W2, b2, W3, b3 in a row; the cost is from probabilities, whose rounding the figure shows."""
    given = {name: np.asarray(value, float) for name, value in record["inputs"].items()}
    X, Y = given.pop("x"), given.pop("Y")
    names = ("W1", "b1", "W2", "b2", "W3", "b3")
    cuts = np.cumsum([given[name].size for name in names])
    net = col.forward("nets.deep_net.DeepNet", {"layer_dims": (4, 5, 3, 1)})
    cost = col.get("layers.losses.logistic_loss")

    def J(theta):
        pieces = (theta[end - given[name].size : end].reshape(given[name].shape) for name, end in zip(names, cuts))
        p = dict(zip(in_net(given, DEEP), pieces))
        Z = col.value(net(p, col.array(X)))
        A = col.value(col.get("layers.activations.sigmoid")(Z))
        return col.value(cost(col.examples(A), col.array(col.examples(Y))))

    Z, back = deep_net(col, given, X)
    dp, _ = back(col.call("layers.losses.logistic_loss_from_logits", Z, Y)[1](np.array(1.0)))
    gradients = from_net(dp, DEEP)
    if "planted" in record["id"]:
        gradients |= {"W2": 2 * gradients["W2"], "b1": 4 * gradients["b1"]}
    theta, gradient = (np.concatenate([part[name].ravel() for name in names]) for part in (given, gradients))
    check = col.get("training.gradient_check.gradient_check")
    yield {"difference": check(J, col.array(theta), col.array(gradient), setting(record, "epsilon"))}


def update_rule(rule, *moments):
    """The recipe of one step of the rule, whose moments are published too."""

    def recipe(col, record):
        given = record["inputs"].get("parameters", {}) | record["inputs"].get("grads", {}) or record["inputs"]
        names = [name for name in given if not name.startswith("d")]
        p, g = ({name: np.array(given[d + name]) for name in names} for d in ("", "d"))
        settings = {
            name: value for name, value in record["hyperparameters"].items() if name.startswith(("beta", "eps"))
        }
        optimizer = col.optimizer(rule, alpha=setting(record, "learning_rate"), **settings)
        p, state = col.step(optimizer, p, g, record["hyperparameters"].get("t", 1))
        figures = {f"{moment}_d{name}": state[moment][name] for moment in moments for name in names}
        if rule == "adam":
            p = {name: p[name] + epsilon_moved_inside(record, **{m: state[m][name] for m in "vs"}) for name in names}
        yield p | figures

    return recipe


def epsilon_moved_inside(record, v, s):
    """What to add to our step: the published one divides by sqrt(s + epsilon), against the formula above it."""
    t, alpha, beta1, beta2, epsilon = (
        setting(record, name) for name in ("t", "learning_rate", "beta1", "beta2", "epsilon")
    )
    v, s = v / (1 - beta1**t), s / (1 - beta2**t)
    return alpha * v / (np.sqrt(s) + epsilon) - alpha * v / np.sqrt(s + epsilon)


def random_mini_batches(col, record):
    given = arrays(record) if "inputs" in record else drawn_for_batches(record)
    X, Y = (given[name].astype(float) for name in ("X", "Y"))
    order = np.random.RandomState(setting(record, "seed")).permutation(X.shape[1])
    own = (col.array(col.examples(values)) for values in (X, Y))
    batches = col.get("training.mini_batches.mini_batches")(*own, setting(record, "mini_batch_size"), order)
    figures = {}
    for t, (X_t, Y_t) in enumerate(batches, start=1):
        X_t, Y_t = (col.examples(col.numpy(values)) for values in (X_t, Y_t))
        figures |= {f"X{t}": X_t, f"Y{t}": Y_t, f"shape_{t}": X_t.shape, "last": X_t[-1, :3]}
    yield figures | {"sanity": figures["X1"][0, :3], "first": figures["X1"][0, :3]}


def drawn_for_batches(record):
    if "arange" in record["id"]:
        return {"X": np.arange(12288)[:, None] + 12288 * np.arange(148)[None, :], "Y": np.zeros((1, 148))}
    random = np.random.RandomState(1)
    return {"X": random.randn(12288, 148), "Y": random.randn(1, 148) < 0.5}


def decay_by_epoch(col, record):
    given = record["inputs"]
    alpha = col.get("training.schedules.inverse_time")(given["learning_rate0"], given["decay_rate"])
    yield {"lr": alpha(given["epoch_num"])}


def decay_in_steps(col, record):
    staircase = col.get("training.schedules.staircase")
    cases = record["inputs"]["cases"]
    yield {"lr": [staircase(lr0, rate, interval)(epoch) for lr0, epoch, rate, interval in cases]}


def cross_entropy_each(col, record):
    given = arrays(record)
    costs = [
        col.call("layers.losses.logistic_loss_from_logits", *np.reshape(pair, (2, 1, 1)))[0]
        for pair in zip(given["logits"], given["labels"])
    ]
    yield {"cost": costs}


def softmax_cross_entropy(col, record):
    Z, classes = arrays(record).values()
    Y = np.eye(len(Z))[:, classes]
    cost = "layers.losses.softmax_cross_entropy"
    one = [slice(i, i + 1) for i in range(Z.shape[1])]
    yield {
        "per_example": [col.call(f"{cost}_from_logits", Z[:, i], Y[:, i])[0] for i in one],
        "mean": col.call(f"{cost}_from_logits", Z, Y)[0],
    }
    A, _ = activation(col, "softmax", Z)
    yield {"per_example": [col.call(cost, A[:, i], Y[:, i])[0] for i in one], "mean": col.call(cost, A, Y)[0]}


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
def moon_run(col, rule, alpha0, decay, epochs, keep, settings):
    """Costs and kept parameters of a run on the moons in batches of 64; runs that share their beginning are one run."""
    X, Y = moons()
    weights = {f"W{l}": W for l, W in he_weights(col, (2, 5, 2, 1)).items()}
    orders = np.array([np.random.RandomState(11 + epoch).permutation(300) for epoch in range(epochs)])
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


RECIPES = {
    "sigmoid": sigmoid,
    "sigmoid_derivative": sigmoid_derivative,
    "image2vector": image2vector,
    "normalizeRows": normalize_rows,
    "softmax": softmax_rows,
    "L1 loss": l1_loss,
    "L2 loss": l2_loss,
    "propagate (logistic regression cost and gradient)": propagate,
    "optimize (gradient descent for logistic regression)": optimize,
    "predict (logistic regression)": predict_logistic,
    "initialize_parameters (2-layer)": initialize,
    "forward_propagation (tanh hidden, sigmoid out)": forward_shallow,
    "compute_cost (binary cross-entropy, mean over examples)": cross_entropy,
    "backward_propagation (2-layer)": backward_shallow,
    "update_parameters": update_rule("gradient_descent"),
    "nn_model (2-layer net trained 10000 steps)": shallow_model,
    "predict (2-layer)": predict_shallow,
    "nn_model on the two-petal flower data (accuracy)": flower_model,
    "initialize_parameters_deep": initialize,
    "linear_forward": linear_forward,
    "linear_activation_forward": linear_forward,
    "L_model_forward (relu, relu, sigmoid)": forward_deep,
    "compute_cost (mean binary cross-entropy)": cross_entropy,
    "linear_backward": linear_backward,
    "linear_activation_backward": linear_activation_backward,
    "L_model_backward": backward_deep,
    "initialize_parameters_random": initialize,
    "initialize_parameters_he": initialize_he,
    "compute_cost_with_regularization": cost_with_l2,
    "backward_propagation_with_regularization": backward_with_l2,
    "forward_propagation_with_dropout": forward_with_dropout,
    "forward_propagation (J = theta x)": forward_1d,
    "gradient_check (one dimension)": gradient_check_1d,
    "gradient_check_n": gradient_check_n,
    "update_parameters_with_gd": update_rule("gradient_descent"),
    "update_parameters_with_momentum": update_rule("momentum", "v"),
    "update_parameters_with_adam": update_rule("adam", "v", "s"),
    "random_mini_batches": random_mini_batches,
    "learning-rate decay by epoch": decay_by_epoch,
    "learning-rate decay in steps": decay_in_steps,
    "3-layer relu net, He initialisation": circle_model(he_weights),
    "3-layer relu net, large random initialisation": circle_model(large_weights),
    "3-layer relu net, zero initialisation": circle_model(zero_weights),
    "mini-batch training with gd": moon_model("gradient_descent"),
    "mini-batch training with momentum": moon_model("momentum"),
    "mini-batch training with adam": moon_model("adam"),
    "mini-batch gradient descent with 1/(1+epoch) decay": moon_model("gradient_descent", "inverse_time"),
    "mini-batch gd with step decay": moon_model("gradient_descent", "staircase"),
    "mini-batch momentum with step decay": moon_model("momentum", "staircase"),
    "linear_function": linear_forward,
    "cost (sigmoid cross-entropy with logits)": cross_entropy_each,
    "compute_cost (softmax cross-entropy with logits)": softmax_cross_entropy,
}


# The tests


def checked_in(name):
    """The records that the column of this name is held to."""
    left_out = {"reference": {}, "torch_impl": NOT_IN_PORTS | NOT_IN_TORCH, "jax_impl": NOT_IN_PORTS}[name]
    return [record_id for record_id in RECORDS if record_id not in left_out]


def expected_in(name, record):
    if name == "torch_impl" and record["id"] in BEGUN_IN_TORCH:
        return {"costs": record["expected"]["costs"][:2]}
    return record["expected"]


def hold(name, record_id):
    """Every published figure of the record, by each way that its recipe computes it."""
    record, met = RECORDS[record_id], set()
    expected = expected_in(name, record)
    for figures in RECIPES[record["function"]](column(name), record):
        for figure in expected.keys() & figures.keys():
            met.add(figure)
            compare(f"{record_id} {figure} ({name})", figures[figure], expected[figure], **record["tolerance"][figure])
    assert met == set(expected), f"{record_id}: nothing computes {set(expected) - met}"


def compare(what, got, expected, atol, rtol):
    got, expected = np.asarray(got, float), np.asarray(expected, float)
    assert got.shape == expected.shape, f"{what} has shape {got.shape}; published is {expected.shape}"
    error, allowed = np.abs(got - expected), atol + rtol * np.abs(expected)
    assert np.all(error <= allowed), f"{what} is {got}; published is {expected}; error {error.max()}"


@pytest.mark.parametrize(("name", "record_id"), [(name, record_id) for name in NAMES for record_id in checked_in(name)])
def test_published_figures_are_met(name, record_id):
    hold(name, record_id)


def test_no_record_is_without_a_check():
    assert (len(RECORDS), sum(record["n_figures"] for record in RECORDS.values())) == (69, 868)
    assert {record["function"] for record in RECORDS.values()} == set(RECIPES)
    assert checked_in("reference") == list(RECORDS)
    for exceptions in (NOT_IN_PORTS, NOT_IN_TORCH, BEGUN_IN_TORCH):
        assert exceptions.keys() <= RECORDS.keys()
        assert all(exceptions.values()), "an exception has a reason"


@pytest.mark.parametrize("record_id", [name for name, record in RECORDS.items() if "draws" in record])
def test_the_inputs_are_the_draws_of_the_assignment(record_id):
    record = RECORDS[record_id]
    random = np.random.RandomState(record["draws"]["seed"])
    for name, kind, shape, *_ in record["draws"]["order"]:
        drawn = getattr(random, kind)(*shape)
        if name in record["inputs"]:
            np.testing.assert_allclose(drawn, record["inputs"][name], rtol=1e-15)


@pytest.mark.parametrize(
    ("record_id", "convention", "without"),
    [
        ("c1w4.linear_backward", "with_1_over_m", lambda figures, m: figures),
        ("c1w4.linear_backward", "without_1_over_m", lambda gradient, m: np.asarray(gradient)),
        ("c2w1.backward_with_l2", "with_1_over_m", lambda figures, m: figures),
        ("c2w2.adam.v2019", "epsilon_moved_inside", lambda record, v, s: 0),
    ],
)
def test_the_figures_refuse_another_convention(monkeypatch, record_id, convention, without):
    hold("reference", record_id)
    monkeypatch.setitem(globals(), convention, without)
    with pytest.raises(AssertionError, match=record_id):
        hold("reference", record_id)
