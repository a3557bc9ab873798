"""Recurrent layers whose conventions differ: both sides by torch and flax, the cause by the catalogue."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from causes_sites import (
    Made,
    both_ways,
    catalogue,  # noqa: F401
    check,
    claims,
    drawn,
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

N, T, F, H = 3, 5, 4, 6
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
CELLS = {"lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell, "rnn": nnx.SimpleCell}


def weights(kind, seed=0):
    """[wi, wh, bi, bh], of torch's shapes; a GRU of flax has no bias of its own for the state of n."""
    g = GATES[kind]
    rng = np.random.default_rng(seed + g)
    wi, wh, bi, bh = (0.5 * rng.standard_normal(shape) for shape in ((g * H, F), (g * H, H), g * H, g * H))
    if kind == "gru":
        bh[2 * H :] = 0
    return wi, wh, bi, bh


def recur(framework, kind="lstm", change=lambda w: w, **settings):
    make = torch_layer if framework == "torch" else flax_layer
    return make(kind, weights(kind), change(weights(kind)), **settings)


def torch_layer(kind, own, used, nonlinearity="tanh", reverse=False, state=None, time=1, gives="0"):
    """reverse: run backward, "kept" or "turned"; state: (h0, c0) as torch has them; time: which axis it is."""
    more = {"nonlinearity": nonlinearity} if kind == "rnn" else {}
    module = getattr(torch.nn, kind.upper())(F, H, batch_first=bool(time), **more).double()
    names = [f"{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    put(module, **dict(zip(names, used)))
    x = torch.tensor(drawn(N, T, F))
    start = [torch.tensor(s[None]) for s in (state or ())[: 2 if kind == "lstm" else 1]]
    y = module(x.flip(1) if reverse else x, *([tuple(start) if kind == "lstm" else start[0]] if start else []))
    y = y[0] if gives == "0" else y[1][0] if gives == "h" else y[1][1]
    y = y.flip(1) if reverse == "kept" else y
    return Made(y, side(module, "torch"), (x, *start), dict(zip(names, own)))


def flax_layer(kind, own, used, nonlinearity="tanh", reverse=False, state=None, time=1, gives="0"):
    more = {"activation_fn": getattr(jax.nn, nonlinearity)} if nonlinearity != "tanh" else {}
    more |= {"dtype": jnp.float64} if kind == "rnn" else {}
    cell = CELLS[kind](F, H, **more, param_dtype=jnp.float64, rngs=rngs())
    module = nnx.RNN(cell, time_major=not time, reverse=bool(reverse), keep_order=reverse == "kept", rngs=rngs())
    module.return_carry = gives != "0"
    put(module, **flax_weights(kind, used))
    x = drawn(N, T, F)
    start = [jnp.asarray(s) for s in ((state or ())[::-1] if kind == "lstm" else (state or ())[:1])]
    y = module(x, initial_carry=(tuple(start) if kind == "lstm" else start[0]) if start else None)
    y = y if gives == "0" else y[0][1][None] if gives == "h" else y[0][0][None]
    mine = {name.replace("__", "."): value for name, value in flax_weights(kind, own).items()}
    return Made(y, side(module, "flax"), (x, *start), mine)


def flax_weights(kind, given):
    wi, wh, bi, bh = given
    bias = "h" if kind == "lstm" else "i"
    return {"cell__dense_i__kernel": wi.T, "cell__dense_h__kernel": wh.T, f"cell__dense_{bias}__bias": bi + bh}


def reordered(order):
    """The blocks in another order, in all of the weights."""
    return lambda w: [np.concatenate([np.split(part, len(order))[i] for i in order]) for part in w]


def without_input_bias(w):
    return w[0], w[1], 0 * w[2], w[3]


def transposed(w):
    return w[0], np.concatenate([u.T for u in np.split(w[1], len(w[1]) // H)]), w[2], w[3]


def forgetting(w):
    return w[0], w[1], w[2] + np.repeat([0, 1, 0, 0], H), w[3]


def coupled(w):
    """f = s(-a) = 1 - s(a), with a that of i."""
    return [np.concatenate([block[:H], -block[:H], block[2 * H :]]) for block in w]


def other_sense(w):
    return [np.concatenate([block[:H], -block[H : 2 * H], block[2 * H :]]) for block in w]


STATE = tuple(np.random.default_rng(9).standard_normal((2, N, H)))
FAULTS = {
    "lstm-onnx": ("lstm-gate-order", {}, {"change": reordered((0, 3, 1, 2))}),
    "lstm-tensorflow": ("lstm-gate-order", {}, {"change": reordered((0, 2, 1, 3))}),
    "lstm-by-name": ("lstm-gate-order", {}, {"change": reordered((1, 2, 0, 3))}),
    "gru-keras": ("gru-gate-order", {"kind": "gru"}, {"change": reordered((1, 0, 2))}),
    "lstm-transposed": ("recurrent-kernel-transposed", {}, {"change": transposed}),
    "gru-transposed": ("recurrent-kernel-transposed", {"kind": "gru"}, {"change": transposed}),
    "rnn-transposed": ("recurrent-kernel-transposed", {"kind": "rnn"}, {"change": transposed}),
    "forget": ("lstm-forget-bias", {}, {"change": forgetting}),
    "coupled": ("lstm-coupled-gates", {}, {"change": coupled}),
    "update": ("gru-update-gate-sense", {"kind": "gru"}, {"change": other_sense}),
    "relu": ("rnn-nonlinearity", {"kind": "rnn"}, {"nonlinearity": "relu"}),
    "reverse": ("rnn-reverse", {}, {"reverse": "kept"}),
    "gru-reverse": ("rnn-reverse", {"kind": "gru"}, {"reverse": "kept"}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), FAULTS.values(), ids=FAULTS)
def test_named(cause_id, sound, fault, framework, faulty):
    first, second = pair(recur, sound, fault, framework, faulty)
    check(explain(site(first, second)), cause_id, faulty)


@pytest.mark.parametrize("faulty", [0, 1])
@pytest.mark.parametrize("function", ["sigmoid", "relu"])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_another_function_for_the_tanh_of_a_cell(kind, function, faulty):
    """Of flax's alone: torch's has no choice."""
    sides = [recur("torch", kind), recur("flax", kind, nonlinearity=function)]
    found = explain(site(*(sides if faulty else sides[::-1])))
    check(found, "rnn-nonlinearity", faulty)
    assert f"{function} for tanh" in (found.first, found.second)[faulty]


@both_ways
def test_the_order_of_what_runs_backward(framework, faulty):
    first, second = pair(recur, {"reverse": "kept"}, {"reverse": "turned"}, framework, faulty)
    found = explain(site(first, second))
    assert {cause.id for cause in found.causes} == {"rnn-keep-order"}


@both_ways
def test_time_major(framework, faulty):
    first, second = pair(recur, {}, {"time": 0}, framework, faulty)
    check(explain(site(first, second)), "rnn-time-major", faulty, departs=False)


@both_ways
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_initial_state(kind, framework, faulty):
    first, second = pair(recur, {"kind": kind, "state": STATE}, {"state": None}, framework, faulty)
    given = first if faulty else second
    states = [numpy(s) for s in given.inputs[1:]]
    like = (lambda s: s[None]) if framework == "torch" else (lambda s: s[0])
    if faulty == 0:  # what the second side was given, as the first has it
        states = [like(s) for s in states[::-1]]
    first.inputs = (first.inputs[0], *states)
    check(explain(site(first, second)), "rnn-initial-state", faulty)


@both_ways
def test_the_order_of_the_states(framework, faulty):
    sound, fault = {"state": STATE}, {"state": STATE[::-1]}
    first, second = pair(recur, sound, fault, framework, faulty)
    if faulty == 0:
        first.inputs = (first.inputs[0], *first.inputs[:0:-1])
    check(explain(site(first, second)), "lstm-carry-order", faulty)


def test_last_states_exchanged():
    first, second = recur("torch", gives="h"), recur("flax", gives="c")
    found = explain(site(first, second, name="1.0"))
    check(found, "lstm-carry-order", 1, departs=False)


@pytest.mark.parametrize("framework", ["torch", "flax"])
@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_one_bias_of_two(kind, framework):
    own = recur("torch", kind=kind)
    if framework == "torch":
        check(explain(site(own, recur("flax", kind=kind, change=without_input_bias))), "lstm-two-biases", 1)
    else:
        alone = recur("torch", kind=kind, change=without_input_bias)
        check(explain(site(own, alone)), "lstm-two-biases", 1)


def by_hand(framework, kind, step, own=None):
    """A cell by hand, unrolled: torch's layer for the weights."""
    lib = torch if framework == "torch" else jnp
    own = own or weights(kind)
    wi, wh, bi, bh = (torch.tensor(w) if lib is torch else jnp.asarray(w) for w in own)
    x = torch.tensor(drawn(N, T, F)) if lib is torch else jnp.asarray(drawn(N, T, F))
    h = c = lib.zeros((N, H), dtype=x.dtype)
    found = []
    for t in range(T):
        h, c = step(lib, x[:, t] @ wi.T + bi, h @ wh.T, bh, h, c, wh)
        found.append(h)
    made = recur(framework, kind=kind)
    made.y = lib.stack(found, 1)
    made.weights = (
        torch_names(own)
        if framework == "torch"
        else {k.replace("__", "."): v for k, v in flax_weights(kind, own).items()}
    )
    return made


def torch_names(own):
    return dict(zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), own))


def sigmoid(lib, x):
    return torch.sigmoid(x) if lib is torch else jax.nn.sigmoid(x)


def chunks(lib, x, n):
    return x.chunk(n, -1) if lib is torch else jnp.split(x, n, -1)


def reset_before(lib, a, u, bh, h, c, wh):
    r, z = (sigmoid(lib, part) for part in chunks(lib, (a + u + bh)[:, : 2 * H], 2))
    n = lib.tanh(a[:, 2 * H :] + (r * h) @ wh[2 * H :].T + bh[2 * H :])
    return (1 - z) * n + z * h, c


def no_reset(lib, a, u, bh, h, c, wh):
    z = sigmoid(lib, (a + u + bh)[:, H : 2 * H])
    return (1 - z) * lib.tanh((a + u + bh)[:, 2 * H :]) + z * h, c


def folded(lib, a, u, bh, h, c, wh):
    r, z = (sigmoid(lib, part) for part in chunks(lib, (a + u + bh)[:, : 2 * H], 2))
    n = lib.tanh(a[:, 2 * H :] + bh[2 * H :] + r * u[:, 2 * H :])
    return (1 - z) * n + z * h, c


def bias_within(lib, a, u, bh, h, c, wh):
    r, z = (sigmoid(lib, part) for part in chunks(lib, (a + u + bh)[:, : 2 * H], 2))
    return (1 - z) * lib.tanh(a[:, 2 * H :] + r * (u + bh)[:, 2 * H :]) + z * h, c


def lstm_with(gate=sigmoid, out=lambda lib, c: lib.tanh(c)):
    def step(lib, a, u, bh, h, c, wh):
        i, f, g, o = chunks(lib, a + u + bh, 4)
        c = gate(lib, f) * c + gate(lib, i) * lib.tanh(g)
        return gate(lib, o) * out(lib, c), c

    return step


def hard(lib, x):
    return (0.2 * x + 0.5).clip(0, 1)


STEPS = {
    "reset": ("gru-reset-gate-placement", "gru", reset_before),
    "no reset": ("gru-reset-gate-missing", "gru", no_reset),
    "hard": ("rnn-hard-sigmoid", "lstm", lstm_with(gate=hard)),
    "out": ("lstm-output-activation", "lstm", lstm_with(out=lambda lib, c: c)),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "kind", "step"), STEPS.values(), ids=STEPS)
def test_cells_by_hand(cause_id, kind, step, framework, faulty):
    other = "flax" if framework == "torch" else "torch"
    first = by_hand(framework, kind, step) if faulty == 0 else recur(framework, kind=kind)
    second = by_hand(other, kind, step) if faulty else recur(other, kind=kind)
    check(explain(site(first, second)), cause_id, faulty)


@pytest.mark.parametrize("faulty", [0, 1])
@pytest.mark.parametrize(("cause_id", "step"), [("gru-hidden-bias-folded", folded), ("gru-hidden-bias-missing", None)])
def test_the_state_bias_of_a_gru(cause_id, step, faulty):
    own = list(weights("gru"))
    own[3] = own[3] + 0.3
    without = [*own[:3], np.concatenate([own[3][: 2 * H], 0 * own[3][2 * H :]])]
    sound = by_hand("torch", "gru", bias_within, own)
    fault = by_hand("flax", "gru", folded, own) if step else by_hand("torch", "gru", bias_within, without)
    first, second = (fault, sound) if faulty == 0 else (sound, fault)
    first.weights, first.side = torch_names(own), sound.side
    first.inputs = sound.inputs
    check(explain(site(first, second)), cause_id, faulty)


def bidirectional(framework, joined=(0, 1), keep=True, both_forward=False):
    """Two directions; flax has its own way to put them together."""
    own = [weights("gru"), weights("gru", 7)]
    x = drawn(N, T, F)
    if framework == "torch":
        module = torch.nn.GRU(F, H, batch_first=True, bidirectional=True).double()
        names = [f"{n}_l0{end}" for end in ("", "_reverse") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        put(module, **dict(zip(names, [*own[0], *own[1]])))
        ahead, back = numpy(module(torch.tensor(x))[0][..., :H]), numpy(module(torch.tensor(x))[0][..., H:])
        if both_forward:
            back = numpy(module(torch.tensor(x[:, ::-1].copy()))[0][..., H:])[:, ::-1]
        back = back if keep else back[:, ::-1]
        y = np.concatenate([(ahead, back)[i] for i in joined], -1)
        return Made(y, side(module, "torch"), (x,), dict(zip(names, [*own[0], *own[1]])))
    rnns = [nnx.RNN(nnx.GRUCell(F, H, param_dtype=jnp.float64, rngs=rngs()), rngs=rngs()) for _ in range(2)]
    for rnn, w in zip(rnns, own):
        put(rnn, **flax_weights("gru", w))
    merge = lambda a, b: jnp.concatenate([(a, b)[i] for i in joined], -1)  # noqa: E731
    module = nnx.Bidirectional(*rnns, merge_fn=merge, rngs=rngs())
    y = module(x)
    if not keep or both_forward:
        back = rnns[1](x) if both_forward else rnns[1](x, reverse=True)
        y = jnp.concatenate([rnns[0](x), back], -1)
    names = [f"{which}_rnn__{name}" for which in ("forward", "backward") for name in flax_weights("gru", own[0])]
    values = [value for w in own for value in flax_weights("gru", w).values()]
    return Made(y, side(module, "flax"), (x,), {n.replace("__", "."): v for n, v in zip(names, values)})


BOTH = {
    "joined": ("bidirectional-concat-order", {"joined": (1, 0)}),
    "keep": ("rnn-keep-order", {"keep": False}),
    "forward": ("rnn-reverse", {"both_forward": True}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "fault"), BOTH.values(), ids=BOTH)
def test_both_directions(cause_id, fault, framework, faulty):
    first, second = pair(bidirectional, {}, fault, framework, faulty)
    check(explain(site(first, second)), cause_id, faulty)


def test_states_of_all_layers():
    module = torch.nn.LSTM(F, H, num_layers=2, bidirectional=True, batch_first=True).double()
    x = torch.tensor(drawn(N, T, F))
    h = numpy(module(x)[1][0])
    own = {name: numpy(value) for name, value in module.named_parameters()}
    first, second = (Made(y, side(module, "torch"), (x,), own) for y in (h, h[[0, 2, 1, 3]]))
    check(explain(site(first, second, name="1.0")), "bidirectional-concat-order", 1)


def test_one_step_of_a_cell():
    """torch's cell takes x, (h, c) and gives (h, c); flax's takes (c, h), x and gives ((c, h), h)."""
    own, (h0, c0), x = weights("lstm"), STATE, drawn(N, F)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    module = put(torch.nn.LSTMCell(F, H).double(), **dict(zip(names, own)))
    h, _ = module(torch.tensor(x), (torch.tensor(h0), torch.tensor(c0)))
    mine = Made(h, side(module, "torch"), (x, h0, c0), dict(zip(names, own)))
    cell = nnx.OptimizedLSTMCell(F, H, rngs=rngs())
    given = {name.removeprefix("cell__"): v for name, v in flax_weights("lstm", forgetting(own)).items()}
    put(cell, **given)
    theirs = Made(cell((c0, h0), x)[1], side(cell, "flax"), (c0, h0, x))
    check(explain(site(mine, theirs)), "lstm-forget-bias", 1)
    theirs.weights = {n.replace("cell__", "").replace("__", "."): v for n, v in flax_weights("lstm", own).items()}
    check(explain(site(theirs, mine)), "lstm-forget-bias", 0)


OUTSIDE = {
    "one-weight": lambda w: (w[0], w[1] + 0.1 * (np.arange(w[1].size).reshape(w[1].shape) == 8), *w[2:]),
    "scaled": lambda w: (1.01 * w[0], *w[1:]),
    "rolled": lambda w: (np.roll(w[0], 1, 0), *w[1:]),
}


@both_ways
@pytest.mark.parametrize("change", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_nothing_is_claimed_of_other_faults(kind, change, framework, faulty):
    first, second = pair(recur, {"kind": kind}, {"change": change}, framework, faulty)
    assert not claims(site(first, second))
