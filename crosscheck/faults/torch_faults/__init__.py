"""Mistakes that can be planted in the PyTorch column."""
