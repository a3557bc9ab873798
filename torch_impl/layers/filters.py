"""Edge detectors that nobody trained: 3x3 filters, correlated with every channel by itself (depthwise).

Photographs may be of integers, such as bytes: the answer is of floats.
"""

import torch
import torch.nn.functional as F

from torch_impl.checks import images, one_of

FILTERS = {
    "vertical": ((1, 0, -1), (1, 0, -1), (1, 0, -1)),
    "horizontal": ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    "sobel": ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    "scharr": ((3, 0, -3), (10, 0, -10), (3, 0, -3)),
}


def detect_edges(x, kind="vertical"):
    images(x, None, at_least=3, integers=True)
    one_of("kind", kind, FILTERS)
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(torch.get_default_dtype())
    c = x.shape[1]
    weight = torch.tensor(FILTERS[kind], dtype=x.dtype, device=x.device)
    return F.conv2d(x, weight.expand(c, 1, 3, 3), groups=c)
