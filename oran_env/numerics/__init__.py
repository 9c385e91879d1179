"""Compilation and random numbers; nothing of O-RAN."""
