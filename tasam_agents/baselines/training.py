"""Train a baseline into a run directory of the same form as our own, and load its best policy from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tasam_agents.baselines.config import KIND, BaselineConfig
from tasam_agents.baselines.sb3 import (
    VIEWS,
    acting_tensors,
    as_policy,
    gradients_per_update,
    make_model,
    require_library,
    restored_policy,
    updates_of,
)
from tasam_agents.envs.interface import ObservationPolicy
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import training_networks, validation_networks
from tasam_agents.envs.trust import check_env_id
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.form import check_form
from tasam_agents.files.provenance import versions
from tasam_agents.files.sealed import read_sealed, sealed
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.metric_window import MetricWindow
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_directory import RunDamaged, RunDirectory, RunError
from tasam_agents.training.threads import torch_threads
from tasam_agents.training.trainer import Interrupted, TrainingDiverged

FINISHED = "finished.json"
"""Written last: a run without it was interrupted."""
_END = {"env_steps": int, "updates": int, "wall_time_s": float, "cpu_time_s": float}

_LOGGED = {"critic_loss": "critic_loss", "actor_loss": "actor_loss", "temperature": "ent_coef", "loss": "loss"}
"""Name in metrics.jsonl of what the library logs under ``train/``."""


def train_baseline(
    config: BaselineConfig, run_dir: Path, quiet: bool = False, watch: Callable[[float], None] = lambda _: None
) -> Path:
    """Train into a new run directory: config.json, metrics.jsonl, checkpoints/best, and finished.json in the end.

    The library seeds the generators of the whole process. A run that was interrupted cannot be resumed. One that
    diverges after its first validation ends there: the best policy so far is its result and finished.json says so.

    Args:
        config: of the run.
        run_dir: a new or an empty directory.
        quiet: show no progress.
        watch: is told the return of each validation, until the run is stopped; what it raises ends the run.

    Raises:
        ImportError: the extra of its library is not installed.
        UserError: bad input, before any work starts.
        Interrupted: on SIGINT, SIGTERM or SIGHUP.
        TrainingDiverged: NaN or infinity before the first validation, so that there is no policy to judge.
    """
    require_library(config)
    RunDirectory.check_new(run_dir)
    with torch_threads(config.threads):
        return _train(config, run_dir, quiet, watch)


def _train(config: BaselineConfig, run_dir: Path, quiet: bool, watch: Callable[[float], None]) -> Path:
    training = _Training(config, RunDirectory(run_dir), watch)
    RunDirectory.create(run_dir, config)
    with Progress(training.config.iterations, quiet=quiet) as progress, StopRequest(progress.say) as stop:
        try:
            training.run(progress, stop)
        except (DivergedError, ValueError) as error:
            if not isinstance(error, DivergedError) and not _tells_of_divergence(error):
                raise
            message = f"stopped after {training.env_steps} environment steps: {str(error).splitlines()[0]}"
            if not checkpoint.exists(training.directory.best):
                raise TrainingDiverged(message) from error
            progress.say(f"diverged, the best policy so far is the result: {message}")
            training.finish(training.directory.metrics()[-1], diverged=message)
    return run_dir


def divergence(run_dir: Path) -> str:
    """Why a finished run ended before its budget, or "" if it did not."""
    why: str = read_sealed(run_dir / FINISHED, "the end of a run", _END).get("diverged", "")
    check_form(why, str, f"{run_dir / FINISHED}, diverged")
    return why


def _tells_of_divergence(error: ValueError) -> bool:
    """torch's distributions and the environments refuse what is not finite with a ValueError of their own."""
    return any(words in str(error) for words in ("found invalid values", "NaN", "not finite"))


def is_finished(run_dir: Path) -> bool:
    """Whether a baseline was trained to the end of its budget here.

    Raises:
        Damaged: what says so is not what was written.
    """
    is_there = (run_dir / FINISHED).is_file()
    if is_there:
        divergence(run_dir)
    return is_there


def is_baseline(run_dir: Path) -> bool:
    """Whether the run in this directory is one of a baseline; no claim is made about a damaged one."""
    try:
        return RunDirectory(run_dir).recorded_document().get("kind") == KIND
    except RunError:
        return False


def load_config(run_dir: Path, trusted: Collection[str] = ()) -> BaselineConfig:
    """The configuration of a run, whose environment may be made.

    Args:
        run_dir: of a baseline.
        trusted: environment ids with a module that the user named beside the file.

    Raises:
        RunError: not a run of a baseline.
        EnvironmentRefused: the file names an environment that would import code of its choosing.
    """
    run = RunDirectory.open(run_dir)
    try:
        config = BaselineConfig.from_dict(run.recorded_document())
    except (ValueError, TypeError, AttributeError) as error:
        raise RunDamaged(f"{run.config_file} is not the configuration of a baseline: {error}") from error
    check_env_id(config.env_id, run.config_file, trusted)
    run.check_unchanged(config)
    return config


