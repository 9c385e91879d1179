"""Settings of all tests: hypothesis draws the same examples in every run, and leaves no files behind."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")
