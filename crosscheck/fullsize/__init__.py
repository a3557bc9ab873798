"""Networks of the published size, compared like small ones: one process a column, tensor by tensor from disk."""
