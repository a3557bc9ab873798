"""Dense (fully connected) layer.

    Z = W A_prev + b                     W [n n_prev]   b [n 1]   A_prev [n_prev m]   Z [n m]

    dW = dZ A_prev^T    db = sum over examples of dZ    dA_prev = W^T dZ

The 1/m of the notes' dW and db belongs to the cost and enters with dZ (CONVENTIONS.md, "The 1/m").
Source: Course 1, week 4, "Forward and backward propagation".
"""

from dataclasses import dataclass

from reference.checks import matrix
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
        Z = W @ A_prev + p["b"] if self.bias else W @ A_prev

        def back(dZ):
            dp = {"W": dZ @ A_prev.T}
            if self.bias:
                dp["b"] = dZ.sum(axis=1, keepdims=True)
            return dp, W.T @ dZ

        return Z, back
