"""A job is one run to be done, its status how far it has come, a task what to do with every job of a kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tasam_agents.baselines.config import BaselineConfig
from tasam_agents.config.fields import TrainConfig

Status = Literal["new", "interrupted", "complete"]


@dataclass(frozen=True)
class Job:
    """One run: who, how, and where its directory is or will be."""

    agent: str
    config: TrainConfig | BaselineConfig
    directory: Path

    @property
    def label(self) -> str:
        """For messages: agent and seed."""
        return f"{self.agent}, seed {self.config.seed}"

    @property
    def log(self) -> Path:
        """What the run printed, beside its directory."""
        return self.directory.with_name(f"{self.directory.name}.log")


@dataclass(frozen=True)
class Task:
    """What is to be done with every job. Both functions are found by another process: those of a module, or partial."""

    work: Callable[[Job], None]  # do one job from where it stands to its end
    status: Callable[[Job], Status]  # how far it has come; read from the disk


@dataclass(frozen=True)
class Failure:
    """A run that did not reach its end, and why."""

    job: Job
    reason: str

    def __str__(self) -> str:
        return f"{self.job.label}: {self.reason} (log: {self.job.log})"


class RunsFailed(RuntimeError):
    """Some runs failed and the others are kept; the message names each with its log."""

    def __init__(self, failures: Sequence[Failure], num_jobs: int, consequence: str = "") -> None:
        listed = "\n".join(f"  {failure}" for failure in failures)
        super().__init__(
            f"{len(failures)} of {num_jobs} runs failed{consequence}; the same command tries them again:\n{listed}"
        )
