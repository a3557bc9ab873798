"""Number types and error bounds: what lets one hand-written forward and backward run on every kind of arithmetic.

formats        the floating-point formats, and rounding to them
carrier        arrays that carry more than their values through NumPy's dispatch protocols
contraction    every product-sum of two arrays as one matrix product
certificate    how many bits an exact result needs, whatever the order of its sums
noise          one random rounding of every result: a run in a lower precision that can be drawn again and again
floor          the noise floor of a tensor, from such runs, and the verdict it gives
complex_step   derivatives without a step-size compromise, and the adjoint identity
"""
