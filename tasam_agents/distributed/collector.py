"""A collector: a share of the envs acts with the weights it is given, and it hands back what they lived through.

It draws the exploration noise of all envs from the state of the learner's generator, in the order of the local
trainer, and takes the rows of its share. So an env meets the same noise whichever collector has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import InputPolicy, NotReproducible, Resumable
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import Name, training_networks
from tasam_agents.learner.input_scaling import InputScaling
from tasam_agents.learner.state_tensors import copy_into
from tasam_agents.networks.joint_policy import make_policy
from tasam_agents.training.evaluation import task_of
from tasam_agents.training.rollout import Transition, rollout, uniform_policy

_ARRAYS = tuple(field.name for field in fields(Transition) if field.name != "info")


@dataclass(frozen=True)
class CollectRequest:
    """What all collectors are to do next."""

    iteration: int  # of the run; 0: the warm-up, with random actions
    steps: int  # of every env
    noise: Tensor  # state of the generator of exploration where this walk begins


@dataclass(frozen=True)
class EnvState:
    """Where some envs stand between two steps."""

    observations: NDArray[np.float32]  # (b, M, D)
    state: Mapping[str, NDArray[Any]] | None  # what ``Resumable.get_state`` gave; None: the environment has none


@dataclass(frozen=True)
class CollectResult:
    """What a share of the envs lived through in one iteration."""

    transitions: tuple[Transition, ...]  # one per step
    env_state: EnvState  # afterwards
    seconds: float  # the collector worked on it


class Collector:
    """The envs of one share, and a copy of the actors.

    Args:
        config: of the run.
        share: which of its envs.
        threads: of the matrix products.
    """

    def __init__(self, config: TrainConfig, share: slice, threads: int) -> None:
        torch.set_num_threads(threads)
        self._config, self._share = config, share
        networks = training_networks(config.seed, config.num_envs)[share]
        self._env = make_batched(config.env_id, config.env_kwargs, len(networks), networks, config.centralised)
        task, learner = task_of(self._env), config.learner
        self._inputs = InputScaling(task.observation_layout, task.observation_sizes, learner.input_scaling)
        self._action_size = max(task.action_sizes)
        actors, is_shared = learner.regularisation.actor, learner.shared_actor
        self._policy = make_policy(self._inputs.size, learner.hidden, task.action_sizes, actors, is_shared)
        self._observations = np.zeros(0, np.float32)

    def reset(self, networks: Sequence[Name]) -> EnvState:
        """Begin the first episodes of these networks, one per env of the share."""
        self._observations = self._env.reset(seed=networks)
        return self._env_state()

    def set_state(self, state: Mapping[str, NDArray[Any]] | None) -> None:
        """Put the envs where ``EnvState.state`` was taken; ``set_observations`` has to follow.

        Raises:
            NotReproducible: the environment cannot.
        """
        if not isinstance(self._env, Resumable) or state is None:
            raise NotReproducible("the environment offers no state to save")
        self._env.set_state({name: np.array(array) for name, array in state.items()})

    def set_observations(self, observations: NDArray[np.float32]) -> None:
        """What the envs show now, (b, M, D)."""
        self._observations = np.array(observations)

    def collect(self, request: CollectRequest, weights: Mapping[str, Tensor] | None) -> CollectResult:
        """Take the requested steps with these actors; the warm-up needs none.

        Raises:
            DivergedError: the environment gave NaN or infinity.
        """
        began = time.perf_counter()
        if weights is None:
            config = self._config
            policy = uniform_policy(config.seed, config.num_envs, self._action_size, self._share)
        else:
            copy_into(self._policy.state_dict(), weights)
            policy = self._exploring(request.noise)
        transitions = tuple(self._rollout(request.steps, policy))
        return CollectResult(transitions, self._env_state(), time.perf_counter() - began)

    def _rollout(self, steps: int, policy: InputPolicy) -> Iterator[Transition]:
        lived = rollout(self._env, self._inputs, self._observations, steps, policy, self._config.env_id)
        while True:
            try:
                transition = next(lived)
            except StopIteration as end:
                self._observations = end.value
                return
            yield _copied(transition)

    def _exploring(self, noise_state: Tensor) -> InputPolicy:
        """Sampled actions (b, M, A) of the share."""
        generator = torch.Generator()
        generator.set_state(noise_state)

        @torch.no_grad()
        def policy(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            num_envs, num_agents = self._config.num_envs, inputs.shape[1]
            noise = exploration_noise(generator, num_envs, num_agents, self._action_size)
            actions, _ = self._policy.sample(torch.from_numpy(inputs), noise[self._share])
            return cast(NDArray[np.float32], actions.numpy())

        return policy

    def _env_state(self) -> EnvState:
        state = self._env.get_state() if isinstance(self._env, Resumable) else None
        return EnvState(self._observations, state)


def exploration_noise(generator: torch.Generator, num_envs: int, num_agents: int, size: int) -> Tensor:
    """Standard normal (B, M, size): what the actors of all envs meet in one step."""
    return torch.randn(num_envs, num_agents, size, generator=generator)


def _copied(transition: Transition) -> Transition:
    """In arrays of its own, which the next step does not overwrite."""
    arrays = {name: np.array(getattr(transition, name)) for name in _ARRAYS}
    return replace(transition, **arrays, info={name: np.array(value) for name, value in transition.info.items()})


def joined(parts: Sequence[Transition]) -> Transition:
    """One step of all envs from those of the shares; info that not all of them tell in one shape is left out."""

    def is_common(name: str) -> bool:
        return len({part.info[name].shape[1:] if name in part.info else None for part in parts}) == 1

    return Transition(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS},
        info={name: np.concatenate([p.info[name] for p in parts]) for name in parts[0].info if is_common(name)},
    )
