"""Which parameter of one model is which of the other, and how values and gradients are carried between them."""
