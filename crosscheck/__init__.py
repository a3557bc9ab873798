"""crosscheck: proves that implementations of one network in NumPy, PyTorch and JAX compute the same thing."""
