"""What an environment hands out in an episode, recorded and compared value by value; used by check_env.py.

``record`` is a pure function of the environment and its arguments, importable by a fresh process.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

STEP_PARTS = ("observations", "rewards", "terminations", "truncations", "infos")
Record = dict[str, Any]  # of one moment: the parts above (a reset has two of them), agents and state


def sample_actions(env: Any, rng: np.random.Generator, agents: list[str]) -> dict[str, Any]:
    """One action for each agent from copies of their spaces, so that the spaces themselves draw nothing."""
    actions = {}
    for agent in agents:
        space = copy.deepcopy(env.action_space(agent))
        space.seed(int(rng.integers(2**31)))
        actions[agent] = space.sample()
    return actions


def snapshot(env: Any, parts: Mapping[str, Any], with_state: bool) -> Record:
    """A deep copy of what has just been handed out."""
    shown = {**parts, "agents": list(env.agents)}
    if with_state:
        shown["state"] = env.state()
    return copy.deepcopy(shown)


def record(
    env: Any,
    seed: int | None,
    steps: int,
    action_seed: int = 0,
    with_state: bool = False,
    disturb: Callable[[Any], None] | None = None,
    resume: bool = False,
) -> list[Record]:
    """Reset and take up to ``steps`` steps with actions that depend on ``action_seed`` and the step alone.

    ``disturb`` is given everything that was handed out or in, after it has been recorded; ``resume``: go on from where
    the environment is, without a reset.
    """
    records: list[Record] = []
    if not resume:
        observations, infos = env.reset(seed=seed)
        records.append(snapshot(env, {"observations": observations, "infos": infos}, with_state))
        if disturb is not None:
            disturb((observations, infos))
    for t in range(steps):
        if not env.agents:
            break
        actions = sample_actions(env, np.random.default_rng([action_seed, t]), list(env.agents))
        handed = env.step(actions)
        records.append(snapshot(env, dict(zip(STEP_PARTS, handed, strict=True)), with_state))
        if disturb is not None:
            disturb((handed, actions, env.state() if with_state else None))
    return records


def overwrite(value: Any) -> None:
    """Change every writable array inside nested dicts, lists and tuples."""
    if isinstance(value, np.ndarray):
        if value.flags.writeable and value.dtype.kind in "fiub":
            value[...] = 77
    elif isinstance(value, Mapping):
        for part in value.values():
            overwrite(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            overwrite(part)


def difference(first: Any, second: Any, path: str = "") -> str | None:
    """Where two nested values differ first, e.g. ``[3]['rewards']['du_0']: 1.0 against 2.0``; None: nowhere.

    Types and the order of keys count, NaN equals NaN.
    """
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if list(first) != list(second):
            return f"{path}: keys {list(first)} against {list(second)}"
        pairs = [(f"{path}[{key!r}]", first[key], second[key]) for key in first]
    elif isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        if len(first) != len(second):
            return f"{path}: {len(first)} entries against {len(second)}"
        pairs = [(f"{path}[{i}]", a, b) for i, (a, b) in enumerate(zip(first, second, strict=True))]
    elif isinstance(first, (np.ndarray, np.generic, int, float)) and isinstance(
        second, (np.ndarray, np.generic, int, float)
    ):
        a, b = np.asarray(first), np.asarray(second)
        if a.dtype != b.dtype or a.shape != b.shape:
            return f"{path}: {a.dtype} of shape {a.shape} against {b.dtype} of shape {b.shape}"
        equal = (a == b) | ((a != a) & (b != b))
        if equal.all():
            return None
        return (
            f"{path}: {a[~equal].flat[0]} against {b[~equal].flat[0]} ({(~equal).sum()} of {equal.size} values differ)"
        )
    else:
        return (
            None
            if type(first) is type(second) and bool(np.all(first == second))
            else f"{path}: {first!r} against {second!r}"
        )
    return next((found for name, a, b in pairs if (found := difference(a, b, name)) is not None), None)


def infinite(value: Any, path: str = "") -> str | None:
    """Where a nested value holds NaN or infinity first; None: nowhere."""
    if isinstance(value, Mapping):
        parts = [(f"{path}[{key!r}]", part) for key, part in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(f"{path}[{i}]", part) for i, part in enumerate(value)]
    elif isinstance(value, (np.ndarray, np.generic, float)) and np.asarray(value).dtype.kind == "f":
        return None if np.isfinite(value).all() else path
    else:
        return None
    return next((found for name, part in parts if (found := infinite(part, name)) is not None), None)
