"""VGG, returning the logits; state-dict keys are those of torchvision's `vgg16` and `vgg16_bn`."""

from numbers import Integral

from torch import nn

from torch_impl.checks import images, maps
from torch_impl.layers.batch_norm_2d import BatchNorm2d
from torch_impl.layers.conv import Conv
from torch_impl.layers.dense import Dense
from torch_impl.layers.dropout import Dropout
from torch_impl.layers.flatten import Flatten
from torch_impl.layers.pooling import MaxPool

VGG16 = (64, 64, "pool", 128, 128, "pool", *3 * (256,), "pool", *3 * (512,), "pool", *3 * (512,), "pool")


class VGG(nn.Module):
    def __init__(
        self,
        config: tuple[int | str, ...] = VGG16,
        num_classes: int = 1000,
        batch_norm: bool = False,
        keep_prob: float = 0.5,
        c_prev: int = 3,
        hidden: int = 4096,
        h: int = 7,
        w: int = 7,
    ):
        super().__init__()
        channels = [c for c in config if c != "pool"]
        if not channels or not all(isinstance(c, Integral) and c >= 1 for c in channels):
            raise ValueError(f"config is {config}; expected numbers of channels, at least one, and 'pool'")
        self.c_prev, self.size = c_prev, (h, w)
        self.steps = tuple((2, 2, 0) if c == "pool" else (3, 1, 1) for c in config)
        features = []
        for c in config:
            if c == "pool":
                features.append(MaxPool(2))
                continue
            features.append(Conv(c_prev, c, 3, padding=1))
            if batch_norm:
                features.append(BatchNorm2d(c))
            features.append(nn.ReLU())
            c_prev = c
        self.features = nn.Sequential(*features)
        self.flatten = Flatten()
        self.classifier = nn.Sequential(
            Dense(c_prev * h * w, hidden),
            nn.ReLU(),
            Dropout(keep_prob),
            Dense(hidden, hidden),
            nn.ReLU(),
            Dropout(keep_prob),
            Dense(hidden, num_classes),
        )

    def forward(self, x):
        images(x, self.c_prev)
        maps(x, self.size, self.steps)
        return self.classifier(self.flatten(self.features(x)))


def vgg16(num_classes=1000, batch_norm=False):
    return VGG(VGG16, num_classes, batch_norm)
