"""Mistakes that can be planted in the reference."""
