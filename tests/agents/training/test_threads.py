"""Threads of the processes that a run starts."""

from __future__ import annotations

import os

import pytest

from tasam_agents.training.threads import one_thread, thread_variables


def test_new_processes_have_one_thread_and_afterwards_all_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with one_thread():
        assert {name: os.environ[name] for name in thread_variables(1)} == thread_variables(1)
        assert set(thread_variables(1).values()) == {"1", "PASSIVE"}  # the second: how waiting threads wait
    assert dict(os.environ) == before
