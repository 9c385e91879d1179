"""Rules: policies made by hand, which read nothing but the local observation of each DU.

A policy is any callable that maps observations (..., D) to actions (..., A); one that must know which DU is which wants
those of all DUs, (..., M, D). The numbers of SEARCHED were searched on validation networks; they stand in
``rules.json`` beside the command that found them (``python -m oran_env.scoring.rule_search``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.cell.deployment import sites_of
from oran_env.model.mac.action_codec import CODECS, action_size, at_full_power, encode_owned
from oran_env.model.mac.codecs.codec import IDLE
from oran_env.model.mac.codecs.zones import encode_counts, lay_zones
from oran_env.model.reward.observation import observation_layout
from oran_env.policies.reuse_plan import colours, encode_slices
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import EMBB, MMTC, NUM_SLICES, URLLC

Policy = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def attached_ues(observations: NDArray[np.float32], scenario: Scenario) -> NDArray[np.float64]:
    """Read N_u^l, the number of UEs per slice (..., 3), out of observations (..., D).

    Raises:
        ValueError: they are hidden.
    """
    layout = observation_layout(scenario)
    if "num_ues" not in layout:
        raise ValueError(f"a rule reads num_ues, which is hidden; allowed: rules that read {', '.join(layout)}")
    share = observations[..., layout["num_ues"]].astype(np.float64)
    return np.rint(share * scenario.layout.num_ues / scenario.layout.num_dus)


def encode(
    counts: NDArray[np.int64], scenario: Scenario, ues: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """Action (..., A) that gives counts (..., 3) RBs to the slices, side by side from RB 0; the rest stays idle.

    ues: (..., 3) UEs of each slice, among which ``ue_grid`` deals the RBs in turn; the other codecs do not need it.

    Raises:
        ValueError: negative counts, more RBs than there are, or no ``ues`` for ``ue_grid``.
    """
    num_rbs = scenario.radio.num_rbs
    stop = np.cumsum(counts, axis=-1)
    if (counts < 0).any() or (stop[..., -1] > num_rbs).any():
        raise ValueError(f"counts {counts.tolist()} allowed: integers >= 0 with a sum of at most {num_rbs} RBs")
    rb = np.arange(num_rbs)
    owns = (rb >= (stop - counts)[..., None]) & (rb < stop[..., None])  # (..., 3, K)
    return encode_owned(owns, scenario, ues)


def apportion(weights: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Split ``total`` RBs in proportion to weights (..., n), by largest remainder; zero weights get none."""
    sums = weights.sum(axis=-1, keepdims=True)
    exact = np.divide(weights * total, sums, out=np.zeros_like(weights), where=sums > 0)
    counts = np.floor(exact).astype(np.int64)
    left = np.where(sums[..., 0] > 0, total, 0) - counts.sum(axis=-1)
    rank = np.argsort(np.argsort(counts - exact, axis=-1, kind="stable"), axis=-1)
    shares: NDArray[np.int64] = counts + (rank < left[..., None])
    return shares


def idle(observations: NDArray[np.float32], scenario: Scenario) -> NDArray[np.float32]:
    """Grant nothing."""
    return np.zeros((*observations.shape[:-1], action_size(scenario)), dtype=np.float32)


def equal_shares(observations: NDArray[np.float32], scenario: Scenario) -> NDArray[np.float32]:
    """A third of the RBs for each slice."""
    ues = attached_ues(observations, scenario)
    return encode(apportion(np.ones(ues.shape), scenario.radio.num_rbs), scenario, ues)


def demand_proportional(
    observations: NDArray[np.float32], scenario: Scenario, power: float = 1.0
) -> NDArray[np.float32]:
    """Shares in proportion to N_u^power."""
    ues = attached_ues(observations, scenario)
    weights = np.where(ues > 0, ues**power, 0.0)
    return encode(apportion(weights, scenario.radio.num_rbs), scenario, ues)


