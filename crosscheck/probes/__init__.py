"""Precision probes: milliseconds of exact arithmetic that prove which arithmetic an executor really uses.

Each multiplies or adds whole numbers whose result is exact in the declared arithmetic and visibly wrong in a lesser
one, so a probe cannot raise a false alarm: is TF32 or a 16-bit mode on, how wide is the accumulator of each reduction.
"""
