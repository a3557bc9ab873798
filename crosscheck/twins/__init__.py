"""Two models that should compute the same thing: how far they do, where they first part, and why."""
