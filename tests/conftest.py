"""Settings of all tests: hypothesis draws the same examples in every run, and parameters have one order."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse a set as parameters or as a parameter: its order, and so a test's name, differs between processes."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        values = mark.args[1] if len(mark.args) > 1 else mark.kwargs["argvalues"]
        if _holds_a_set(values):
            name = metafunc.definition.nodeid
            raise pytest.UsageError(f"{name}: {mark.args[0]!r} holds a set; give a tuple or sorted(...)")


def _holds_a_set(values: Iterable[Any]) -> bool:
    """Whether `values` is a set, or one of the parameters is."""
    if isinstance(values, set | frozenset):
        return True
    if not isinstance(values, list | tuple):
        return False
    parameters = (parameter for value in values for parameter in (value if isinstance(value, tuple) else (value,)))
    return any(isinstance(parameter, set | frozenset) for parameter in parameters)
