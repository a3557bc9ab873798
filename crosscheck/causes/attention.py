"""Attention: the causes by which two of them differ; attending.py tries them.

Y = merge(softmax(Q K^T scale + bias, over keys) V)        Q K V [n h t d], each of n t (h d) split into heads
"""

from __future__ import annotations

from crosscheck.causes.catalogue import cause
from crosscheck.causes.variant import BETWEEN

MHA = "https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html"
SDPA = "https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html"
NNX = "https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/attention.html"
JAX = "https://docs.jax.dev/en/latest/_autosummary/jax.nn.dot_product_attention.html"

cause(
    "attention-scale",
    "attention",
    "the scores are scaled differently before the softmax",
    "scaled_dot_product_attention: q k^T / sqrt(d), d of one head; scale=... instead",
    "dot_product_attention: q k^T / sqrt(d), d of one head; T5's has no scale",
    "scale=... of the other side, or q * factor",
    "query * factor * d**0.5",
    SDPA,
)
cause(
    "attention-bool-mask-inverted",
    "attention",
    "a mask's True means attend on one side, ignore on the other",
    "MultiheadAttention: True is ignored; scaled_dot_product_attention: True is attended to",
    "True is attended to",
    "~mask for MultiheadAttention",
    "~mask of MultiheadAttention's",
    "https://github.com/pytorch/pytorch/issues/120668",
)
cause(
    "attention-float-mask-added",
    "attention",
    "one side adds the mask to the scores, the other keeps what it marks",
    "a float attn_mask is added to the scores; a bool one selects",
    "mask selects, bias is added",
    "mask.bool()",
    "dot_product_attention(bias=mask)",
    "https://github.com/pytorch/pytorch/issues/117939",
)
cause(
    "attention-mask-missing",
    "attention",
    "one side attends to what the mask forbids",
    "attn_mask=..., key_padding_mask=...",
    "mask=...",
    "attn_mask=..., key_padding_mask=...",
    "mask=... of shape n h t s",
    NNX,
)
cause(
    "attention-causal-missing",
    "attention",
    "one side attends to later positions, the other to earlier ones alone",
    "is_causal=True, or a mask",
    "mask=nnx.make_causal_mask(x), or is_causal=True",
    "is_causal=True",
    "mask=nnx.make_causal_mask(x)",
    SDPA,
)
cause(
    "attention-causal-alignment",
    "attention",
    "the causal masks are aligned differently: one leaves out the position itself, or takes in the next",
    "is_causal=True: key j for query i if j <= i, from the start",
    "is_causal=True: the same; with a cache j <= i + s - t, from the end",
    "torch.ones(t, s).tril(s - t).bool()",
    "jnp.tril(jnp.ones((t, s), bool), s - t)",
    SDPA,
)
cause(
    "attention-fully-masked-row",
    "attention",
    "a query that may attend to nothing gives zero, the mean of all values, or NaN",
    "scaled_dot_product_attention: zero (NaN before 2.5)",
    "the least number instead of -inf: the mean of all values",
    "average the values for rows without keys",
    "jnp.where(mask.any(-1, keepdims=True), y, 0)",
    "https://github.com/pytorch/pytorch/issues/103749",
)
cause(
    "attention-head-interleaved",
    "attention",
    "a head is a block of neighbouring features on one side, every h-th feature on the other",
    "x.view(n, t, h, d)",
    "x.reshape(n, t, h, d)",
    "x.view(n, t, h, d), not (n, t, d, h)",
    "x.reshape(n, t, h, d), not (n, t, d, h)",
    MHA,
)
cause(
    "attention-reshaped-heads",
    "attention",
    "heads, or positions and channels, are split or put together by a reshape where axes should be exchanged as well",
    "x.view(n, t, h, d).transpose(1, 2); y.transpose(1, 2).reshape(n, t, h * d)",
    "x.reshape(n, t, h, d); y.reshape(n, t, h * d), heads behind the positions all the time",
    "transpose(1, 2) ahead of reshape(n, t, h * d)",
    "jnp.swapaxes(y, 1, 2) ahead of reshape(n, t, h * d)",
    SDPA,
)
cause(
    "attention-head-count",
    "attention",
    "the numbers of heads differ",
    "MultiheadAttention(e, num_heads)",
    "MultiHeadAttention(num_heads, e)",
    "num_heads=... of the other side",
    "num_heads=... of the other side",
    NNX,
)
cause(
    "attention-softmax-axis",
    "attention",
    "the softmax runs over the queries on one side, over the keys on the other",
    "softmax(scores, dim=-1) of n h t s",
    "softmax(scores, axis=-1) of n h t s",
    "dim=-1",
    "axis=-1",
    SDPA,
)
cause(
    "attention-roles-exchanged",
    "attention",
    "queries, keys and values are taken in different orders",
    "MultiheadAttention(query, key, value); in_proj_weight: rows of q, k, v",
    "MultiHeadAttention(inputs_q, inputs_k, inputs_v)",
    "hand them over by name",
    "hand them over by name",
    MHA,
)
cause(
    "attention-qkv-packing",
    "attention",
    "the one layer for q, k and v gives them in different orders: all of q first, or head by head",
    "in_proj_weight: (3 h d); GPT-NeoX and BLOOM: (h 3 d)",
    "query, key and value are separate layers",
    "weight.view(3, h, d, e) or .view(h, 3, d, e), as the other side",
    "kernel.reshape(e, 3, h, d) or (e, h, 3, d), as the other side",
    MHA,
)
cause(
    "attention-kv-head-repeat",
    "attention",
    "shared heads of keys and values go to neighbouring queries on one side, to every g-th on the other",
    "k.repeat_interleave(g, 1); enable_gqa=True",
    "dot_product_attention: query head i has key head i // g; jnp.tile gives i % g",
    "repeat_interleave, not repeat",
    "jnp.repeat, not jnp.tile",
    JAX,
)
cause(
    "rope-half-vs-interleaved",
    "attention",
    "rotary positions turn the halves' features on one side, neighbouring features on the other",
    "transformers' rotate_half: (i, i + d/2) are a pair; Meta's Llama: (2i, 2i + 1)",
    "either is written by hand",
    "rows of q and k per head: view(h, 2, d/2).transpose(1, 2) or back",
    "columns of q and k per head: reshape(h, 2, d/2).swapaxes(1, 2) or back",
    "https://github.com/huggingface/transformers/issues/25199",
)
cause(
    "rope-missing",
    "attention",
    "one side turns queries and keys by their positions, the other does not",
    "rotary positions are written by hand",
    "rotary positions are written by hand",
    "apply them to q and k ahead of the scores",
    "apply them to q and k ahead of the scores",
    "https://arxiv.org/abs/2104.09864",
)
cause(
    "rope-base",
    "attention",
    "the rotary positions have different bases",
    "rope_theta = 10000; Llama 3 has 500000",
    "10000 by default",
    "base = the other side's",
    "base = the other side's",
    "https://arxiv.org/abs/2104.09864",
)
cause(
    "rope-parts",
    "attention",
    "rotary positions turn other parts: queries or keys alone, or values as well",
    "q, k = rotate(q), rotate(k)",
    "q, k = rotate(q), rotate(k)",
    "rotate q and k, not v",
    "rotate q and k, not v",
    "https://arxiv.org/abs/2104.09864",
)
cause(
    "rope-sense",
    "attention",
    "rotary positions turn in opposite senses",
    "(a cos - b sin, b cos + a sin)",
    "(a cos - b sin, b cos + a sin)",
    "change the sign of the sines",
    "change the sign of the sines",
    "https://arxiv.org/abs/2104.09864",
)
cause(
    "attention-window",
    "attention",
    "a query sees some positions back alone (a sliding window) on one side, or the windows differ",
    "causal and i - j < window",
    "causal and i - j < window",
    "mask = torch.ones(t, t).tril().triu(1 - window)",
    "mask = jnp.triu(jnp.tril(jnp.ones((t, t))), 1 - window)",
    "https://arxiv.org/abs/2310.06825",
)
cause(
    "attention-softcap",
    "attention",
    "one side bounds the scores by a tanh (Gemma 2)",
    "cap * torch.tanh(scores / cap)",
    "cap * jnp.tanh(scores / cap)",
    "cap * torch.tanh(scores / cap) ahead of the mask",
    "cap * jnp.tanh(scores / cap) ahead of the mask",
    "https://arxiv.org/abs/2408.00118",
)
cause(
    "attention-alibi",
    "attention",
    "the scores' linear bias by distance (ALiBi) is missing on one side, or counts later positions differently",
    "scores - slope (i - j), slope = 2^(-8 k / h) of head k",
    "scores - slope (i - j), slope = 2^(-8 k / h) of head k",
    "attn_mask = -slopes * (i - j)",
    "bias = -slopes * (i - j)",
    "https://arxiv.org/abs/2108.12409",
)
cause(
    "attention-zero-key",
    "attention",
    "one side has one more key and value, of zeros",
    "MultiheadAttention(add_zero_attn=True)",
    "no such option",
    "add_zero_attn=False",
    "concatenate zeros to key and value",
    MHA,
)
cause(
    "attention-time-major",
    "attention",
    "one side takes the first axis for positions, the other the second",
    "MultiheadAttention(batch_first=False): t n e",
    "MultiHeadAttention: n t e",
    "batch_first=True",
    "jnp.swapaxes(x, 0, 1)",
    MHA,
)
cause(
    "attention-bias-missing",
    "attention",
    "one side lacks the bias of its projections",
    "MultiheadAttention(bias=True)",
    "MultiHeadAttention(use_bias=True)",
    "bias=... as the other side",
    "use_bias=... as the other side",
    NNX,
)