def static(observations: NDArray[np.float32], scenario: Scenario, shares: Sequence[float]) -> NDArray[np.float32]:
    """The same split of the RBs at every DU and step; shares of eMBB, mMTC, URLLC with a sum of at most 1."""
    num_rbs = scenario.radio.num_rbs
    counts = apportion(np.array([*shares, max(0.0, 1.0 - sum(shares))]), num_rbs)[:NUM_SLICES]
    ues = attached_ues(observations, scenario)
    return encode(np.broadcast_to(counts, ues.shape), scenario, ues)


def count_rule(
    observations: NDArray[np.float32], scenario: Scenario, rbs_per_urllc_ue: float, embb_share: float
) -> NDArray[np.float32]:
    """URLLC gets ``rbs_per_urllc_ue`` for each of its UEs, eMBB a fixed share, mMTC the rest.

    A slice without UE gets nothing. When the RBs run out URLLC is served first, then eMBB.
    """
    ues = attached_ues(observations, scenario)
    num_rbs = scenario.radio.num_rbs
    counts = np.zeros(ues.shape, dtype=np.int64)
    counts[..., URLLC] = np.minimum(np.ceil(rbs_per_urllc_ue * ues[..., URLLC]), num_rbs)
    rest = num_rbs - counts[..., URLLC]
    wanted = np.where(ues[..., MMTC] > 0, round(embb_share * num_rbs), rest)
    counts[..., EMBB] = np.where(ues[..., EMBB] > 0, np.minimum(wanted, rest), 0)
    counts[..., MMTC] = np.where(ues[..., MMTC] > 0, rest - counts[..., EMBB], 0)
    return encode(counts, scenario, ues)


def zone_rule(
    observations: NDArray[np.float32],
    scenario: Scenario,
    owned_rbs: int,
    own_embb: int,
    own_mmtc: int,
    rbs_per_urllc_ue: float,
    shared_embb: float = 0.0,
    colours_own: bool = False,
) -> NDArray[np.float32]:
    """Each DU has RBs of its own, which the others leave idle: some for eMBB, some for mMTC, the rest for URLLC.

    Of the RBs that nobody owns URLLC gets ``rbs_per_urllc_ue`` for each of its UEs, eMBB the share ``shared_embb``,
    mMTC the rest. A slice without UE gets nothing; then the rest goes to the first of mMTC, eMBB, URLLC that has any.

    Args:
        observations: (..., D) with codec ``zones``, else (..., M, D) of all DUs.
        scenario: with ``zones`` it says how many RBs a DU owns, and ``owned_rbs`` is not read.
        owned_rbs: P, see ``ownership.owner``.
        own_embb: of these, for eMBB.
        own_mmtc: of these, for mMTC.
        rbs_per_urllc_ue: shared RBs.
        shared_embb: share of the shared RBs.
        colours_own: the DUs of one of three colours own RBs together, in place of each DU; neighbours differ in colour.

    Raises:
        ValueError: without ``zones`` observations of other than all M DUs, or a codec without a place for each RB; with
            ``zones`` owners by colour.
    """
    zones, num_rbs = scenario.control.codec == "zones", scenario.radio.num_rbs
    if zones and colours_own:
        raise ValueError("colours_own is True and the codec 'zones'; allowed: False, there each DU owns RBs")
    ues = attached_ues(observations, scenario)
    groups = 3 if colours_own else scenario.layout.num_dus
    room = scenario.owned_rbs if zones else owned_rbs
    total = num_rbs - groups * room
    if room < 0 or total < 0:
        raise ValueError(f"owned_rbs is {room}; allowed: 0 to {num_rbs // groups}")
    own, shared = np.zeros(ues.shape, dtype=np.int64), np.zeros(ues.shape, dtype=np.int64)
    for counts, left, wanted in (
        (own, np.full(ues.shape[:-1], room), ((EMBB, own_embb), (MMTC, own_mmtc), (URLLC, room))),
        (
            shared,
            np.full(ues.shape[:-1], total),
            ((URLLC, np.ceil(rbs_per_urllc_ue * ues[..., URLLC])), (EMBB, round(shared_embb * total)), (MMTC, total)),
        ),
    ):
        for i, number in (*wanted, (MMTC, num_rbs), (EMBB, num_rbs), (URLLC, num_rbs)):
            given = np.where(ues[..., i] > 0, np.minimum(number, left), 0).astype(np.int64)
            counts[..., i] += given
            left -= given
    if zones:
        return at_full_power(encode_counts(own, shared), scenario)
    _check_all(observations, scenario)
    whose = _colours_of(scenario) if colours_own else np.arange(groups)
    grid = np.empty((*ues.shape[:-1], num_rbs), dtype=np.int64)
    for place in np.ndindex(ues.shape[:-1]):
        lay_zones(own[place], shared[place], int(whose[place[-1]]), groups, room, grid[place])
    return encode_slices(grid, scenario)


