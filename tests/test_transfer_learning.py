"""Transfer learning in all three columns: what is frozen keeps every bit, what is trained is the same everywhere."""

import numpy as np
import pytest
from one_layer import built

from crosscheck import registry
from crosscheck.case import Case
from crosscheck.session import Session

COST = "layers.losses.softmax_cross_entropy_from_logits"
CASE = Case(
    "nets.mobilenet_v1.MobileNetV1",
    "transfer",
    arguments={"num_classes": 3, "c_prev": 2, "stem": 5, "blocks": ((7, 2),)},
    inputs={"X": "m=7 h=6 w=8 c=2"},
    cost=COST,
    labels="n=3 m=7 one_hot",
)
STEPS = 3
FREEZE = "training.transfer_learning.freeze"
COLUMNS = [column for column in registry.PACKAGES if not registry.missing(column)]
FROZEN = [
    ("all but the last layer", ("conv", "bn", "blocks"), {"fc.W", "fc.b"}),
    (
        "the first layers",
        ("conv", "bn", "blocks.0.depthwise"),
        {"blocks.0.bn1", "blocks.0.pointwise", "blocks.0.bn2", "fc"},
    ),
    ("nothing", (), {"conv", "bn", "blocks", "fc"}),
]


def train(column, session, parts):
    """Parameters and running statistics after a few steps with these parts frozen.

    With momentum: Adam would make a step of size alpha even of a gradient that is 0 but for rounding.
    """
    return globals()[f"train_{column}"](session, parts, registry.find(column, FREEZE))


def train_numpy(session, parts, freeze):
    from reference.module import Mode, flatten, nest

    feed, net = session.feed(), session.subject("numpy").module
    trained, mode = freeze(net, parts), Mode(train=True, frozen=parts)
    p, s, cost = dict(feed.params), feed.state, registry.find("numpy", COST)
    optimizer = registry.find("numpy", "training.optimizers.momentum")(alpha=0.5)
    moments = optimizer.init({path: p[path] for path in trained})
    for _ in range(STEPS):
        Z, after, back = net(nest(p), nest(s), feed.inputs["X"], mode=mode)
        dp = flatten(back(cost(Z, feed.labels)[1](1))[0])
        moved, moments = optimizer.step({k: p[k] for k in trained}, {k: dp[k] for k in trained}, moments)
        p, s = p | moved, flatten(after)
    return p | s


def train_torch(session, parts, freeze):
    subject, feed = session.subject("torch"), session.feed()
    subject.load(feed.params, feed.state)
    subject.module.requires_grad_(True).train()
    optimizer = subject.find("training.optimizers.momentum")(freeze(subject.module, parts), alpha=0.5)
    X, Y = subject.inputs(feed)["X"], subject.labels(feed.labels)
    for _ in range(STEPS):
        optimizer.zero_grad()
        subject.find(COST)(subject.module(X), Y).backward()
        optimizer.step()
    own = {path: value.detach().numpy() for path, value in subject.tensors().items()}
    return subject.layout.from_column(own, True) | subject.layout.from_column(own, False)


def train_jax(session, parts, freeze):
    from flax import nnx

    subject, feed = session.subject("jax"), session.feed()
    args = subject.arguments(feed)
    net, cost = subject.model(args["params"], args["state"], train=True), subject.find(COST)
    trained = freeze(net, parts)
    optimizer = nnx.Optimizer(net, subject.find("training.optimizers.momentum")(alpha=0.5), wrt=trained)

    @nnx.jit
    def step(net, optimizer, X, Y):
        gradients = nnx.grad(lambda net: cost(net(X), Y), argnums=nnx.DiffState(0, trained))(net)
        optimizer.update(net, gradients)

    for _ in range(STEPS):
        step(net, optimizer, args["inputs"]["X"], subject.labels(feed.labels))
    own = {".".join(map(str, keys)): np.asarray(v.get_value()) for keys, v in nnx.to_flat_state(nnx.state(net))}
    return subject.layout.from_column(own, True) | subject.layout.from_column(own, False)


@pytest.fixture(scope="module")
def session():
    return Session(CASE, COLUMNS)


def is_below(path, parts):
    return any(path == part or path.startswith(f"{part}.") for part in parts)


@pytest.mark.parametrize(("parts", "trained"), [row[1:] for row in FROZEN], ids=[row[0] for row in FROZEN])
def test_what_is_frozen_keeps_every_bit_and_the_rest_is_the_same_in_all_columns(session, parts, trained):
    start = session.feed().params | session.feed().state
    after = {column: train(column, session, parts) for column in session.columns}
    for path, before in start.items():
        assert is_below(path, parts) != is_below(path, trained)
        for column, values in after.items():
            if is_below(path, parts):
                np.testing.assert_array_equal(values[path], before, err_msg=f"{column} {path}")
            else:
                assert np.abs(values[path] - before).max() > 1e-3, f"{column} {path} has not moved"
                np.testing.assert_allclose(values[path], after["numpy"][path], rtol=1e-9, atol=1e-11)


def test_training_the_last_layer_alone_is_softmax_regression_on_the_features(session):
    """The notes: the outputs of the frozen layers can be computed once and stored."""
    from reference.module import nest

    feed, net = session.feed(), session.subject("numpy").module
    A, p, s = feed.inputs["X"], nest(feed.params), nest(feed.state)
    for name, part in list(net.parts.items())[:-1]:
        A = part(A)[0] if name == "relu" else part(p.get(name, {}), s.get(name, {}), A)[0]
    regression = registry.find("numpy", "nets.softmax_regression.SoftmaxRegression")(*A.shape[:1], 3)
    fc, cost = p["fc"], registry.find("numpy", COST)
    optimizer = registry.find("numpy", "training.optimizers.momentum")(alpha=0.5)
    moments = optimizer.init(fc)
    for _ in range(STEPS):
        Z, _, back = regression({"dense": fc}, {}, A)
        fc, moments = optimizer.step(fc, back(cost(Z, feed.labels)[1](1))[0]["dense"], moments)
    after = train("numpy", session, ("conv", "bn", "blocks"))
    for name, value in fc.items():
        np.testing.assert_array_equal(value, after[f"fc.{name}"])


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("part", ["", "x"])
def test_a_layer_has_no_parts_to_freeze(column, part):
    layer, freeze = built(column, "layers.conv.Conv", c_prev=3, c=4, f=3), registry.find(column, FREEZE)
    with pytest.raises(
        ValueError, match=f"parts names '{part}'; expected paths of submodules, of which the net has none"
    ):
        freeze(layer, [part])


@pytest.mark.parametrize("column", COLUMNS)
def test_the_whole_net_is_no_part_of_it(column):
    net, freeze = built(column, "nets.conv_net.ConvNet"), registry.find(column, FREEZE)
    with pytest.raises(ValueError, match="parts names ''; expected paths of submodules, such as 'conv1'"):
        freeze(net, [""])


@pytest.mark.parametrize("column", COLUMNS)
def test_a_part_that_does_not_exist_is_refused(session, column):
    with pytest.raises(ValueError, match=r"parts names 'features'; expected paths of submodules, such as '\w+'"):
        train(column, session, ("features",))
