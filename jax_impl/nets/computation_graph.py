"""The notes' computation graph J = 3(a + bc); `jax.grad` finds da, db and dc."""


def computation_graph(a, b, c):
    u = b * c
    v = a + u
    return 3 * v
