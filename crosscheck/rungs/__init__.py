"""The ladder's rungs, one a file. A rung is a function of a session that returns a finding."""
