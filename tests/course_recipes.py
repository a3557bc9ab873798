"""How our pieces make the figures of the course: one recipe for each of its functions, the same for all columns.

A recipe takes a column and a record and yields dicts of figures, one for each way of computing them.
"""

import numpy as np

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
    yield {"difference": check(col.compiled(J), col.array(theta), col.array(gradient), setting(record, "epsilon"))}


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
