"""Algorithm 1: collect, update, evaluate, save."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchedEnv, EnvironmentRefused, NotReproducible, Policy, Resumable
from tasam_agents.envs.make import make_batched
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.learner import Learner
from tasam_agents.learner.replay import ReplayBuffer
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import (
    VALIDATION_SEED,
    evaluate,
    learned_policy,
    network_seeds,
    task_of,
    training_seeds,
)
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.metric_window import Window
from tasam_agents.training.progress import Progress
from tasam_agents.training.rollout import Transition, uniform_policy, walk
from tasam_agents.training.run_directory import RunDirectory, RunError


class Interrupted(RuntimeError):
    """The user stopped the run; everything is saved and the message says how to go on."""


class TrainingDiverged(RuntimeError):
    """A number is no longer finite; the message says which and names the last good checkpoint."""


def train(config: TrainConfig, run_dir: Path, resume: bool = False, quiet: bool = False) -> Path:
    """Train into a new run directory, or go on with one that was interrupted, as if it had not been.

    Args:
        config: with ``resume``, the one the run began with.
        run_dir: a new or an empty directory; with ``resume``, a run.
        quiet: show no progress.

    Raises:
        RunError, CheckpointError, EnvironmentRefused: bad input, before any work starts.
        Interrupted: on SIGINT or SIGTERM, after saving.
        TrainingDiverged: NaN or infinity.
    """
    training = begin(config, run_dir, resume)
    with Progress(config.iterations, training.iteration, quiet=quiet) as progress, StopRequest(progress.say) as stop:
        training.complete(progress, stop)
    return run_dir


def begin(
    config: TrainConfig, run_dir: Path, resume: bool, make_networks: Callable[[], BatchedEnv] | None = None
) -> Training:
    """The run at its beginning or, with ``resume``, where it was saved; arguments and errors as those of ``train``.

    Args:
        make_networks: gives the networks that are trained on; by default, those of this process.
    """
    torch.set_num_threads(config.threads)
    if resume:
        run = _existing_run(run_dir, config)
        training = Training(config, run, make_networks)
        training.restore()
    else:
        RunDirectory.check_new(run_dir)
        training = Training(config, RunDirectory(run_dir), make_networks)
        training.take_teacher()
        RunDirectory.create(run_dir, config)
    return training


class Training:
    """One run: environment, learner, replay, and what has been counted so far."""

    def __init__(
        self, config: TrainConfig, run: RunDirectory, make_networks: Callable[[], BatchedEnv] | None = None
    ) -> None:
        self.config, self.directory = config, run
        seeds = training_seeds(config.seed, config.num_envs)
        if make_networks is None:
            self.env = make_batched(config.env_id, config.env_kwargs, config.num_envs, seeds, config.centralised)
        else:
            self.env = make_networks()
        self.validation_seeds = network_seeds(VALIDATION_SEED, config.validation_envs)
        self.validation_env = make_batched(
            config.env_id, config.env_kwargs, config.validation_envs, self.validation_seeds, config.centralised
        )
        task = task_of(self.env)
        try:
            self.learner = Learner(task, config.learner, config.seed, config.total_updates)
        except ValueError as error:  # a setting that does not fit this environment
            raise EnvironmentRefused(f"environment {config.env_id!r}: {error}") from error
        replay_seed = int(np.random.SeedSequence([config.seed, 2]).generate_state(1)[0])
        self.replay = ReplayBuffer(
            config.replay_capacity,
            len(task.agents),
            self.learner.input_size,
            self.learner.action_size,
            replay_seed,
        )
        self.observations = self.env.reset(seed=seeds)
        self.iteration = 0
        self.env_steps = 0
        self.converged = False
        self.best_validation_return: float | None = None
        self.window = Window()
        self.after_validation: Callable[[float], None] = lambda validation_return: None
        self.experience: Callable[[int, Policy], Iterator[Transition]] = self._experience  # where transitions come from
        self.remark = ""  # what a reader of the log must know about the resume
        self._wall_time_before_s = 0.0
        self._began = self._saved_at = time.perf_counter()
        self._start_stopwatch()

    def take_teacher(self) -> None:
        """Let the best actors of `anchor.teacher_run` teach, where the configuration names one.

        Raises:
            RunError: it is not a run with saved actors.
            CheckpointError: damaged, or actors of another task or other networks.
        """
        anchor, path = self.learner.anchor, Path(self.config.learner.anchor.teacher_run)
        if anchor is None or not self.config.learner.anchor.teacher_run:
            return
        best = RunDirectory.open(path).best
        if not checkpoint.exists(best):
            raise RunError(f"learner.anchor.teacher_run is {str(path)!r}, which has no actors yet: there is no {best}")
        actors = checkpoint.load(best).tensors.get("actors", {})
        checkpoint.check_fits(actors, anchor.policy.state_dict(), str(best))
        anchor.adopt(actors)

    def complete(self, progress: Progress, stop: StopRequest) -> None:
        """Algorithm 1; raises Interrupted and TrainingDiverged as ``train`` does."""
        try:
            self.run(progress, stop)
        except DivergedError as error:
            raise TrainingDiverged(self.obituary(error)) from error

    def run(self, progress: Progress, stop: StopRequest) -> None:
        """Algorithm 1."""
        config = self.config
        if self.remark:
            progress.say(self.remark)
        gate = config.learner.gate
        if (
            config.learner.sam.actors == "gated"
            and gate.lambda_td == "auto"
            and gate.calibration[1] >= config.total_updates
        ):
            progress.say(
                f"note: the gates stay closed, no actor gets SAM: the threshold is calibrated until update "
                f"{gate.calibration[1]} and this run has {config.total_updates} (learner.gate.calibration)"
            )
        if self.iteration == 0 and config.warmup_steps:
            self._collect(config.warmup_steps, self._random_policy())
            self._log(None)
        while self.iteration < config.iterations and not self.converged:
            self.iteration += 1
            self._collect(config.steps_per_iteration, self._exploring_policy)
            self._update(config.updates_per_iteration)
            self._report(progress)
            progress.advance()
            if stop.made:
                self.save()
                raise Interrupted(
                    f"saved after iteration {self.iteration} of {config.iterations}. "
                    f"To go on: tasam train --resume {self.directory.path}"
                )
        if self.best_validation_return is None:  # converged before the first validation
            self._validate()
        self.save()

    def _collect(self, steps: int, policy: Policy) -> None:
        """Let every network take some steps and store each transition in B; policy: inputs -> actions."""
        began = time.perf_counter()
        for lived in self.experience(steps, policy):
            self.replay.add(lived.inputs, lived.actions, lived.rewards, lived.next_inputs, lived.terminated)
            self.window.add("return", lived.rewards, axes=2)
            for name, value in lived.info.items():
                self.window.add(f"info/{name}", value, axes=2)
        self.env_steps += steps * self.env.num_envs
        self._timed_steps += steps * self.env.num_envs
        self._collect_s += time.perf_counter() - began

    def _experience(self, steps: int, policy: Policy) -> Iterator[Transition]:
        """Transitions of the networks of this process."""
        self.observations = yield from walk(
            self.env, self.learner.inputs, self.observations, steps, policy, self.config.env_id
        )

    def _update(self, updates: int) -> None:
        """Gradient updates of critic and actors; the metrics are those of the last one."""
        began = time.perf_counter()
        with _matmul_precision(self.config.matmul_precision):
            for number in range(1, updates + 1):
                batch = self.replay.sample(self.config.learner.batch_size)
                metrics = self.learner.update(batch, log=number == updates)
                for name, value in metrics.items():
                    self.window.add(name, value)
        self.learner.check_weights()
        self._timed_updates += updates
        self._update_s += time.perf_counter() - began

    def _report(self, progress: Progress) -> None:
        """Validate, keep the best actors, log and save, whichever is due after this iteration."""
        config = self.config
        is_last = self.iteration == config.iterations
        evaluating = is_last or self.iteration % config.evaluate_every == 0
        if not (evaluating or self.iteration % config.log_every == 0):
            return
        validation_return = self._validate() if evaluating else None
        line = self._log(validation_return)
        best = "" if self.best_validation_return is None else f", best validation {self.best_validation_return:.3f}"
        progress.show(f"return {line['return']:.3f}{best}, {line['updates_per_second']:.1f} updates/s")
        if evaluating and time.perf_counter() - self._saved_at >= config.checkpoint_every_s:
            self.save()

    def _validate(self) -> float:
        """Mean deterministic return on the validation networks; the best actors so far are saved."""
        policy = learned_policy(self.learner, deterministic=True)
        result = float(evaluate(policy, self.validation_env, self.validation_seeds).returns.mean())
        if self.best_validation_return is None or result > self.best_validation_return:
            self.best_validation_return = result
            if self.learner.anchor is not None:
                self.learner.anchor.take(self.learner.policy)
            state = {"iteration": self.iteration, "validation_return": result}
            checkpoint.save(self.directory.best, {"actors": self.learner.policy_tensors()}, state)
        self.after_validation(result)
        return result

    def _log(self, validation_return: float | None) -> dict[str, Any]:
        """Write one line of metrics: means since the last one, and counters."""
        means = self.window.means()
        gradient_norms = np.asarray(means.get("actor_grad_norm", np.inf), np.float64)
        self.converged = bool(gradient_norms.max() < self.config.converged_gradient_norm)
        line: dict[str, Any] = {
            "iteration": self.iteration,
            "env_steps": self.env_steps,
            "updates": self.learner.updates,
            "return": means.pop("return"),
            **means,
            "updates_per_second": self._timed_updates / self._update_s if self._timed_updates else 0.0,
            "environment_steps_per_second": self._timed_steps / self._collect_s if self._timed_steps else 0.0,
            "wall_time_s": self.wall_time_s,
        }
        if validation_return is not None:
            line["validation_return"] = validation_return
        self.directory.append_metrics(line)
        self.window = Window()
        self._start_stopwatch()
        return line

    @property
    def act_noise(self) -> torch.Generator:
        """The generator of exploration; it is the learner's, with which it is saved."""
        return self.learner.act_noise

    @property
    def wall_time_s(self) -> float:
        """Time spent on this run, sessions before a resume included [s]."""
        return self._wall_time_before_s + time.perf_counter() - self._began

    def save(self) -> None:
        """Write ``checkpoints/latest``: everything that ``restore`` needs to go on bit for bit."""
        tensors: dict[str, dict[str, torch.Tensor]] = {
            "learner": self.learner.tensors(),
            "replay": self.replay.tensors(),
            "trainer": {"observations": torch.from_numpy(self.observations)},
        }
        if isinstance(self.env, Resumable):
            tensors["environment"] = {
                name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in self.env.get_state().items()
            }
        state = {
            "iteration": self.iteration,
            "env_steps": self.env_steps,
            "converged": self.converged,
            "best_validation_return": self.best_validation_return,
            "wall_time_s": self.wall_time_s,
            "window": self.window.state(),
            "learner": self.learner.scalars(),
        }
        checkpoint.save(self.directory.latest, tensors, state)
        self._saved_at = time.perf_counter()

    def restore(self) -> None:
        """Go on where ``save`` left off; later lines of metrics.jsonl are dropped and written again.

        Raises:
            CheckpointError: no usable checkpoint.
        """
        saved = checkpoint.load(self.directory.latest)
        where = str(self.directory.latest)
        missing = {"learner", "replay", "trainer"} - saved.tensors.keys()
        if missing:
            raise checkpoint.CheckpointError(f"{where} lacks {', '.join(sorted(missing))}")
        checkpoint.check_fits(saved.tensors["learner"], self.learner.tensors(), where)
        current = {"observations": torch.from_numpy(self.observations)}
        checkpoint.check_fits(saved.tensors["trainer"], current, where)
        try:
            self.replay.load_tensors(saved.tensors["replay"])
        except (ValueError, KeyError, RuntimeError) as error:
            raise checkpoint.CheckpointError(f"{where}, replay: {error}") from error
        state = saved.state
        self.learner.load_tensors(saved.tensors["learner"])
        self.learner.load_scalars(state["learner"])
        self.iteration, self.env_steps = state["iteration"], state["env_steps"]
        self.converged = state["converged"]
        self.best_validation_return = state["best_validation_return"]
        self._wall_time_before_s = state["wall_time_s"]
        self.window.load_state(state["window"])
        self._restore_environment(saved)
        self.directory.truncate_metrics(self.iteration)

    def _restore_environment(self, saved: checkpoint.Checkpoint) -> None:
        """Put the environment back into its episodes, or begin new ones where it cannot be."""
        arrays = {name: tensor.numpy() for name, tensor in saved.tensors.get("environment", {}).items()}
        try:
            if not isinstance(self.env, Resumable) or not arrays:
                raise NotReproducible("the environment offers no state to save")
            self.env.set_state(arrays)
            self.observations = saved.tensors["trainer"]["observations"].numpy()
        except NotReproducible as reason:
            seeds = training_seeds(self.config.seed + self.iteration, self.config.num_envs)
            self.observations = self.env.reset(seed=seeds)
            self.remark = f"resumed with new episodes, not bit for bit: {reason}"
        except (ValueError, KeyError) as error:
            raise checkpoint.CheckpointError(f"{self.directory.latest}, environment: {error}") from error

    def _exploring_policy(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return self.learner.act(inputs, deterministic=False)

    def _random_policy(self) -> Policy:
        return uniform_policy(self.config.seed, self.config.num_envs, self.learner.action_size)

    def obituary(self, error: DivergedError) -> str:
        """Where and why the run died, and which checkpoint is the last good one."""
        for directory in (self.directory.latest, self.directory.best):
            if checkpoint.exists(directory):
                iteration = checkpoint.load_state(directory)["iteration"]
                good = f"the last good checkpoint is {directory} (iteration {iteration})"
                break
        else:
            good = "there is no checkpoint yet"
        return f"stopped in iteration {self.iteration}: {error}; {good}"

    def _start_stopwatch(self) -> None:
        self._timed_steps = self._timed_updates = 0
        self._collect_s = self._update_s = 0.0


@contextmanager
def _matmul_precision(precision: str) -> Iterator[None]:
    """Set torch's precision of matrix products for the updates alone: actions are always computed in fp32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _existing_run(path: Path, config: TrainConfig) -> RunDirectory:
    """The run to resume, or RunError when it is none or began with another configuration."""
    run = RunDirectory.open(path)
    if not checkpoint.exists(run.latest):
        raise RunError(f"{path} cannot be resumed: there is no {run.latest}")
    wanted, saved = (json.loads(json.dumps(c.to_dict())) for c in (config, run.config()))
    different = [name for name in wanted if wanted[name] != saved[name]]
    if different:
        changes = "; ".join(f"{name} is {wanted[name]!r}, began with {saved[name]!r}" for name in different)
        raise RunError(f"{path} cannot be resumed with another configuration: {changes}")
    return run
