"""Tools that show a run: each line of the log, by name and step; one that fails never ends a run."""

from __future__ import annotations

import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.short_runs import FAKE

import tasam_agents
from tasam_agents.errors import Note, UserError
from tasam_agents.files.tracking import numbers_of, tracked
from tasam_agents.training.run_directory import RunDirectory

SHORT = replace(FAKE, iterations=3, log_every=1, warmup_steps=0)


class Told:
    """Stands for wandb, for its run and for mlflow: keeps what they are told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any, **named: Any) -> Told:
            self.calls.append((name, values, named))
            return self

        return call


def test_numbers_of_a_line() -> None:
    line = {"return": 1.5, "gate": [1.0, None], "qos": float("nan"), "name": "x", "iteration": 3, "open": [True, False]}
    assert numbers_of(line) == {"return": 1.5, "gate/0": 1.0, "iteration": 3.0, "open/0": 1.0, "open/1": 0.0}


@pytest.mark.parametrize(("tool", "logs"), [("wandb", "log"), ("mlflow", "log_metrics")])
def test_each_line_goes_to_the_tool(tool: str, logs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    module = types.ModuleType(tool)
    for name in ("init", "set_experiment", "start_run", "log_params", "log_metrics", "end_run"):
        setattr(module, name, getattr(told, name))
    monkeypatch.setitem(sys.modules, tool, module)
    run = RunDirectory(tasam_agents.train(SHORT, tmp_path / "run", quiet=True, track=tool))  # type: ignore[arg-type]
    lines = run.metrics()
    assert len(lines) == 3
    seen = [(values[0], named["step"]) for name, values, named in told.calls if name == logs]
    assert seen == [(numbers_of(line), line["iteration"]) for line in lines]
    assert told.calls[-1][0] == {"wandb": "finish", "mlflow": "end_run"}[tool]
    begun = {name: (values, named) for name, values, named in told.calls}
    if tool == "wandb":
        assert begun["init"][1]["config"] == SHORT.to_dict()
        assert begun["init"][1]["resume"] == "allow"
    else:
        assert begun["log_params"][0][0]["learner.gamma"] == str(SHORT.learner.gamma)


def test_tensorboard_reads_what_was_logged(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = RunDirectory(tasam_agents.train(SHORT, tmp_path / "run", quiet=True, track="tensorboard"))
    events = EventAccumulator(str(run.path / "tensorboard")).Reload()
    found, lines = events.Scalars("return"), run.metrics()
    assert [event.step for event in found] == [line["iteration"] for line in lines]
    assert [event.value for event in found] == pytest.approx([line["return"] for line in lines])


def test_a_tool_that_fails_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(**_: Any) -> None:
        raise ConnectionError("no network")

    module = types.ModuleType("wandb")
    module.init = refuses  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    with pytest.warns(Note, match="wandb has stopped tracking, the run goes on: no network") as notes:
        run = tasam_agents.train(SHORT, tmp_path / "run", quiet=True, track="wandb")
    assert sum(issubclass(note.category, Note) for note in notes) == 1
    assert len(RunDirectory(run).metrics()) == 3


def test_refusals_come_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(UserError, match=r"track is 'tensorbord'; did you mean 'tensorboard'\?"),
        tracked("tensorbord", tmp_path, {}),
    ):
        pass
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"--track mlflow needs mlflow: .*pip install -e '.\[mlflow\]'"):
        tasam_agents.train(SHORT, tmp_path / "run", quiet=True, track="mlflow")
    assert not (tmp_path / "run").exists()
