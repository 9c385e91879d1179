"""Is a state out of a checkpoint one that this run can have? Checked before it is used, whoever wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasam_agents.config.fields import TrainConfig
from tasam_agents.files.form import is_finite
from tasam_agents.training.checkpoint import CheckpointError

_FIELDS: dict[str, Any] = {
    "iteration": 0,
    "env_steps": 0,
    "is_reported": True,
    "converged": False,
    "best_validation_return": None,
    "wall_time_s": 0.0,
    "cpu_time_s": 0.0,
}
_LONGEST = 10_000  # entries of a metric: M, or M and a few


def check_state(state: Mapping[str, Any], config: TrainConfig, learner: Mapping[str, Any], is_same: bool) -> None:
    """Hold the state of ``checkpoints/latest`` to the configuration and to the learner that is to go on.

    Args:
        state: out of the file.
        config: of the run.
        learner: ``scalars()`` of the new learner.
        is_same: whether the run has had this configuration from its beginning.

    Raises:
        CheckpointError: naming the first entry that cannot be.
    """
    missing = sorted({*_FIELDS, "learner", "window", "log"} - state.keys())
    if missing:
        raise CheckpointError(f"the state lacks {', '.join(missing)}")
    for name, own in _FIELDS.items():
        check_like(name, state[name], own)
    check_like("learner", state["learner"], learner)
    iteration, updates = state["iteration"], state["learner"]["updates"]
    _check_range("iteration", iteration, 0, config.iterations)
    for name in ("wall_time_s", "cpu_time_s"):
        _check_range(name, state[name], 0, 1e12)
    if is_same:
        _check_range("learner.updates", updates, *[iteration * config.updates_per_iteration] * 2)
        steps = config.warmup_steps + iteration * config.steps_per_iteration
        _check_range("env_steps", state["env_steps"], *[config.num_envs * steps] * 2)
    sealed_log(state)
    _check_window(state["window"])
    logs = iteration % config.evaluate_every == 0 or iteration % config.log_every == 0
    is_logged = state["is_reported"] and (logs or iteration == config.iterations)
    if is_same and ("return" in state["window"]) == is_logged:
        raise CheckpointError(f"window has {'a' if is_logged else 'no'} 'return' after iteration {iteration}")


def entry(state: Mapping[str, Any], name: str, own: Any) -> Any:
    """An entry of a state of any checkpoint, if it is of the same kind as one that the program has itself.

    Raises:
        CheckpointError: it is not, or there is none.
    """
    if name not in state:
        raise CheckpointError(f"the state lacks {name}")
    check_like(name, state[name], own)
    return state[name]


def sealed_log(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Length and checksum that the log had; errors as those of ``entry``."""
    log = state.get("log")
    if not isinstance(log, Mapping) or log.keys() != {"bytes", "sha256"} or not isinstance(log["sha256"], str):
        raise CheckpointError(f"log is {log!r}; allowed: bytes and sha256")
    check_like("log.bytes", log["bytes"], 0)
    return log


def check_like(name: str, saved: Any, own: Any) -> None:
    """Compare a value of JSON types with one that the program has itself: the same kinds, keys and lengths.

    Where its own is None, a finite number is allowed, too. Integers that count are not negative.

    Raises:
        CheckpointError: naming what differs.
    """
    if isinstance(own, Mapping):
        if not isinstance(saved, Mapping) or saved.keys() != own.keys():
            raise CheckpointError(f"{name} has {_short(saved)}; allowed: {', '.join(own)}")
        for key, value in own.items():
            check_like(f"{name}.{key}", saved[key], value)
    elif isinstance(own, list):
        if not isinstance(saved, list) or len(saved) != len(own):
            raise CheckpointError(f"{name} is {_short(saved)}; allowed: {len(own)} values")
        for number, value in enumerate(own):
            check_like(f"{name}[{number}]", saved[number], value)
    elif isinstance(own, bool):
        if not isinstance(saved, bool):
            raise CheckpointError(f"{name} is {_short(saved)}; allowed: true or false")
    elif isinstance(own, int):
        if type(saved) is not int or not 0 <= saved < 1 << 62:
            raise CheckpointError(f"{name} is {_short(saved)}; allowed: an integer >= 0")
    elif not (own is None and saved is None) and not is_finite(saved):
        raise CheckpointError(f"{name} is {_short(saved)}; allowed: a finite number")


def _check_window(window: Any) -> None:
    """Sums and counts by name, each a number or a row of them."""
    if not isinstance(window, Mapping):
        raise CheckpointError(f"window is {_short(window)}; allowed: sums and counts by name")
    for name, pair in window.items():
        if not isinstance(pair, list) or len(pair) != 2 or _length(pair[0]) != _length(pair[1]):
            raise CheckpointError(f"window.{name} is {_short(pair)}; allowed: a sum and a count")
        if name == "return" and _length(pair[0]) is not None:
            raise CheckpointError(f"window.return is {_short(pair)}; allowed: a number and a count")
        for values in pair:
            flat = values if isinstance(values, list) else [values]
            if len(flat) > _LONGEST or not all(map(is_finite, flat)):
                raise CheckpointError(f"window.{name} is {_short(pair)}; allowed: finite numbers")


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, list) else None


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        allowed = f"{least}" if least == most else f"{least} to {most}"
        raise CheckpointError(f"{name} is {value}; allowed: {allowed}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}…"
