"""Algorithm 1: collect, update, evaluate, save."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchedEnv, EnvironmentRefused, InputPolicy
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.recurring import Recurring
from tasam_agents.envs.seeding import training_networks, validation_networks
from tasam_agents.files.provenance import versions
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.learner import Learner
from tasam_agents.learner.replay import ReplayBuffer
from tasam_agents.training import checkpoint
from tasam_agents.training.divergence import last_good, write_dump
from tasam_agents.training.evaluation import (
    evaluate,
    learned_policy,
    task_of,
)
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.memory import check_memory
from tasam_agents.training.metric_window import MetricWindow
from tasam_agents.training.progress import Progress
from tasam_agents.training.resume import existing_run, restore_latest, save_latest
from tasam_agents.training.rollout import Transition, rollout, uniform_policy
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.threads import torch_threads


class Interrupted(RuntimeError):
    """The user stopped the run; everything is saved and the message says how to go on."""


class TrainingDiverged(RuntimeError):
    """A number is no longer finite; the message says which and names the last good checkpoint."""


def train(
    config: TrainConfig,
    run_dir: Path,
    resume: bool = False,
    quiet: bool = False,
    accept_changes: bool = False,
    watch: Callable[[float], None] = lambda _: None,
    threads: int | None = None,
) -> Path:
    """Train into a new run directory, or go on with one that was interrupted, as if it had not been.

    The caller has the lock of the run, ``run_lock``.

    Args:
        config: with ``resume``, the one the run began with.
        run_dir: a new or an empty directory; with ``resume``, a run.
        quiet: show no progress.
        accept_changes: resume also what would no longer be bit for bit, see ``existing_run`` and ``restore_latest``.
        watch: is told of each return on the validation networks.
        threads: CPU threads in place of the configuration's.

    Raises:
        UserError: bad input, before any work starts.
        Interrupted: on SIGINT, SIGTERM or SIGHUP, after saving.
        TrainingDiverged: NaN or infinity.
        OSError: the disk is full or the run was deleted; the message names the last good checkpoint.
    """
    with torch_threads(threads or config.threads):
        training = begin(config, run_dir, resume, accept_changes=accept_changes)
        training.after_validation = watch
        done = training.iteration
        with Progress(config.iterations, done, quiet=quiet) as progress, StopRequest(progress.say) as stop:
            training.complete(progress, stop)
    return run_dir


def begin(
    config: TrainConfig,
    run_dir: Path,
    resume: bool,
    make_envs: Callable[[], BatchedEnv] | None = None,
    accept_changes: bool = False,
) -> Training:
    """The run at its beginning or, with ``resume``, where it was saved; arguments and errors as those of ``train``.

    Args:
        make_envs: gives the envs that are trained on; by default, those of this process.
    """
    if resume:
        run = existing_run(run_dir, config, accept_changes)
    else:
        RunDirectory.check_new(run_dir)
        run = RunDirectory(run_dir)
    training = Training(config, run, make_envs)
    if resume and checkpoint.exists(run.latest):
        restore_latest(training, accept_changes)
        return training
    training.take_teacher()
    if resume:  # it was killed before its first save
        run.begin_again()
    else:
        RunDirectory.create(run_dir, config)
    return training


class Training:
    """One run: environment, learner, replay, and what has been counted so far."""

    def __init__(
        self, config: TrainConfig, run: RunDirectory, make_envs: Callable[[], BatchedEnv] | None = None
    ) -> None:
        self.config, self.directory = config, run
        networks = training_networks(config.seed, config.num_envs)
        if make_envs is None:
            self.env = make_batched(config.env_id, config.env_kwargs, config.num_envs, networks, config.centralised)
        else:
            self.env = make_envs()
        if config.train_networks:
            self.env = Recurring(self.env, config.train_networks, networks)
        self.validation_networks = validation_networks(config.validation_envs)
        self.validation_env = make_batched(
            config.env_id, config.env_kwargs, config.validation_envs, self.validation_networks, config.centralised
        )
        task = task_of(self.env)
        check_memory(task, config)
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
        self.observations = self.env.reset(seed=networks)
        self.iteration = 0
        self.env_steps = 0
        self.is_reported = True  # whether validation and log of this iteration are done, where they are due
        self.converged = False
        self.best_validation_return: float | None = None
        self.window = MetricWindow()
        self.after_validation: Callable[[float], None] = lambda validation_return: None
        self.rollout: Callable[[int, InputPolicy], Iterator[Transition]] | None = None  # None: of this process
        self.remark = ""  # what a reader of the log must know about the resume
        self.earlier_s = self.earlier_cpu_s = 0.0  # of sessions before a resume
        self._is_whole = False  # whether this is a boundary between two iterations
        self._began = self._saved_at = time.perf_counter()
        self._cpu_before_s = time.process_time()
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
            dump = write_dump(self.directory, self.iteration, self.learner, self.observations, error)
            more = f"; what was not finite stands in {dump}" if dump else ""
            message = f"stopped in iteration {self.iteration}: {error}; {last_good(self.directory)}{more}"
            raise TrainingDiverged(message) from error
        except Exception:
            # What came between two iterations costs none. Within one, the run goes on from the last save.
            if self._is_whole:
                with suppress(OSError):  # the first error is the one to be told
                    self.save()
            raise

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
        if self.env_steps == 0:
            if config.warmup_steps:
                self.collect(config.warmup_steps, self.random_policy())
                self._log(None)
            self.save()
        self._is_whole = True
        self._report(progress)  # of the iteration after which the run stopped, if that is still to be done
        while self.iteration < config.iterations and not self.converged:
            self._is_whole = False
            self.iteration += 1
            self.collect(config.steps_per_iteration, self.exploring_policy)
            self.update(config.updates_per_iteration)
            self.is_reported, self._is_whole = False, True
            self._report(progress)
            progress.advance()
            if stop.made:
                self.save()
                raise Interrupted(
                    f"saved after iteration {self.iteration} of {config.iterations}. "
                    f"To go on: tasam train --resume {self.directory.path}"
                )
            if time.perf_counter() - self._saved_at >= config.checkpoint_every_s:
                self.save()
        if self.best_validation_return is None:  # converged before the first validation
            self.validate()
        self.save()

    def collect(self, steps: int, policy: InputPolicy) -> None:
        """Let every env take some steps and store each transition in B; policy: inputs -> actions."""
        began = time.perf_counter()
        for lived in (self.rollout or self._rollout)(steps, policy):
            self.replay.add(lived.inputs, lived.actions, lived.rewards, lived.next_inputs, lived.terminated)
            self.window.add("return", lived.rewards, axes=2)
            for name, value in lived.info.items():
                self.window.add(f"info/{name}", value, axes=2)
        self.env_steps += steps * self.env.num_envs
        self._timed_steps += steps * self.env.num_envs
        self._collect_s += time.perf_counter() - began

    def _rollout(self, steps: int, policy: InputPolicy) -> Iterator[Transition]:
        """Transitions of the envs of this process."""
        self.observations = yield from rollout(
            self.env, self.learner.inputs, self.observations, steps, policy, self.config.env_id
        )

    def update(self, updates: int) -> None:
        """Gradient updates of critic and actors; the metrics are those of the last one."""
        began = time.perf_counter()
        for number in range(1, updates + 1):
            batch = self.replay.sample(self.config.learner.batch_size)
            metrics = self.learner.update(batch, log=number == updates)
            for name, value in metrics.items():
                self.window.add(name, value)
        self.learner.check_weights()
        self._timed_updates += updates
        self._update_s += time.perf_counter() - began

    def _report(self, progress: Progress) -> None:
        """Validate, keep the best actors and log, whichever is due after this iteration and not done."""
        config = self.config
        if self.is_reported:
            return
        is_last = self.iteration == config.iterations
        evaluating = is_last or self.iteration % config.evaluate_every == 0
        if not (evaluating or self.iteration % config.log_every == 0):
            self.is_reported = True
            return
        validation_return = self.validate() if evaluating else None
        line = self._log(validation_return)
        self.is_reported = True
        best = "" if self.best_validation_return is None else f", best validation {self.best_validation_return:.3f}"
        progress.show(f"return {line['return']:.3f}{best}, {line['updates_per_second']:.1f} updates/s")

    def validate(self) -> float:
        """Mean deterministic return on the validation envs; the best actors so far are saved."""
        policy = learned_policy(self.learner, deterministic=True)
        result = float(evaluate(policy, self.validation_env, self.validation_networks).returns.mean())
        if not np.isfinite(result):
            raise DivergedError("the return on the validation networks is not finite")
        if self.best_validation_return is None or result > self.best_validation_return:
            state = {
                "iteration": self.iteration,
                "validation_return": result,
                "config": self.config.to_dict(),
                "versions": versions(),
            }
            checkpoint.save(self.directory.best, {"actors": self.learner.policy_tensors()}, state)
            self.best_validation_return = result
            if self.learner.anchor is not None:
                self.learner.anchor.take(self.learner.policy)
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
            "cpu_time_s": self.cpu_time_s,
        }
        if validation_return is not None:
            line["validation_return"] = validation_return
        self.directory.append_metrics(line)
        self.window = MetricWindow()
        self._start_stopwatch()
        return line

    @property
    def wall_time_s(self) -> float:
        """Time spent on this run, sessions before a resume included [s]."""
        return self.earlier_s + time.perf_counter() - self._began

    @property
    def cpu_time_s(self) -> float:
        """What all threads of this process have computed for it, validation and earlier sessions included [s]."""
        return self.earlier_cpu_s + time.process_time() - self._cpu_before_s

    def save(self) -> None:
        """Write ``checkpoints/latest``, from which the run goes on bit for bit."""
        save_latest(self)
        self._saved_at = time.perf_counter()

    def exploring_policy(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sampled actions (B, M, A)."""
        return self.learner.act(inputs, deterministic=False)

    def random_policy(self) -> InputPolicy:
        """The policy of the warm-up."""
        return uniform_policy(self.config.seed, self.config.num_envs, self.learner.action_size)

    def _start_stopwatch(self) -> None:
        self._timed_steps = self._timed_updates = 0
        self._collect_s = self._update_s = 0.0
