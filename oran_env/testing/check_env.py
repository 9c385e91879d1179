"""check_env(env): what the official tests of PettingZoo and Gymnasium miss. Run it on your own wrappers too.

    from oran_env.testing.check_env import check_env
    check_env(MyWrapper(oran_env.parallel_env("tiny")))

``pettingzoo.test.parallel_api_test`` looks at the form of what is returned, ``parallel_seed_test`` at a single step.
This one plays whole episodes, several times, also in copies and in a fresh process, and compares them bit for bit. It
stops at the first fault with a ``CheckFailed`` that says where it is and what to do.
"""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
from pettingzoo import ParallelEnv

from oran_env.scenario.fields import Scenario
from oran_env.testing.recording import STEP_PARTS, Record, difference, infinite, overwrite, record, sample_actions


class CheckFailed(AssertionError):
    """The environment has a fault. ``check``: the name of the check that found it."""

    def __init__(self, check: str, message: str) -> None:
        super().__init__(f"{check}: {message}")
        self.check = check


class OneAgent(ParallelEnv):  # type: ignore[misc]
    """A Gymnasium environment as a ParallelEnv with the single agent ``agent``."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        self.env = env
        self.possible_agents = ["agent"]
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> Any:
        """The space of the wrapped environment."""
        return self.env.observation_space

    def action_space(self, agent: str) -> Any:
        """The space of the wrapped environment."""
        return self.env.action_space

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self.agents = ["agent"]
        return {"agent": observation}, {"agent": info}

    def step(self, actions: Mapping[str, Any]) -> tuple[Any, ...]:
        """Advance one step."""
        handed = self.env.step(actions["agent"])
        if handed[2] or handed[3]:
            self.agents = []
        return tuple({"agent": part} for part in handed)


@contextmanager
def _somewhere_to_draw() -> Iterator[None]:
    """An environment that draws in a window can be checked on a machine without a screen, too."""
    if {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"} & os.environ.keys() or sys.platform in ("win32", "darwin"):
        yield
        return
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    try:
        yield
    finally:
        del os.environ["SDL_VIDEODRIVER"]


@_somewhere_to_draw()
def check_env(
    env: Any,
    *,
    seed: int = 0,
    max_steps: int = 200,
    horizon: int | None = None,
    may_terminate: bool | None = None,
    stochastic: bool = True,
    finite_infos: bool = True,
    pickle_episodes: bool = True,
    spawn: bool = True,
) -> None:
    """Play ``env`` and raise ``CheckFailed`` at the first fault. It is left in an arbitrary state.

    Args:
        env: a PettingZoo ParallelEnv or a Gymnasium Env, wrapped or not; it must be picklable.
        seed: of the episodes; ``seed + 1`` is used too.
        max_steps: play at most so many steps of an episode.
        horizon: step at which every agent must be truncated; None: that of its scenario, if it is one of ours.
        may_terminate: whether an agent may terminate; None: only if it is none of ours.
        stochastic: whether different seeds must give different episodes.
        finite_infos: whether NaN and infinity are faults in infos as well.
        pickle_episodes: whether a copy pickled in mid-episode must go on identically.
        spawn: also play in a fresh process; a script that does so needs ``if __name__ == "__main__":``.

    Raises:
        CheckFailed: the fault, and what to do about it.
        TypeError: neither a ParallelEnv nor a Gymnasium Env.
    """
    if isinstance(env, gymnasium.Env):
        env = OneAgent(env)
    if not isinstance(env, ParallelEnv):
        raise TypeError(f"env is a {type(env).__name__}; allowed: a PettingZoo ParallelEnv or a Gymnasium Env")
    scenario = getattr(getattr(env, "env", env).unwrapped, "scenario", None)
    scenario = scenario if isinstance(scenario, Scenario) else None
    if horizon is None and scenario is not None:
        horizon = scenario.control.horizon
    if may_terminate is None:
        may_terminate = scenario is None
    original = _copy(env)
    with_state = getattr(env, "state_space", None) is not None
    _check_spaces(env)
    _check_episode(env, seed, max_steps, horizon, may_terminate, finite_infos, with_state)
    steps = min(max_steps, horizon or max_steps)

    def play(which: Any, **options: Any) -> list[Record]:
        return record(which, **{"seed": seed, "steps": steps, "with_state": with_state, **options})

    expected = play(env)
    copied = _copy(original)
    _same(expected, play(env), "repeated seed", "start every random draw anew, and all memory, in reset(seed=...)")
    _same(expected, play(copied), "fresh copy", "draw from generators of the instance, seeded in reset(seed=...)")
    if stochastic and difference(expected, play(env, seed=seed + 1)) is None:
        raise CheckFailed(
            "different seeds", f"seeds {seed} and {seed + 1} give the same episode; use the seed in reset"
        )
    _check_reset(env, original, expected, play, stochastic)
    _check_order(_copy(original), expected, seed, steps)
    _same(
        expected,
        play(_copy(original), disturb=overwrite),
        "shared arrays",
        "writing into what was returned, or into an old action, changed the environment; hand out and keep copies",
    )
    if pickle_episodes:
        _check_pickling(env, expected, play, steps)
    if spawn:
        _check_spawn(original, expected, seed, steps, with_state)


def _copy(env: Any, when: str = "before the first reset") -> Any:
    try:
        return pickle.loads(pickle.dumps(env))
    except Exception as error:
        raise CheckFailed(
            "pickling",
            f"the environment cannot be pickled {when} ({type(error).__name__}: {error}); keep lambdas, open files, "
            "windows and generators-as-iterators out of its attributes, or drop them in __getstate__",
        ) from error


def _same(expected: list[Record], found: list[Record], check: str, advice: str) -> None:
    if (where := difference(expected, found)) is not None:
        raise CheckFailed(check, f"same seed and actions, but record{where}; {advice}")


def _check_spaces(env: Any) -> None:
    agents = env.possible_agents
    if not isinstance(agents, list) or not agents or len(set(agents)) != len(agents):
        raise CheckFailed("agents", f"possible_agents is {agents!r}; make it a list of different names")
    for agent in agents:
        for name in ("observation_space", "action_space"):
            space = getattr(env, name)(agent)
            if not isinstance(space, gymnasium.Space):
                raise CheckFailed("spaces", f"{name}({agent!r}) is {space!r}; return a gymnasium Space")
            if space is not getattr(env, name)(agent):
                raise CheckFailed(
                    "spaces", f"{name}({agent!r}) is a new object in each call; make it once, in __init__"
                )


def _check_observations(env: Any, observations: Mapping[str, Any], where: str) -> None:
    for agent, observation in observations.items():
        _check_member(env.observation_space(agent), observation, f"{where}, observation of {agent}")


def _check_member(space: Any, value: Any, where: str) -> None:
    if isinstance(space, gymnasium.spaces.Box):
        if not isinstance(value, np.ndarray) or value.dtype != space.dtype or value.shape != space.shape:
            found = f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
            raise CheckFailed("spaces", f"{where} is {found}; return an array {space.dtype} of shape {space.shape}")
        if not np.isfinite(value).all():
            raise CheckFailed(
                "finite values", f"{where} holds NaN or infinity; find the division or logarithm behind it"
            )
    if not space.contains(value):
        raise CheckFailed("spaces", f"{where} is outside its space {space}; widen the space or clip the value")


def _are_dicts(handed: Any, number: int) -> bool:
    return isinstance(handed, tuple) and len(handed) == number and all(isinstance(part, dict) for part in handed)


def _check_episode(
    env: Any, seed: int, max_steps: int, horizon: int | None, may_terminate: bool, finite_infos: bool, with_state: bool
) -> None:
    """Form, spaces, finiteness and end of one episode, and that nothing handed out changes afterwards."""
    named = list(env.possible_agents)
    handed = env.reset(seed=seed)
    if not _are_dicts(handed, 2):
        raise CheckFailed("reset", f"reset() returned {type(handed).__name__}; return (observations, infos), two dicts")
    kept = [(handed, copy.deepcopy(handed), "reset")]
    if not env.agents or sorted(handed[0]) != sorted(env.agents) or sorted(handed[1]) != sorted(env.agents):
        raise CheckFailed(
            "agents", f"after reset agents is {env.agents}, observations of {list(handed[0])}, infos of "
            f"{list(handed[1])}; name the same agents in all three"
        )  # fmt: skip
    if env.agents is env.possible_agents:
        raise CheckFailed("agents", "agents is possible_agents itself; set agents to a copy, possible_agents[:]")
    _check_observations(env, handed[0], "reset")
    t = 0
    while env.agents and t < max_steps:
        where, alive = f"step {t}", list(env.agents)
        if with_state:
            state = env.state()
            _check_member(env.state_space, state, f"{where}, state()")
            kept.append((state, state.copy(), where))
        actions = sample_actions(env, np.random.default_rng([seed, t]), alive)
        given = copy.deepcopy(actions)
        handed = env.step(actions)
        t += 1
        if (changed := difference(given, actions)) is not None:
            raise CheckFailed("actions", f"{where} changed the actions, {changed}; work on a copy")
        kept.append((handed, copy.deepcopy(handed), where))
        _check_step(env, handed, alive, where, may_terminate, finite_infos)
        ended = [agent for agent in alive if handed[2][agent] or handed[3][agent]]
        if horizon is not None and (len(ended) == len(alive)) != (t == horizon):
            raise CheckFailed("horizon", f"after {t} steps {len(ended)} of {len(alive)} agents have ended; truncate "
                              f"all of them at step {horizon}, none before")  # fmt: skip
    for value, then, where in kept:
        if (changed := difference(then, value)) is not None:
            raise CheckFailed(
                "shared arrays", f"what {where} returned changed later, {changed}; return copies of buffers"
            )
    if list(env.possible_agents) != named:
        raise CheckFailed("agents", f"possible_agents was {named} and is {env.possible_agents}; never change it")


def _check_step(env: Any, handed: Any, alive: list[str], where: str, may_terminate: bool, finite_infos: bool) -> None:
    if not _are_dicts(handed, len(STEP_PARTS)):
        raise CheckFailed(
            "step", f"{where} returned {type(handed).__name__}; return five dicts: {', '.join(STEP_PARTS)}"
        )
    observations, rewards, terminations, truncations, infos = handed
    for name, part in zip(STEP_PARTS, handed, strict=True):
        missing = [agent for agent in alive if agent not in part]
        if missing:
            raise CheckFailed("agents", f"{where}: {name} lack {missing}; report every agent that acted")
    _check_observations(env, observations, where)
    for agent in alive:
        reward = np.asarray(rewards[agent])
        if reward.shape != () or reward.dtype.kind not in "fiub":
            raise CheckFailed("rewards", f"{where}: reward of {agent} is {rewards[agent]!r}; return a number")
        for name, flag in (("termination", terminations[agent]), ("truncation", truncations[agent])):
            if not isinstance(flag, (bool, np.bool_)):
                raise CheckFailed("step", f"{where}: {name} of {agent} is {flag!r}; return True or False")
        if terminations[agent] and not may_terminate:
            raise CheckFailed("termination", f"{where} terminates {agent}; the end of the horizon is a "
                              "truncation, or learners take what follows for worthless. Set truncations, or give "
                              "may_terminate=True")  # fmt: skip
    for name, part in [("rewards", rewards)] + ([("infos", infos)] if finite_infos else []):
        if (found := infinite(part, name)) is not None:
            raise CheckFailed("finite values", f"{where}: {found} holds NaN or infinity; find the division behind it")
    going_on = [agent for agent in alive if not terminations[agent] and not truncations[agent]]
    if [agent for agent in env.agents if agent in alive] != going_on:
        raise CheckFailed("agents", f"{where}: agents is {list(env.agents)}, going on are {going_on}; remove from "
                          "agents whoever has terminated or been truncated, and nobody else")  # fmt: skip


def _check_reset(env: Any, original: Any, expected: list[Record], play: Any, stochastic: bool) -> None:
    record(env, None, max(1, len(expected) // 3), action_seed=1)
    _same(expected, play(env), "reset in mid-episode", "reset must also clear what an unfinished episode left behind")
    other = _copy(original)
    play(other)
    ours, theirs = play(env, seed=None), play(other, seed=None)
    _same(ours, theirs, "reset without seed", "go on with the generator of the last seed instead of taking a new one")
    if stochastic and difference(ours, expected) is None:
        raise CheckFailed("reset without seed", "it repeats the episode; seed only when a seed is given")


def _check_order(env: Any, expected: list[Record], seed: int, steps: int) -> None:
    env.reset(seed=seed)
    for t in range(min(3, steps, len(expected) - 1)):
        actions = sample_actions(env, np.random.default_rng([0, t]), list(env.agents))
        rewards = env.step(dict(reversed(actions.items())))[1]
        where = difference(expected[t + 1]["rewards"], {agent: rewards[agent] for agent in expected[t + 1]["rewards"]})
        if where is not None:
            raise CheckFailed("order of actions", f"step {t} with the actions in another order gives {where}; look "
                              "actions up by agent name")  # fmt: skip


def _check_pickling(env: Any, expected: list[Record], play: Any, steps: int) -> None:
    done = max(1, (len(expected) - 1) // 2)
    play(env, steps=done)
    twin = _copy(env, "in mid-episode")
    advice = (
        "pickle the generators and buffers as well (EzPickle keeps nothing but the arguments of the constructor), "
        "or give pickle_episodes=False"
    )
    ours = play(env, resume=True, action_seed=2, steps=steps - done)
    try:
        theirs = play(twin, resume=True, action_seed=2, steps=steps - done)
    except Exception as error:
        raise CheckFailed("pickling", f"a copy pickled in mid-episode fails ({error}); {advice}") from error
    _same(ours, theirs, "pickling", f"a copy pickled in mid-episode goes on differently; {advice}")


def _check_spawn(original: Any, expected: list[Record], seed: int, steps: int, with_state: bool) -> None:
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            found = pool.submit(record, original, seed, steps, 0, with_state).result()
    except BrokenProcessPool as error:
        raise CheckFailed(
            "spawn", 'the fresh process died; put what your script does under `if __name__ == "__main__":`, or give '
            "spawn=False"
        ) from error  # fmt: skip
    except Exception as error:
        raise CheckFailed("spawn", f"in a fresh process: {type(error).__name__}: {error}; define the environment in a "
                          "module that can be imported there") from error  # fmt: skip
    _same(expected, found, "spawn", "a fresh process gives another episode; depend on nothing but the seed (no hash(), "
          "id(), time or module globals)")  # fmt: skip
