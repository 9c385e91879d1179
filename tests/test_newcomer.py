"""`make newcomer` runs only what the pages tell, and a step that fails or makes nothing is seen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from newcomer.__main__ import STEPS, Step, first_code, not_told, run, surroundings


def test_every_command_stands_on_its_page() -> None:
    assert [step.command for step in STEPS if not_told(step)] == []
    assert not_told(STEPS[0]._replace(command="oran-env nothing"))
    assert "parallel_env" in first_code("README.md")


def test_a_failed_step_is_seen(tmp_path: Path) -> None:
    shell = dict(os.environ)
    took = run(Step("", "touch made", "", "made"), tmp_path, shell)
    assert 0.0 < took.seconds < 60.0
    with pytest.raises(RuntimeError, match="what is wrong"):
        run(Step("", "echo what is wrong >&2; false", ""), tmp_path, shell)
    with pytest.raises(RuntimeError, match="makes no picture"):
        run(Step("", "true", "", "picture"), tmp_path, shell)


def test_nothing_of_this_shell_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    shell = surroundings(tmp_path / "home", tmp_path / "clone")
    assert "elsewhere" not in str(shell)
    assert shell["PIP_INDEX_URL"] == "kept"
    assert str(Path(sys.executable).parent) not in shell["PATH"].split(os.pathsep)
