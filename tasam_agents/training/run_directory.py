"""A run directory: config.json, metrics.jsonl, checkpoints/, figures/. Readable without this package."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.trust import check_env_id
from tasam_agents.errors import UserError
from tasam_agents.training.atomic_write import write_text_atomically


class Configuration(Protocol):
    """What a run began with."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""


class RunError(UserError):
    """A run directory cannot be used: not writable, not empty, or not a run; the message says which."""


@dataclass(frozen=True)
class RunDirectory:
    """Where the files of one training run stand."""

    path: Path

    @property
    def config_file(self) -> Path:
        """The TrainConfig, as JSON."""
        return self.path / "config.json"

    @property
    def metrics_file(self) -> Path:
        """One JSON object per log step."""
        return self.path / "metrics.jsonl"

    @property
    def latest(self) -> Path:
        """Checkpoint with everything that an exact resume needs, replay included."""
        return self.path / "checkpoints" / "latest"

    @property
    def best(self) -> Path:
        """Checkpoint of the actors that did best on the validation networks."""
        return self.path / "checkpoints" / "best"

    @property
    def figures(self) -> Path:
        """Pictures, each with the numbers it shows as CSV beside it."""
        return self.path / "figures"

    @property
    def evaluation_file(self) -> Path:
        """The comparison on held-out networks, once there is one."""
        return self.path / "evaluation.json"

    @staticmethod
    def check_new(path: Path) -> None:
        """Refuse a place where no run can begin, without creating anything.

        Raises:
            RunError: it exists and is not an empty directory, or cannot be written.
        """
        if path.exists():
            if not path.is_dir():
                raise RunError(f"run directory {path} is a file; allowed: a new or an empty directory")
            if any(path.iterdir()):
                raise RunError(
                    f"run directory {path} is not empty; allowed: a new or an empty directory "
                    f"(to go on with a run: tasam train --resume {path})"
                )
        standing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        if not standing.is_dir():
            raise RunError(f"run directory {path} cannot be made: {standing} is a file")
        if not os.access(standing, os.W_OK | os.X_OK):
            raise RunError(f"run directory {path} cannot be made: {standing} is not writable")

    @staticmethod
    def create(path: Path, config: Configuration) -> RunDirectory:
        """Make the directory and write config.json.

        Raises:
            RunError: see ``check_new``.
        """
        RunDirectory.check_new(path)
        run = RunDirectory(path)
        try:
            for directory in (run.latest.parent, run.figures):
                directory.mkdir(parents=True, exist_ok=True)
            run.config_file.write_text(json.dumps(config.to_dict(), indent=2) + "\n", "utf-8")
            run.metrics_file.touch()
        except OSError as error:
            raise RunError(f"run directory {path} cannot be written: {error.strerror}") from error
        return run

    @staticmethod
    def open(path: Path) -> RunDirectory:
        """A directory that ``create`` has made.

        Raises:
            RunError: it is not a run.
        """
        run = RunDirectory(path)
        if not run.config_file.is_file():
            raise RunError(f"{path} is not a run: there is no {run.config_file}")
        return run

    def config(self, trusted: Collection[str] = ()) -> TrainConfig:
        """The configuration of the run, whose environment may be made.

        Args:
            trusted: environment ids with a module that the user named beside the file.

        Raises:
            RunError: see ``recorded_config``.
            EnvironmentRefused: the file names an environment that would import code of its choosing.
        """
        config = self.recorded_config()
        check_env_id(config.env_id, self.config_file, trusted)
        return config

    def recorded_config(self) -> TrainConfig:
        """What config.json says, to be read and compared; nothing that it names is to be imported.

        Raises:
            RunError: config.json is damaged or of another version of the program.
        """
        try:
            return TrainConfig.from_dict(json.loads(self.config_file.read_text("utf-8")))
        except (ValueError, TypeError, AssertionError) as error:
            raise RunError(f"{self.config_file} is not the configuration of a run: {error}") from error

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl and hand it to the operating system at once."""
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line that a crash cut off is left out.

        Raises:
            RunError: another line is not JSON.
        """
        lines = self.metrics_file.read_text("utf-8").splitlines() if self.metrics_file.is_file() else []
        parsed = []
        for number, text in enumerate(lines, start=1):
            try:
                parsed.append(json.loads(text))
            except json.JSONDecodeError as error:
                if number < len(lines):
                    raise RunError(f"{self.metrics_file}, line {number} is damaged: {error}") from error
        return parsed

    def truncate_metrics(self, iteration: int) -> None:
        """Drop the lines after an iteration, so that going on from it writes none twice."""
        kept = [line for line in self.metrics() if line["iteration"] <= iteration]
        write_text_atomically(self.metrics_file, "".join(json.dumps(line) + "\n" for line in kept))


def changes(wanted: Mapping[str, Any], began: Mapping[str, Any]) -> str:
    """Which settings of two configurations differ, both as dictionaries; "" if none does."""
    here, there = (json.loads(json.dumps(each)) for each in (wanted, began))
    names = [name for name in sorted(here | there) if here.get(name) != there.get(name)]
    return "; ".join(f"{name} is {here.get(name)!r}, began with {there.get(name)!r}" for name in names)
