"""How many fades a step averages, and how many RBs share one: the spreads of Doppler and delay, and step and RB.

Over a time T the mean of a process whose |h|² has the autocorrelation ρ varies like the mean of

    n = 1 / [2/T · ∫_0^T (1 - τ/T)·ρ(τ) dτ],   ρ(τ) = J0²(2πf_D·τ)

independent draws. With G RBs to a fade, two RBs d apart share it with probability 1 - d/G, which is then the
correlation of their |h|². It falls to 1/2 where that of the delay profile TDL-C (TR 38.901, table 7.7.2-3) does, at
0.329/S with the delay spread S, if G RBs are 0.658/S wide.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env.scenario.fields import Scenario

HALF = 0.329  # where the correlation of |h|² has fallen to 1/2, times the delay spread, with TDL-C
SPEED_OF_LIGHT = 299_792_458.0  # [m/s]
MOST_BLOCKS = 256  # the counter of a draw has 8 bits for the block


def bessel_j0(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """J0, as the mean of cos(x·sin θ) over θ: exact but for rounding while x < 1900."""
    theta = (np.arange(1024) + 0.5) * (np.pi / 1024)
    mean: NDArray[np.float64] = np.cos(np.multiply.outer(x, np.sin(theta))).mean(axis=-1)
    return mean


def independent_fades(doppler_hz: float, seconds: float) -> float:
    """n of the time ``seconds``, at least 1; beyond 256 Doppler periods as many as in these."""
    periods = min(doppler_hz * seconds, 256.0)
    share = (np.arange(4096) + 0.5) / 4096  # τ/T
    rho = bessel_j0(2 * np.pi * periods * share) ** 2
    return float(1.0 / (2.0 * ((1.0 - share) * rho).mean()))


def blocks_of(scenario: Scenario) -> int:
    """Fading blocks of a step; for None n at the mean speed, rounded, between 1 and 256."""
    radio, mobility = scenario.radio, scenario.mobility
    if radio.fading_blocks is not None:
        return radio.fading_blocks
    speed = 0.5 * (mobility.min_speed_mps + mobility.max_speed_mps)
    fades = independent_fades(speed * radio.carrier_ghz * 1e9 / SPEED_OF_LIGHT, scenario.control.step_s)
    return round(min(fades, MOST_BLOCKS))


def group_of(scenario: Scenario) -> int:
    """RBs that share a fade; for None as many as are 0.658/S wide, rounded, between 1 and all of them."""
    radio = scenario.radio
    if radio.rbs_per_fade is not None:
        return radio.rbs_per_fade
    width = 2.0 * HALF * 1e9 / max(radio.delay_spread_ns, 1e-3)  # [Hz]
    return max(1, round(min(width / radio.rb_bandwidth_hz, radio.num_rbs)))
