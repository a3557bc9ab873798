"""Attention whose conventions differ: both sides by torch and flax, the cause by the catalogue."""

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
    pair,
    put,
    rngs,
    side,
    site,
    wide,  # noqa: F401
)
from flax import nnx

from crosscheck.causes.explain import explain
from crosscheck.causes.site import Side

N, T, H, D = 2, 5, 2, 4
E = H * D
CAUSAL = np.tril(np.ones((T, T), bool))
MASK = CAUSAL ^ np.eye(T, dtype=bool)[::-1]
"""No row of it or of its opposite is empty."""
PADDING = np.arange(T) < np.array([[4], [3]])


def exact(query, key, value, bias=None, mask=None, **_):
    """nnx's attention in the dtype of its inputs: its own goes through float32."""
    scores = jnp.einsum("nthd,nshd->nhts", query, key) / query.shape[-1] ** 0.5
    scores = scores if mask is None else jnp.where(mask, scores, jnp.finfo(scores.dtype).min)
    return jnp.einsum("nhts,nshd->nthd", jax.nn.softmax(scores, -1), value)


# Whole modules


def whole(framework, heads=H, mask=None, flip=False, bias=True, roles=(0, 1, 2), turned=False, zero=False):
    """mask: what may be attended to, as the framework takes it; flip: the other way round; turned: axes exchanged."""
    x = [drawn(N, T, E), drawn(T, N, E).reshape(N, T, E), drawn(E, T, N).reshape(N, T, E)]
    kernels = [0.5 * drawn(E, E, 1, k)[:, :, 0, 0] for k in (1, 2, 3, 4)]
    biases = [0.5 * drawn(E, k + 5)[:, 0] for k in range(4)]
    given = [x[i].swapaxes(0, 1) if turned else x[i] for i in roles]
    if framework == "torch":
        module = torch.nn.MultiheadAttention(E, heads, bias=True, batch_first=True, add_zero_attn=zero).double()
        own = {
            "in_proj_weight": np.concatenate([k.T for k in kernels[:3]]),
            "in_proj_bias": np.concatenate(biases[:3]),
            "out_proj.weight": kernels[3].T,
            "out_proj.bias": biases[3],
        }
        values = own if bias else {name: v * (v.ndim == 2) for name, v in own.items()}
        put(module, **{name.replace(".", "__"): value for name, value in values.items()})
        ignored = None if mask is None else torch.tensor(mask if flip else ~mask)
        y = module(*map(torch.tensor, given), attn_mask=ignored, need_weights=False)[0]
        masks = () if mask is None else (~mask,)
    else:
        module = nnx.MultiHeadAttention(heads, E, decode=False, attention_fn=exact, rngs=rngs())
        own = {}
        for name, kernel, b in zip(("query", "key", "value", "out"), kernels, biases):
            shape = (heads, E // heads, E) if name == "out" else (E, heads, E // heads)
            own[f"{name}.kernel"] = kernel.reshape(shape)
            own[f"{name}.bias"] = b if name == "out" else b.reshape(heads, -1)
        values = own if bias else {name: v * name.endswith("kernel") for name, v in own.items()}
        put(module, **{name.replace(".", "__"): value for name, value in values.items()})
        given = [np.concatenate([g, np.zeros_like(g[:, :1])], 1) if zero and i else g for i, g in enumerate(given)]
        used = None if mask is None else (~mask if flip else mask)[None, None]
        y = module(*given, mask=used)
        masks = () if mask is None else (mask[None, None],)
    y = y.swapaxes(0, 1) if turned else y
    return Made(y, side(module, framework), (*x, *masks), own)


WHOLE = {
    "heads": ("attention-head-count", {}, {"heads": 4}),
    "mask": ("attention-bool-mask-inverted", {"mask": MASK}, {"flip": True}),
    "bias": ("attention-bias-missing", {}, {"bias": False}),
    "roles": ("attention-roles-exchanged", {}, {"roles": (0, 2, 1)}),
    "time": ("attention-time-major", {}, {"turned": True}),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), WHOLE.values(), ids=WHOLE)
def test_whole_modules(cause_id, sound, fault, framework, faulty):
    first, second = pair(whole, sound, fault, framework, faulty)
    check(explain(site(first, second)), cause_id, faulty, departs=False)


