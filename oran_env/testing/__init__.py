"""Checks for environments and wrappers of one's own."""