cause(
    "attention-mask-queries",
    "attention",
    "the mask is along the keys on one side, along the queries on the other",
    "mask[:, None, None, :]: n 1 1 s",
    "mask[:, None, None, :]: n 1 1 s; mask[:, None, :, None] is along the queries",
    "mask[:, None, None, :]",
    "mask[:, None, None, :]",
    JAX,
)
cause(
    "attention-mask-after-softmax",
    "attention",
    "one side masks the scores, the other the weights that the softmax makes of them, which then do not add up to 1",
    "scores.masked_fill(~mask, -inf).softmax(-1)",
    "jax.nn.softmax(scores, where=mask), or jnp.where(mask, scores, -inf) ahead of it",
    "mask the scores, ahead of the softmax",
    "mask the scores, ahead of the softmax",
    JAX,
)

POSITIONS = ("none", "rotary, halves", "rotary, neighbours", "alibi", "alibi, |i - j|")
BETWEEN[frozenset(POSITIONS[1:3])] = "rope-half-vs-interleaved"
BETWEEN[frozenset(POSITIONS[3:5])] = "attention-alibi"
BETWEEN.update({frozenset(("none", way)): "rope-missing" for way in POSITIONS[1:3]})
BETWEEN.update({frozenset(("none", way)): "attention-alibi" for way in POSITIONS[3:5]})
CAUSAL = {"no": "every key", "from the start": "causal", "from the end": "causal from the end"} | {
    "without itself": "causal without the position itself",
    "and the next": "causal and the next position",
}
BETWEEN.update({frozenset((CAUSAL["no"], says)): "attention-causal-missing" for says in CAUSAL.values()})
USES = {"unused": "no mask", "kept": "True is attended to", "left out": "True is ignored", "added": "the mask added"}
ODD_USES = {
    "queries": ("True is what attends", "attention-mask-queries"),
    "after": ("True is what is kept of the weights", "attention-mask-after-softmax"),
    "added": ("the marks added", "attention-float-mask-added"),
}
BETWEEN.update({frozenset((USES["unused"], says)): "attention-mask-missing" for says in USES.values()})
BETWEEN[frozenset((USES["kept"], USES["left out"]))] = "attention-bool-mask-inverted"
WINDOWS = ("window", "window_size", "sliding_window", "attention_window", "local_window")
CAPS = ("softcap", "logit_cap", "attn_logit_softcap", "attn_logit_softcapping", "attn_logits_soft_cap")
COUNTS = ("num_heads", "n_heads", "heads", "nhead", "n_head", "num_attention_heads", "nheads", "h")
