"""Models, and ports of them written as strangers would: other names, other nesting; and mistakes to plant in these."""
