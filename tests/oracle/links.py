"""Link adaptation and energy for ONE network, read slowly and plainly; see `equations.py`.

Efficiencies bit/s/Hz, rates bit/s, gains mW, power dB where the name says so.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oracle.equations import AWAY, NOBODY, Floats, Ints
from oracle.radio import spectral_efficiency

# TS 38.214, tables 5.1.3.1-2 and 5.2.2.1-3: code rates times 1024 by bits per symbol.
MCS_RATES: dict[int, tuple[float, ...]] = {
    2: (120, 193, 308, 449, 602),
    4: (378, 434, 490, 553, 616, 658),
    6: (466, 517, 567, 616, 666, 719, 772, 822, 873),
    8: (682.5, 711, 754, 797, 841, 885, 916.5, 948),
}
CQI_RATES: dict[int, tuple[float, ...]] = {
    2: (78, 193, 449),
    4: (378, 490, 616),
    6: (466, 567, 666, 772, 873),
    8: (711, 797, 885, 948),
}
MCS_EFFICIENCY = [bits * rate / 1024 for bits, rates in MCS_RATES.items() for rate in rates]
CQI_EFFICIENCY = [0.0] + [bits * rate / 1024 for bits, rates in CQI_RATES.items() for rate in rates]


def snr_db(efficiency: float) -> float:
    """SINR at which log2(1 + SINR) is an efficiency; of nothing, so low that no MCS is ever allowed."""
    return 10.0 * math.log10(2.0**efficiency - 1.0) if efficiency > 1e-9 else -1e3


def quality_of(efficiency: float, gap_db: float) -> float:
    """What a code carries whose SINR counts ``gap_db`` less than the one behind an efficiency."""
    return math.log2(1.0 + (2.0**efficiency - 1.0) / 10.0 ** (gap_db / 10.0))


def cqi_of(quality: float) -> int:
    """The largest CQI that asks for no more than a quality."""
    return max(i for i, needed in enumerate(CQI_EFFICIENCY) if needed <= quality)


def mcs_of(cqi: int, offset_db: float) -> int:
    """The largest MCS that needs no more SINR than the CQI and the offset say; 0 if there is none."""
    there = snr_db(CQI_EFFICIENCY[cqi]) + offset_db
    return max([i for i, needed in enumerate(MCS_EFFICIENCY) if snr_db(needed) <= there], default=0)


def share_arriving(excess_db: float, width_db: float) -> float:
    """Share of the blocks that are not lost, logistic in dB: 9/10 at no excess, 1/10 at one width below."""
    slope = 2.0 * math.log(9.0) / width_db
    return 1.0 / (1.0 + math.exp(-math.log(9.0) - slope * excess_db))


def expected_efficiency(u: int, m: int, *, gain_mw: Floats, activity: Floats, noise: float, radio: Any) -> float:
    """What UE u expects of RU m, others m' transmitting with a share activity[m'] of their power; gain_mw (N, M)."""
    others = sum(float(activity[o]) * float(gain_mw[u, o]) for o in range(gain_mw.shape[1]) if o != m)
    sinr = float(gain_mw[u, m]) / (others + noise)
    return spectral_efficiency(sinr, radio.max_spectral_efficiency, radio.tx_evm)


def shares_on_air(ue_of_rb: Ints, power: Floats) -> Floats:
    """Share of its power that each RU transmits with (M,), from the power of each RB (M, K) over its even share."""
    shares: Floats = np.where(np.asarray(ue_of_rb) != NOBODY, power, 0.0).mean(axis=1)
    return shares


class Adapted(NamedTuple):
    """What arrives, and what is remembered; per UE."""

    rate: NDArray[np.float64]
    bler: NDArray[np.float64]  # NaN without RB
    cqi: NDArray[np.float64]
    reported: NDArray[np.float64]  # (N, d + 1)
    outer_loop: NDArray[np.float64]  # (N,)


def adapted(
    radio: Any, state: Any, *, rates: Floats, ue_of_rb: Ints, power: Floats, gain_mw: Floats, noise: float
) -> Adapted:
    """The step of a network whose scenario has these fields ``radio``; rates: of eq. (1)."""
    serving, num_ues = state["serving"], len(rates)
    delay, step_db = radio.cqi_delay_steps, radio.outer_loop_db
    activity = shares_on_air(ue_of_rb, power)
    rate, bler, cqi = np.array(rates, dtype=np.float64), np.full(num_ues, np.nan), np.zeros(num_ues)
    reported = state["reported"].copy()
    outer = state["outer_loop"][:, 0].copy() if step_db > 0 else np.zeros(num_ues)
    for u in range(num_ues):
        if serving[u] == AWAY:
            continue
        hertz = int((np.asarray(ue_of_rb) == u).sum()) * radio.rb_bandwidth_hz
        wideband = expected_efficiency(u, int(serving[u]), gain_mw=gain_mw, activity=activity, noise=noise, radio=radio)
        expected = quality_of(wideband, radio.link_gap_db)
        now = quality_of(float(rates[u]) / hertz, radio.link_gap_db) if hertz > 0 else expected
        past = [expected] * (delay + 1) if reported[u, 0] < 0 else list(reported[u])
        reported[u] = [now, *past][: delay + 1]
        cqi[u] = cqi_of(float(reported[u, delay]))
        if hertz == 0:
            continue
        mcs = mcs_of(int(cqi[u]), float(outer[u]))
        share = share_arriving(snr_db(now) - snr_db(MCS_EFFICIENCY[mcs]), radio.bler_width_db)
        bler[u], rate[u] = 1.0 - share, hertz * MCS_EFFICIENCY[mcs] * share
        if step_db > 0:
            outer[u] = min(max(outer[u] + step_db * (0.1 - bler[u]), -20.0), 20.0)
    return Adapted(rate, bler, cqi, reported, outer)


def energy_j(share: float, *, energy: Any, power_dbm: float, step_s: float) -> float:
    """What an RU draws in a step in which it transmits with a share of its power."""
    on_air_w = 10.0 ** ((power_dbm - 30.0) / 10.0)
    amplifiers = on_air_w / energy.amplifier_w
    if share == 0:
        return float(amplifiers * energy.power_sleep_w * step_s)
    return float((amplifiers * energy.power_fixed_w + energy.power_slope * on_air_w * share) * step_s)
