"""Algorithm 1 with the actors' experience from collectors: what is requested when, and with which weights.

An iteration is requested `staleness` iterations before its experience is used. So every number of a run is a function
of its configuration, however fast or slow a collector is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from tasam_agents.config.fields import TrainConfig
from tasam_agents.distributed.collector import CollectRequest, exploration_noise, joined
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.distributed.ray_cluster import connected, import_ray
from tasam_agents.distributed.remote_envs import RemoteEnvs
from tasam_agents.envs.interface import BatchedEnv, InputPolicy
from tasam_agents.errors import UserError
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.rollout import Transition
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.run_lock import run_lock
from tasam_agents.training.trainer import Training, begin


def train_distributed(
    config: TrainConfig, run_dir: Path, distributed: DistributedConfig, resume: bool = False, quiet: bool = False
) -> Path:
    """``train`` with the envs on a Ray cluster; this process is the learner.

    A collector that is lost is replaced and the run goes on. After this process was lost, ``resume`` goes on from the
    last checkpoint as ``train`` does.

    Args:
        config, run_dir, resume, quiet: as those of ``train``.
        distributed: how the run is spread; with ``resume``, as it was.

    Raises:
        ImportError: Ray is not installed.
        UserError: bad input, before any work starts; or a collector that is lost
            again and again.
        RunLocked: another process trains this run.
        Interrupted, TrainingDiverged: as ``train``.
    """
    if config.train_networks:
        raise UserError(f"train_networks is {config.train_networks}; allowed with collectors: 0, new episodes")
    import_ray()
    shares, threads = distributed.shares(config.num_envs), distributed.threads(config.threads)
    if resume:
        distributed.check_same(run_dir)
    else:
        RunDirectory.check_new(run_dir)
    with run_lock(run_dir), connected(distributed.address, cpus=len(shares) * threads) as ray:
        envs = RemoteEnvs(ray, config, shares, threads)
        try:
            training = begin(config, run_dir, resume, lambda: cast(BatchedEnv, envs))  # it takes no steps there
            distributed.record(run_dir)
            training.rollout = Pipeline(training, envs, distributed.staleness).rollout
            done = training.iteration
            with Progress(config.iterations, done, quiet=quiet) as progress, StopRequest(progress.say) as stop:
                envs.say = progress.say
                training.complete(progress, stop)
        finally:
            envs.close()
    return run_dir


class Pipeline:
    """Orders ahead, experience in its turn.

    The noise of exploration belongs to the learner. Orders draw it from a copy of the generator that runs ahead; the
    learner's own follows with each iteration that is used, so a checkpoint holds what a local run would have there.
    """

    def __init__(self, training: Training, envs: RemoteEnvs, staleness: int) -> None:
        self._training, self._envs, self._staleness = training, envs, staleness
        self._ahead = torch.Generator()
        self._ahead.set_state(training.learner.act_noise.get_state())
        self._noise_after: deque[Tensor] = deque()  # states of that generator, one per order in flight
        self._weights_of: deque[int] = deque()  # after how many iterations their weights were taken
        is_new = training.env_steps == 0 and training.config.warmup_steps > 0
        self._next = 0 if is_new else training.iteration + 1
        envs.set_observations(training.observations)

    def rollout(self, steps: int, policy: InputPolicy) -> Iterator[Transition]:
        """The transitions of this iteration, or of the warm-up; the collectors have policies of their own."""
        training, envs = self._training, self._envs
        while self._next <= min(training.iteration + self._staleness, training.config.iterations):
            self._request(self._next)
            self._next += 1
        began = time.perf_counter()
        results = envs.receive()
        waited_s = time.perf_counter() - began
        training.observations = envs.observations
        training.learner.act_noise.set_state(self._noise_after.popleft())
        training.window.add("weight_staleness", max(training.iteration - 1, 0) - self._weights_of.popleft())
        rates = [steps * len(result.env_state.observations) / result.seconds for result in results]
        training.window.add("collector_steps_per_second", sum(rates))
        training.window.add("learner_waited_s", waited_s)
        for parts in zip(*(result.transitions for result in results), strict=True):
            yield joined(parts)

    def _request(self, iteration: int) -> None:
        config, learner = self._training.config, self._training.learner
        state = self._ahead.get_state()
        if iteration == 0:
            self._envs.send(CollectRequest(0, config.warmup_steps, state), None)
            taken_after = 0
        else:
            saved = self._envs.saved_weights.pop(iteration, None)
            taken_after = max(self._training.iteration - 1, 0)
            if saved is not None:  # requested before the run was interrupted
                taken_after = max(iteration - 1 - self._staleness, 0)
            live = learner.policy_tensors()
            weights = live if saved is None else {name: saved[name].reshape(w.shape) for name, w in live.items()}
            self._envs.send(CollectRequest(iteration, config.steps_per_iteration, state), weights)
            for _ in range(config.steps_per_iteration):
                exploration_noise(self._ahead, config.num_envs, len(learner.task.agents), learner.action_size)
        self._noise_after.append(self._ahead.get_state())
        self._weights_of.append(taken_after)
