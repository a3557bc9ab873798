"""The notes' claim about depth: of a plain net the training error rises with depth, of a residual net it does not.

    scripts/depth [--depths 8 20 32 56] [--epochs 12] [--seeds 3] [--picture docs/depth.svg]

Plain and residual networks of the CIFAR family (`nets.resnet`), alike but for the shortcuts, are trained in the PyTorch
column on the handwritten digits: the same examples in the same order, from the same weights. The training error of an
epoch is the share of its examples that were put into a wrong class, each before the update that it took part in. A row
of the table is the mean over seeds, from the smallest to the largest. Exits with 1 if the claim does not hold.
Source: Course 4, week 2, "ResNets"; He, Zhang, Ren & Sun 2016, figure 6.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from einops import rearrange

from crosscheck.axes import Array
from crosscheck.jobs.data import small_digits, split
from crosscheck.settings import one_thread

BATCH, ALPHA, BASE = 64, 0.2, 0.85
WIDTHS = (16, 32, 64)
KINDS = {"plain": "none", "residual": "zeros"}
"""The kind of network, and what `skip` its blocks have; neither has parameters that the other lacks."""


class Run(NamedTuple):
    kind: str
    depth: int
    seed: int


Curves = dict[Run, Array]
"""The training error of each epoch."""


def main(words: Sequence[str] | None = None) -> int:
    one_thread()
    options = arguments(words)
    runs = [Run(kind, depth, seed) for depth in options.depths for seed in range(options.seeds) for kind in KINDS]
    curves = measured(runs, options.epochs)
    print_table(curves, options.depths)
    options.picture.parent.mkdir(parents=True, exist_ok=True)
    draw(curves, options.depths, options.picture)
    print(f"wrote {options.picture}")
    return 0 if holds(curves, options.depths) else 1


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/depth", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--depths", type=int, nargs="+", default=[8, 20, 32, 56], help="6 n + 2 layers")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--picture", type=Path, default=Path("docs/depth.svg"), help="(%(default)s)")
    return parser.parse_args(words)


def measured(runs: Sequence[Run], epochs: int) -> Curves:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return {run: train(run, epochs) for run in track(runs, "training", console=console, transient=True)}


def train(run: Run, epochs: int) -> Array:
    """Momentum with a rate that decays by epochs, from weights drawn by "he"."""
    import torch

    from torch_impl.layers.losses import softmax_cross_entropy_from_logits as cost
    from torch_impl.nets.resnet import ResNet
    from torch_impl.training.mini_batches import mini_batches
    from torch_impl.training.optimizers import momentum

    data, _ = split(small_digits())
    X = torch.tensor(rearrange(data.X, "(h w) m -> m 1 h w", h=8), dtype=torch.float32)
    Y = torch.tensor(data.Y.T, dtype=torch.float32)
    net = ResNet("basic", 3 * ((run.depth - 2) // 6,), 10, WIDTHS, KINDS[run.kind], small_images=True, c_prev=1)
    initialize(net, torch.Generator().manual_seed(run.seed))
    optimizer, rng = momentum(net.parameters(), ALPHA), np.random.default_rng(run.seed)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, BASE)
    errors = []
    for _ in range(epochs):
        wrong = 0
        for X_t, Y_t in mini_batches(X, Y, BATCH, rng.permutation(data.m)):
            Z = net(X_t)
            optimizer.zero_grad()
            cost(Z, Y_t).backward()
            optimizer.step()
            wrong += int((Z.argmax(1) != Y_t.argmax(1)).sum())
        schedule.step()
        errors.append(wrong / data.m)
    return np.array(errors)


def initialize(net: Any, generator: Any) -> None:
    """Weights by "he", from the same numbers in a plain net and in the residual net of its depth; biases 0."""
    import torch

    from torch_impl.training.initializers import he

    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.ndim > 1:
                parameter.copy_(he(torch.randn(parameter.shape, generator=generator)))
            elif name.endswith("bias"):
                parameter.zero_()


def last(curves: Curves, kind: str, depth: int) -> Array:
    """The training error of the last epoch, of each seed."""
    return np.array([curve[-1] for run, curve in curves.items() if (run.kind, run.depth) == (kind, depth)])


def print_table(curves: Curves, depths: Sequence[int]) -> None:
    print("layers  " + "  ".join(f"{kind:>24}" for kind in KINDS))
    for depth in depths:
        cells = []
        for kind in KINDS:
            errors = 100 * last(curves, kind, depth)
            cells.append(f"{errors.mean():6.2f} % [{errors.min():5.2f}, {errors.max():6.2f}]")
        print(f"{depth:6}  " + "  ".join(f"{cell:>24}" for cell in cells))


def holds(curves: Curves, depths: Sequence[int]) -> bool:
    """Whether from the shallowest to the deepest every plain net got worse, and no residual net by as much."""
    rise: Callable[[str], Array] = lambda kind: last(curves, kind, depths[-1]) - last(curves, kind, depths[0])  # noqa: E731
    plain, residual = rise("plain"), rise("residual")
    return bool(plain.min() > 0 and residual.max() < plain.min())


def draw(curves: Curves, depths: Sequence[int], file: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(KINDS), figsize=(9, 3.6), sharey=True, layout="constrained")
    for panel, kind in zip(panels, KINDS):
        for shade, depth in enumerate(depths, 1):
            each = 100 * np.array([c for run, c in curves.items() if (run.kind, run.depth) == (kind, depth)])
            epochs, color = np.arange(1, each.shape[1] + 1), pyplot.get_cmap("viridis_r")(shade / len(depths))
            panel.plot(epochs, each.mean(axis=0), color=color, label=f"{depth} layers")
            panel.fill_between(epochs, each.min(axis=0), each.max(axis=0), color=color, alpha=0.2, linewidth=0)
        panel.set(title=kind, xlabel="epoch", ylim=(0, 100))
    panels[0].set_ylabel("training error [%]")
    panels[-1].legend(frameon=False)
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
