"""Intervals over networks and seeds."""
