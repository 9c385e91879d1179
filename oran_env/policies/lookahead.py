"""Lookahead, what a score is divided by: it has privileged access and searches in copies of the simulator.

``LookaheadPolicy`` starts from ``count_rule``, tries other numbers of RBs and other frequency reuse in copies of the
true state, and keeps what raises the mean reward of the DUs in the coming ``horizon`` steps. A candidate is what is
done in the first of these. After it every copy follows ``backlog_rule`` on what it sees; where no backlog is seen, the
plan as it stands. (Keeping a candidate through all the steps values what nobody would do where demand comes and goes;
with bursts that was worse than horizon 1.) What it may know is the whole state: positions, mean gains, slices,
backlogs, turns of the round robin. What it may not know, unless ``clairvoyant``, is what the coming steps draw: fading,
arrivals, bursts, sessions, turns. The copies draw their own, the same for all candidates.

With a queue that is seen what a DU needs changes from step to step: there each search begins at what
``backlog_rule`` does, has the last plan among its candidates, and makes larger moves.

Limits: with horizon 1 it ignores what a backlog costs later; and the plans it searches (``reuse_plan.py``) are few of
the 4^(M·K) assignments. Strong, but no upper bound.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.action_codec import action_size
from oran_env.numerics.jit import Floats, Integers, Singles
from oran_env.numerics.seeding import checked_seed
from oran_env.policies.reading_rules import (
    UNSEARCHED_BACKLOG,
    backlog_counts,
    backlog_rule,
    reading_parameters,
    reads_backlog,
)
from oran_env.policies.reuse_plan import ALL, ONE, THREE, Plan, colours, encode_slices, lay_out
from oran_env.policies.rules import searched_parameters
from oran_env.scenario.slices import EMBB, NUM_SLICES, URLLC
from oran_env.simulator.simulator import Simulator

UNSEARCHED = {"rbs_per_urllc_ue": 2.5, "embb_share": 0.22}  # where no count_rule has been searched
FACTORS = {ALL: (0.7, 1.0, 1.3), THREE: (0.3, 0.45, 0.6), ONE: (0.15, 0.22, 0.35)}  # RBs to try, of count_rule's
CAUTION = 1.0  # a move must gain this many standard errors of its mean over the draws
FIRST_ROUNDS = 5  # of search in the first step of an episode; later searches go on from its plan
CANDIDATES = 32  # in a round
FINALISTS = 16  # of the first, coarse grid, judged on all draws
AT_ONCE = 16  # draws simulated at the same time at most, which bounds the memory
LEAST_DRAWS = 8
CHANGES = (-4, -2, -1, 1, 2, 4)
LATTICE = 8  # parts of the RBs that the splits of a coarse round are made of
_LATTICE = [(u, e) for u in range(LATTICE + 1) for e in range(LATTICE + 1 - u)]
LARGE_CHANGES = (-16, -8, *CHANGES, 8, 16)  # where there is a backlog

NetworkState = Mapping[str, NDArray[Any]]  # of Simulator.get_state, one network


class LookaheadPolicy:
    """Search in copies of ``simulator`` before each decision; call it with the observations of that simulator.

    Cost: ``rounds`` x 32 x ``draws`` x ``horizon`` simulated steps per network at every ``interval``-th step, and about
    FIRST_ROUNDS x 32 x ``draws`` x ``horizon`` x 1.5 at the first step of an episode; ``simulated_steps`` counts them.

    Args:
        simulator: the one that is being played; it is read, never changed.
        rounds: of search at every ``interval``-th step; 0: search at the first step of an episode only.
        draws: futures that each candidate is judged on, a multiple of 8.
        interval: steps from one search to the next; in between the plan stays and follows the numbers of UEs.
        clairvoyant: judge on what the coming steps will really draw (``draws`` and ``interval`` are then 1).
        seed: of the candidates and of the futures in the copies.
        horizon: steps whose mean reward a candidate is judged by.
        successor: numbers of ``backlog_rule``, which the copies follow later; default: the searched ones.
        zones: numbers of ``zone_rule``, the nearest plan to which is then among the first candidates of an episode.

    Raises:
        ValueError: an argument out of range, a codec without bits for single RBs.
    """

    def __init__(
        self,
        simulator: Simulator,
        rounds: int = 1,
        draws: int = 64,
        interval: int = 5,
        clairvoyant: bool = False,
        seed: int = 0,
        horizon: int = 1,
        successor: Mapping[str, Any] | None = None,
        zones: Mapping[str, Any] | None = None,
    ) -> None:
        for name, value, least in (("rounds", rounds, 0), ("interval", interval, 1), ("horizon", horizon, 1)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} is {value!r}; allowed: integers >= {least}")
        if not isinstance(draws, int) or draws < LEAST_DRAWS or draws % LEAST_DRAWS:
            raise ValueError(f"draws is {draws!r}; allowed: multiples of {LEAST_DRAWS}")
        if simulator.action_size != action_size(simulator.scenario):
            raise ValueError("the simulator has a codec component; allowed: the codec of the scenario")
        self.simulated_steps = 0
        self._simulator, self._scenario = simulator, simulator.scenario
        self._draws, self._at_once, self._interval = (
            (1, 1, 1) if clairvoyant else (draws, math.gcd(draws, AT_ONCE), interval)
        )
        self._rounds, self._horizon = rounds, horizon
        self._clairvoyant = clairvoyant
        self._seed = checked_seed(seed)
        self._plans: dict[int, tuple[tuple[int, ...], Plan]] = {}  # by network: its episode, and the last plan
        num_dus, num_rbs = len(simulator.agents), self._scenario.radio.num_rbs
        everyone = np.zeros(num_dus, dtype=np.int64)
        self._groups = {ALL: everyone, THREE: colours(simulator.parameters.path_loss.sites), ONE: np.arange(num_dus)}
        numbers = searched_parameters(self._scenario).get("count_rule", UNSEARCHED)
        embb_rbs = round(numbers["embb_share"] * num_rbs)
        self._rule = Plan((ALL, ALL), numbers["rbs_per_urllc_ue"], embb_rbs, 0, ((0, 0),) * num_dus)
        self._zones = [] if zones is None else [as_plan(zones, num_dus, num_rbs)]
        self._splits = [(u * num_rbs // LATTICE, e * num_rbs // LATTICE) for u, e in _LATTICE]
        self._queue, self._reads = self._scenario.traffic.latency == "queue", reads_backlog(self._scenario)
        self._reading = successor or reading_parameters(self._scenario).get("backlog_rule", UNSEARCHED_BACKLOG)
        encode_slices(np.zeros((1, num_rbs), dtype=np.int64), self._scenario)  # refuses other codecs
        longer = self._scenario.with_overrides(horizon=self._scenario.control.horizon + horizon - 1)
        self._copies = Simulator(longer, CANDIDATES * self._at_once, 0, components=copy.deepcopy(simulator.components))
        self._copies.reset()

    def __call__(self, observations: Singles) -> Singles:
        """Actions (B, M, A) for the present state of the simulator, whose observations (B, M, D) these must be.

        Raises:
            ValueError: observations of another shape.
        """
        expected = self._simulator.state.observation.shape
        if observations.shape != expected:
            raise ValueError(
                f"observations have shape {observations.shape}; allowed: {expected}, of the simulator given"
            )
        state = self._simulator.get_state()
        networks = range(self._simulator.num_networks)
        grids = [self._decide(b, {name: array[b] for name, array in state.items()}) for b in networks]
        return encode_slices(np.stack(grids), self._scenario)

    def _decide(self, b: int, state: NetworkState) -> Integers:
        """Slice of each RB (M, K) for network b."""
        key = tuple(int(word) for word in state["key"])
        rng = np.random.default_rng([self._seed, *key])  # so that no decision depends on the rest of the batch
        attached = state["serving"] >= 0
        ues = np.zeros((len(self._simulator.agents), NUM_SLICES))
        np.add.at(ues, (state["serving"][attached], state["slice_of_ue"][attached]), 1)
        episode, plan = self._plans.get(b, ((), self._rule))
        rounds = self._rounds if key[3] % self._interval == 0 else 0
        if episode != key[:3]:
            plan, rounds = self._first_plan(state, ues, rng), FIRST_ROUNDS
        kept = None
        if rounds and self._reads:  # begin at what the rule does now; the last plan is one of the candidates
            kept, plan = plan, self._as_read(plan, state, ues)
        for number in range(rounds):
            plan = self._improved(plan, state, ues, rng, kept, coarse=self._queue and number == 0)
        self._plans[b] = (key[:3], plan)
        return self._grid(plan, ues)

    def _grid(self, plan: Plan, ues: Floats) -> Integers:
        return lay_out(plan, ues, self._groups, self._scenario.radio.num_rbs)

    def _first_plan(self, state: NetworkState, ues: Floats, rng: np.random.Generator) -> Plan:
        """The best of a coarse grid over every kind of reuse; count_rule is its first point."""
        rule = self._rule
        own = max(1, round(self._scenario.radio.num_rbs / (4 * len(ues))))
        plans = [rule, *self._zones] + [
            Plan((urllc, embb), rule.rbs_per_urllc_ue * f, max(1, round(rule.embb_rbs * g)), mmtc, rule.corrections)
            for urllc in FACTORS
            for embb in FACTORS
            for f in FACTORS[urllc]
            for g in FACTORS[embb]
            for mmtc in (0, own)
        ]
        few = max(self._at_once, self._draws // 4 // self._at_once * self._at_once)
        parts = [plans[i : i + CANDIDATES] for i in range(0, len(plans), CANDIDATES)]
        coarse = np.concatenate([self._rewards(state, part, ues, few, rng).mean(axis=(1, 2)) for part in parts])
        finalists = [plans[i] for i in np.argsort(-coarse, kind="stable")[:FINALISTS]]
        values = self._rewards(state, finalists, ues, self._draws, rng).mean(axis=(1, 2))
        best: Plan = finalists[int(values.argmax())]
        return best

    def _improved(
        self,
        plan: Plan,
        state: NetworkState,
        ues: Floats,
        rng: np.random.Generator,
        kept: Plan | None,
        coarse: bool,
    ) -> Plan:
        """One round: keep the plan, make the best joint move, or let every DU make its own best correction.

        The corrections are tried at random, or in a ``coarse`` round all splits of a lattice.

        A correction among the RBs that all DUs share changes no interference, so the candidates correct all DUs at once
        and each DU is judged by its own reward. A joint move, a rule's plan among them, is judged by the mean. A
        plan that was ``kept`` from the last step is a candidate of both kinds.
        """
        shared = [which for which in (0, 1) if plan.reuse[which] == ALL]
        num_joint = CANDIDATES // 3 if shared else CANDIDATES - 1
        plans = [plan, self._as_read(self._rule, state, ues) if self._reads else self._rule]
        plans += [] if kept is None else [kept]
        plans += [self._moved(plan, rng) for _ in range(num_joint + 1 - len(plans))]
        both = kept is not None and kept.reuse == plan.reuse and bool(shared)
        if kept is not None and both:
            plans.append(dataclasses.replace(plan, corrections=kept.corrections))
        if coarse:
            plans += [self._split(plan, ues, shared, urllc, embb) for urllc, embb in self._splits]
        while len(plans) < CANDIDATES:
            rows = [list(row) for row in plan.corrections]
            for row in rows:
                row[rng.choice(shared)] += int(rng.choice(LARGE_CHANGES if self._queue else CHANGES))
            plans.append(dataclasses.replace(plan, corrections=tuple((row[0], row[1]) for row in rows)))
        rewards = self._rewards(state, plans, ues, self._draws, rng)
        gains = rewards - rewards[:1]  # (C, F, M), each pair on the same fading
        joint = cautious_mean(gains[: num_joint + 1].mean(axis=2))
        alone = np.delete(gains, np.s_[1 : num_joint + 1], axis=0)
        own = np.array([cautious_mean(alone[:, :, m]) for m in range(len(ues))])  # (M, 1 + corrections)
        if kept is not None:  # nothing speaks for what the rule does but its reward: no caution
            joint[2] = gains[2].mean()
            if both:
                own[:, 1] = alone[1].mean(axis=0)
        if own.max(axis=1).mean() <= joint.max():
            return plans[int(joint.argmax())]
        corrected = [plan, *plans[num_joint + 1 :]]
        rows_kept = tuple(corrected[c].corrections[m] for m, c in enumerate(own.argmax(axis=1)))
        improved: Plan = dataclasses.replace(plan, corrections=rows_kept)
        return improved

    def _split(self, plan: Plan, ues: Floats, shared: list[int], urllc: int, embb: int) -> Plan:
        """The plan in which every DU gives so many RBs to URLLC and eMBB, as far as all DUs share them."""
        at_first = np.ceil(plan.rbs_per_urllc_ue * ues[:, URLLC]).astype(np.int64)
        rows = tuple(
            (urllc - int(first) if 0 in shared else row[0], embb - plan.embb_rbs if 1 in shared else row[1])
            for first, row in zip(at_first, plan.corrections, strict=True)
        )
        split: Plan = dataclasses.replace(plan, corrections=rows)
        return split

    def _afterwards(self, observations: Singles, first: Singles) -> Singles:
        """Actions of the copies after the first step; first: (1, 1, M, A) of the plan as it stands."""
        if self._reads:
            return backlog_rule(observations, self._scenario, **self._reading)
        return np.broadcast_to(first[0], (len(observations), *first.shape[2:]))

    def _as_read(self, plan: Plan, state: NetworkState, ues: Floats) -> Plan:
        """The plan with the numbers of RBs that ``backlog_rule`` gives on what the DUs see."""
        counts = backlog_counts(state["observation"], self._scenario, **self._reading)
        urllc = counts[:, URLLC] - np.ceil(plan.rbs_per_urllc_ue * ues[:, URLLC]).astype(np.int64)
        embb = counts[:, EMBB] - plan.embb_rbs
        read: Plan = dataclasses.replace(
            plan,
            corrections=tuple(
                (int(u) if plan.reuse[0] == ALL else row[0], int(e) if plan.reuse[1] == ALL else row[1])
                for u, e, row in zip(urllc, embb, plan.corrections, strict=True)
            ),
        )
        return read

    def _moved(self, plan: Plan, rng: np.random.Generator) -> Plan:
        """The plan with one number changed at random: one that concerns all DUs, or one correction."""
        kind, reuse = rng.integers(7), int(rng.integers(3))
        factor, sign = rng.choice(FACTORS[reuse]), int(rng.choice((-1, 1)))
        if kind == 0:
            rbs = float(self._rule.rbs_per_urllc_ue * factor)
            return dataclasses.replace(plan, reuse=(reuse, plan.reuse[1]), rbs_per_urllc_ue=rbs)
        if kind == 1:
            number = max(1, round(self._rule.embb_rbs * factor))
            return dataclasses.replace(plan, reuse=(plan.reuse[0], reuse), embb_rbs=number)
        if kind == 2:
            rbs = max(0.25, plan.rbs_per_urllc_ue + float(rng.choice((0.25, 0.5))) * sign)
            return dataclasses.replace(plan, rbs_per_urllc_ue=rbs)
        if kind == 3:
            return dataclasses.replace(plan, embb_rbs=max(0, plan.embb_rbs + sign * int(rng.choice((1, 2)))))
        if kind == 4:
            return dataclasses.replace(plan, own_mmtc_rbs=max(0, plan.own_mmtc_rbs + sign))
        if kind == 5:
            return dataclasses.replace(plan, corrections=self._rule.corrections)
        return plan.corrected(int(rng.integers(len(plan.corrections))), int(rng.integers(2)), int(rng.choice(CHANGES)))

    def _rewards(
        self, state: NetworkState, plans: list[Plan], ues: Floats, draws: int, rng: np.random.Generator
    ) -> Floats:
        """Mean rewards (plans, draws, M) of the coming steps from ``state``, every plan on the same draws."""
        room, num_dus = self._at_once, len(ues)
        parts = -(-len(plans) // CANDIDATES)
        bits = np.zeros((parts * CANDIDATES, num_dus, self._simulator.action_size), dtype=np.float32)
        bits[: len(plans)] = encode_slices(np.stack([self._grid(plan, ues) for plan in plans]), self._scenario)
        number = CANDIDATES * room
        copies = {name: np.broadcast_to(array, (number, *array.shape)) for name, array in state.items()}
        copies["key"] = copies["key"].copy()
        rewards = np.empty((parts, CANDIDATES, draws, num_dus))
        for drawn in range(0, draws, room):
            if not self._clairvoyant:  # other key words, another future
                copies["key"][:, :2] = np.tile(rng.integers(0, 2**32, (room, 2), dtype=np.uint64), (CANDIDATES, 1))
            for part in range(parts):
                actions = np.repeat(bits[part * CANDIDATES : (part + 1) * CANDIDATES], room, axis=0)
                self._copies.set_state(copies)
                result = self._copies.step(actions)
                total = result.rewards.astype(np.float64)
                for _ in range(self._horizon - 1):
                    result = self._copies.step(self._afterwards(result.observations, bits[None, :1]))
                    total += result.rewards
                self.simulated_steps += number * self._horizon
                rewards[part, :, drawn : drawn + room] = (total / self._horizon).reshape(CANDIDATES, room, num_dus)
        return rewards.reshape(parts * CANDIDATES, draws, num_dus)[: len(plans)]


def as_plan(zones: Mapping[str, Any], num_dus: int, num_rbs: int) -> Plan:
    """The plan nearest to ``zone_rule``: URLLC on what all share, eMBB on own RBs if it has any there."""
    own, colours_own = zones["own_embb"], zones["colours_own"]
    shared = round(zones["shared_embb"] * (num_rbs - (3 if colours_own else num_dus) * zones["owned_rbs"]))
    return Plan(
        (ALL, (THREE if colours_own else ONE) if own else ALL),
        zones["rbs_per_urllc_ue"],
        own or shared,
        0 if colours_own else zones["own_mmtc"],
        ((0, 0),) * num_dus,
    )


def cautious_mean(gains: Floats) -> Floats:
    """Mean gain (C,) over the draws of gains (C, F), less CAUTION standard errors."""
    lower: Floats = gains.mean(axis=1) - CAUTION * gains.std(axis=1) / np.sqrt(gains.shape[1])
    return lower
