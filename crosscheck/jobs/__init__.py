"""Training on real data: every column from the same weights, on the same mini-batches, held to the same predictions."""
