"""check_env passes sound environments, and finds each planted fault with a message that says what to do."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from pettingzoo.utils import BaseParallelWrapper

from oran_env import OranJointEnv, parallel_env
from oran_env.testing.check_env import CheckFailed, check_env
from oran_env.testing.recording import difference, infinite


def tiny(**overrides: Any) -> Any:
    return parallel_env("tiny", **{"horizon": 8, "num_ues": 12, **overrides})


@pytest.mark.parametrize("overrides", [{}, {"codec": "slice_mask", "observation": "extended", "latency": "queue"}])
def test_ours_pass(overrides: dict[str, Any]) -> None:
    check_env(tiny(**overrides))


def test_the_joint_environment_passes() -> None:
    check_env(OranJointEnv("tiny", horizon=8), spawn=False)
    check_env(gymnasium.make("oran/ORAN-joint-v1", scenario="tiny", horizon=8), spawn=False)


def test_others_pass() -> None:
    check_env(gymnasium.make("CartPole-v1"), spawn=False)
    spread = pytest.importorskip("mpe2.simple_spread_v3")
    for continuous in (True, False):
        env = spread.parallel_env(max_cycles=8, continuous_actions=continuous)
        check_env(env, spawn=False, pickle_episodes=False)
    with pytest.raises(CheckFailed, match=r"pickling.*EzPickle.*pickle_episodes=False"):
        check_env(spread.parallel_env(max_cycles=8, continuous_actions=True), spawn=False)


class Plain(BaseParallelWrapper):  # type: ignore[misc]
    """Hands everything on; each fault below changes one thing."""

    def __init__(self, env: Any = None) -> None:
        super().__init__(env or tiny())


class ForgetsTheSeed(Plain):
    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset(seed=None, options=options)


class IgnoresTheSeed(Plain):
    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset(seed=3, options=options)


class OneSeedOnly(Plain):
    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset(seed=None if seed is None else 3, options=options)


class NoisyRewards(Plain):
    def step(self, actions: Any) -> Any:
        o, rewards, *rest = self.env.step(actions)
        return o, {agent: reward + random.random() * 1e-9 for agent, reward in rewards.items()}, *rest


class NoiseOfTheInstance(Plain):
    """Draws from a generator of its own that the copy shares, but reset does not start anew."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)

    def step(self, actions: Any) -> Any:
        o, rewards, *rest = self.env.step(actions)
        return o, {agent: reward + self.rng.random() for agent, reward in rewards.items()}, *rest


class StaleOnReset(Plain):
    """Smooths rewards over the steps and forgets to clear the memory when an episode is cut short."""

    last = 0.0

    def step(self, actions: Any) -> Any:
        o, rewards, *rest = self.env.step(actions)
        self.last = 0.5 * self.last + rewards["du_0"]
        smooth = self.last
        if not self.env.agents:
            self.last = 0.0
        return o, {**rewards, "du_0": smooth}, *rest


