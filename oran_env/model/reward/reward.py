"""Eq. (8): r = Σ_l σ(α_l·Q̄_l) + P_res + P_minQ, its parts separate.

α_l = 3·w_l·Q̄_l / max(Σ_j w_j·Q̄_j, floor). ``literal`` has no floor, ``fixed`` takes α from the scenario.
P_minQ = -ζ·Σ_l max(0, 0.5 - Q̄_l);  P_res = -ζ·max(0, claimed - K)/K.
With ``energy_weight`` there is a fourth part: -energy_weight·energy of the RU / energy at full use, see ``energy.py``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.outcome import Outcome
from oran_env.model.reward.energy import full_use
from oran_env.model.state import State
from oran_env.numerics.blocks import Choice
from oran_env.numerics.jit import Floats, Integers, kernel, switch
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

REWARD_SHARING = Registry("reward_sharing", {"individual": False, "team": True})  # whether all get the mean


class RewardTerms(NamedTuple):
    """The weights of eq. (8)."""

    priority: Floats  # (3,) w
    zeta: float
    alpha: Choice
    alpha_floor: float
    fixed_alpha: Floats  # (3,)
    min_normalised: float
    team: bool
    energy: float  # weight / energy at full use [1/J]


@kernel
def adaptive(emphasis: float, weighted: float, floor: float, fixed: float) -> float:
    """α_l from 3·w_l·Q̄_l and Σ_j w_j·Q̄_j."""
    divisor = max(weighted, floor)
    return emphasis / divisor if divisor > 0.0 else 0.0


@kernel
def literal(emphasis: float, weighted: float, floor: float, fixed: float) -> float:
    """The same without a floor."""
    return emphasis / weighted if weighted > 0.0 else 0.0


@kernel
def given(emphasis: float, weighted: float, floor: float, fixed: float) -> float:
    """The same from the scenario."""
    return fixed


ALPHAS = Registry("alpha", {"adaptive": adaptive, "literal": literal, "fixed": given})
_alpha = switch("alpha", ALPHAS)


def reward_of(scenario: Scenario) -> RewardTerms:
    """The reward of a scenario."""
    reward = scenario.reward
    return RewardTerms(
        priority=np.asarray(reward.priority, dtype=np.float64),
        zeta=float(reward.zeta),
        alpha=ALPHAS.number(reward.alpha),
        alpha_floor=float(reward.alpha_floor),
        fixed_alpha=np.asarray(reward.fixed_alpha, dtype=np.float64),
        min_normalised=float(reward.min_normalised_qos),
        team=REWARD_SHARING[reward.reward_sharing],
        energy=float(reward.energy_weight / full_use(scenario)),
    )


@kernel
def compute_rewards(which: Integers, p: RewardTerms, s: State, out: Outcome) -> None:
    """The reward of every DU."""
    for b in which:
        num_dus, num_rbs = out.slice_of_rb.shape[1:]
        mean = 0.0
        for m in range(num_dus):
            normalised = s.normalised[b, m]
            out.reward_qos[b, m] = qos_reward(normalised, p)
            out.penalty_resource[b, m] = resource_penalty(out.rbs_claimed[b, m], num_rbs, p.zeta)
            out.penalty_min_qos[b, m] = min_qos_penalty(normalised, p.min_normalised, p.zeta)
            out.penalty_energy[b, m] = -p.energy * out.energy_j[b, m]
            total = out.reward_qos[b, m] + out.penalty_resource[b, m] + out.penalty_min_qos[b, m]
            total += out.penalty_energy[b, m]
            out.reward[b, m] = total
            mean += total
        if p.team:
            out.reward[b] = mean / num_dus


@kernel
def qos_reward(normalised: Floats, p: RewardTerms) -> float:
    """Sum of the sigmoids for the normalised QoS (3,) of one DU."""
    weighted = 0.0
    for i in range(NUM_SLICES):
        weighted += p.priority[i] * normalised[i]
    total = 0.0
    for i in range(NUM_SLICES):
        emphasis = NUM_SLICES * p.priority[i] * normalised[i]
        alpha = _alpha(p.alpha, emphasis, weighted, p.alpha_floor, p.fixed_alpha[i])
        total += 1.0 / (1.0 + math.exp(-alpha * normalised[i]))
    return total


@kernel
def min_qos_penalty(normalised: Floats, least: float, zeta: float) -> float:
    """P_minQ, with Q̄_min = ``least``."""
    shortfall = 0.0
    for i in range(NUM_SLICES):
        shortfall += max(0.0, least - normalised[i])
    return -zeta * shortfall


@kernel
def resource_penalty(claimed: int, num_rbs: int, zeta: float) -> float:
    """P_res: the share of RBs claimed beyond the K there are."""
    return -zeta * max(0.0, (claimed - num_rbs) / num_rbs)
