"""Pages of the documentation out of docstrings, comments and defaults."""
