"""What sliding windows cost as a convolution: the time of the crop-and-classify loop over that of one pass.

    scripts/bench windows [--rounds N]

The notes' net (14x14 windows 2 pixels apart) with its dense layers narrow, as they are wide; CPU time on one thread, by
turns, the median of the rounds. Beside it the ratio of multiplications, which is what can be saved: the rest is that
one large product is quicker than many small ones.
"""

import argparse
import statistics
import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from reference.detection import sliding_windows as ours
from reference.formulas import conv_multiplications, dense_multiplications
from reference.module import nest, shapes
from torch_impl.detection import sliding_windows as theirs

SIZES = (28, 56)
HIDDEN = (400, 40)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print("image    windows  hidden  multiplications  reference  torch")
    with threadpool_limits(1):
        for size in SIZES:
            for hidden in HIDDEN:
                windows = ((size - 14) // 2 + 1) ** 2
                found = [ratio(*make(size, hidden), rounds) for make in (in_numpy, in_torch)]
                saved = multiplications(14, hidden) * windows / multiplications(size, hidden)
                print(f"{size}x{size}{windows:12}{hidden:8}{saved:16.1f}x{found[0]:10.1f}x{found[1]:6.1f}x")


def multiplications(size, hidden):
    """Of one image: the 5x5 convolution, then for each window three dense layers."""
    windows = ((size - 14) // 2 + 1) ** 2
    dense = dense_multiplications(5 * 5 * 16, hidden) + dense_multiplications(hidden, hidden)
    dense += dense_multiplications(hidden, 4)
    return conv_multiplications(size - 4, size - 4, 5, 3, 16) + windows * dense


def in_numpy(size, hidden):
    """The loop and the convolution, on the same image and weights."""
    net, windows = ours.WindowClassifier(hidden=hidden), ours.ConvolutionalWindows(hidden=hidden)
    rng = np.random.default_rng(0)
    p = nest({path: rng.standard_normal(shape, np.float32) for path, shape in shapes(net).items()})
    X, moved = rng.standard_normal((1, size, size, 3), np.float32), ours.as_convolutions(p, net.h, net.w)
    loop = lambda: ours.crop_and_classify(lambda crops: net(p, {}, crops)[0], X, 14, 2)  # noqa: E731
    return loop, lambda: windows(moved, {}, X)


def in_torch(size, hidden):
    net, windows = theirs.WindowClassifier(hidden=hidden), theirs.ConvolutionalWindows(hidden=hidden)
    windows.load_state_dict(theirs.as_convolutions(net.state_dict(), 5, 5))
    x = torch.randn(1, 3, size, size)
    return torch.no_grad()(lambda: theirs.crop_and_classify(net, x, 14, 2)), torch.no_grad()(lambda: windows(x))


def ratio(loop, convolution, rounds):
    loop(), convolution()
    times = [(seconds(loop), seconds(convolution)) for _ in range(rounds)]
    return statistics.median(slow for slow, _ in times) / statistics.median(quick for _, quick in times)


def seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


if __name__ == "__main__":
    main()
