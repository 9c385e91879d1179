"""Rules that read more than the numbers of UEs: what waits in the queues, which ``observation="extended"`` shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.reward.observation import observation_layout
from oran_env.policies.rules import Policy, apportion, attached_ues, encode
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

UNSEARCHED_BACKLOG: dict[str, Any] = {  # where nothing has been searched
    "weights": (0.8, 1.4, 1.0),
    "powers": (0.0, 0.5, 0.8),
    "gains": (0.5, 0.5, 0.5),
}


def waiting_steps(backlog: NDArray[np.float64], ues: NDArray[np.float64], scenario: Scenario) -> NDArray[np.float64]:
    """Mean backlog per UE, in steps of mean offered traffic (..., 3), from bits (..., 3); 0 where nothing is offered.

    ``log(1 + this)`` is what a DU sees as ``backlog``.
    """
    traffic = scenario.traffic
    offered = traffic.load * np.asarray(traffic.offered_bps, dtype=np.float64) * scenario.control.step_s * ues
    waiting: NDArray[np.float64] = np.divide(backlog, offered, out=np.zeros_like(offered), where=offered > 0)
    return waiting


def backlog_counts(
    ues: NDArray[np.float64],
    waiting: NDArray[np.float64],
    scenario: Scenario,
    weights: Sequence[float],
    powers: Sequence[float],
    gains: Sequence[float],
) -> NDArray[np.int64]:
    """RBs of each slice (..., 3) by ``backlog_rule``; ues: (..., 3); waiting: (..., 3) log(1 + steps of backlog)."""
    even = scenario.layout.num_ues / (scenario.layout.num_dus * NUM_SLICES)  # UEs of a slice, were all alike
    size = np.where(ues > 0, (np.maximum(ues, 1.0) / even) ** np.asarray(powers), 0.0)
    return apportion(np.asarray(weights) * size * (1.0 + np.asarray(gains) * waiting), scenario.radio.num_rbs)


def weighted_counts(
    observations: NDArray[np.float32], scenario: Scenario, weights: Sequence[float], powers: Sequence[float]
) -> NDArray[np.float32]:
    """All RBs in proportion to weight·N_u^power of each slice; a slice without UE gets none.

    With powers 0 a fixed split, with 1 so much per UE. It is what ``backlog_rule`` is without reading the backlog.

    weights, powers: of eMBB, mMTC, URLLC.
    """
    ues = attached_ues(observations, scenario)
    counts = backlog_counts(ues, np.zeros_like(ues), scenario, weights, powers, (0.0,) * NUM_SLICES)
    return encode(counts, scenario, ues)


def backlog_rule(
    observations: NDArray[np.float32],
    scenario: Scenario,
    weights: Sequence[float],
    powers: Sequence[float],
    gains: Sequence[float],
) -> NDArray[np.float32]:
    """As ``weighted_counts``, but a slice counts 1 + gain·log(1 + steps of backlog) times as much.

    Raises:
        ValueError: the observation shows no backlog.
    """
    if not reads_backlog(scenario):
        raise ValueError(f"observation is {scenario.control.observation!r}; needed: one with a backlog, as 'extended'")
    ues = attached_ues(observations, scenario)
    waiting = observations[..., observation_layout(scenario)["backlog"]].astype(np.float64)
    return encode(backlog_counts(ues, waiting, scenario, weights, powers, gains), scenario, ues)


def reads_backlog(scenario: Scenario) -> bool:
    """Whether there is a backlog and a DU sees it."""
    return scenario.traffic.latency == "queue" and "backlog" in observation_layout(scenario)


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
