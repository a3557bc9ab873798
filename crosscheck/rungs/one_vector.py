"""All parameters as one vector: to an optimizer every number is alike, and one long array is quicker than many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from crosscheck.axes import Array
from crosscheck.backends.base import Point, Slope

WHOLE = "all"


class OneVector:
    """Goes from {path: array} to {"all": vector} and back, for arrays of any kind of number."""

    def __init__(self, params: Mapping[str, Array]) -> None:
        self.shapes = {path: value.shape for path, value in params.items()}
        ends = np.cumsum([value.size for value in params.values()])
        self.places = dict(zip(params, map(slice, [0, *ends[:-1]], ends)))

    def join(self, by_path: Mapping[str, Any]) -> dict[str, Any]:
        return {WHOLE: np.concatenate([np.ravel(by_path[path]) for path in self.shapes])}

    def split(self, joined: Mapping[str, Any]) -> dict[str, Any]:
        return {path: joined[WHOLE][self.places[path]].reshape(shape) for path, shape in self.shapes.items()}

    def slope(self, slope: Slope) -> Slope:
        return replace(slope, gradients=self.join(slope.gradients))

    def point(self, point: Point) -> Point:
        moments = {name: self.join(values) for name, values in point.moments.items()}
        return replace(point, params=self.join(point.params), moments=moments)

    def apart(self, point: Point) -> Point:
        moments = {name: self.split(values) for name, values in point.moments.items()}
        return replace(point, params=self.split(point.params), moments=moments)
