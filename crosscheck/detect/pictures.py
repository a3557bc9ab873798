"""Held-out pictures, and on them what there is and what each column finds: one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from crosscheck.axes import Array
from crosscheck.detect.detections import Detections, truth
from crosscheck.detect.scenes import CLASSES, Scenes

COLORS = ("#ffffff", "#ffd400", "#00e5ff")
LEAST_SCORE = 0.5
SHOWN = 8


def draw(judged: Scenes, found: Mapping[str, Detections]) -> bytes:
    """A column for each of the first scenes, a row for the ground truth and for each of those who found something."""
    from matplotlib.figure import Figure

    count = min(SHOWN, len(judged))
    rows = 1 + len(found)
    figure = Figure(figsize=(0.4 + 2 * count, 0.5 + 2 * rows))
    panels = figure.subplots(rows, count, squeeze=False)
    edges = {"left": 0.35 / (0.4 + 2 * count), "right": 0.995, "bottom": 0.45 / (0.5 + 2 * rows), "top": 0.995}
    figure.subplots_adjust(**edges, wspace=0.03, hspace=0.03)
    boxes, classes, numbers = truth(judged)
    for scene in range(count):
        here = numbers == scene
        show(
            panels[0, scene], judged.pictures[scene], [(kind, box, "") for kind, box in zip(classes[here], boxes[here])]
        )
        for row, detections in enumerate(found.values(), 1):
            certain = [
                (kind, each[1:], f"{each[0]:.2f}") for kind, each in detections.of(scene) if each[0] >= LEAST_SCORE
            ]
            show(panels[row, scene], judged.pictures[scene], certain)
    for panel, name in zip(panels[:, 0], ("ground truth", *found)):
        panel.set_ylabel(name, fontsize=13)
    legend(figure)
    written = BytesIO()
    figure.savefig(written, format="png", dpi=80, metadata={"Software": None})
    return written.getvalue()


def show(panel: Any, picture: Array, marked: Sequence[tuple[float, Array, str]]) -> None:
    """The picture with a box for each of (class, x1 y1 x2 y2, label)."""
    from matplotlib.patches import Rectangle

    size = len(picture)
    panel.imshow(picture, extent=(0, size, size, 0), interpolation="nearest")
    panel.set(xticks=[], yticks=[], xlim=(-1, size + 1), ylim=(size + 1, -1))
    for kind, (x1, y1, x2, y2), label in marked:
        color = COLORS[int(kind)]
        panel.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor="black", linewidth=3.5))
        panel.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, linewidth=1.8))
        if label:
            at = {"color": color, "fontsize": 7, "verticalalignment": "top"}
            panel.text(x1 + 0.7, y1 + 0.7, label, bbox={"facecolor": "black", "pad": 0.8, "linewidth": 0}, **at)


def legend(figure: Any) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=color, edgecolor="black", label=kind) for kind, color in zip(CLASSES, COLORS)]
    figure.legend(handles=handles, loc="lower center", ncols=len(CLASSES), frameon=False, fontsize=12)
