"""The figures that the course's own assignments publish, met by every column to the digits published.

tests/data/course.json holds, for each function of courses 1 and 2, its inputs, the published figures and half a unit of
their last place as tolerance. A recipe says how our pieces make these figures; it runs through all columns alike.
"""

import json
from pathlib import Path

import course_models as models
import course_recipes as recipes
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
    "c2w2.model_gd_decay_steps": "the first decay comes at epoch 1000; c2w2.model_gd_decay_every_epoch has decay",
    "c2w2.model_gd.v2019.accuracy": "50000 steps for one figure; c2w2.model_gd.v2021 is the same run",
    "c2w2.model_momentum.v2019.accuracy": "50000 steps for one figure; c2w2.model_momentum_decay_steps has the rule",
    "c2w2.model_adam.v2019.accuracy": "50000 steps for one figure; c2w2.model_adam.v2021 is the same run",
}
RECIPES = {
    "sigmoid": recipes.sigmoid,
    "sigmoid_derivative": recipes.sigmoid_derivative,
    "image2vector": recipes.image2vector,
    "normalizeRows": recipes.normalize_rows,
    "softmax": recipes.softmax_rows,
    "L1 loss": recipes.l1_loss,
    "L2 loss": recipes.l2_loss,
    "propagate (logistic regression cost and gradient)": recipes.propagate,
    "optimize (gradient descent for logistic regression)": recipes.optimize,
    "predict (logistic regression)": recipes.predict_logistic,
    "initialize_parameters (2-layer)": recipes.initialize,
    "forward_propagation (tanh hidden, sigmoid out)": recipes.forward_shallow,
    "compute_cost (binary cross-entropy, mean over examples)": recipes.cross_entropy,
    "backward_propagation (2-layer)": recipes.backward_shallow,
    "update_parameters": recipes.update_rule("gradient_descent"),
    "nn_model (2-layer net trained 10000 steps)": models.shallow_model,
    "predict (2-layer)": recipes.predict_shallow,
    "nn_model on the two-petal flower data (accuracy)": models.flower_model,
    "initialize_parameters_deep": recipes.initialize,
    "linear_forward": recipes.linear_forward,
    "linear_activation_forward": recipes.linear_forward,
    "L_model_forward (relu, relu, sigmoid)": recipes.forward_deep,
    "compute_cost (mean binary cross-entropy)": recipes.cross_entropy,
    "linear_backward": recipes.linear_backward,
    "linear_activation_backward": recipes.linear_activation_backward,
    "L_model_backward": recipes.backward_deep,
    "initialize_parameters_random": recipes.initialize,
    "initialize_parameters_he": recipes.initialize_he,
    "compute_cost_with_regularization": recipes.cost_with_l2,
    "backward_propagation_with_regularization": recipes.backward_with_l2,
    "forward_propagation_with_dropout": recipes.forward_with_dropout,
    "forward_propagation (J = theta x)": recipes.forward_1d,
    "gradient_check (one dimension)": recipes.gradient_check_1d,
    "gradient_check_n": recipes.gradient_check_n,
    "update_parameters_with_gd": recipes.update_rule("gradient_descent"),
    "update_parameters_with_momentum": recipes.update_rule("momentum", "v"),
    "update_parameters_with_adam": recipes.update_rule("adam", "v", "s"),
    "random_mini_batches": recipes.random_mini_batches,
    "learning-rate decay by epoch": recipes.decay_by_epoch,
    "learning-rate decay in steps": recipes.decay_in_steps,
    "3-layer relu net, He initialisation": models.circle_model(recipes.he_weights),
    "3-layer relu net, large random initialisation": models.circle_model(models.large_weights),
    "3-layer relu net, zero initialisation": models.circle_model(models.zero_weights),
    "mini-batch training with gd": models.moon_model("gradient_descent"),
    "mini-batch training with momentum": models.moon_model("momentum"),
    "mini-batch training with adam": models.moon_model("adam"),
    "mini-batch gradient descent with 1/(1+epoch) decay": models.moon_model("gradient_descent", "inverse_time"),
    "mini-batch gd with step decay": models.moon_model("gradient_descent", "staircase"),
    "mini-batch momentum with step decay": models.moon_model("momentum", "staircase"),
    "linear_function": recipes.linear_forward,
    "cost (sigmoid cross-entropy with logits)": recipes.cross_entropy_each,
    "compute_cost (softmax cross-entropy with logits)": recipes.softmax_cross_entropy,
}


def checked_in(name):
    """The records that the column of this name is held to."""
    left_out = {"reference": {}, "torch_impl": NOT_IN_PORTS | NOT_IN_TORCH, "jax_impl": NOT_IN_PORTS}[name]
    return [record_id for record_id in RECORDS if record_id not in left_out]


def expected_in(name, record):
    if name == "torch_impl" and record["id"] in models.BEGUN_IN_TORCH:
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


def rows():
    """Column and record; records of one function are neighbours, so that parallel workers share the trained models."""
    by_function = sorted(RECORDS, key=lambda record_id: RECORDS[record_id]["function"])
    return [(name, record_id) for name in NAMES for record_id in by_function if record_id in checked_in(name)]


@pytest.mark.parametrize(("name", "record_id"), rows())
def test_published_figures_are_met(name, record_id):
    hold(name, record_id)


def test_no_record_is_without_a_check():
    assert (len(RECORDS), sum(record["n_figures"] for record in RECORDS.values())) == (69, 868)
    assert {record["function"] for record in RECORDS.values()} == set(RECIPES)
    assert checked_in("reference") == list(RECORDS)
    for exceptions in (NOT_IN_PORTS, NOT_IN_TORCH, models.BEGUN_IN_TORCH):
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
    monkeypatch.setattr(recipes, convention, without)
    with pytest.raises(AssertionError, match=record_id):
        hold("reference", record_id)
