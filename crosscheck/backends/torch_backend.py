"""Runs the PyTorch column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from crosscheck.axes import Array
from crosscheck.backends import base
from crosscheck.backends.base import Point, Rule, Slope, astuple, build, matching
from crosscheck.backends.torch_watch import Call, numpy, watched_modules, watching
from crosscheck.feed import Feed
from crosscheck.numerics.formats import arithmetic
from crosscheck.observation import Observation


class Subject(base.Subject):
    column = "torch"

    def __init__(self, case: Any, dtype: str, mode: str, device: str):
        super().__init__(case, dtype, mode, device)
        self.torch_dtype = getattr(torch, arithmetic(dtype).storage.name)
        self.torch_device = torch.device("cuda" if device == "gpu" else device)
        built = build("torch", case)
        self.module = built if isinstance(built, nn.Module) else Function(built)
        self.module.to(device=self.torch_device, dtype=self.torch_dtype)
        self.layout.require_coverage({name: tuple(value.shape) for name, value in self.tensors().items()})
        self.call = torch.compile(self.module) if mode == "compile" else self.module

    def tensors(self) -> dict[str, torch.Tensor]:
        """Every parameter and buffer by its dotted path."""
        return dict(self.module.named_parameters()) | dict(self.module.named_buffers())

    def module_paths(self) -> list[str]:
        return [path for path, _ in watched_modules(self.module)]

    def observe(self, feed: Feed, train: bool, trace: bool = True) -> Observation:
        self.load(feed.params, feed.state)
        self.module.train(train)
        inputs = self.inputs(feed, gradient=True)
        with tensor_cores(self.dtype == "tf32"):
            with self.uniforms(feed), watching(self.module, trace and self.mode == "eager") as calls:
                outputs = astuple(self.call(*inputs.values()))
            gradients, input_gradients = self.differentiate(outputs, inputs, feed, calls)
        nodes = [call.node() for call in calls]
        buffers = {name: numpy(value).copy() for name, value in self.tensors().items()}  # the next load overwrites them
        state = self.layout.from_column(buffers, trainable=False)
        return self.gather(nodes, tuple(numpy(y) for y in outputs), gradients, input_gradients, state)

    def differentiate(
        self, outputs: tuple[torch.Tensor, ...], inputs: Mapping[str, torch.Tensor], feed: Feed, calls: list[Call]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """One backward pass for the gradients by parameters, inputs, and every recorded input and output."""
        pairs = matching(outputs, [self.output(u, index) for index, u in enumerate(feed.cotangents)])
        if not self.case.differentiable or not pairs:
            return {}, {}
        loss = sum((y * u).sum() for y, u in pairs)
        params = dict(self.module.named_parameters())
        names = [name for name in inputs if not self.is_data(name)]
        watched = [tensor for call in calls for tensor in (*call.inputs, *call.outputs)]
        traced = [tensor for tensor in watched if tensor.requires_grad]
        wanted = [*params.values(), *(inputs[name] for name in names), *traced]
        found = torch.autograd.grad(loss, wanted, allow_unused=True)
        values = [torch.zeros_like(w) if g is None else g for w, g in zip(wanted, found)]
        by_tensor = {id(w): g for w, g in zip(wanted, values)}
        for call in calls:
            call.gradients = by_tensor
        own = {name: numpy(by_tensor[id(value)]) for name, value in params.items()}
        return self.layout.from_column(own, trainable=True), {
            name: numpy(by_tensor[id(inputs[name])]) for name in names
        }

    def slope(self, feed: Feed, point: Point) -> Slope:
        self.load(point.params, point.state)
        self.module.train()
        params = dict(self.module.named_parameters())
        with self.uniforms(feed), tensor_cores(self.dtype == "tf32"):
            outputs = astuple(self.call(*self.inputs(feed).values()))
            assert feed.labels is not None
            loss = self.cost(*outputs, self.labels(feed.labels))
            found = torch.autograd.grad(loss, list(params.values()), allow_unused=True)
        gradients = {
            name: numpy(torch.zeros_like(param) if grad is None else grad)
            for (name, param), grad in zip(params.items(), found)
        }
        buffers = {name: numpy(value).copy() for name, value in self.tensors().items()}
        own = self.layout.from_column
        return Slope(loss.item(), own(gradients, trainable=True), own(buffers, trainable=False))

    def update(self, rule: Rule, point: Point, slope: Slope) -> Point:
        self.load(point.params, slope.state)
        params = dict(self.module.named_parameters())
        optimizer = self.find(f"training.optimizers.{rule.name}")(list(params.values()), **rule.hyperparameters)
        if point.t and self.layout.moments[rule.name]:
            self.put_moments(optimizer, params, rule, point)
        for name, gradient in self.layout.to_column(slope.gradients, trainable=True).items():
            params[name].grad = self.parameter(gradient)
        optimizer.step()
        optimizer.zero_grad()
        kept: dict[str, dict[str, Array]] = {}
        for name, param in params.items():
            for own_name, value in optimizer.state[param].items():
                if isinstance(value, torch.Tensor) and value.shape == param.shape and own_name != "step":
                    kept.setdefault(own_name, {})[name] = numpy(value)
        moments = self.named_moments(rule, kept)
        values = {name: numpy(value).copy() for name, value in params.items()}
        return Point(self.layout.from_column(values, trainable=True), slope.state, moments, point.t + 1, slope)

    def put_moments(self, optimizer: Any, params: Mapping[str, torch.Tensor], rule: Rule, point: Point) -> None:
        """Give the optimizer the moments of the point, as it keeps them itself."""
        for notes_name, (own_name, factor) in self.layout.moments[rule.name].items():
            for name, value in self.layout.to_column(point.moments[notes_name], trainable=True).items():
                optimizer.state[params[name]][own_name] = self.parameter(value) / factor(**rule.hyperparameters)
        for param in params.values():
            optimizer.state[param]["step"] = torch.tensor(float(point.t))

    def load(self, params: Mapping[str, Array], state: Mapping[str, Array]) -> None:
        own = self.layout.to_column(params, True) | self.layout.to_column(state, False)
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                if name in own:
                    tensor.copy_(torch.from_numpy(np.array(own[name])))

    def inputs(self, feed: Feed, gradient: bool = False) -> dict[str, torch.Tensor]:
        result = {}
        for name, value in feed.inputs.items():
            tensor = self.parameter(self.layout.data_to_column(value, self.specs[name].axes))
            result[name] = tensor.requires_grad_(gradient and self.case.differentiable and not self.is_data(name))
        return result

    def output(self, value: Array, index: int) -> torch.Tensor:
        """A tensor laid out like an output of the whole: its cotangent."""
        return self.parameter(self.layout.data_to_column(value, self.axes_of("", "out", index, value.ndim)))

    def labels(self, value: Array) -> torch.Tensor:
        return self.parameter(self.layout.data_to_column(value, self.label_axes()))

    def parameter(self, value: Array) -> torch.Tensor:
        tensor = torch.from_numpy(np.array(value)).to(self.torch_device)
        return tensor.to(self.torch_dtype) if tensor.is_floating_point() else tensor

    @contextmanager
    def uniforms(self, feed: Feed) -> Iterator[None]:
        """Dropout draws the uniform numbers of the feed."""
        drawing = {path: part for path, part in self.module.named_modules() if hasattr(part, "uniform")}
        for path, part in drawing.items():
            if path in feed.uniforms:
                value = feed.uniforms[path]
                axes = self.layout.data_axes(path, "in", value.ndim)
                handed = self.parameter(self.layout.data_to_column(value, axes))
                part.uniform = lambda x, handed=handed: handed.expand_as(x)
        try:
            yield
        finally:
            for part in drawing.values():
                vars(part).pop("uniform", None)


@contextmanager
def tensor_cores(tf32: bool) -> Iterator[None]:
    """Float32 products in full, or in TF32 where that is what is tested; a GPU's convolutions default to TF32."""
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = tf32
    try:
        yield
    finally:
        for switch, value in zip(switches, before):
            switch.allow_tf32 = value


class Function(nn.Module):  # type: ignore[misc]
    """A function of its inputs, run as a module without parameters."""

    def __init__(self, function: Any):
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)
