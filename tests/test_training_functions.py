"""Every training function of the three columns against its formula, worked out here by hand."""

import numpy as np
import pytest
from columns import NAMES, column

RNG = np.random.default_rng


@pytest.fixture(params=NAMES)
def col(request):
    return column(request.param)


def same(got, expected, tolerance=1e-12):
    """Equal up to `tolerance` of the largest expected value."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= tolerance * np.abs(expected).max(), f"{got} is not {expected}"


# Optimizers: 25 steps on a random quadratic, by hand for one vector of parameters theta

STEPS = 25
HESSIAN = (lambda R: R @ R.T / 7 + np.eye(7))(RNG(1).standard_normal((7, 7)))
LOWEST = RNG(2).standard_normal(7)
START = RNG(3).standard_normal(7)


def gradient(theta):
    return HESSIAN @ (theta - LOWEST)


def split(theta):
    return {"fc.W": theta[:6].reshape(2, 3), "fc.b": theta[6:].reshape(1, 1)}


def join(p):
    return np.concatenate([p["fc.W"].ravel(), p["fc.b"].ravel()])


def by_hand(move):
    """The points that `move(theta, g, t, v, s) -> theta, v, s` visits."""
    theta, v, s, points = START, np.zeros(7), np.zeros(7), []
    for t in range(1, STEPS + 1):
        theta, v, s = move(theta, gradient(theta), t, v, s)
        points.append(theta)
    return np.array(points)


def of_column(col, optimizer):
    return np.array([join(p) for p in col.walk(optimizer, split(START), lambda p: split(gradient(join(p))), STEPS)])


def descend(theta, g, t, v, s):
    return theta - 0.05 * g, v, s


def momentum(theta, g, t, v, s, beta=0.8, gain=0.2):
    v = beta * v + gain * g
    return theta - 0.05 * v, v, s


def nesterov(theta, g, t, v, s):
    v = 0.8 * v + 0.2 * g
    return theta - 0.05 * (0.8 * v + 0.2 * g), v, s


def rmsprop(theta, g, t, v, s, epsilon_inside=False):
    s = 0.8 * s + 0.2 * g**2
    root = np.sqrt(s + 0.01) if epsilon_inside else np.sqrt(s) + 0.01
    return theta - 0.05 * g / root, v, s


def adam(theta, g, t, v, s, lambd=0.0, coupled=False, correct=True, epsilon_inside=False):
    g = g + lambd * theta if coupled else g
    v, s = 0.8 * v + 0.2 * g, 0.95 * s + 0.05 * g**2
    v_hat, s_hat = (v / (1 - 0.8**t), s / (1 - 0.95**t)) if correct else (v, s)
    root = np.sqrt(s_hat + 0.01) if epsilon_inside else np.sqrt(s_hat) + 0.01
    return theta - 0.05 * v_hat / root - (0 if coupled else 0.05 * lambd * theta), v, s


def adamw(theta, g, t, v, s):
    return adam(theta, g, t, v, s, lambd=0.3)


ADAM = {"beta1": 0.8, "beta2": 0.95, "epsilon": 0.01}
RULES = {
    "gradient_descent": (descend, {}),
    "momentum": (momentum, {"beta": 0.8}),
    "nesterov": (nesterov, {"beta": 0.8}),
    "rmsprop": (rmsprop, {"beta": 0.8, "epsilon": 0.01}),
    "adam": (adam, ADAM),
    "adamw": (adamw, ADAM | {"lambd": 0.3}),
}
LOOKALIKES = {
    "momentum without (1 - beta)": ("momentum", lambda *x: momentum(*x, gain=1)),
    "momentum whose first velocity is the gradient": (
        "momentum",
        lambda theta, g, t, v, s: momentum(theta, g, t, v, s, gain=1 if t == 1 else 0.2),
    ),
    "momentum with the roles of beta and 1 - beta changed": ("momentum", lambda *x: momentum(*x, beta=0.2, gain=0.8)),
    "momentum for nesterov": ("nesterov", momentum),
    "rmsprop with epsilon inside the root": ("rmsprop", lambda *x: rmsprop(*x, epsilon_inside=True)),
    "adam with epsilon inside the root": ("adam", lambda *x: adam(*x, epsilon_inside=True)),
    "adam without bias correction": ("adam", lambda *x: adam(*x, correct=False)),
    "adam counting t from 0": ("adam", lambda theta, g, t, v, s: adam(theta, g, t + 1, v, s)),
    "adamw with the decay in the gradient": ("adamw", lambda *x: adam(*x, lambd=0.3, coupled=True)),
    "adamw without decay": ("adamw", adam),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_trajectory_is_the_one_worked_out_by_hand(col, rule):
    move, settings = RULES[rule]
    same(of_column(col, col.optimizer(rule, alpha=0.05, **settings)), by_hand(move), 1e-13)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_a_lookalike_of_the_rule_goes_elsewhere(col, name):
    rule, move = LOOKALIKES[name]
    got = of_column(col, col.optimizer(rule, alpha=0.05, **RULES[rule][1]))
    assert np.abs(got - by_hand(move)).max() > 1e-4


def test_what_torch_calls_momentum_is_another_rule():
    torch = pytest.importorskip("torch")
    points = of_column(column("torch_impl"), lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.8))
    assert np.abs(points - by_hand(momentum)).max() > 0.1
    same(points, by_hand(lambda *x: momentum(*x, gain=1)), 1e-13)


def test_what_optax_calls_rmsprop_is_another_rule():
    jax, optax = column("jax_impl"), pytest.importorskip("optax")
    points = of_column(jax, optax.rmsprop(0.05, decay=0.8, eps=0.01))
    assert np.abs(points - by_hand(rmsprop)).max() > 1e-4
    same(points, by_hand(lambda *x: rmsprop(*x, epsilon_inside=True)), 1e-13)


@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
def test_beta_zero_is_gradient_descent(col, rule):
    same(of_column(col, col.optimizer(rule, alpha=0.05, beta=0)), by_hand(descend), 1e-13)


@pytest.mark.parametrize("rule", RULES)
def test_the_reference_steps_without_touching_what_it_was_given(rule):
    optimizer = column("reference").optimizer(rule, alpha=0.05)
    p, g = split(START.copy()), split(gradient(START))
    state = optimizer.init(p)
    for values in (p, g, *(state[moment] for moment in state if moment != "t")):
        for value in values.values():
            value.flags.writeable = False
    _, after = optimizer.step(p, g, state)
    assert (state["t"], after["t"]) == (0, 1)
    assert all(np.all(value == 0) for moment in state if moment != "t" for value in state[moment].values())


def test_the_reference_keeps_the_moments_its_rule_has():
    kept = {rule: set(column("reference").optimizer(rule, alpha=1).init({})) - {"t"} for rule in RULES}
    assert kept == {
        "gradient_descent": set(),
        "momentum": {"v"},
        "nesterov": {"v"},
        "rmsprop": {"s"},
        "adam": {"v", "s"},
        "adamw": {"v", "s"},
    }


def test_the_reference_keeps_float32_float32():
    p = {"W": START.astype(np.float32)}
    for rule in RULES:
        optimizer = column("reference").optimizer(rule, alpha=0.05)
        moved, state = optimizer.step(p, p, optimizer.init(p))
        assert {array.dtype for array in (moved["W"], *(state[m]["W"] for m in state if m != "t"))} == {p["W"].dtype}


@pytest.mark.parametrize(
    ("g", "message"),
    [
        ({"W": np.ones((2, 3))}, r"lacks \['b'\]"),
        ({"W": np.ones((2, 3)), "b": np.ones((2, 1)), "c": np.ones(1)}, r"extra \['c'\]"),
        ({"W": np.ones((2, 3)), "b": np.ones((1, 2))}, r"g\['b'\] has shape \(1, 2\); expected \(2, 1\)"),
    ],
)
def test_the_reference_refuses_gradients_that_do_not_match(g, message):
    optimizer = column("reference").optimizer("adam", alpha=1)
    p = {"W": np.ones((2, 3)), "b": np.ones((2, 1))}
    with pytest.raises(ValueError, match=message):
        optimizer.step(p, g, optimizer.init(p))


# Schedules

EPOCHS = np.arange(1.0, 41.0)
SCHEDULES = {
    "inverse_time": ({"rate": 0.3}, lambda e: 0.2 / (1 + 0.3 * e)),
    "exponential": ({"base": 0.9}, lambda e: 0.2 * 0.9**e),
    "inverse_sqrt": ({"k": 1.5}, lambda e: 1.5 / np.sqrt(e) * 0.2),
    "staircase": ({"rate": 0.3, "interval": 7}, lambda e: 0.2 / (1 + 0.3 * np.floor(e / 7))),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_its_formula_for_one_epoch_and_for_many(col, name):
    settings, formula = SCHEDULES[name]
    alpha = col.get(f"training.schedules.{name}")(0.2, **settings)
    same(col.numpy(alpha(col.array(EPOCHS))), formula(EPOCHS))
    for epoch in (1, 6, 7, 8, 14):
        assert float(alpha(epoch)) == pytest.approx(formula(epoch), rel=1e-15)


@pytest.mark.parametrize("name", ["inverse_time", "exponential", "staircase"])
def test_a_schedule_starts_at_alpha0_in_epoch_zero(col, name):
    assert float(col.get(f"training.schedules.{name}")(0.2, **SCHEDULES[name][0])(0)) == 0.2


def test_a_schedule_drives_torch_through_lambda_lr():
    torch, col = pytest.importorskip("torch"), column("torch_impl")
    optimizer = col.optimizer("adam", alpha=1.0)([torch.zeros(2, requires_grad=True)])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, col.get("training.schedules.inverse_time")(0.2, 0.3))
    for epoch in range(5):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.2 / (1 + 0.3 * epoch), rel=1e-15)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_stays_float64_under_jit_of_an_integer_count(name):
    col, jax = column("jax_impl"), pytest.importorskip("jax")
    settings, formula = SCHEDULES[name]
    alpha = jax.jit(col.get(f"training.schedules.{name}")(0.2, **settings))(jax.numpy.int32(11))
    assert float(alpha) == pytest.approx(formula(11), rel=1e-15)


@pytest.mark.parametrize("rule", RULES)
def test_a_jax_optimizer_takes_a_schedule_for_alpha(rule):
    col = column("jax_impl")
    constant = of_column(col, col.optimizer(rule, alpha=0.05, **RULES[rule][1]))
    same(of_column(col, col.optimizer(rule, alpha=lambda count: 0.05, **RULES[rule][1])), constant)
    decayed = of_column(col, col.optimizer(rule, alpha=lambda count: 0.05 / (1 + count), **RULES[rule][1]))
    same(decayed[0], constant[0])
    assert np.abs(decayed[1] - constant[1]).max() > 1e-3


def test_a_jax_optimizer_can_be_built_under_jit():
    col, jax = column("jax_impl"), pytest.importorskip("jax")

    def first_step(alpha):
        optimizer = col.optimizer("momentum", alpha=alpha)
        return optimizer.update(START, optimizer.init(START))[0]

    same(jax.jit(first_step)(0.3), -0.3 * 0.1 * START)


# Initializers

INITIALIZERS = {
    "zeros": lambda n_prev, n: 0,
    "small_random": lambda n_prev, n: 0.01,
    "he": lambda n_prev, n: np.sqrt(2 / n_prev),
    "xavier": lambda n_prev, n: np.sqrt(1 / n_prev),
    "xavier_average": lambda n_prev, n: np.sqrt(2 / (n_prev + n)),
}
WEIGHTS = {"dense": ((5, 3), 3, 5), "convolution": ((3, 2, 7, 11), 3 * 2 * 7, 3 * 2 * 11)}


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("name", INITIALIZERS)
def test_an_initializer_scales_its_noise(col, name, weight):
    shape, n_prev, n = WEIGHTS[weight]
    noise = RNG(4).standard_normal(shape)
    W = col.get(f"training.initializers.{name}")(col.array(col.kernel(noise)))
    same(col.numpy(W), col.kernel(INITIALIZERS[name](n_prev, n) * noise))


def test_small_random_takes_its_scale(col):
    noise = RNG(4).standard_normal((5, 3))
    same(col.numpy(col.get("training.initializers.small_random")(col.array(noise), 10)), 10 * noise)


def test_initializers_keep_float32(col):
    for name in INITIALIZERS:
        W = col.get(f"training.initializers.{name}")(col.array(np.ones((5, 3), np.float32)))
        assert col.numpy(W).dtype == np.float32


# Regularization

PENALTIES = {
    "l2_penalty": (lambda W: 0.7 / 22 * sum(w**2 for w in W.flat), lambda W: 0.7 / 11 * W),
    "l1_penalty": (lambda W: 0.7 / 22 * sum(abs(w) for w in W.flat), lambda W: 0.7 / 22 * np.sign(W)),
}


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_and_its_gradient(col, name):
    value, slope = PENALTIES[name]
    penalty = col.get(f"training.regularization.{name}")
    W = np.array([[0.5, -2.0, 0.0], [3.0, 0.0, -0.25]])
    got = penalty(col.array(W), 0.7, 11)
    same(col.numpy(got[0] if col.name == "reference" else got), value(W))
    same(col.numpy(col.slope(lambda W: penalty(W, 0.7, 11), col.array(W))), slope(W))


def test_a_penalty_passes_a_complex_step():
    W = RNG(5).standard_normal((2, 3))
    for name, (_, slope) in PENALTIES.items():
        penalty = column("reference").get(f"training.regularization.{name}")
        got = [penalty(W + 1e-30j * step.reshape(2, 3), 0.7, 11)[0].imag / 1e-30 for step in np.eye(6)]
        same(np.reshape(got, (2, 3)), slope(W))


# Mini-batches


@pytest.mark.parametrize("size", [1, 3, 5, 7, 100])
def test_mini_batches_follow_the_order_and_the_last_is_smaller(col, size):
    X, Y, order = RNG(6).standard_normal((3, 7)), RNG(7).standard_normal((2, 7)), RNG(8).permutation(7)
    batches = col.get("training.mini_batches.mini_batches")(
        col.array(col.examples(X)), col.array(col.examples(Y)), size, order
    )
    assert len(batches) == -(-7 // size)
    for t, (X_t, Y_t) in enumerate(batches):
        examples = [order[i] for i in range(t * size, min(7, (t + 1) * size))]
        same(col.numpy(X_t), col.examples(np.column_stack([X[:, i] for i in examples])))
        same(col.numpy(Y_t), col.examples(np.column_stack([Y[:, i] for i in examples])))


# Averages


@pytest.mark.parametrize("bias_correction", [True, False])
@pytest.mark.parametrize("beta", [0, 0.5, 0.98])
def test_an_exponentially_weighted_average_is_its_weighted_sum(col, beta, bias_correction):
    theta = RNG(9).standard_normal(13)
    average = col.get("training.averages.exponentially_weighted_average")
    expected = []
    for t in range(1, 14):
        weights = [(1 - beta) * beta ** (t - s) for s in range(1, t + 1)]
        v = sum(w * value for w, value in zip(weights, theta))
        expected.append(v / sum(weights) if bias_correction else v)
    same(col.numpy(average(col.array(theta), beta, bias_correction)), expected)


def test_bias_correction_is_the_default_and_matters(col):
    average = col.get("training.averages.exponentially_weighted_average")
    same(col.numpy(average(col.array(np.full(4, 3.0)))), [3.0, 3.0, 3.0, 3.0])
    same(col.numpy(average(col.array(np.full(4, 3.0)), bias_correction=False))[0], 0.3)


# Early stopping


@pytest.mark.parametrize(
    ("J_dev", "settings", "expected"),
    [
        pytest.param([5, 4, 3, 2], {"patience": 1}, (3, 3), id="never stops while improving"),
        pytest.param([5, 3, 4, 4, 2], {"patience": 2}, (1, 3), id="stops before a later best"),
        pytest.param([5, 3, 4, 4, 2], {"patience": 3}, (4, 4), id="waits for the later best"),
        pytest.param([5, 3, 3, 3], {"patience": 2}, (1, 3), id="an equal cost is no improvement"),
        pytest.param([5, 4, 3.7, 3.5], {"patience": 2, "min_delta": 0.6}, (1, 3), id="too small an improvement"),
        pytest.param([5, 4, 3.7, 3.3], {"patience": 2, "min_delta": 0.6}, (3, 3), id="small improvements add up"),
        pytest.param([2, 3, 4], {"patience": 5}, (0, 2), id="patience longer than training"),
        pytest.param([2], {"patience": 1}, (0, 0), id="one epoch"),
    ],
)
def test_early_stopping(col, J_dev, settings, expected):
    assert col.get("training.early_stopping.early_stopping")(J_dev, **settings) == expected


# Input normalization


def test_inputs_are_normalized_by_the_training_statistics(col):
    X, X_test = RNG(10).normal(3, 2, (4, 9)), RNG(11).normal(3, 2, (4, 5))
    mu = np.array([sum(row) / 9 for row in X])[:, None]
    sigma2 = np.array([sum((x - m) ** 2 for x in row) / 9 for row, m in zip(X, mu[:, 0])])[:, None]
    statistics = col.get("training.normalization.input_statistics")(col.array(col.examples(X)))
    for got, expected in zip(statistics, (mu, sigma2)):
        same(col.numpy(got).reshape(4, 1), expected)
    got = col.get("training.normalization.normalize")(col.array(col.examples(X_test)), *statistics)
    same(col.numpy(got), col.examples((X_test - mu) / np.sqrt(sigma2)))


def test_a_constant_feature_is_only_centered(col):
    X = np.vstack([np.full(13, 0.1), RNG(12).standard_normal(13)])
    assert X[0].mean() != 0.1, "the plain mean is off by rounding, and a variance of 1e-34 would blow that up to 1"
    mu, sigma2 = col.get("training.normalization.input_statistics")(col.array(col.examples(X)))
    assert col.numpy(sigma2).ravel()[0] == 0
    shifted = col.array(col.examples(X + 1))
    got = col.examples(col.numpy(col.get("training.normalization.normalize")(shifted, mu, sigma2)))
    same(got[0], np.ones(13))
    assert np.abs(got[1].var() - 1) < 1e-12


# Gradient checking


def bowl(theta):
    x, y, z = theta[0], theta[1], theta[2]
    return x * x * y + y * y * z + z * z * x  # analytic, and a whole number if theta is whole


def bowl_gradient(theta):
    return 2 * theta * theta[[1, 2, 0]] + theta[[2, 0, 1]] ** 2


def test_the_gradient_check_is_the_ratio_of_norms(col):
    theta, epsilon = np.array([1.0, -2.0, 3.0]), 2.0**-10
    correct = bowl_gradient(theta)
    planted = correct * [1, 2, 1]
    approx = [(bowl(theta + epsilon * e) - bowl(theta - epsilon * e)) / (2 * epsilon) for e in np.eye(3)]
    check = col.get("training.gradient_check.gradient_check")
    for gradient in (correct, planted):
        expected = np.linalg.norm(gradient - approx) / (np.linalg.norm(gradient) + np.linalg.norm(approx))
        got = check(bowl, col.array(theta), col.array(gradient), epsilon)
        assert abs(got - expected) <= 1e-15
    assert check(bowl, col.array(theta), col.array(correct)) < 1e-8
    assert check(bowl, col.array(theta), col.array(planted)) > 0.1


def test_the_complex_step_is_exact(col):
    theta = RNG(13).standard_normal(3)
    got = col.get("training.gradient_check.complex_step")(bowl, col.array(theta))
    same(col.numpy(got), bowl_gradient(theta), 1e-15)


# Refusals: function, arguments, what the error says. A string that names an array here stands for it

ARRAYS = {
    "W": np.ones((2, 3)),
    "w": np.ones(3),
    "W3": np.ones((2, 3, 5)),
    "X": np.ones((2, 3)),
    "X0": np.ones((2, 0)),
    "Y": np.ones((1, 3)),
    "Y4": np.ones((1, 4)),
    "v32": np.ones(3, np.float32),
    "v0": np.ones(0),
    "mu": np.zeros((5, 1)),
}
REFUSALS = [
    ("optimizers.gradient_descent", {"alpha": 0}, "alpha is 0; expected a positive number"),
    ("optimizers.gradient_descent", {"alpha": float("nan")}, "alpha is nan; expected a positive number"),
    ("optimizers.gradient_descent", {"alpha": "0.1"}, "alpha is '0.1'; expected a positive number"),
    ("optimizers.momentum", {"alpha": -0.1}, "alpha is -0.1; expected a positive number"),
    ("optimizers.momentum", {"alpha": 1, "beta": 1}, "beta is 1; expected a decay rate"),
    ("optimizers.nesterov", {"alpha": 1, "beta": -0.1}, "beta is -0.1; expected a decay rate"),
    ("optimizers.rmsprop", {"alpha": 1, "beta": 1.0}, "beta is 1.0; expected a decay rate"),
    ("optimizers.rmsprop", {"alpha": 1, "epsilon": 0}, "epsilon is 0; expected a positive number"),
    ("optimizers.adam", {"alpha": float("inf")}, "alpha is inf; expected a positive number"),
    ("optimizers.adam", {"alpha": 1, "beta1": 2}, "beta1 is 2; expected a decay rate"),
    ("optimizers.adam", {"alpha": 1, "beta2": 1}, "beta2 is 1; expected a decay rate"),
    ("optimizers.adamw", {"alpha": 1, "lambd": -1}, "lambd is -1; expected a number that is not negative"),
    ("schedules.inverse_time", {"alpha0": 0, "rate": 1}, "alpha0 is 0; expected a positive number"),
    ("schedules.inverse_time", {"alpha0": 1, "rate": -1}, "rate is -1; expected a number that is not negative"),
    ("schedules.exponential", {"alpha0": 1, "base": 0}, "base is 0; expected a positive number"),
    ("schedules.inverse_sqrt", {"alpha0": 1, "k": 0}, "k is 0; expected a positive number"),
    ("schedules.staircase", {"alpha0": 1, "rate": 1, "interval": 0}, "interval is 0; expected a positive number"),
    ("initializers.small_random", {"noise": "W", "scale": 0}, "scale is 0; expected a positive number"),
    ("initializers.he", {"noise": "w"}, r"noise has shape \(3,\); expected that of a weight"),
    ("initializers.xavier_average", {"noise": "W3"}, r"noise has shape \(2, 3, 5\); expected that of a weight"),
    ("regularization.l2_penalty", {"W": "W", "lambd": -1, "m": 3}, "lambd is -1"),
    ("regularization.l1_penalty", {"W": "W", "lambd": 1, "m": 0}, "m is 0; expected a whole number of at least 1"),
    ("mini_batches.mini_batches", {"X": "X", "Y": "Y", "size": 0, "order": [0, 1, 2]}, "size is 0; expected a whole"),
    ("mini_batches.mini_batches", {"X": "X", "Y": "Y", "size": 1.5, "order": [0, 1, 2]}, "size is 1.5"),
    ("mini_batches.mini_batches", {"X": "X", "Y": "Y4", "size": 1, "order": [0, 1, 2]}, "Y has 4 examples; expected 3"),
    ("mini_batches.mini_batches", {"X": "X0", "Y": "Y", "size": 1, "order": []}, "at least one example"),
    ("mini_batches.mini_batches", {"X": "w", "Y": "Y", "size": 1, "order": [0]}, r"X has shape \(3,\)"),
    ("mini_batches.mini_batches", {"X": "X", "Y": "Y", "size": 1, "order": [0, 1]}, "order is no permutation of the 3"),
    ("mini_batches.mini_batches", {"X": "X", "Y": "Y", "size": 1, "order": [0, 1, 1]}, "order is no permutation"),
    ("mini_batches.mini_batches", {"X": "X", "Y": "Y", "size": 1, "order": [1, 2, 3]}, "order is no permutation"),
    ("averages.exponentially_weighted_average", {"theta": "W"}, r"theta has shape \(2, 3\); expected a vector"),
    ("averages.exponentially_weighted_average", {"theta": "v0"}, r"theta has shape \(0,\); expected a vector"),
    ("averages.exponentially_weighted_average", {"theta": "w", "beta": 1}, "beta is 1; expected a decay rate"),
    ("early_stopping.early_stopping", {"J_dev": [], "patience": 1}, r"J_dev has shape \(0,\)"),
    ("early_stopping.early_stopping", {"J_dev": [1.0, float("nan")], "patience": 1}, "J_dev holds nan"),
    ("early_stopping.early_stopping", {"J_dev": [1.0], "patience": 0}, "patience is 0; expected a whole number"),
    ("early_stopping.early_stopping", {"J_dev": [1.0], "patience": 1, "min_delta": -1}, "min_delta is -1"),
    ("normalization.input_statistics", {"X": "w"}, r"X has shape \(3,\); expected a matrix"),
    ("normalization.input_statistics", {"X": "X0"}, "at least one example"),
    ("normalization.normalize", {"X": "X", "mu": "mu", "sigma2": "mu"}, "expected 5"),
    ("gradient_check.gradient_check", {"J": bowl, "theta": "v32", "gradient": "w"}, "expected float64"),
    ("gradient_check.gradient_check", {"J": bowl, "theta": "w", "gradient": "W"}, r"gradient has shape \(2, 3\)"),
    ("gradient_check.gradient_check", {"J": bowl, "theta": "w", "gradient": "w", "epsilon": 0}, "epsilon is 0"),
    ("gradient_check.complex_step", {"J": bowl, "theta": "W"}, r"theta has shape \(2, 3\); expected a vector"),
    ("gradient_check.complex_step", {"J": bowl, "theta": "w", "h": 0}, "h is 0; expected a positive number"),
]


def own(col, name, value):
    """The argument as the column wants it: its own array, examples along its own axis, mu without the reference's 1."""
    if value not in ARRAYS:
        return value
    array = ARRAYS[value]
    if name in ("X", "Y"):
        array = col.examples(array)
    if name in ("mu", "sigma2") and col.name != "reference":
        array = array[:, 0]
    return col.array(array)


