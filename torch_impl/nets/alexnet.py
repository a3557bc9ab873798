"""AlexNet, returning the logits; state-dict keys are those of torchvision's `alexnet`, whose pretrained weights fit."""

from torch import nn

from torch_impl.checks import images, maps
from torch_impl.layers.conv import Conv
from torch_impl.layers.dense import Dense
from torch_impl.layers.dropout import Dropout
from torch_impl.layers.flatten import Flatten
from torch_impl.layers.local_response_norm import LocalResponseNorm
from torch_impl.layers.pooling import MaxPool

STEPS = ((11, 4, 2), (3, 2, 0), (5, 1, 2), (3, 2, 0), *3 * ((3, 1, 1),), (3, 2, 0))
"""(f, stride, padding) of the convolutions and pools that lie before the dense layers."""


class AlexNet(nn.Module):
    def __init__(
        self,
        num_classes: int = 1000,
        keep_prob: float = 0.5,
        local_response_norm: bool = False,
        c_prev: int = 3,
        channels: tuple[int, ...] = (64, 192, 384, 256, 256),
        hidden: int = 4096,
        h: int = 6,
        w: int = 6,
    ):
        super().__init__()
        self.c_prev, self.size = c_prev, (h, w)
        c1, c2, c3, c4, c5 = channels

        def norm():
            return [LocalResponseNorm()] if local_response_norm else []

        features = [Conv(c_prev, c1, 11, stride=4, padding=2), nn.ReLU(), *norm(), MaxPool(3, stride=2)]
        features += [Conv(c1, c2, 5, padding=2), nn.ReLU(), *norm(), MaxPool(3, stride=2)]
        for before, after in ((c2, c3), (c3, c4), (c4, c5)):
            features += [Conv(before, after, 3, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*features, MaxPool(3, stride=2))
        self.flatten = Flatten()
        self.classifier = nn.Sequential(
            Dropout(keep_prob),
            Dense(c5 * h * w, hidden),
            nn.ReLU(),
            Dropout(keep_prob),
            Dense(hidden, hidden),
            nn.ReLU(),
            Dense(hidden, num_classes),
        )

    def forward(self, x):
        images(x, self.c_prev)
        maps(x, self.size, STEPS)
        return self.classifier(self.flatten(self.features(x)))
