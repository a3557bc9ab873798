"""Dense (fully connected) layer.

    Z = W A_prev + b                     W [n n_prev]   b [n 1]   A_prev [n_prev m]   Z [n m]

    dW = dZ A_prev^T    db = sum over examples of dZ    dA_prev = W^T dZ

The 1/m of the notes' dW and db belongs to the cost and enters with dZ (CONVENTIONS.md, "The 1/m").
Source: Course 1, week 4, "Forward and backward propagation".
"""

from dataclasses import dataclass

from reference import kernels
from reference.checks import matrix
from reference.kernels.dense import dense as fast_product
from reference.kernels.dense import is_wide
from reference.module import Layer


@dataclass(frozen=True)
class Dense(Layer):
    n_prev: int
    n: int
    bias: bool = True

    @property
    def params(self):
        return {"W": "n n_prev"} | ({"b": "n 1"} if self.bias else {})

    def forward(self, p, A_prev):
        matrix("A_prev", A_prev, rows=self.n_prev)
        W = p["W"]
        WA, product_back = product(W, A_prev)
        Z = WA + p["b"] if self.bias else WA

        def back(dZ):
            dW, dA_prev = product_back(dZ)
            dp = {"W": dW}
            if self.bias:
                dp["b"] = dZ.sum(axis=1, keepdims=True)
            return dp, dA_prev

        return Z, back


def product(W, A):
    """W A and the pullback: back(dZ) -> dW, dA."""
    if kernels.suit(W, A) and is_wide(W, A):
        return kernels.held(*fast_product(W, A))

    def back(dZ):
        return dZ @ A.T, W.T @ dZ

    return W @ A, back