@pytest.mark.parametrize(
    ("target", "arguments", "message"), [pytest.param(*row, id=f"{row[0].split('.')[1]}: {row[2]}") for row in REFUSALS]
)
def test_bad_input_is_refused_by_name(col, target, arguments, message):
    function = col.get(f"training.{target}")
    arguments = {name: own(col, name, value) if isinstance(value, str) else value for name, value in arguments.items()}
    if target.startswith("optimizers") and col.name == "torch_impl":
        arguments["parameters"] = [col.array(np.ones(3)).requires_grad_()]
    with pytest.raises(ValueError, match=message):
        function(**arguments)


def test_a_schedule_refuses_epochs_before_its_first(col):
    for name, (settings, _) in SCHEDULES.items():
        alpha = col.get(f"training.schedules.{name}")(0.2, **settings)
        with pytest.raises(ValueError, match="epoch is -1; expected"):
            alpha(-1)
    with pytest.raises(ValueError, match="epoch is 0; expected 1 or later"):
        col.get("training.schedules.inverse_sqrt")(0.2)(0)


def test_a_gradient_check_of_nothing_is_refused(col):
    with pytest.raises(ValueError, match="both zero"):
        col.get("training.gradient_check.gradient_check")(
            lambda theta: 0 * theta.sum(), col.array(np.ones(3)), col.array(np.zeros(3))
        )
