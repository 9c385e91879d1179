"""A user's mistake is a UserError, whatever module finds it."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import tasam_agents
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.errors import UserError
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.run_directory import RunError
from tasam_agents.training.run_lock import RunLocked


@pytest.mark.parametrize("refusal", [RunError, RunLocked, CheckpointError, EnvironmentRefused])
def test_every_refusal_is_a_user_error(refusal: type[Exception]) -> None:
    assert issubclass(refusal, UserError)


def test_no_module_has_a_refusal_of_its_own_kind() -> None:
    names = [found.name for found in pkgutil.walk_packages(tasam_agents.__path__, "tasam_agents.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    errors = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, ValueError) and each.__module__.startswith("tasam_agents.")
    }
    assert UserError in errors
    assert [error.__name__ for error in errors if not issubclass(error, UserError)] == []
