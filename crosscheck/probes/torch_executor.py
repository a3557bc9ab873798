"""PyTorch's operations, each as an inner product."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F

from crosscheck.axes import Array
from crosscheck.backends.torch_backend import tensor_cores
from crosscheck.probes.readings import Operation

WIDTH = 16
"""Units or channels of the layers whose bias gradients are probed."""


def operations(device: str) -> Mapping[str, Operation]:
    where = torch.device("cuda" if device == "gpu" else device)

    def tensor(array: Array, dtype: str) -> torch.Tensor:
        return torch.from_numpy(array).to(device=where, dtype=getattr(torch, dtype))

    def zeros(dtype: str, *sizes: int) -> torch.Tensor:
        return torch.zeros(*sizes, device=where, dtype=getattr(torch, dtype))

    def matmul(a: Array, b: Array, dtype: str) -> float:
        return float((tensor(a, dtype).expand(32, -1) @ tensor(b, dtype)[:, None].expand(-1, 32))[0, 0])

    def conv(a: Array, b: Array, dtype: str) -> float:
        images = tensor(a, dtype)[None, :, None, None].expand(2, -1, 5, 5)
        return float(F.conv2d(images, tensor(b, dtype)[None, :, None, None].expand(32, -1, 1, 1))[0, 0, 0, 0])

    def total(a: Array, b: Array, dtype: str) -> float:
        return float((tensor(a, dtype) * tensor(b, dtype)).sum())

    def dense_bias_gradient(a: Array, b: Array, dtype: str) -> float:
        """<a, b 1> by the bias: the sum over examples."""
        x, w, bias = zeros(dtype, len(a), 3), zeros(dtype, WIDTH, 3), zeros(dtype, WIDTH).requires_grad_()
        upstream = tensor(a * b, dtype)[:, None].expand(-1, WIDTH)
        (gradient,) = torch.autograd.grad(F.linear(x, w, bias), bias, upstream)
        return float(gradient[0])

    def conv_bias_gradient(a: Array, b: Array, dtype: str) -> float:
        """The sum over examples and pixels."""
        x, w = zeros(dtype, 1, 3, 1, len(a)), zeros(dtype, WIDTH, 3, 1, 1)
        bias = zeros(dtype, WIDTH).requires_grad_()
        upstream = tensor(a * b, dtype)[None, None, None].expand(-1, WIDTH, -1, -1)
        (gradient,) = torch.autograd.grad(F.conv2d(x, w, bias), bias, upstream)
        return float(gradient[0])

    return {
        "matmul": as_in_runs(matmul),
        "conv": as_in_runs(conv),
        "sum": as_in_runs(total),
        "dense bias gradient": as_in_runs(dense_bias_gradient),
        "conv bias gradient": as_in_runs(conv_bias_gradient),
    }


def as_in_runs(operation: Operation) -> Operation:
    """With the switches that the backend sets for its runs."""

    def run(a: Array, b: Array, dtype: str) -> float:
        with tensor_cores(tf32=False):
            return operation(a, b, dtype)

    return run
