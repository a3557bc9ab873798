"""Mistakes that can be planted in the JAX column."""