class SharedBuffer(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.buffer = {agent: np.zeros(26, dtype=np.float32) for agent in self.env.possible_agents}

    def _fill(self, observations: Any) -> Any:
        for agent, observation in observations.items():
            self.buffer[agent][...] = observation
        return dict(self.buffer)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._fill(observations), infos

    def step(self, actions: Any) -> Any:
        observations, *rest = self.env.step(actions)
        return self._fill(observations), *rest


class SharedInfo(Plain):
    total: Any = None

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.total = np.zeros(3)
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        *rest, infos = self.env.step(actions)
        self.total += infos["du_0"]["qos"]
        infos["du_0"]["total"] = self.total
        return *rest, infos


class KeepsTheArray(Plain):
    """Adds a value that it reads back out of the observation it has handed out."""

    last: Any = None

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        handed = self.env.reset(seed=seed, options=options)
        self.last = handed[0]["du_0"]
        return handed

    def step(self, actions: Any) -> Any:
        before = float(self.last[3])
        observations, rewards, *rest = self.env.step(actions)
        self.last = observations["du_0"]
        return observations, {**rewards, "du_0": rewards["du_0"] + before}, *rest


class KeepsTheAction(Plain):
    last: Any = None

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.last = None
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        penalty = 0.0 if self.last is None else float(np.abs(self.last - actions["du_0"]).sum())
        self.last = actions["du_0"]
        o, rewards, *rest = self.env.step(actions)
        return o, {**rewards, "du_0": rewards["du_0"] - penalty}, *rest


class RoundsTheAction(Plain):
    def step(self, actions: Any) -> Any:
        for action in actions.values():
            np.rint(action, out=action)
        return self.env.step(actions)


class NewSpaces(Plain):
    def observation_space(self, agent: str) -> Any:
        space = self.env.observation_space(agent)
        return Box(space.low, space.high, dtype=np.float32)


class DoublePrecision(Plain):
    def step(self, actions: Any) -> Any:
        observations, *rest = self.env.step(actions)
        return {agent: seen.astype(np.float64) for agent, seen in observations.items()}, *rest


class LeavesItsSpace(Plain):
    """Only from the fifth step on, and in one column."""

    steps = 0

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.steps = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        observations, *rest = self.env.step(actions)
        self.steps += 1
        if self.steps > 4:
            observations["du_1"][0] = 1.5
        return observations, *rest


class NotFinite(Plain):
    def step(self, actions: Any) -> Any:
        o, rewards, *rest = self.env.step(actions)
        return o, {**rewards, "du_1": float("nan")}, *rest


class NotFiniteInfo(Plain):
    def step(self, actions: Any) -> Any:
        *rest, infos = self.env.step(actions)
        infos["du_1"]["rate"] = np.array([1.0, np.inf])
        return *rest, infos


class Terminates(Plain):
    def step(self, actions: Any) -> Any:
        o, r, terminations, truncations, infos = self.env.step(actions)
        return o, r, truncations, terminations, infos


class EndsEarly(Plain):
    steps = 0

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.steps = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        o, r, terminations, truncations, infos = self.env.step(actions)
        self.steps += 1
        if self.steps == 7:
            self.env.agents = []
            truncations = dict.fromkeys(truncations, True)
        return o, r, terminations, truncations, infos


class KeepsItsAgents(Plain):
    @property
    def agents(self) -> list[str]:
        return list(self.env.possible_agents)


class OneListOfAgents(Plain):
    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        handed = self.env.reset(seed=seed, options=options)
        self.env.agents = self.env.possible_agents
        return handed


class OrderOfTheDict(Plain):
    def step(self, actions: Any) -> Any:
        return self.env.step(dict(zip(self.env.possible_agents, actions.values(), strict=True)))


class SwappedState(Plain):
    def state(self) -> Any:
        return self.env.state().astype(np.float64)


class LambdaInside(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.transform: Callable[[Any], Any] = lambda x: x


class ForgetsWhenPickled(Plain):
    steps = 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "steps": 0}

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.steps = 0
        return self.env.reset(seed=seed, options=options)

    def step(self, actions: Any) -> Any:
        self.steps += 1
        o, rewards, *rest = self.env.step(actions)
        return o, {agent: reward - 0.01 * self.steps for agent, reward in rewards.items()}, *rest


class DependsOnTheProcess(Plain):
    def step(self, actions: Any) -> Any:
        o, rewards, *rest = self.env.step(actions)
        return o, {agent: reward + 1e-9 * os.getpid() for agent, reward in rewards.items()}, *rest


class NumberOfTheInstance(Plain):
    """Counts its instances, as an environment that makes its seed from a global counter does."""

    counter = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.number = next(self.counter)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.number = next(self.counter)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset(seed=None if seed is None else seed + 1000 * self.number, options=options)


class RestartsWithoutSeed(Plain):
    last = 0

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.last = self.last if seed is None else seed
        return self.env.reset(seed=self.last, options=options)


class WithoutInfosOfReset(Plain):
    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self.env.reset(seed=seed, options=options)[0]


FAULTS: list[tuple[type[Plain], str]] = [
    (ForgetsTheSeed, r"^repeated seed: .*reset\(seed=...\)"),
    (IgnoresTheSeed, r"^different seeds: seeds 0 and 1 give the same episode"),
    (OneSeedOnly, r"^different seeds: .*use the seed"),
    (NoisyRewards, r"^repeated seed: .*\['rewards'\]\['du_0'\].*start every random draw anew"),
    (NoiseOfTheInstance, r"^repeated seed: .*\['rewards'\]\['du_0'\]"),
    (StaleOnReset, r"^reset in mid-episode: .*\['rewards'\]\['du_0'\].*clear"),
    (SharedBuffer, r"^shared arrays: what reset returned changed later.*copies"),
    (SharedInfo, r"^shared arrays: what step 0 returned changed later.*'total'.*copies"),
    (KeepsTheArray, r"^shared arrays: .*\['rewards'\]\['du_0'\].*keep copies"),
    (KeepsTheAction, r"^shared arrays: .*\['rewards'\]\['du_0'\].*keep copies"),
    (RoundsTheAction, r"^actions: step 0 changed the actions.*work on a copy"),
    (NewSpaces, r"^spaces: observation_space\('du_0'\) is a new object.*in __init__"),
    (DoublePrecision, r"^spaces: step 0, observation of du_0 is float64 .*return an array float32"),
    (LeavesItsSpace, r"^spaces: step 4, observation of du_1 is outside"),
    (NotFinite, r"^finite values: step 0: rewards\['du_1'\]"),
    (NotFiniteInfo, r"^finite values: step 0: infos\['du_1'\]\['rate'\]"),
    (Terminates, r"^termination: step 7 terminates du_0; .*Set truncations"),
    (EndsEarly, r"^horizon: after 7 steps 2 of 2 agents have ended; truncate all of them at step 8"),
    (KeepsItsAgents, r"^agents: step 7: agents is \['du_0', 'du_1'\], going on are \[\]; remove from"),
    (OneListOfAgents, r"^agents: agents is possible_agents itself"),
    (OrderOfTheDict, r"^order of actions: .*look actions up by agent name"),
    (SwappedState, r"^spaces: .*state\(\) is float64"),
    (LambdaInside, r"^pickling: the environment cannot be pickled before the first reset.*lambda"),
    (ForgetsWhenPickled, r"^pickling: .*\['rewards'\].* a copy pickled in mid-episode goes on differently"),
    (DependsOnTheProcess, r"^spawn: .*a fresh process gives another episode"),
    (NumberOfTheInstance, r"^fresh copy: .*draw from generators of the instance"),
    (RestartsWithoutSeed, r"^reset without seed: it repeats the episode"),
    (WithoutInfosOfReset, r"^reset: reset\(\) returned dict; return \(observations, infos\)"),
]


@pytest.mark.parametrize(("broken", "message"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_faults_are_found(broken: type[Plain], message: str) -> None:
    with pytest.raises(CheckFailed, match=message) as caught:
        check_env(broken(), spawn=broken is DependsOnTheProcess)
    assert str(caught.value).startswith(caught.value.check)


def test_the_sound_wrapper_passes() -> None:
    """Otherwise the faults above might be found for what they have in common."""
    check_env(Plain(), spawn=False)


def test_what_may_be_allowed() -> None:
    check_env(Terminates(), spawn=False, may_terminate=True)
    check_env(NotFiniteInfo(), spawn=False, finite_infos=False)
    with pytest.raises(CheckFailed, match="horizon"):
        check_env(Plain(), spawn=False, horizon=7)
    with pytest.raises(TypeError, match=r"env is a int; allowed"):
        check_env(3)


def test_difference_and_infinite() -> None:
    a = {"x": [np.arange(3), 1.0], "y": (True, "z")}
    b: Any = {"x": [np.arange(3), 1.0], "y": (True, "z")}
    assert difference(a, b) is None
    b["x"][0] = np.array([0, 1, 3])
    assert difference(a, b) == "['x'][0]: 2 against 3 (1 of 3 values differ)"
    assert "keys" in (difference({"a": 1, "b": 2}, {"b": 2, "a": 1}) or "")
    assert "float32" in (difference(np.zeros(2), np.zeros(2, np.float32)) or "")
    assert difference([float("nan")], [float("nan")]) is None
    assert difference("a", "b") is not None
    assert difference([1], [1, 2]) == ": 1 entries against 2"
    assert infinite({"a": [1.0, np.array([np.inf])]}, "i") == "i['a'][1]"
    assert infinite({"a": [1.0, np.array([3])], "b": "x"}) is None


def test_an_environment_with_a_window_is_checked_without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    check_env(parallel_env("tiny", render_mode="human"), max_steps=2, spawn=False, pickle_episodes=False)
    assert "SDL_VIDEODRIVER" not in os.environ
