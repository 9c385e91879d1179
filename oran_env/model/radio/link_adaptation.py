"""Link adaptation: the modulation and coding scheme (MCS) that a UE is sent with, and how much of it arrives.

``shannon``: a UE gets all that eq. (1) says. ``mcs``: eq. (1) is what its n RBs could carry. Its mean over RBs and
fading blocks, e = c_u/(n·B), is the mutual information that an effective SINR of 2^e - 1 gives; codes fall short of it
by a gap Γ, so that the quality is q = log2(1 + (2^e - 1)/Γ) and γ(q) = 10·log10(2^q - 1) the SINR it stands for. UEs
report it as a CQI, the largest whose efficiency q carries. The DU sends with the largest MCS that the CQI of d steps
ago allows, the least one if none does, and the outer loop shifts the CQI by an offset o:

    γ(efficiency of the MCS) <= γ(efficiency of the CQI) + o,        o ← o + outer_loop_db·(0.1 - BLER)

A block is lost when the channel of now carries less: BLER = 1/(1 + 9·81^(x/w)), x = γ(q) - γ(efficiency of the MCS),
10 % at x = 0 and 90 % at x = -w. A lost block comes again on RBs of its own, so that of n·B·efficiency the share
1 - BLER arrives, however often HARQ tries, and a block takes 1/(1 - BLER) attempts. 1 - BLER stands for a step's mean.

A UE without RBs reports the wideband e = log2(1 + g_m/(Σ_{m' ≠ m} a_{m'}·g_{m'} + σ²)), g the mean gains and a_{m'} the
share of its power that RU m' transmits with in the step, under the EVM and cap of eq. (1). So does one that has just
come, for the steps before. Reports follow a UE through a handover.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.model.outcome import Outcome
from oran_env.model.radio.channel import Channel, on_air, spectral_efficiency
from oran_env.model.radio.impairments import limited
from oran_env.model.state import NO_REPORT, State
from oran_env.numerics.jit import Floats, Integers, kernel
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

LINK_ADAPTATIONS = Registry("link_adaptation", {"shannon": False, "mcs": True})  # whether an MCS is chosen

# (bits per symbol, code rate · 1024). TS 38.214, table 5.1.3.1-2: MCS 0 to 27, up to 256-QAM.
MCS = (
    (2, 120), (2, 193), (2, 308), (2, 449), (2, 602), (4, 378), (4, 434), (4, 490), (4, 553), (4, 616), (4, 658),
    (6, 466), (6, 517), (6, 567), (6, 616), (6, 666), (6, 719), (6, 772), (6, 822), (6, 873), (8, 682.5), (8, 711),
    (8, 754), (8, 797), (8, 841), (8, 885), (8, 916.5), (8, 948),
)  # fmt: skip
# Table 5.2.2.1-3: CQI 0, out of range, to 15.
CQI = (
    (0, 0), (2, 78), (2, 193), (2, 449), (4, 378), (4, 490), (4, 616), (6, 466), (6, 567), (6, 666), (6, 772), (6, 873),
    (8, 711), (8, 797), (8, 885), (8, 948),
)  # fmt: skip
TARGET_BLER = 0.1  # of which TS 38.214, 5.2.2.1, says that a report must not exceed it

_LEAST = 1e-9  # efficiency below which γ is not told apart [bit/s/Hz]
_REACH_DB = 20.0  # how far the outer loop shifts


class Links(NamedTuple):
    """How the MCS is chosen."""

    mcs: bool  # else all that eq. (1) says arrives
    delay: int  # d [steps]
    gap: float  # 1/Γ
    width: float  # w [dB]
    outer_loop: float  # [dB]
    cqi_efficiency: Floats  # (16,) [bit/s/Hz]
    cqi_db: Floats  # (16,) γ
    mcs_efficiency: Floats  # (28,)
    mcs_db: Floats  # (28,)


def efficiencies(table: tuple[tuple[float, float], ...]) -> Floats:
    """Bits per second and Hz of the entries of a table."""
    return np.array([bits * rate / 1024.0 for bits, rate in table])


def links_of(scenario: Scenario) -> Links:
    """The link adaptation of a scenario."""
    radio, cqi, mcs = scenario.radio, efficiencies(CQI), efficiencies(MCS)
    return Links(
        mcs=LINK_ADAPTATIONS[radio.link_adaptation],
        delay=int(radio.cqi_delay_steps),
        gap=float(10.0 ** (-radio.link_gap_db / 10.0)),
        width=float(radio.bler_width_db),
        outer_loop=float(radio.outer_loop_db),
        cqi_efficiency=cqi,
        cqi_db=np.array([decibels(e) for e in cqi]),
        mcs_efficiency=mcs,
        mcs_db=np.array([decibels(e) for e in mcs]),
    )


@kernel
def decibels(efficiency: float) -> float:
    """γ, the SINR [dB] at which log2(1 + SINR) is an efficiency."""
    return 10.0 * math.log10(math.expm1(math.log(2.0) * max(efficiency, _LEAST)))


@kernel
def behind_gap(efficiency: float, gap: float) -> float:
    """q [bit/s/Hz] from e, with ``gap`` = 1/Γ."""
    return math.log1p(math.expm1(math.log(2.0) * efficiency) * gap) / math.log(2.0)


@kernel
def wideband(u: int, m: int, gain: Floats, activity: Floats, channel: Channel) -> float:
    """e [bit/s/Hz] that UE u expects of RU m from mean gains (N, M), the others at shares (M,) of their power."""
    interference = 0.0
    for other in range(gain.shape[1]):
        if other != m:
            interference += activity[other] * gain[u, other]
    sinr = limited(gain[u, m] / (interference + channel.noise_mw), channel.evm2)
    return spectral_efficiency(sinr, channel.cap)


@kernel
def cqi_of(quality: float, efficiency: Floats) -> int:
    """The largest CQI whose efficiency (16,) q carries."""
    cqi = len(efficiency) - 1
    while cqi > 0 and efficiency[cqi] > quality:
        cqi -= 1
    return cqi


@kernel
def mcs_of(allowed_db: float, needed_db: Floats) -> int:
    """The largest MCS of those that need γ (28,) which the shifted CQI allows; the least one if it allows none."""
    mcs = len(needed_db) - 1
    while mcs > 0 and needed_db[mcs] > allowed_db:
        mcs -= 1
    return mcs


@kernel
def arriving(excess_db: float, width_db: float) -> float:
    """1 - BLER at x dB above what the MCS needs; never 0, which would say that there was no RB."""
    odds: float = 81.0 ** -max(excess_db / width_db, -150.0) / 9.0
    return 1.0 / (1.0 + odds)


@kernel
def known_quality(reports: Floats, delay: int) -> float:
    """q that the MCS of the coming step follows, of reports (d + 1,); NO_REPORT from a UE that has just come."""
    known: float = reports[max(delay - 1, 0)]
    return known


@kernel
def adapt_links(which: Integers, p: Links, channel: Channel, s: State, out: Outcome) -> None:
    """Take reports, and turn the rates of eq. (1) into what arrives."""
    if not p.mcs:
        return
    num_dus, num_rbs = out.ue_of_rb.shape[1:]
    activity = np.empty(num_dus)
    rbs = np.empty(s.serving.shape[1], dtype=np.int64)  # n of each UE
    cqi = np.empty(s.serving.shape[1], dtype=np.int64)
    for b in which:
        rate, bler, reported, gain = out.rate[b], out.bler_of_ue[b], s.reported[b], s.gain[b]
        rbs[:] = 0
        for m in range(num_dus):
            for k in range(num_rbs):
                if out.ue_of_rb[b, m, k] >= 0:
                    rbs[out.ue_of_rb[b, m, k]] += 1
            activity[m] = on_air(out.ue_of_rb[b, m], out.rb_power[b, m])
        for u in range(len(rbs)):
            m = s.serving[b, u]
            if m < 0:
                continue
            hertz = channel.bandwidth * rbs[u]
            quality = behind_gap(rate[u] / hertz, p.gap) if rbs[u] > 0 else 0.0
            if rbs[u] == 0 or reported[u, 0] == NO_REPORT:
                expected = behind_gap(wideband(u, m, gain, activity, channel), p.gap)
                quality = quality if rbs[u] > 0 else expected
                if reported[u, 0] == NO_REPORT:
                    reported[u] = expected
            for age in range(p.delay, 0, -1):
                reported[u, age] = reported[u, age - 1]
            reported[u, 0] = quality
            cqi[u] = cqi_of(reported[u, p.delay], p.cqi_efficiency)
            if rbs[u] == 0:
                continue
            offset = s.outer_loop[b, u, 0] if p.outer_loop > 0.0 else 0.0
            mcs = mcs_of(p.cqi_db[cqi[u]] + offset, p.mcs_db)
            share = arriving(decibels(quality) - p.mcs_db[mcs], p.width)
            rate[u] = hertz * p.mcs_efficiency[mcs] * share
            bler[u] = 1.0 - share
            if p.outer_loop > 0.0:
                shifted = offset + p.outer_loop * (TARGET_BLER - bler[u])
                s.outer_loop[b, u, 0] = min(max(shifted, -_REACH_DB), _REACH_DB)
        for m in range(num_dus):
            for i in range(NUM_SLICES):
                group = NUM_SLICES * m + i
                ues = s.members[b, s.first[b, group] : s.first[b, group + 1]]
                reports, errors, served = 0, 0.0, 0
                for u in ues:
                    reports += cqi[u]
                    errors += bler[u]
                    served += rbs[u] > 0
                out.cqi[b, m, i] = reports / max(len(ues), 1)
                out.bler[b, m, i] = errors / max(served, 1)
