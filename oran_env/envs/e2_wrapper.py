"""Effects of the E2 interface between the DUs and the RIC that decides for them: delay, loss, coarse reports.

The paper leaves them out. ``E2Wrapper`` puts them around any PettingZoo ParallelEnv with Box spaces; as constructed by
default it changes nothing. Rewards and infos stay the true ones, and so does ``state()``.

Time: the observation of step t (0 is the reset) is a *report*, sent at t, received at t + ``report_delay`` or never.
What an agent sees at t is the youngest report received; the report of the reset is always there. The action given after
observation t is a *decision*, received ``decision_delay`` steps later or never; the youngest received stays in force,
and before the first one every action value is 0 (idle, but with
codec ``zones``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray
from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

from oran_env.numerics.random_draws import draw, uniform
from oran_env.numerics.seeding import Seed, network_name
from oran_env.simulator.checked import checked

REPORT, DECISION = range(2)  # purposes of the draws

Arrays = dict[str, NDArray[Any]]
Infos = dict[str, dict[str, Any]]


class E2Wrapper(BaseParallelWrapper):  # type: ignore[misc]
    """Delay, lose and quantise what passes between the agents and ``env``.

    ``infos`` get ``report_age``, the age in steps of the observation handed out beside them, and ``decision_age``,
    that of the action which was just executed (-1: no decision has arrived yet, the agent idled).

    A loss is a pure function of (seed, episode, step, agent, direction), independent in each of them.

    Args:
        env: any ParallelEnv; its spaces are handed on.
        report_delay: steps by which observations come late.
        decision_delay: steps by which actions come late.
        report_loss: probability in [0, 1] that a report never arrives.
        decision_loss: the same for a decision.
        report_levels: every value of a report is rounded to one of so many evenly spaced values from its least to its
            greatest; columns without finite bounds pass unrounded. None: no rounding.
        seed: of the losses until ``reset(seed=…)`` gives one; None: from the system. Either is a seed or the name of a
            network, as ``env`` takes it.

    Raises:
        ValueError: an argument out of range, spaces that are not Box, or an action of wrong agent or shape.
    """

    def __init__(
        self,
        env: ParallelEnv[str, Any, Any],
        report_delay: int = 0,
        decision_delay: int = 0,
        report_loss: float = 0.0,
        decision_loss: float = 0.0,
        report_levels: int | None = None,
        seed: Seed | None = None,
    ) -> None:
        for name, delay in (("report_delay", report_delay), ("decision_delay", decision_delay)):
            if not isinstance(delay, int) or isinstance(delay, bool) or delay < 0:
                raise ValueError(f"{name} is {delay!r}; allowed: integers >= 0 [steps]")
        for name, loss in (("report_loss", report_loss), ("decision_loss", decision_loss)):
            if not isinstance(loss, (int, float)) or isinstance(loss, bool) or not 0 <= loss <= 1:
                raise ValueError(f"{name} is {loss!r}; allowed: a probability, 0 to 1")
        if report_levels is not None and (
            not isinstance(report_levels, int) or isinstance(report_levels, bool) or report_levels < 2
        ):
            raise ValueError(f"report_levels is {report_levels!r}; allowed: None, or integers >= 2")
        for agent in env.possible_agents:
            for space in (env.observation_space(agent), env.action_space(agent)):
                if not isinstance(space, Box):
                    raise ValueError(f"a space of {agent} is {space}; allowed: Box")
        super().__init__(env)
        self.report_delay, self.decision_delay = report_delay, decision_delay
        self.report_loss, self.decision_loss = float(report_loss), float(decision_loss)
        self.report_levels = report_levels
        self._index = {agent: i for i, agent in enumerate(env.possible_agents)}
        self._key = np.zeros(4, dtype=np.uint64)  # as in random_draws: two key words, episode, step
        self._seed(seed)
        self._started = False
        self._reports: dict[str, list[tuple[int, NDArray[Any]]]] = {}  # (step sent, observation), oldest first
        self._decisions: dict[str, list[tuple[int, NDArray[Any]]]] = {}

    def __getattr__(self, name: str) -> Any:
        """Attributes of the environment, without the one that would lead around this wrapper."""
        if name == "batched":
            raise AttributeError("batched() of the wrapped environment knows nothing of the E2 effects")
        return super().__getattr__(name)

    def _seed(self, seed: Seed | None) -> None:
        entropy, *places = (None,) if seed is None else network_name(seed)
        sequence = np.random.SeedSequence(entropy, spawn_key=(*places, 0xE2))  # a stream apart from that of the network
        self._key[:2] = sequence.generate_state(2, np.uint32)
        self._key[2:] = 0

    def _lost(self, direction: int, agent: str, probability: float) -> bool:
        if probability == 0.0:
            return False
        return bool(uniform(draw(self._key, direction, self._index[agent], 0)[0]) < probability)

    def reset(self, seed: Seed | None = None, options: dict[str, Any] | None = None) -> tuple[Arrays, Infos]:
        """Begin an episode with nothing on its way; the observations are reported at once."""
        if seed is not None:
            network_name(seed)  # refuses before anything has changed
        observations, infos = self.env.reset(seed=seed, options=options)
        if seed is not None:
            self._seed(seed)
        elif self._started:
            self._key[2] += np.uint64(1)
        self._key[3] = 0
        self._started = True
        self._reports = {agent: [(0, self._rounded(agent, seen))] for agent, seen in observations.items()}
        self._decisions = {agent: [] for agent in observations}
        return self._seen(observations, infos)

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[Arrays, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Send the decisions, execute those that are in force, send and receive the reports."""
        now = int(self._key[3])
        executed, ages = self._executed(actions, now)
        observations, rewards, terminations, truncations, infos = self.env.step(executed)
        for agent, seen in observations.items():
            if agent not in self._reports:  # an agent's first report is never lost nor late
                self._reports[agent] = [(now + 1, self._rounded(agent, seen))]
            elif not self._lost(REPORT, agent, self.report_loss):
                self._reports[agent].append((now + 1, self._rounded(agent, seen)))
        self._key[3] += np.uint64(1)
        seen_now, infos = self._seen(observations, infos)
        for agent, info in infos.items():
            info["decision_age"] = ages.get(agent, -1)
        return seen_now, rewards, terminations, truncations, infos

    def _executed(self, actions: Mapping[str, Any], now: int) -> tuple[dict[str, Any], dict[str, int]]:
        """The action in force for each agent, and its age."""
        if self.decision_delay == 0 and self.decision_loss == 0.0:
            return dict(actions), dict.fromkeys(actions, 0)
        executed: dict[str, Any] = {}
        ages: dict[str, int] = {}
        for agent, given in actions.items():
            if agent not in self._index:
                raise ValueError(f"actions name agent {agent!r}; allowed: {', '.join(self._index)}")
            checked(f"action of {agent} is", given, self.env.action_space(agent).shape, finite=True)
        for agent, given in actions.items():
            sent = self._decisions.setdefault(agent, [])
            if not self._lost(DECISION, agent, self.decision_loss):
                sent.append((now, np.array(given)))
            step, in_force = _youngest(sent, now - self.decision_delay)
            ages[agent] = -1 if in_force is None else now - step
            space = self.env.action_space(agent)
            executed[agent] = np.zeros(space.shape, space.dtype) if in_force is None else in_force.copy()
        return executed, ages

    def _seen(self, observations: Arrays, infos: Infos) -> tuple[Arrays, Infos]:
        """The youngest report received by each agent, and its age in a copy of the infos."""
        now = int(self._key[3])
        seen, told = {}, {agent: dict(info) for agent, info in infos.items()}
        for agent in observations:
            reports = self._reports[agent]
            step, report = _youngest(reports, max(reports[0][0], now - self.report_delay))
            assert report is not None
            seen[agent] = report.copy()
            told.setdefault(agent, {})["report_age"] = now - step
        return seen, told

    def _rounded(self, agent: str, observation: NDArray[Any]) -> NDArray[Any]:
        """A copy of an observation, its bounded columns rounded to ``report_levels`` values."""
        values = np.array(observation)
        if self.report_levels is None:
            return values
        space = self.env.observation_space(agent)
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        bounded = np.isfinite(low) & np.isfinite(high) & (high > low)
        least, width = low[bounded], (high - low)[bounded] / (self.report_levels - 1)
        rounded = least + np.rint((values[bounded] - least) / width) * width
        values[bounded] = np.clip(rounded, least, high[bounded])
        return values


def _youngest(sent: list[tuple[int, NDArray[Any]]], until: int) -> tuple[int, NDArray[Any] | None]:
    """The last entry sent not after ``until``; what is older is dropped. (-1, None): nothing has arrived."""
    while len(sent) > 1 and sent[1][0] <= until:
        del sent[0]
    return sent[0] if sent and sent[0][0] <= until else (-1, None)
