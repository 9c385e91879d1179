"""An argument of the environment that is chosen before the training, by short trainings, on the validation networks.

The reuse plan of O-RAN is such a one: how many RBs each DU owns is set by the RIC and not by the actors, and nothing
that they learn can change it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.envs.make import make_env
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import Interrupted, train

FILE = "choice.json"
"""In the run directory: what was chosen, and what each value returned."""


@dataclass(frozen=True)
class Choice:
    """What was tried, and the configuration that the run begins with."""

    config: TrainConfig
    returns: Mapping[int, float]
    """By value, the best mean return on the validation networks; empty: there was nothing to choose."""
    refused: tuple[int, ...] = ()
    """Values that this environment does not take."""

    @property
    def text(self) -> str:
        """A line for readers."""
        told = [f"{value}: {found:.3f}" for value, found in self.returns.items()]
        tried = ", ".join([*told, *(f"{value}: not possible here" for value in self.refused)])
        name = self.config.choose
        return f"{name} = {self.config.env_kwargs[name]}, by the return of short trainings on validation ({tried})"

    def write(self, run: Path) -> None:
        """Keep it in the run directory, if there is a choice and a run."""
        if self.returns and run.is_dir():
            name = self.config.choose
            told = {"name": name, "chosen": self.config.env_kwargs[name], "validation_returns": self.returns}
            write_json_atomically(run / FILE, told, indent=2)


def choose(config: TrainConfig) -> Choice:
    """Train `trial_iterations` with each of `choices`, all schedules shortened to that; ties go to the first.

    Nothing is tried where there is no choice, or where `env_kwargs` makes it already. Values that the environment
    refuses are left out, and told.

    Raises:
        UserError: the environment refuses every value. TrainingDiverged: as ``train``. Interrupted: nothing is kept.
    """
    if not config.choices or config.choose in config.env_kwargs:
        return Choice(config, {})
    refused = {value: why for value in config.choices if (why := _refusal(_with(config, value))) is not None}
    if len(refused) == len(config.choices):
        raise refused[config.choices[0]]
    returns: dict[int, float] = {}
    for value in config.choices:
        if value in refused:
            continue
        trial = replace(
            _with(config, value),
            iterations=config.trial_iterations,
            evaluate_every=config.trial_iterations,
        )
        with tempfile.TemporaryDirectory() as directory:
            try:
                best = RunDirectory(train(trial, Path(directory) / "trial", quiet=True)).best
            except Interrupted:
                raise Interrupted(f"stopped while {config.choose} was chosen; nothing was saved yet") from None
            returns[value] = float(checkpoint.load_state(best)["validation_return"])
    return Choice(_with(config, max(returns, key=returns.__getitem__)), returns, tuple(refused))


def _refusal(config: TrainConfig) -> EnvironmentRefused | None:
    try:
        make_env(config.env_id, config.env_kwargs)
    except EnvironmentRefused as error:
        return error
    return None


def _with(config: TrainConfig, value: int) -> TrainConfig:
    return replace(config, env_kwargs={**config.env_kwargs, config.choose: value})
