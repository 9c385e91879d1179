"""Every part of an observation for ONE DU, read slowly and plainly out of a state and the step before it.

The state is that of one network: arrays without the axis of networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from oracle import links
from oracle.equations import NUM_SLICES, Floats, Ints, members
from oracle.radio import noise_mw

Parts = dict[str, list[float]]


def quantile(values: Sequence[float], share: float) -> float:
    """Linear between the two values that stand around a share of the way from the least to the greatest."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below, above = math.floor(place), math.ceil(place)
    return ordered[below] * (1.0 - (place - below)) + ordered[above] * (place - below)


def known_efficiency(scenario: Any, state: Any, u: int, m: int, activity: Floats) -> float:
    """What UE u is known to carry: the efficiency of its CQI, or log2(1 + SINR) where none is reported."""
    radio = scenario.radio
    noise = noise_mw(radio.noise_dbm_per_hz, radio.rb_bandwidth_hz)
    expected = links.expected_efficiency(u, m, gain_mw=state["gain"], activity=activity, noise=noise, radio=radio)
    if radio.link_adaptation == "shannon":
        return expected
    newest_in_time = state["reported"][u, max(radio.cqi_delay_steps - 1, 0)]
    quality = links.quality_of(expected, radio.link_gap_db) if newest_in_time < 0 else float(newest_in_time)
    return links.CQI_EFFICIENCY[links.cqi_of(quality)]


def parts(scenario: Any, state: Any, m: int, slice_of_rb_served: Ints | None, power: float | Floats = 1.0) -> Parts:
    """The parts of what DU m sees but for its action and Q̄.

    slice_of_rb_served: (M, K) slice whose data each RU sent on each RB in the last step, -1 none; None after a reset.
    power: (M, K) of each RB in the last step over its even share.
    """
    num_dus, num_rbs = scenario.layout.num_dus, scenario.radio.num_rbs
    traffic, cap = scenario.traffic, scenario.traffic.latency_cap_s
    sent = np.zeros((num_dus, num_rbs)) - 1 if slice_of_rb_served is None else np.asarray(slice_of_rb_served)
    activity = np.ones(num_dus) if slice_of_rb_served is None else ((sent >= 0) * power).mean(axis=1)
    found: Parts = {name: [] for name in ("num_ues", "backlog", "load", "delay", "cqi", "prb_use", "interference")}
    for sl in range(NUM_SLICES):
        ues = members(ue_slice=state["slice_of_ue"], serving=state["serving"], du=m, slice_=sl)
        found["num_ues"].append(len(ues) * num_dus / scenario.layout.num_ues)
        offered = traffic.load * traffic.offered_bps[sl] * scenario.control.step_s
        waiting = [float(state["backlog"][u]) for u in ues]
        found["backlog"].append(math.log(1.0 + sum(waiting) / len(ues) / offered) if ues and offered else 0.0)
        found["load"].append(float(state["load"][m, sl]))
        ages = [float(state["waited"][u]) for u in ues]
        oldest = min(max(ages, default=0.0), cap)
        found["delay"].append(math.log(1.0 + oldest / 1e-3) / math.log(1.0 + cap / 1e-3))
        carried = [known_efficiency(scenario, state, u, m, activity) for u in ues]
        found["cqi"] += [min(quantile(carried, share) / (8 * 948 / 1024), 1.0) for share in (0.1, 0.5, 0.9)]
        found["prb_use"].append(float((sent[m] == sl).mean()))
    heard = []
    for u in range(scenario.layout.num_ues):
        others = [float(state["gain"][u, o]) for o in range(num_dus) if o != m]
        if state["serving"][u] == m and others and slice_of_rb_served is not None:
            on_air = [float(activity[o]) * float(state["gain"][u, o]) for o in range(num_dus) if o != m]
            heard.append(sum(on_air) / sum(others))
        elif state["serving"][u] == m:
            heard.append(0.0)
    found["interference"].append(sum(heard) / len(heard) if heard else 0.0)
    return found
