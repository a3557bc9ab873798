"""Edge detectors that nobody trained: 3x3 filters, correlated with every channel by itself (depthwise).

Photographs may be of integers, such as bytes: the answer is of floats.
"""

import jax.numpy as jnp
from jax import lax

from jax_impl.checks import images, one_of

FILTERS = {
    "vertical": ((1, 0, -1), (1, 0, -1), (1, 0, -1)),
    "horizontal": ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    "sobel": ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    "scharr": ((3, 0, -3), (10, 0, -10), (3, 0, -3)),
}


def detect_edges(x, kind="vertical"):
    images(x, None, at_least=3, integers=True)
    one_of("kind", kind, FILTERS)
    x, c = jnp.asarray(x, jnp.result_type(x, float)), x.shape[3]
    kernel = jnp.tile(jnp.asarray(FILTERS[kind], x.dtype)[:, :, None, None], (1, 1, 1, c))
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=c
    )
