"""Public places that show that people meet a difference: slug -> threads "owner/repository#number" on GitHub, or pages.

A slug that is not here names a difference between the frameworks that was measured, of which no thread is known.
"""

from __future__ import annotations

from collections.abc import Mapping

CONVERT = 'Flax documentation, "Convert PyTorch models to Flax"'
SHARP_BITS = 'JAX documentation, "The Sharp Bits"'

THREADS: Mapping[str, tuple[str, ...]] = {
    "abs-grad-at-zero": ("jax-ml/jax#37820",),
    "adadelta-default-ascends": ("google-deepmind/optax#1242",),
    "adam-l2-vs-decoupled": ("pytorch/pytorch#21250",),
    "adamw-default-decay": ("google-deepmind/optax#292", "pytorch/pytorch#38853"),
    "attention-float32-softmax": ("jax-ml/jax#34114", "jax-ml/jax#37422"),
    "avgpool-same-count": ("google/flax#2401", "google/flax#2448"),
    "batchnorm-momentum-complement": (CONVERT,),
    "batchnorm-unbiased-running-var": ("pytorch/pytorch#19902", "pytorch/pytorch#77427", "pytorch/pytorch#106366"),
    "clamp-min-vs-maximum-grad": ("jax-ml/jax#37821",),
    "clip-global-norm-eps": ("google/flax#859",),
    "conv-default-padding": ("google/flax#963",),
    "conv-fan-layout": ("jax-ml/jax#4862",),
    "conv-kernel-hw-swap": (CONVERT,),
    "conv-kernel-layout": (CONVERT,),
    "conv-same-stride2": ("google/flax#963", "pytorch/pytorch#67551", "taehoonlee/tensornets#25"),
    "convtranspose-kernel-flip": ("jax-ml/jax#11252", "google/flax#1872", "google/flax#3137"),
    "convtranspose-padding-meaning": ("jax-ml/jax#32267",),
    "flatten-order-dense": (CONVERT,),
    "float64-silently-float32": (SHARP_BITS,),
    "gelu-tanh-default": ("jax-ml/jax#4438", "jax-ml/jax#1556"),
    "inplace-views": (SHARP_BITS,),
    "linear-init-scale": ("jax-ml/jax#4862", "pytorch/pytorch#129302", "google/flax#2002"),
    "linear-kernel-transpose": (CONVERT,),
    "lstm-two-biases": ("google/flax#3746", "pytorch/pytorch#750"),
    "matmul-f32-precision-cpu": ("jax-ml/jax#12008", "jax-ml/jax#18934"),
    "max-dim-tie": ("jax-ml/jax#13600",),
    "maxpool-ceil-mode": ("google/flax#2040",),
    "maxpool-same-vs-pad1": ("google/flax#963", "taehoonlee/tensornets#25"),
    "norm-fast-variance-cancellation": ("google/flax#1491", "patrick-kidger/equinox#314"),
    "norm-fast-variance-float64": ("google/flax#1491",),
    "relu-kink-maximum": ("jax-ml/jax#37821", "jax-ml/jax#2342"),
    "relu6-clip-boundary-grad": ("jax-ml/jax#37821",),
    "resize-align-corners": ("jax-ml/jax#11206", "google/flax#2214"),
    "resize-bicubic-a": ("jax-ml/jax#15768", "jax-ml/jax#11206"),
    "rmsprop-centered": ("google-deepmind/optax#532",),
    "rmsprop-decay-default": ("google-deepmind/optax#532",),
    "rmsprop-eps-placement": ("google-deepmind/optax#532", "google-deepmind/optax#595", "pytorch/pytorch#23796"),
    "rmsprop-initial-accumulator": ("google-deepmind/optax#49", "google-deepmind/optax#55"),
    "schedule-off-by-one": ("google-research/bert#1293", "pytorch/torchtitan#1261"),
}