@pytest.mark.parametrize("cause_id", ["attention-bool-mask-inverted", "attention-roles-exchanged"])
def test_projections_in_layers_of_their_own(cause_id):
    """As a torch module written by hand keeps them."""
    _, sound, fault = next(row for row in WHOLE.values() if row[0] == cause_id)
    first, second = pair(whole, sound, fault, "torch", 1)
    names = ("q_proj", "k_proj", "v_proj", "proj")
    kernels = [*np.split(first.weights["in_proj_weight"], 3), first.weights["out_proj.weight"]]
    biases = [*np.split(first.weights["in_proj_bias"], 3), first.weights["out_proj.bias"]]
    first.weights = {f"{name}.weight": kernel for name, kernel in zip(names, kernels)}
    first.weights |= {f"{name}.bias": b for name, b in zip(names, biases)}
    check(explain(site(first, second)), cause_id, 1, departs=False)


@both_ways
def test_a_mask_that_one_side_lacks(framework, faulty):
    first, second = pair(whole, {"mask": MASK}, {"mask": None}, framework, faulty)
    if faulty == 0:  # the mask that the second side was given, as the first's layout has it
        first.inputs = (*first.inputs, MASK)
    assert claims(site(first, second)) == ["attention-mask-missing"]


def test_a_key_of_zeros():
    first, second = whole("torch", zero=True), whole("flax")
    check(explain(site(first, second)), "attention-zero-key", 0)


def test_other_faults_of_whole_modules():
    for change in (lambda y: 1.01 * y, lambda y: y + 0.1 * (np.arange(y.size).reshape(y.shape) == 3), np.tanh):
        first, second = whole("torch"), whole("flax")
        second.y = change(np.asarray(second.y))
        assert not claims(site(first, second))


# Between the layers


PARTS = [drawn(N, T, E), drawn(T, N, E).reshape(N, T, E), drawn(E, T, N).reshape(N, T, E)]


def between(framework, of=None, heads=H, packed=False, masks=(), **settings):
    """What reaches the output layer; the layers for q, k and v gave PARTS (or one array of them)."""
    lib = torch if framework == "torch" else jnp
    as_array = torch.tensor if framework == "torch" else jnp.asarray
    sources = [np.concatenate(PARTS, -1)] if packed else of or PARTS
    y = attend(lib, *map(as_array, sources), heads=heads, masks=masks, **settings)
    return Made(
        y, Side(framework if framework == "torch" else "flax.nnx", "", {"num_heads": heads}), (*masks, *sources)
    )


def attend(
    lib,
    *parts,
    heads=H,
    scale=None,
    masks=(),
    mask=None,
    causal=None,
    split="n t (h d)",
    merge="n t h d",
    axis=-1,
    order=(0, 1, 2),
    rope=None,
    base=1e4,
    alibi=None,
    packing="q k v h d",
    empty="uniform",
    repeat="each",
    turned="qk",
    sense=1,
    window=None,
    cap=None,
    fill=-1e30,
):
    """By hand, as ports write it."""
    if len(parts) == 1:
        parts = unpacked(lib, parts[0], packing, heads)
    q, k, v = (parts[i] for i in order)
    d = q.shape[-1] // heads
    q, k, v = (split_heads(lib, x, d, split) for x in (q, k, v))
    if rope:
        q, k, v = (turn(lib, x, rope, base, sense) if which in turned else x for which, x in zip("qkv", (q, k, v)))
    k, v = (share(lib, x, heads, repeat) for x in (k, v))
    scores = q @ k.swapaxes(2, 3) * (d**-0.5 if scale is None else scale)
    t, s = scores.shape[2:]
    array = torch.tensor if lib is torch else jnp.asarray
    if alibi is not None:
        scores = scores - array(alibi)
    keep = np.ones((1, 1, t, s), bool) if mask is None else mask
    keep = keep if causal is None else keep & np.tril(np.ones((t, s), bool), causal)
    keep = keep if window is None else keep & np.triu(np.ones((t, s), bool), 1 - window)
    scores = scores if cap is None else cap * lib.tanh(scores / cap)
    low = {"uniform": fill, "zero": -float("inf"), "NaN": -float("inf")}[empty]
    scores = lib.where(array(keep), scores, low)
    weights = torch.softmax(scores, axis) if lib is torch else jax.nn.softmax(scores, axis)
    weights = torch.nan_to_num(weights) if empty == "zero" and lib is torch else weights
    weights = jnp.nan_to_num(weights) if empty == "zero" and lib is not torch else weights
    y = weights @ v
    y = {"n t h d": y.swapaxes(1, 2), "n h t d": y, "n t d h": y.swapaxes(1, 2).swapaxes(2, 3)}[merge]
    return y.reshape(len(y), t, -1)


