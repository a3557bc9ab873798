"""Batch, group and instance norms that differ: both sides by torch and flax, the cause by the catalogue."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from causes_sites import (
    Made,
    both_ways,
    catalogue,  # noqa: F401
    channels_last,
    check,
    claims,
    drawn,
    images_back,
    numpy,
    pair,
    put,
    rngs,
    side,
    site,
    wide,  # noqa: F401
)
from flax import nnx

from crosscheck.causes.explain import explain

C = 6
SCALE, BIAS = 1 + 0.3 * drawn(C), drawn(C, 2)[:, 0]
MEAN, VAR = 0.1 * drawn(C, 3)[:, 0], np.abs(drawn(C, 4)[:, 0]) + 0.5
X = 0.01 * (drawn(4, C, 5, C) + 0.3)


def own(framework, affine=True):
    return dict(zip(("weight" if framework == "torch" else "scale", "bias"), (SCALE, BIAS))) if affine else {}


def ready(framework, module, y=None, affine=True, buffers=None):
    """A module called on the images as its framework has them, or what `y` makes of them."""
    x = X if framework == "torch" else channels_last(X)
    if y is None:
        y = module(torch.tensor(x) if framework == "torch" else x)
    return Made(y, side(module, framework), (x,), own(framework, affine), buffers or {})


def changed(framework, by_hand):
    """A norm by hand, on n c *s, with the affine map."""
    lib = torch if framework == "torch" else jnp
    y = by_hand(torch.tensor(X) if framework == "torch" else jnp.asarray(X), lib)
    y = np.asarray(y) * SCALE.reshape(-1, 1, 1) + BIAS.reshape(-1, 1, 1)
    return y if framework == "torch" else channels_last(y)


def group(framework, groups=3, eps=1e-5, scaled=True, by_hand=None):
    if framework == "torch":
        module = torch.nn.GroupNorm(groups, C, eps, scaled).double()
    else:
        on = {"use_scale": scaled, "use_bias": scaled, "use_fast_variance": False}
        module = nnx.GroupNorm(C, groups, epsilon=eps, **on, rngs=rngs())
    put(module, **own(framework, scaled))
    return ready(framework, module, changed(framework, by_hand) if by_hand else None)


def centered(x, lib, over, eps=1e-5, correction=0):
    more = {"keepdim": True, "correction": correction} if lib is torch else {"keepdims": True, "ddof": correction}
    mean = x.mean(over, keepdim=True) if lib is torch else x.mean(over, keepdims=True)
    return (x - mean) / lib.sqrt(x.var(over, **more) + eps)


def interleaved(x, lib):
    return centered(x.reshape(4, 2, 3, 5, C), lib, (1, 3, 4)).reshape(x.shape)


def each_place(x, lib):
    return centered(x.reshape(4, 3, 2, 5, C), lib, (2,)).reshape(x.shape)


def whole_batch(x, lib):
    return centered(x.reshape(4, 3, 2, 5, C), lib, (0, 2, 3, 4)).reshape(x.shape)


def unbiased(x, lib):
    return centered(x.reshape(4, 3, 2, 5, C), lib, (2, 3, 4), correction=1).reshape(x.shape)


GROUP = {
    "eps": ("groupnorm-eps", {"eps": 1e-6}),
    "groups": ("groupnorm-groups", {"groups": 2}),
    "one-group": ("groupnorm-groups", {"groups": 1}),
    "interleaved": ("groupnorm-interleaved", {"by_hand": interleaved}),
    "each-place": ("groupnorm-leading-axes", {"by_hand": each_place}),
    "whole-batch": ("groupnorm-leading-axes", {"by_hand": whole_batch}),
    "unbiased": ("norm-unbiased-variance", {"by_hand": unbiased}),
    "no-affine": ("groupnorm-no-scale-or-bias", {"scaled": False}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), GROUP.values(), ids=GROUP)
def test_group_norm(cause_id, fault, framework, faulty):
    first, second = pair(group, {}, fault, framework, faulty)
    check(explain(site(first, second, back=images_back(framework))), cause_id, faulty)


def instance(framework, eps=1e-5, scaled=True, running=False):
    if framework == "torch":
        module = torch.nn.InstanceNorm2d(C, eps, affine=scaled, track_running_stats=running).double().eval()
        buffers = {"running_mean": MEAN, "running_var": VAR} if running else {}
    elif running:
        module = nnx.BatchNorm(C, epsilon=eps, use_running_average=True, rngs=rngs())
        buffers = {"mean": MEAN, "var": VAR}
    else:
        on = {"use_scale": scaled, "use_bias": scaled, "use_fast_variance": False}
        module, buffers = nnx.InstanceNorm(C, epsilon=eps, **on, rngs=rngs()), {}
    put(module, **own(framework, scaled), **buffers)
    return ready(framework, module, None, scaled, buffers)


@both_ways
def test_instance_norm_eps(framework, faulty):
    first, second = pair(instance, {}, {"eps": 1e-6}, framework, faulty)
    check(explain(site(first, second, back=images_back(framework))), "instancenorm-eps", faulty)


@both_ways
def test_instance_norm_affine(framework, faulty):
    """As the defaults are: the side that has a scale and a bias hands them over."""
    first, second = pair(instance, {}, {"scaled": False}, framework, faulty)
    own_ones = {"weights": {}, "theirs": second.weights} if faulty == 0 else {}
    found = explain(site(first, second, back=images_back(framework), **own_ones))
    check(found, "instancenorm-affine-default", faulty, departs=False)


def test_instance_norm_with_running_statistics():
    first, second = instance("torch", running=True), instance("flax")
    check(explain(site(first, second, back=images_back("torch"))), "instancenorm-running-stats", 1)


def batch(framework, eps=1e-5, running=True, scaled=True, axis=None, by_hand=None):
    buffers = {"running_mean": MEAN, "running_var": VAR} if framework == "torch" else {"mean": MEAN, "var": VAR}
    if framework == "torch":
        module = torch.nn.BatchNorm2d(C, eps, affine=scaled).double().train(not running)
    else:
        on = {"use_scale": scaled, "use_bias": scaled, "use_fast_variance": False}
        module = nnx.BatchNorm(C, use_running_average=running, epsilon=eps, axis=-1, **on, rngs=rngs())
    put(module, **own(framework, scaled))
    if framework == "torch":
        put(module, **buffers)
    else:
        module.mean, module.var = nnx.BatchStat(jnp.asarray(MEAN)), nnx.BatchStat(jnp.asarray(VAR))
    y = changed(framework, by_hand) if by_hand else None
    if axis == "width":
        swap = torch.tensor(X).transpose(1, 3) if framework == "torch" else channels_last(X).swapaxes(2, 3)
        y = numpy(module(swap)).swapaxes(*((1, 3) if framework == "torch" else (2, 3)))
    return ready(framework, module, y, True, buffers)


EVAL = {
    "eps": ("batchnorm-eps", {"eps": 1e-3}),
    "batch-statistics": ("batchnorm-use-running-average", {"running": False}),
    "axis": ("batchnorm-feature-axis", {"axis": "width"}),
    "no-affine": ("batchnorm-no-scale-or-bias", {"scaled": False}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), EVAL.values(), ids=EVAL)
def test_batch_norm_in_evaluation(cause_id, fault, framework, faulty):
    first, second = pair(batch, {}, fault, framework, faulty)
    found = explain(site(first, second, back=images_back(framework)))
    if "scaled" in fault:
        assert {c.id for c in found.causes} == {cause_id}
    else:
        check(found, cause_id, faulty)


TRAIN = {
    "running": ("batchnorm-use-running-average", {"running": True}),
    "per-example": ("batchnorm-per-example", {"by_hand": lambda x, lib: centered(x, lib, (2, 3))}),
    "unbiased": ("norm-unbiased-variance", {"by_hand": lambda x, lib: centered(x, lib, (0, 2, 3), correction=1)}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), TRAIN.values(), ids=TRAIN)
def test_batch_norm_in_training(cause_id, fault, framework, faulty):
    first, second = pair(batch, {"running": False}, fault, framework, faulty)
    check(explain(site(first, second, back=images_back(framework), train=True)), cause_id, faulty)


def state(framework, rate=0.1, count=None, moves=True, name="var"):
    """The running statistics after one batch; `rate`: the weight of the new value, None for the mean of all batches."""
    buffers = {"running_mean": MEAN, "running_var": VAR} if framework == "torch" else {"mean": MEAN, "var": VAR}
    if framework == "torch":
        module = torch.nn.BatchNorm2d(C, momentum=rate).double().train(moves)
        put(module, **buffers)
        if count is not None:
            module.num_batches_tracked.fill_(count)
            buffers["num_batches_tracked"] = np.asarray(count)
        module(torch.tensor(X))
        after = {"mean": numpy(module.running_mean), "var": numpy(module.running_var)}
    else:
        module = nnx.BatchNorm(
            C, use_running_average=not moves, momentum=1 - rate, use_fast_variance=False, rngs=rngs()
        )
        module.mean, module.var = nnx.BatchStat(jnp.asarray(MEAN)), nnx.BatchStat(jnp.asarray(VAR))
        module(channels_last(X))
        after = {"mean": np.asarray(module.mean[...]), "var": np.asarray(module.var[...])}
    return ready(framework, module, after[name], True, buffers)


@pytest.mark.parametrize("framework", ["torch", "flax"])
def test_the_unbiased_variance(framework):
    first, second = (state(name) for name in (framework, "flax" if framework == "torch" else "torch"))
    check(
        explain(site(first, second, "state", name="running_var", train=True)),
        "batchnorm-unbiased-running-var",
        0,
        False,
    )


@both_ways
def test_the_momentum(framework, faulty):
    first, second = pair(state, {"name": "mean"}, {"rate": 0.01}, framework, faulty)
    found = explain(site(first, second, "state", name="running_mean", train=True))
    check(found, "batchnorm-momentum-complement", faulty)


@both_ways
def test_statistics_that_do_not_move(framework, faulty):
    first, second = pair(state, {"name": "mean"}, {"moves": False}, framework, faulty)
    found = explain(site(first, second, "state", name="running_mean", train=True))
    check(found, "batchnorm-use-running-average", faulty)


def test_the_mean_of_all_batches():
    first, second = state("torch", rate=None, count=4, name="mean"), state("flax", name="mean")
    found = explain(site(first, second, "state", name="running_mean", train=True))
    check(found, "batchnorm-momentum-none-cumulative", 0)


def cubed(x, lib):
    return centered(x, lib, (0, 2, 3)) ** 3


@both_ways
@pytest.mark.parametrize("make", [group, batch], ids=["group", "batch"])
@pytest.mark.parametrize("fault", [cubed, lambda x, lib: 1.01 * x], ids=["cubed", "scaled"])
def test_nothing_is_claimed_of_other_faults(make, fault, framework, faulty):
    first, second = pair(make, {}, {"by_hand": fault}, framework, faulty)
    assert not claims(site(first, second, back=images_back(framework)))


@both_ways
def test_nothing_is_claimed_of_another_state(framework, faulty):
    first, second = pair(state, {}, {}, framework, faulty)
    first.y = first.y + 1e-3 * drawn(C)
    assert not claims(site(first, second, "state", name="running_var", train=True))
