"""Rules that read more than the numbers of UEs: what waits in the queues, which ``observation="extended"`` shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import THRESHOLD
from oran_env.model.reward.observation import observation_layout
from oran_env.policies.rules import Policy, apportion, attached_ues, encode
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

UNSEARCHED_BACKLOG: dict[str, Any] = {  # where nothing has been searched
    "weights": (0.8, 1.4, 1.0),
    "powers": (0.0, 0.5, 0.8),
    "gains": (0.5, 0.5, 0.5),
    "tracking": 0.5,
}


def sizes(ues: NDArray[np.float64], scenario: Scenario, powers: Sequence[float]) -> NDArray[np.float64]:
    """(N_u / even share)^power of each slice (..., 3); 0 without UE."""
    even = scenario.layout.num_ues / (scenario.layout.num_dus * NUM_SLICES)  # UEs of a slice, were all alike
    found: NDArray[np.float64] = np.where(ues > 0, (np.maximum(ues, 1.0) / even) ** np.asarray(powers), 0.0)
    return found


def granted(observations: NDArray[np.float32], scenario: Scenario) -> NDArray[np.float64]:
    """RBs that each slice was given in the last step (..., 3), out of the executed bits in the observation.

    Raises:
        ValueError: a codec whose bits do not say so.
    """
    bits = observations[..., observation_layout(scenario)["previous_action"]] > THRESHOLD
    num_rbs, codec = scenario.radio.num_rbs, scenario.control.codec
    if codec == "slice_mask":
        mask = bits[..., : NUM_SLICES * num_rbs].reshape(*bits.shape[:-1], NUM_SLICES, num_rbs)
        alone = mask.sum(axis=-2, keepdims=True) == 1  # an RB that two slices claim goes to none
        found: NDArray[np.float64] = (mask & alone).sum(axis=-1).astype(np.float64)
        return found
    if codec != "two_bit":
        raise ValueError(f"codec is {codec!r}; allowed: 'two_bit', 'slice_mask'")
    b, e = bits[..., :num_rbs], bits[..., num_rbs : 2 * num_rbs]
    return np.stack([owns.sum(axis=-1) for owns in (~b & e, b & e, b & ~e)], axis=-1).astype(np.float64)


def grant(asked: NDArray[np.float64], room: float, num_rbs: int) -> NDArray[np.int64]:
    """All RBs to the slices (..., 3), in proportion to what they ask for, or to not all of them when it is crowded.

    room: thirds of the RBs that 1 in ``asked`` stands for. When more is asked for than there is, the slice that asks
    least is served first, and the last ones get what is left; with 0 that is never so.
    """
    wanted = np.sort(asked * room * num_rbs / NUM_SLICES, axis=-1)
    crowded = wanted.sum(axis=-1, keepdims=True) > num_rbs
    filled = np.diff(np.minimum(np.cumsum(wanted, axis=-1), num_rbs), axis=-1, prepend=0.0)
    rank = np.argsort(np.argsort(asked, axis=-1, kind="stable"), axis=-1)
    return apportion(np.where(crowded, np.take_along_axis(filled, rank, axis=-1), asked), num_rbs)


def weighted_counts(
    observations: NDArray[np.float32],
    scenario: Scenario,
    weights: Sequence[float],
    powers: Sequence[float],
    room: float = 0.0,
) -> NDArray[np.float32]:
    """``grant`` for weight·N_u^power of each slice; a slice without UE gets none.

    With powers 0 a fixed split, with 1 so much per UE. It is what ``backlog_rule`` is without reading anything else.

    weights, powers: of eMBB, mMTC, URLLC.
    """
    ues = attached_ues(observations, scenario)
    counts = grant(np.asarray(weights) * sizes(ues, scenario, powers), room, scenario.radio.num_rbs)
    return encode(counts, scenario, ues)


def backlog_counts(
    observations: NDArray[np.float32],
    scenario: Scenario,
    weights: Sequence[float],
    powers: Sequence[float],
    gains: Sequence[float],
    tracking: float,
    room: float = 0.0,
) -> NDArray[np.int64]:
    """RBs of each slice (..., 3) by ``backlog_rule``.

    Raises:
        ValueError: the observation shows no backlog.
    """
    if not reads_backlog(scenario):
        raise ValueError(f"observation is {scenario.control.observation!r}; needed: one with a backlog, as 'extended'")
    ues, layout = attached_ues(observations, scenario), observation_layout(scenario)
    waiting, load = (observations[..., layout[name]].astype(np.float64) for name in ("backlog", "load"))
    size = sizes(ues, scenario, powers)
    before = granted(observations, scenario)
    needed = before * load * NUM_SLICES / scenario.radio.num_rbs  # 1: a third of the RBs
    known = before.sum(axis=-1, keepdims=True) > 0.0  # not so after a reset
    size = np.where(known & (ues > 0), (1.0 - tracking) * size + tracking * needed, size)
    return grant(np.asarray(weights) * size * np.exp(np.asarray(gains) * waiting), room, scenario.radio.num_rbs)


def backlog_rule(
    observations: NDArray[np.float32],
    scenario: Scenario,
    weights: Sequence[float],
    powers: Sequence[float],
    gains: Sequence[float],
    tracking: float,
    room: float = 0.0,
) -> NDArray[np.float32]:
    """As ``weighted_counts``, but it reads what was needed and what waits.

    With ``tracking`` > 0 the size of a slice is in part the RBs that its offered traffic needed in the last step (those
    it was given times its load), which knows of bursts and of bad channels; and a slice counts (1 + steps of
    backlog)^gain times as much. gains: of eMBB, mMTC, URLLC; below 0 a slice is let go the more it is behind.

    Raises:
        ValueError: the observation shows no backlog.
    """
    counts = backlog_counts(observations, scenario, weights, powers, gains, tracking, room)
    return encode(counts, scenario, attached_ues(observations, scenario))


def reads_backlog(scenario: Scenario) -> bool:
    """Whether there is a backlog and a DU sees it, and which RBs it gave to whom."""
    seen = observation_layout(scenario)
    plain = scenario.control.codec in ("two_bit", "slice_mask")
    return scenario.traffic.latency == "queue" and plain and {"backlog", "load"} <= set(seen)


COUNTING: dict[str, Callable[..., NDArray[np.float32]]] = {"weighted_counts": weighted_counts}
READING: dict[str, Callable[..., NDArray[np.float32]]] = {"backlog_rule": backlog_rule}


def searchable(scenario: Scenario) -> dict[str, Callable[..., NDArray[np.float32]]]:
    """The rules of this module whose numbers can be searched in a scenario: those whose observation shows enough."""
    return {**COUNTING, **(READING if reads_backlog(scenario) else {})}


def reading_parameters(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """The searched numbers of the rules of this module, by the preset's name as in ``searched_parameters``."""
    table = json.loads(resources.files("oran_env").joinpath("policies", "rules.json").read_text())
    found = table["scenarios"].get(scenario.name, {})
    return {name: found[name]["parameters"] for name in searchable(scenario) if name in found}


def reading_policies(scenario: Scenario) -> dict[str, Policy]:
    """The rules of this module by name, those with searched numbers."""
    rules = searchable(scenario)
    return {
        name: partial(rules[name], scenario=scenario, **numbers)
        for name, numbers in reading_parameters(scenario).items()
    }
