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
from tasam_agents.errors import Damaged, UserError
from tasam_agents.files import run_log
from tasam_agents.files.atomic_write import is_left_over, write_json_atomically, write_text_atomically
from tasam_agents.files.bounded_read import MIB, read_json
from tasam_agents.files.form import Form, check_form


class Configuration(Protocol):
    """What a run began with."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""


CONFIG_LIMIT = MIB
"""Most bytes of config.json."""


class RunError(UserError):
    """A run directory cannot be used: not writable, not empty, or not a run; the message says which."""


class RunDamaged(RunError, Damaged):
    """A file of a run is not what was written; the message says which."""


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
            if any(not is_left_over(file) for file in path.iterdir()):
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
        """Make the directory and write config.json, first of all: what a kill leaves is empty or a run.

        Raises:
            RunError: see ``check_new``.
        """
        RunDirectory.check_new(path)
        run = RunDirectory(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            write_json_atomically(run.config_file, config.to_dict(), indent=2)
            run._make_places()
            write_text_atomically(run.metrics_file, "")
        except OSError as error:
            raise RunError(f"run directory {path} cannot be written: {error.strerror}") from error
        return run

    def _make_places(self) -> None:
        for directory in (self.latest.parent, self.figures):
            directory.mkdir(exist_ok=True)

    @staticmethod
    def claim(parent: Path, name: str) -> Path:
        """Make a new directory of that name, or of the name with a number behind it; nobody else has the same.

        Raises:
            RunError: it cannot be made.
        """
        for number in range(1, 10_000):
            path = parent / (name if number == 1 else f"{name}-{number}")
            try:
                parent.mkdir(parents=True, exist_ok=True)
                path.mkdir()
                return path
            except FileExistsError:
                continue
            except OSError as error:
                raise RunError(f"run directory {path} cannot be made: {error.strerror}") from error
        raise RunError(f"run directory {path} cannot be made: it and all before it exist")

    def begin_again(self) -> None:
        """Complete a run that was killed before its first save.

        Raises:
            RunError: it has saved before, or logged training, and what was saved is gone.
        """
        logged = self.metrics()
        if logged and logged[-1]["iteration"] > 0:
            raise RunError(
                f"{self.path} cannot be resumed: {self.metrics_file} ends with iteration {logged[-1]['iteration']} and "
                f"there is no {self.latest}"
            )
        self._make_places()
        write_text_atomically(self.metrics_file, "")

    @staticmethod
    def open(path: Path) -> RunDirectory:
        """A directory that ``create`` has made.

        Raises:
            RunError: it is not a run, or a directory in it leads elsewhere. RunDamaged: it is no longer one.
        """
        run = RunDirectory(path)
        if not run.config_file.is_file():
            kind = RunDamaged if run.latest.parent.is_dir() else RunError  # it was one
            raise kind(f"{path} is not a run: there is no {run.config_file}")
        for place in path.iterdir():
            if place.is_symlink() and place.is_dir():  # what is saved, replaced and drawn would be so elsewhere
                raise RunError(f"{place} is a link; allowed: a directory of the run itself")
        return run

    def config(self, trusted: Collection[str] = (), changed: bool = False) -> TrainConfig:
        """The configuration of the run, whose environment may be made.

        Args:
            trusted: environment ids with a module that the user named beside the file.
            changed: whether the user means it to be another one than that of the checkpoints.

        Raises:
            RunError: see ``recorded_config``; or the file was changed since a checkpoint was saved.
            EnvironmentRefused: the file names an environment that would import code of its choosing.
        """
        config = self.recorded_config()
        check_env_id(config.env_id, self.config_file, trusted)
        if not changed:
            self.check_unchanged(config)
        return config

    def check_unchanged(self, config: Configuration) -> None:
        """Compare the configuration in the file with that in the newest checkpoint.

        Raises:
            RunError: naming what was changed.
        """
        from tasam_agents.training import checkpoint  # with torch, which --help does without

        for directory in (self.latest, self.best):
            try:
                began = checkpoint.load_state(directory).get("config")
            except checkpoint.CheckpointError:  # whoever needs the checkpoint will say so
                continue
            different = changes(config.to_dict(), began) if isinstance(began, dict) else ""
            if different:
                raise RunError(
                    f"{self.config_file} was changed: {different}; allowed: as it was, or, with a run of our own, "
                    f"tasam train --resume {self.path} --accept-changes"
                )
            return

    def recorded_config(self) -> TrainConfig:
        """What config.json says, to be read and compared; nothing that it names is to be imported.

        Raises:
            RunError: a baseline's. RunDamaged: config.json is damaged or of another version of the program.
        """
        document = self.recorded_document()
        if "kind" in document:
            raise RunError(f"{self.path} is a run of {document['kind']!r}; allowed: runs of our own agents")
        try:
            return TrainConfig.from_dict(document)
        except (ValueError, TypeError, AssertionError, AttributeError) as error:
            raise RunDamaged(f"{self.config_file} is not the configuration of a run: {error}") from error

    def recorded_name(self) -> str:
        """What the agent of the run is called, of our own or a baseline.

        Raises:
            RunDamaged: config.json is damaged.
        """
        document = self.recorded_document()
        if "kind" not in document:
            return self.recorded_config().name
        if not isinstance(document.get("name"), str):
            raise RunDamaged(f"{self.config_file} is not the configuration of a run: it has no name")
        return str(document["name"])

    def recorded_document(self) -> dict[str, Any]:
        """config.json as it is, of a run of our own or of a baseline.

        Raises:
            RunDamaged: it is not an object of JSON.
        """
        try:
            document = read_json(self.config_file, CONFIG_LIMIT)
        except (Damaged, OSError) as error:
            raise RunDamaged(f"{self.config_file} is not the configuration of a run: {error}") from error
        if not isinstance(document, dict):
            raise RunDamaged(f"{self.config_file} is not the configuration of a run: it is no object")
        return document

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl and hand it to the operating system at once."""
        run_log.append(self.metrics_file, line)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a last line that a crash cut off is left out.

        Raises:
            Damaged: another line is not JSON.
        """
        return run_log.lines(self.metrics_file)

    def saved_metrics(self) -> list[dict[str, Any]]:
        """``metrics``, once they are known to be those of ``checkpoints/latest``.

        Raises:
            Damaged: log or checkpoint is not what was written.
        """
        from tasam_agents.training import checkpoint, saved_state  # see check_unchanged

        sealed = saved_state.sealed_log(checkpoint.load_state(self.latest))
        damage = run_log.damage(self.metrics_file, sealed)
        if damage:
            raise RunDamaged(damage)
        return self.metrics()

    def checked_metrics(self, form: Form) -> list[dict[str, Any]]:
        """``saved_metrics``, or ``metrics`` of a baseline, which is not resumed; every line is of a form.

        Raises:
            Damaged: log or checkpoint is not what was written, or there is no line.
        """
        from tasam_agents.training import checkpoint  # see check_unchanged

        found = self.saved_metrics() if checkpoint.exists(self.latest) else self.metrics()
        if not found:
            raise RunDamaged(f"{self.metrics_file} is damaged: there is no line")
        for number, line in enumerate(found, start=1):
            check_form(line, form, f"{self.metrics_file}, line {number}")
        return found


def changes(wanted: Mapping[str, Any], began: Mapping[str, Any]) -> str:
    """Which settings of two configurations differ, both as dictionaries; "" if none does."""
    here, there = (json.loads(json.dumps(each)) for each in (wanted, began))
    names = [name for name in sorted(here | there) if here.get(name) != there.get(name)]
    return "; ".join(f"{name} is {here.get(name)!r}, began with {there.get(name)!r}" for name in names)
