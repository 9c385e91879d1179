"""The envs of a run on a Ray cluster: one actor process per share, replaced when it is lost.

After every iteration the driver knows where each env stands. So a checkpoint asks nobody, and a collector that
is lost is replaced by one that goes on from there, bit for bit where the environment can be put into a state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasam_agents.config.fields import TrainConfig
from tasam_agents.distributed.collector import Collector, CollectRequest, CollectResult, EnvState
from tasam_agents.distributed.ray_cluster import threads_environment
from tasam_agents.envs.interface import NotReproducible, Resumable
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import Name, training_networks
from tasam_agents.errors import UserError

MAX_LOSSES = 3
"""How often in a row the same collector is replaced."""

_ROWS, _WEIGHTS = "collectors.rows.", "collectors.weights."


@dataclass(frozen=True)
class _Sent:
    """A request on its way, the actors it goes with, and the reply of each collector."""

    request: CollectRequest
    weights: Mapping[str, Tensor] | None
    replies: list[Any]  # Ray's references, one per collector


class RemoteEnvs:
    """What ``Training`` asks of its envs, except for steps: those are taken by requests.

    Args:
        ray: the module, connected to a cluster.
        config: of the run.
        shares: which of its envs each collector has.
        threads: CPUs and threads of a collector.

    Raises:
        EnvironmentRefused: see ``make_batched``.
    """

    def __init__(self, ray: Any, config: TrainConfig, shares: Sequence[slice], threads: int) -> None:
        self._ray, self._config, self._shares, self._threads = ray, config, shares, threads
        env = make_batched(config.env_id, config.env_kwargs, 1, [0], config.centralised)  # only to be asked
        self.agents, self.num_envs = env.agents, config.num_envs
        self.observation_sizes, self.action_sizes = env.observation_sizes, env.action_sizes
        self.observation_layout = env.observation_layout
        if isinstance(env, Resumable):
            self.get_state, self.set_state = self._get_state, self._set_state
        self.say: Callable[[str], None] = lambda text: None
        self.saved_weights: dict[int, dict[str, Tensor]] = {}
        """By iteration, the actors of the requests that were on their way when the state was saved."""
        self._collectors: list[Any] = []
        self._states: list[EnvState] = []
        self._in_flight: deque[_Sent] = deque()
        self._losses = [0] * len(shares)  # in a row

    def reset(self, seed: Sequence[Name]) -> NDArray[np.float32]:
        """Begin an episode in every env, one name each; returns the observations (B, M, D)."""
        if not self._collectors:
            self._check_size()
            self._collectors = [self._start(share) for share in self._shares]
        names = list(seed)
        self._states = self._ask("reset", [names[share] for share in self._shares])
        return self.observations

    def set_observations(self, observations: NDArray[np.float32]) -> None:
        """Tell the collectors what their envs show, (B, M, D): a state that was set does not contain it."""
        parts = [observations[share] for share in self._shares]
        self._ask("set_observations", parts)
        self._states = [EnvState(part, env_state.state) for part, env_state in zip(parts, self._states, strict=True)]

    @property
    def observations(self) -> NDArray[np.float32]:
        """(B, M, D), after the last iteration that was received."""
        return np.concatenate([env_state.observations for env_state in self._states])

    @property
    def iterations_in_flight(self) -> list[int]:
        """Those that were sent and not yet received."""
        return [sent.request.iteration for sent in self._in_flight]

    def send(self, request: CollectRequest, weights: Mapping[str, Tensor] | None) -> None:
        """Let all collectors do this after what they were sent before. weights: of the actors; None: random actions."""
        sent = _Sent(request, weights, [])
        self._in_flight.append(sent)
        shared = self._ray.put(weights)
        sent.replies.extend(collector.collect.remote(request, shared) for collector in self._collectors)

    def receive(self) -> list[CollectResult]:
        """Wait for the oldest request: what each share lived through.

        Raises:
            DivergedError: see ``Collector.collect``.
            UserError: a collector was lost too often.
        """
        results = []
        for number in range(len(self._shares)):
            while True:
                try:
                    results.append(self._get(self._in_flight[0].replies[number]))
                    break
                except self._ray.exceptions.RayError as error:
                    self._replace(number, error)
            self._losses[number] = 0
        self._in_flight.popleft()
        self._states = [result.env_state for result in results]
        return results

    def close(self) -> None:
        """End all collectors."""
        for collector in self._collectors:
            self._ray.kill(collector)

    def _check_size(self) -> None:
        cpus, wanted = int(self._ray.cluster_resources().get("CPU", 0)), len(self._shares) * self._threads
        if wanted > cpus:
            raise UserError(
                f"DistributedConfig.collectors = {len(self._shares)}, allowed: at most {cpus // self._threads}; each "
                f"takes {self._threads} CPU and the cluster has {cpus}"
            )

    def _start(self, share: slice) -> Any:
        actor = self._ray.remote(num_cpus=self._threads, max_restarts=0)(Collector)
        options = {"runtime_env": threads_environment(self._threads), "scheduling_strategy": "SPREAD"}
        return actor.options(**options).remote(self._config, share, self._threads)

    def _ask(self, what: str, arguments: Sequence[Any]) -> list[Any]:
        """Call a method of every collector, one argument each; losing one here, before any work, is an error."""
        pairs = zip(self._collectors, arguments, strict=True)
        replies = [getattr(collector, what).remote(argument) for collector, argument in pairs]
        try:
            return [self._get(reply) for reply in replies]
        except self._ray.exceptions.RayError as error:
            raise UserError(f"a collector cannot be started: {_first_line(error)}") from error

    def _get(self, reply: Any) -> Any:
        """The value; what a collector raised is raised as it was there, the loss of a collector as a RayError."""
        try:
            return self._ray.get(reply)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None

    def _replace(self, number: int, error: Exception) -> None:
        """A new collector in place of a lost one, where that one's envs stood after the last iteration."""
        self._losses[number] += 1
        name = f"collector {number + 1} of {len(self._shares)}"
        if self._losses[number] > MAX_LOSSES:
            raise UserError(f"{name} was lost {self._losses[number]} times in a row: {_first_line(error)}")
        self._ray.kill(self._collectors[number])  # it may only be out of reach
        share = self._shares[number]
        collector = self._collectors[number] = self._start(share)
        iteration = self._in_flight[0].request.iteration
        try:
            try:
                self._get(collector.set_state.remote(self._states[number].state))
                self._get(collector.set_observations.remote(self._states[number].observations))
                how = "its envs go on where they stood"
            except NotReproducible as reason:
                networks = training_networks(self._config.seed, self._config.num_envs, iteration)[share]
                self._get(collector.reset.remote(networks))
                how = f"its envs begin new episodes: {reason}"
            self.say(f"{name} was lost and is replaced in iteration {iteration}; {how}")
        except self._ray.exceptions.RayError:
            pass  # lost again: so are the replies of what it is sent now
        for sent in self._in_flight:
            sent.replies[number] = collector.collect.remote(sent.request, self._ray.put(sent.weights))

    def _get_state(self) -> dict[str, NDArray[Any]]:
        """All states of the shares one below the other, as one process with all envs would have them.

        With several collectors also the rows of each; with requests on their way also the actors these go with.
        """
        states = [env_state.state for env_state in self._states if env_state.state is not None]
        together = {}
        for name in states[0]:
            parts = [np.atleast_1d(state[name]) for state in states]
            together[name] = np.concatenate(parts)
            if len(parts) > 1:
                together[f"{_ROWS}{name}"] = np.array([len(part) for part in parts])
        for sent in self._in_flight:
            for name, weight in (sent.weights or {}).items():
                together[f"{_WEIGHTS}{sent.request.iteration}.{name}"] = weight.numpy()
        return together

    def _set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on exactly where ``get_state`` was taken.

        Raises:
            NotReproducible: the environment cannot.
            ValueError, KeyError: a state of other envs or other collectors.
        """
        self.saved_weights = {}
        for name in (name for name in state if name.startswith(_WEIGHTS)):
            iteration, _, weight = name.removeprefix(_WEIGHTS).partition(".")
            self.saved_weights.setdefault(int(iteration), {})[weight] = torch.from_numpy(state[name])
        parts: list[dict[str, NDArray[Any]]] = [{} for _ in self._shares]
        for name in (name for name in state if not name.startswith((_ROWS, _WEIGHTS))):
            rows = state[f"{_ROWS}{name}"] if len(parts) > 1 else np.array([len(state[name])])
            if len(rows) != len(parts) or rows.sum() != len(state[name]):
                raise ValueError(f"{name} is of {len(rows)} collectors; allowed: {len(parts)}")
            for part, array in zip(parts, np.split(state[name], np.cumsum(rows)[:-1]), strict=True):
                part[name] = array
        self._ask("set_state", parts)
        self._states = [
            EnvState(env_state.observations, part) for env_state, part in zip(self._states, parts, strict=True)
        ]


def _first_line(error: Exception) -> str:
    """What an error of Ray says, without its advice."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
