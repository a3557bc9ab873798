"""Local response normalization across channels, AlexNet's; Flax has none, so it is a window sum over the channels."""

from flax import nnx
from jax import lax

from jax_impl.checks import floats


class LocalResponseNorm(nnx.Module):
    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75):
        if n % 2 == 0:
            raise ValueError(f"n is {n}; expected an odd number: the channel itself and as many on either side")
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def __call__(self, x):
        floats(x)
        sides = ((0, 0), (0, 0), (0, 0), (self.n // 2, self.n // 2))
        total = lax.reduce_window(x * x, 0.0, lax.add, (1, 1, 1, self.n), (1, 1, 1, 1), sides)
        return x * (self.k + self.alpha * total) ** -self.beta
