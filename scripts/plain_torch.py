"""The networks of bench_ports.py written with torch.nn alone; parameters come in the order of those in torch_impl."""

import torch
from torch import nn


def conv_net():
    return nn.Sequential(
        *(nn.Conv2d(3, 10, 3), nn.ReLU(), nn.Conv2d(10, 20, 5, stride=2), nn.ReLU()),
        *(nn.Conv2d(20, 40, 5, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(1960, 10)),
    )


def lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


class Basic(nn.Module):
    expansion = 1

    def __init__(self, c_prev, c, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_prev, c, 3, stride, padding=1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.shortcut = projection(c_prev, c, stride)

    def forward(self, x):
        z = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(z)) + self.shortcut(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, c_prev, c, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_prev, c, 1, bias=False), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, stride, padding=1, bias=False), nn.BatchNorm2d(c)
        self.conv3, self.bn3 = nn.Conv2d(c, 4 * c, 1, bias=False), nn.BatchNorm2d(4 * c)
        self.shortcut = projection(c_prev, 4 * c, stride)

    def forward(self, x):
        z = torch.relu(self.bn1(self.conv1(x)))
        z = torch.relu(self.bn2(self.conv2(z)))
        return torch.relu(self.bn3(self.conv3(z)) + self.shortcut(x))


def projection(c_prev, c, stride):
    if stride == 1 and c_prev == c:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(c_prev, c, 1, stride, bias=False), nn.BatchNorm2d(c))


def resnet(Block, stem, layers, widths, classes):
    c, blocks = widths[0], []
    for stage, (count, width) in enumerate(zip(layers, widths)):
        for i in range(count):
            blocks.append(Block(c, width, 2 if stage and i == 0 else 1))
            c = width * Block.expansion
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))


def resnet_small():
    """ResNet-20 of the CIFAR family, with projections for shortcuts."""
    stem = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    return resnet(Basic, stem, (3, 3, 3), (16, 32, 64), 10)


def resnet50():
    stem = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
    return resnet(Bottleneck, [*stem, nn.MaxPool2d(3, 2, 1)], (3, 4, 6, 3), (64, 128, 256, 512), 1000)
