"""Bridges to learning libraries. Each module needs its own extra and is imported by its own name."""