def load_policy(run_dir: Path, deterministic: bool = True, trusted: Collection[str] = ()) -> ObservationPolicy:
    """The best policy of a run for separate agents: observations (B, M, D) → actions (B, M, A) in [0, 1].

    Args:
        run_dir: of a baseline.
        deterministic: its best actions, rather than samples.
        trusted: see ``load_config``.

    Raises:
        ImportError: the extra ``sb3`` is not installed.
        UserError: not a run, nothing saved yet, damaged.
    """
    config = load_config(run_dir, trusted)
    best = RunDirectory(run_dir).best
    if not checkpoint.exists(best):
        raise RunError(f"{run_dir} has no checkpoint to evaluate yet: there is no {best}")
    env = make_batched(config.env_id, config.env_kwargs, 1, 0)
    tensors = checkpoint.load(best).tensors.get("policy", {})
    policy = restored_policy(config, VIEWS[config.view][0](env), tensors, str(best))
    return as_policy(policy, config, env, deterministic)


class _Training:
    """One run: the library's model, our validation, log and checkpoint."""

    def __init__(self, config: BaselineConfig, run: RunDirectory, watch: Callable[[float], None]) -> None:
        from tasam_agents.baselines.vec_env import BatchedVecEnv

        self.config, self.directory, self._watch = config, run, watch
        networks = training_networks(config.seed, config.num_envs)
        env = make_batched(config.env_id, config.env_kwargs, config.num_envs, networks)
        self.vec_env = BatchedVecEnv(VIEWS[config.view][0](env), config)
        self.validation_networks = validation_networks(config.validation_envs)
        self.validation_env = make_batched(
            config.env_id, config.env_kwargs, config.validation_envs, self.validation_networks
        )
        self.model = make_model(config, self.vec_env)
        self.best_validation_return = -np.inf
        self._began = self._logged_at = time.perf_counter()
        self._cpu_before_s = time.process_time()
        self._logged_steps = self._logged_updates = 0

    @property
    def env_steps(self) -> int:
        """Steps so far, summed over the networks."""
        return self.vec_env.steps * self.config.num_envs

    def run(self, progress: Progress, stop: StopRequest) -> None:
        """Let the library learn; validate now and then and at the end."""
        from stable_baselines3.common.callbacks import BaseCallback

        training = self

        class Step(BaseCallback):  # type: ignore[misc]
            def _on_step(self) -> bool:
                steps = training.vec_env.steps
                if steps <= training.config.iterations:
                    progress.advance()
                if steps % training.config.evaluate_every == 0 and steps < training.config.iterations:
                    training.report(progress, stop)
                return not stop.made

        budget = self.config.iterations * self.vec_env.num_envs
        self.model.learn(budget, callback=Step(), log_interval=None)
        if stop.made:
            raise Interrupted(
                f"stopped after {self.env_steps} of {self.config.env_steps} environment steps. A baseline cannot be "
                f"resumed: to train it again, remove {self.directory.path}"
            )
        self.finish(self.report(progress, stop))

    def finish(self, line: Mapping[str, Any], **more: str) -> None:
        """Write finished.json: what the last line of metrics counts, and whatever else is to be known."""
        document = {name: line[name] for name in _END} | more
        write_json_atomically(self.directory.path / FINISHED, sealed(document))

    def report(self, progress: Progress, stop: StopRequest) -> dict[str, Any]:
        """Validate, keep the best policy, write a line of metrics."""
        policy = as_policy(self.model.policy, self.config, self.validation_env)
        result = float(evaluate(policy, self.validation_env, self.validation_networks).returns.mean())
        if not np.isfinite(result):
            raise DivergedError("the return on the validation networks is not finite")
        if result > self.best_validation_return:
            self.best_validation_return = result
            state: dict[str, Any] = {
                "iteration": self.vec_env.steps,
                "env_steps": self.env_steps,
                "validation_return": result,
            }
            state |= {"config": self.config.to_dict(), "versions": versions()}
            checkpoint.save(self.directory.best, {"policy": acting_tensors(self.model.policy, self.config)}, state)
        line = self._line(result)
        self.directory.append_metrics(line)
        progress.show(f"return {line['return']:.3f}, best validation {self.best_validation_return:.3f}, "
                      f"{line['updates_per_second']:.1f} updates/s")  # fmt: skip
        if not stop.made:  # what it raises would hide that the run was stopped
            self._watch(result)
        return line

    def _line(self, validation_return: float) -> dict[str, Any]:
        now, updates = time.perf_counter(), updates_of(self.model, self.config)
        elapsed = now - self._logged_at
        found = self.model.logger.name_to_value
        logged = {ours: float(found[f"train/{name}"]) for ours, name in _LOGGED.items() if f"train/{name}" in found}
        line = {
            "iteration": self.vec_env.steps,
            "env_steps": self.env_steps,
            "updates": updates,
            "return": self.vec_env.window.means()["return"],
            **{name: value if np.isfinite(value) else None for name, value in logged.items()},
            "gradient_evaluations": gradients_per_update(self.config),
            "updates_per_second": (updates - self._logged_updates) / elapsed,
            "environment_steps_per_second": (self.env_steps - self._logged_steps) / elapsed,
            "wall_time_s": now - self._began,
            "cpu_time_s": time.process_time() - self._cpu_before_s,
            "validation_return": validation_return,
        }
        self.vec_env.window = MetricWindow()
        self._logged_at, self._logged_steps, self._logged_updates = now, self.env_steps, updates
        return line
