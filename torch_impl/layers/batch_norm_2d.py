"""Batch normalization of images, m c h w, with the conventions of `BatchNorm`; state-dict keys of `nn.BatchNorm2d`."""

from torch import nn

from torch_impl.layers.batch_norm import BatchNorm


class BatchNorm2d(nn.BatchNorm2d):
    def __init__(self, c: int, momentum: float = 0.9, epsilon: float = 1e-5):
        super().__init__(c, eps=epsilon, momentum=1 - momentum)

    forward = BatchNorm.forward