def _colours_of(scenario: Scenario) -> NDArray[np.int64]:
    """One of three colours for each DU (M,)."""
    return colours(sites_of(scenario))


def _check_all(observations: NDArray[np.float32], scenario: Scenario) -> None:
    num_dus = scenario.layout.num_dus
    if observations.ndim < 2 or observations.shape[-2] != num_dus:
        raise ValueError(
            f"observations of shape {observations.shape}; allowed: (..., {num_dus}, values), of all {num_dus} DUs"
        )


def reuse_3(observations: NDArray[np.float32], scenario: Scenario) -> NDArray[np.float32]:
    """Frequency reuse 3: each DU uses every third RB, neighbours others, in equal shares for the slices.

    Unlike the other rules it must know which DU is which: observations (..., M, D) of all of them.

    Raises:
        ValueError: observations of other than all M DUs, or a codec without a place for each RB.
    """
    _check_all(observations, scenario)
    num_rbs, colour = scenario.radio.num_rbs, _colours_of(scenario)
    rb = np.arange(num_rbs)
    slice_of_rb = np.minimum(rb // 3 * NUM_SLICES // max(num_rbs // 3, 1), NUM_SLICES - 1)
    action = encode_slices(np.where(rb % 3 == colour[:, None], slice_of_rb, IDLE), scenario)
    return np.broadcast_to(action, (*observations.shape[:-1], action.shape[-1])).copy()


class RandomPolicy:
    """Every action value uniform in (0, 1), drawn anew in every step."""

    def __init__(self, scenario: Scenario, seed: int = 0) -> None:
        self._size = action_size(scenario)
        self._rng = np.random.default_rng(seed)

    def __call__(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return actions (..., A)."""
        return self._rng.random((*observations.shape[:-1], self._size), dtype=np.float32)


SEARCHED: dict[str, Callable[..., NDArray[np.float32]]] = {
    "static": static,
    "count_rule": count_rule,
    "zone_rule": zone_rule,
}


def searched_parameters(scenario: Scenario) -> dict[str, dict[str, Any]]:
    """The numbers of SEARCHED by name of the rule, empty where none were searched.

    They are those of the preset that the scenario is named after, whichever of its fields have been overridden.
    """
    table = json.loads(resources.files("oran_env").joinpath("policies", "rules.json").read_text())
    found = table["scenarios"].get(scenario.name, {})
    return {name: found[name]["parameters"] for name in SEARCHED if name in found}


def rules_on_counts(scenario: Scenario) -> dict[str, Policy]:
    """The rules of this module by name, made afresh in each call, and random actions among them."""
    policies: dict[str, Policy] = {
        "random": RandomPolicy(scenario),
        "idle": partial(idle, scenario=scenario),
        "equal_shares": partial(equal_shares, scenario=scenario),
        "demand_proportional": partial(demand_proportional, scenario=scenario),
    }
    if scenario.control.codec == "zones":
        del policies["idle"]  # which it cannot say
    for name, parameters in searched_parameters(scenario).items():
        if name != "zone_rule" or _has_zones(scenario, parameters["colours_own"]):
            policies[name] = partial(SEARCHED[name], scenario=scenario, **parameters)
    return policies


def _has_zones(scenario: Scenario, colours_own: bool) -> bool:
    """Whether the codec can say what ``zone_rule`` decides."""
    codec = scenario.control.codec
    return not colours_own if codec == "zones" else CODECS[codec].claims > 0 and CODECS[codec].named_ues == 0
