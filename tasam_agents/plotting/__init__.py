"""Style and panels of all figures, and tables as text."""
