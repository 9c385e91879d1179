"""Intervals that a test knows to exist."""

from __future__ import annotations

from tasam_agents.stats.intervals import Interval


def known(interval: Interval | None) -> Interval:
    """The interval, for tests in which there must be one."""
    assert interval is not None
    return interval
