"""What a DU sees: named parts, in this order, of which each observation has some, less ``hidden_observations``.

``paper`` is s_t = {Q̄^l, N_u^l, a_{t-1}}, ``extended`` adds backlog and load, ``kpm`` all that a DU can report to the
RIC by E2SM-KPM; the measurements of TS 28.552 that a part stands for are named with it.

qos: Q̄_l, the normalised QoS of each slice in the last step; 0 after a reset.
num_ues: N_u^l·M/N, the UEs of each slice now attached; 1/3 is an even share (RRC.ConnMean).
backlog: log(1 + mean backlog per UE of the slice / bits offered to a UE in one step).
load: offered over achieved rate of the slice in the last step, in [0, 1]; 1 for a full-buffer slice, 0 for a slice
    without UE.
delay: head-of-line delay, the age of the oldest bit that waits at a UE of the slice, as log(1 + age/1 ms) over the
    same of ``latency_cap_s``; 0 where nothing waits (DRB.RlcSduDelayDl).
cqi: per slice, the 10, 50 and 90 % quantile over its UEs of what their channel carries, as a share of the 7.4 bit/s/Hz
    of CQI 15: with ``link_adaptation="mcs"`` the efficiency of the CQI that the DU will go by; else log2(1 + SINR) from
    the mean gains, the others at the share of their power of the last step, at all of it after a reset; 0 without UE
    (CARR.WBCQIDist).
prb_use: share of all RBs that carried data of the slice in the last step; 0 after a reset (RRU.PrbUsedDl).
interference: of the power that the other RUs would bring to its UEs by all RBs at full power, the share that they
    brought in the last step, mean of the UEs; 0 after a reset. In dB over noise, some 60 here, half would not show.
previous_action: executed bits of the last action, as the codec orders them (with ``slice_share`` the shares of the RBs
    that eMBB, mMTC, URLLC and nobody got, with ``zones`` and ``prb_quota`` the values as given); with
    ``power_range_db`` then K values as given, clipped; 0 after a reset.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.demand.traffic import Traffic
from oran_env.model.mac.action_codec import CODECS, action_size, num_powers
from oran_env.model.mac.codecs.codec import AS_GIVEN, BITS, SHARES, THRESHOLD
from oran_env.model.outcome import Outcome
from oran_env.model.radio.channel import Channel, on_air
from oran_env.model.radio.link_adaptation import Links, behind_gap, cqi_of, known_quality, wideband
from oran_env.model.state import NO_REPORT, State
from oran_env.numerics.jit import Floats, Integers, Singles, kernel
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES
from oran_env.scenario.validation import ScenarioError

QUANTILES = (0.1, 0.5, 0.9)  # of the CQIs of a slice
_PER_SLICE = {"qos": 1, "num_ues": 1, "backlog": 1, "load": 1, "delay": 1, "cqi": len(QUANTILES), "prb_use": 1}
PARTS = Registry(  # how many columns each has; that of the action, as many as the action has
    "hidden_observations",
    {**{name: NUM_SLICES * each for name, each in _PER_SLICE.items()}, "interference": 1, "previous_action": 0},
)
NAMES = tuple(PARTS)
QOS, NUM_UES, BACKLOG, LOAD, DELAY, CQI, PRB_USE, INTERFERENCE, PREVIOUS_ACTION = range(len(NAMES))

_PAPER = ("qos", "num_ues", "previous_action")
OBSERVATIONS = Registry(
    "observation", {"paper": _PAPER, "extended": (*_PAPER, "backlog", "load"), "kpm": NAMES}
)  # which parts are seen


class View(NamedTuple):
    """What a DU sees beside its state."""

    start: Integers  # (9,) first column of each part, -1 where it is not seen
    radio: bool  # whether any part tells of the channel
    action: int  # BITS, SHARES or AS_GIVEN
    powers: int  # values of the action, at its end, that set the power of an RB
    even_share: float  # M/N, by which numbers of UEs are scaled


def observation_layout(scenario: Scenario, size: int | None = None) -> dict[str, slice]:
    """Named groups of the columns of a local observation; size: of the action, if not that of the scenario's codec.

    Raises:
        ScenarioError: what is hidden is not there, or all there is.
    """
    shown, hidden = OBSERVATIONS[scenario.control.observation], scenario.control.hidden_observations
    if not set(hidden) < set(shown):
        raise ScenarioError(
            f"hidden_observations is {hidden}; allowed: some of {', '.join(shown)}, the parts of observation "
            f"{scenario.control.observation!r}, but not all"
        )
    widths = {**PARTS, "previous_action": action_size(scenario) if size is None else size}
    layout, start = {}, 0
    for name in NAMES:
        if name in shown and name not in hidden:
            layout[name] = slice(start, start + widths[name])
            start += widths[name]
    return layout


def observation_bounds(scenario: Scenario, size: int | None = None) -> tuple[Singles, Singles]:
    """Least and greatest value of each column of a local observation."""
    layout = observation_layout(scenario, size)
    high = np.ones(max(part.stop for part in layout.values()), dtype=np.float32)
    for name, greatest in (("num_ues", scenario.layout.num_dus), ("backlog", np.inf)):
        high[layout.get(name, slice(0))] = greatest
    return np.zeros_like(high), high


def view_of(scenario: Scenario) -> View:
    """What a DU of a scenario sees."""
    dus, ues = scenario.layout.num_dus, scenario.layout.num_ues
    layout = observation_layout(scenario)
    return View(
        start=np.array([layout[name].start if name in layout else -1 for name in NAMES]),
        radio="cqi" in layout or "interference" in layout,
        action=CODECS[scenario.control.codec].seen,
        powers=num_powers(scenario),
        even_share=dus / max(ues, 1),
    )


@kernel
def write_observations(
    which: Integers, actions: Singles, p: View, traffic: Traffic, s: State, out: Outcome
) -> None:  # fmt: skip
    """Write what every DU sees but for the channel; actions (B, M, A), (B, M, 0) after a reset."""
    if p.action not in (BITS, SHARES, AS_GIVEN):
        raise ValueError("what is seen of an action: no such branch")
    fresh = actions.shape[2] == 0
    for b in which:
        for m in range(s.observation.shape[1]):
            seen = s.observation[b, m]
            first, load = s.first[b], s.load[b, m]
            for i in range(NUM_SLICES):
                start, stop = first[NUM_SLICES * m + i], first[NUM_SLICES * m + i + 1]
                ues = s.members[b, start:stop]
                if p.start[QOS] >= 0:
                    seen[p.start[QOS] + i] = s.normalised[b, m, i]
                if p.start[NUM_UES] >= 0:
                    seen[p.start[NUM_UES] + i] = (stop - start) * p.even_share
                if p.start[BACKLOG] >= 0:
                    total = 0.0
                    for u in ues:
                        total += s.backlog[b, u]
                    bits = traffic.offered[i] * traffic.step_s * (stop - start)
                    seen[p.start[BACKLOG] + i] = math.log1p(total / bits if bits > 0.0 else 0.0)
                if p.start[LOAD] >= 0:
                    seen[p.start[LOAD] + i] = load[i]
                if p.start[DELAY] >= 0:
                    oldest = 0.0
                    for u in ues:
                        oldest = max(oldest, s.waited[b, u])
                    cap = traffic.latency_cap
                    seen[p.start[DELAY] + i] = math.log1p(1e3 * min(oldest, cap)) / math.log1p(1e3 * cap)
                if p.start[PRB_USE] >= 0:
                    seen[p.start[PRB_USE] + i] = 0.0 if fresh else out.rbs_granted[b, m, i] / out.ue_of_rb.shape[2]
            if p.start[PREVIOUS_ACTION] < 0:
                continue
            previous = seen[p.start[PREVIOUS_ACTION] :]
            decided = len(previous) - p.powers
            for j in range(decided, len(previous)):
                previous[j] = 0.0 if fresh else min(max(actions[b, m, j], np.float32(0.0)), np.float32(1.0))
            if not fresh and p.action == SHARES:
                count_shares(out.slice_of_rb[b, m], previous[:decided])
                continue
            for j in range(decided):
                if fresh:
                    previous[j] = 0.0
                elif p.action == BITS:
                    previous[j] = 1.0 if actions[b, m, j] > THRESHOLD else 0.0
                else:
                    previous[j] = min(max(actions[b, m, j], np.float32(0.0)), np.float32(1.0))


@kernel
def write_radio(
    which: Integers, actions: Singles, p: View, links: Links, channel: Channel, s: State, out: Outcome
) -> None:  # fmt: skip
    """Write what every DU sees of the channel; actions as in ``write_observations``."""
    fresh = actions.shape[2] == 0
    num_dus = s.observation.shape[1]
    activity = np.ones(num_dus)  # share of its power that each RU transmitted with
    room = np.empty(s.serving.shape[1])
    for b in which:
        if not fresh:
            for m in range(num_dus):
                activity[m] = on_air(out.ue_of_rb[b, m], out.rb_power[b, m])
        first = s.first[b]
        for m in range(num_dus):
            seen = s.observation[b, m]
            for i in range(NUM_SLICES):
                if p.start[CQI] >= 0:
                    ues = s.members[b, first[NUM_SLICES * m + i] : first[NUM_SLICES * m + i + 1]]
                    found = room[: len(ues)]
                    carried(ues, m, activity, s.gain[b], s.reported[b], channel, links, found)
                    sort(found)
                    for j in range(len(QUANTILES)):
                        carries = quantile(found, QUANTILES[j])
                        seen[p.start[CQI] + len(QUANTILES) * i + j] = min(carries / links.cqi_efficiency[-1], 1.0)
            if p.start[INTERFERENCE] >= 0:
                ues = s.members[b, first[NUM_SLICES * m] : first[NUM_SLICES * (m + 1)]]
                seen[p.start[INTERFERENCE]] = 0.0 if fresh else brought(ues, m, s.gain[b], activity)


@kernel
def carried(
    ues: Integers, m: int, activity: Floats, gain: Floats, reported: Floats, channel: Channel, p: Links, room: Floats
) -> None:
    """Write what the channels of the UEs of DU m are known to carry [bit/s/Hz] into ``room``, as many values.

    activity: (M,); gain: (N, M); reported: (N, d + 1), or (N, 0) without link adaptation.
    """
    for j in range(len(ues)):
        u = ues[j]
        known = known_quality(reported[u], p.delay) if p.mcs else NO_REPORT
        if known == NO_REPORT:
            room[j] = wideband(u, m, gain, activity, channel)
            known = behind_gap(room[j], p.gap) if p.mcs else NO_REPORT
        if p.mcs:
            room[j] = p.cqi_efficiency[cqi_of(known, p.cqi_efficiency)]


@kernel
def brought(ues: Integers, m: int, gain: Floats, activity: Floats) -> float:
    """Of what the other RUs could bring to the UEs of DU m, the share they did: gain (N, M), activity (M,)."""
    total = 0.0
    for u in ues:
        possible, actual = 0.0, 0.0
        for other in range(gain.shape[1]):
            if other != m:
                possible += gain[u, other]
                actual += gain[u, other] * activity[other]
        total += actual / possible if possible > 0.0 else 0.0
    return total / max(len(ues), 1)


@kernel
def sort(values: Floats) -> None:
    """Sort a few values in place, by insertion."""
    for j in range(1, len(values)):
        value = values[j]
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value


@kernel
def quantile(ordered: Floats, share: float) -> float:
    """Quantile of ordered values, linear between two of them; 0 of none."""
    if len(ordered) == 0:
        return 0.0
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])  # type: ignore[no-any-return]


@kernel
def count_shares(slice_of_rb: Integers, shares: Singles) -> None:
    """Write the shares (4,) of the RBs (K,) that eMBB, mMTC, URLLC and nobody got."""
    for j in range(len(shares)):
        shares[j] = 0.0
    for i in slice_of_rb:
        shares[i if i >= 0 else NUM_SLICES] += np.float32(1.0)
    for j in range(len(shares)):
        shares[j] = shares[j] / np.float32(len(slice_of_rb))
