"""Adapters: any torch module, flax module, plain JAX function or reference net as one kind of thing, a `Model`."""