def unpacked(lib, x, packing, heads):
    n, t, _ = x.shape
    if packing == "q k v h d":
        return [x[..., i * E : (i + 1) * E] for i in range(3)]
    split = x.reshape(n, t, heads, 3, -1)
    return [split[:, :, :, i].reshape(n, t, -1) for i in range(3)]


def split_heads(lib, x, d, way):
    n, t, e = x.shape
    if way == "n t (h d)":
        return x.reshape(n, t, e // d, d).swapaxes(1, 2)
    return (
        x.reshape(n, t, d, e // d).swapaxes(2, 3).swapaxes(1, 2) if way == "n t (d h)" else x.reshape(n, e // d, t, d)
    )


def turn(lib, x, way, base, sense):
    t, d = x.shape[-2:]
    angle = np.arange(t)[:, None] * base ** (-np.arange(0, d, 2) / d)
    cos, sin = (torch.tensor(f(sense * angle)) if lib is torch else f(sense * angle) for f in (np.cos, np.sin))
    if way == "halves":
        a, b = x[..., : d // 2], x[..., d // 2 :]
        return lib.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
    a, b = x[..., ::2], x[..., 1::2]
    return lib.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape)


def share(lib, x, heads, way):
    times = heads // x.shape[1]
    if times == 1:
        return x
    if lib is torch:
        return x.repeat_interleave(times, 1) if way == "each" else x.repeat(1, times, 1, 1)
    return jnp.repeat(x, times, 1) if way == "each" else jnp.tile(x, (1, times, 1, 1))


def linear_bias(both_ways_alike):
    ago = np.arange(T)[:, None] - np.arange(T)
    slopes = 2.0 ** (-8 * np.arange(1, H + 1) / H)
    return (np.abs(ago) if both_ways_alike else ago) * slopes[:, None, None]


KEEP = PADDING[:, None, None]
EMPTY = (PADDING & (np.arange(N)[:, None] == 0))[:, None, None]
MASKED = {"masks": (PADDING,)}
HALVES, PAIRS = {"rope": "halves"}, {"rope": "neighbours"}
BETWEEN = {
    "no-scale": ("attention-scale", {}, {"scale": 1.0}),
    "scale-of-all": ("attention-scale", {}, {"scale": E**-0.5}),
    "scale-twice": ("attention-scale", {}, {"scale": 1 / D}),
    "inverted": ("attention-bool-mask-inverted", MASKED | {"mask": KEEP}, {"mask": ~KEEP}),
    "no-mask": ("attention-mask-missing", MASKED | {"mask": KEEP}, {"mask": None}),
    "not-causal": ("attention-causal-missing", {"causal": 0}, {"causal": None}),
    "strictly": ("attention-causal-alignment", {"causal": 0}, {"causal": -1}),
    "ahead": ("attention-causal-alignment", {"causal": 0}, {"causal": 1}),
    "masked-by-zeros": ("mask-fill-value", {"causal": 0}, {"fill": 0.0}),
    "masked-by-zeros-padding": ("mask-fill-value", MASKED | {"mask": KEEP}, {"fill": 0.0}),
    "masked-by-1e-9": ("mask-fill-value", {"causal": 0}, {"fill": 1e-9}),
    "window": ("attention-window", {"causal": 0}, {"window": 2}),
    "cap": ("attention-softcap", {}, {"cap": 30}),
    "both": ("attention-head-interleaved", {}, {"split": "n t (d h)", "merge": "n t d h"}),
    "both-reshaped": ("attention-reshaped-heads", {}, {"split": "n h t d", "merge": "n h t d"}),
    "split": ("attention-head-interleaved", {}, {"split": "n t (d h)"}),
    "merge": ("attention-head-interleaved", {}, {"merge": "n t d h"}),
    "split-reshaped": ("attention-reshaped-heads", {}, {"split": "n h t d"}),
    "merge-reshaped": ("attention-reshaped-heads", {}, {"merge": "n h t d"}),
    "over-queries": ("attention-softmax-axis", {}, {"axis": -2}),
    "over-heads": ("attention-softmax-axis", {}, {"axis": 1}),
    "roles": ("attention-roles-exchanged", {}, {"order": (1, 0, 2)}),
    "packing": ("attention-qkv-packing", {"packed": True}, {"packing": "h q k v d"}),
    "rotary": ("rope-half-vs-interleaved", HALVES, PAIRS),
    "rotary-causal": ("rope-half-vs-interleaved", HALVES | {"causal": 0}, PAIRS),
    "rotary-base": ("rope-base", HALVES, {"base": 5e5}),
    "rotary-of-queries": ("rope-parts", HALVES, {"turned": "q"}),
    "rotary-of-values-too": ("rope-parts", PAIRS, {"turned": "qkv"}),
    "rotary-sense": ("rope-sense", HALVES, {"sense": -1}),
    "no-rotary": ("rope-missing", HALVES, {"rope": None}),
    "alibi": ("attention-alibi", {"alibi": linear_bias(False)}, {"alibi": None}),
    "alibi-both-ways": ("attention-alibi", {"alibi": linear_bias(False)}, {"alibi": linear_bias(True)}),
    "empty": (
        "attention-fully-masked-row",
        {"masks": (PADDING & (np.arange(N)[:, None] == 0),), "mask": EMPTY},
        {"empty": "zero"},
    ),
}


@both_ways
@pytest.mark.parametrize(("cause_id", "sound", "fault"), BETWEEN.values(), ids=BETWEEN)
def test_between_the_layers(cause_id, sound, fault, framework, faulty):
    first, second = pair(between, sound, fault, framework, faulty)
    check(explain(site(first, second, "value")), cause_id, faulty, departs=False)


@both_ways
def test_a_base_of_rotary_positions_that_is_told(framework, faulty):
    first, second = pair(between, HALVES, {"base": 2e4}, framework, faulty)
    config = dict(first.side.config) | {"rope_theta": 2e4}
    first.side = Side(first.side.framework, "", config)
    check(explain(site(first, second, "value")), "rope-base", faulty, departs=False)


@both_ways
def test_shared_heads(framework, faulty):
    few = [np.concatenate([PARTS[0], PARTS[1]], -1), PARTS[1], PARTS[2]]
    first, second = pair(between, {"of": few, "heads": 4}, {"repeat": "turn"}, framework, faulty)
    check(explain(site(first, second, "value")), "attention-kv-head-repeat", faulty)


@both_ways
def test_an_added_mask(framework, faulty):
    sound = {"masks": (PADDING.astype(int),), "mask": KEEP}
    first, second = pair(between, sound, {}, framework, faulty)
    wrong = between(("torch", "flax")[(framework == "torch") == (faulty == 1)], alibi=-KEEP.astype(float))
    (first if faulty == 0 else second).y = wrong.y
    check(explain(site(first, second, "value")), "attention-float-mask-added", faulty, departs=False)


@both_ways
def test_a_window_and_a_bound_of_the_scores_that_are_told(framework, faulty):
    for told, cause_id in (({"window": 4}, "attention-window"), ({"cap": 7}, "attention-softcap")):
        first, second = pair(between, {"causal": 0}, told, framework, faulty)
        names = {"sliding_window": 4, "softcap": 7}
        first.side = Side(first.side.framework, "", dict(first.side.config) | names)
        check(explain(site(first, second, "value")), cause_id, faulty, departs=False)


OUTSIDE = {"scale": {"scale": 0.4}, "alibi": {"alibi": 0.3 * linear_bias(True)}, "heads": {"causal": 2}}


@both_ways
@pytest.mark.parametrize("fault", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("sound", [{}, {"packed": True}, {"causal": 0}], ids=["parts", "packed", "causal"])
def test_nothing_is_claimed_of_other_faults(sound, fault, framework, faulty):
    first, second = pair(between, sound, fault, framework, faulty)
    assert not claims(site(first, second, "value"))
