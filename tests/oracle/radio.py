"""Path loss, shadowing, fading blocks and eq. (1) for ONE network, read slowly and plainly; see `equations.py`.

UMa stands as in 3GPP TR 38.901, table 7.4.1-1 (path loss) and table 7.4.2-1 (probability of a line of sight).
Distances and heights m, carrier GHz, path loss and shadowing dB, gains mW per RB.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import integrate

from oracle.equations import AWAY, NOBODY, Floats, Ints

Fading = Callable[[int, int, int, int], float]
"""|h|^2 of the link from RU m to UE u on RB k in fading block j, called as fading(u, m, k, j)."""
Interference = Literal["physical", "as_printed"]

LIGHT_MPS = 3e8  # TR 38.901 rounds it
EFFECTIVE_HEIGHT_M = 1.0  # h_E


# --- path loss ----------------------------------------------------------------------------------------------


def distance(a: Floats, b: Floats) -> float:
    """Distance between two points (2,) in m: d_{u,m} of eq. (1), d_2D of TR 38.901."""
    return math.hypot(float(a[0]) - float(b[0]), float(a[1]) - float(b[1]))


def power_law_gain(distance_m: float, exponent: float) -> float:
    """d^-eta of eq. (1), linear power ratio."""
    return float(distance_m**-exponent)


def breakpoint_m(*, carrier_ghz: float, bs_height_m: float, ue_height_m: float) -> float:
    """d'_BP: where the direct and the ground ray begin to cancel."""
    above_bs, above_ue = bs_height_m - EFFECTIVE_HEIGHT_M, ue_height_m - EFFECTIVE_HEIGHT_M
    return 4.0 * above_bs * above_ue * carrier_ghz * 1e9 / LIGHT_MPS


def distance_3d(distance_m: float, *, bs_height_m: float, ue_height_m: float) -> float:
    """d_3D from antenna to antenna."""
    return math.hypot(distance_m, bs_height_m - ue_height_m)


def uma_los_db(distance_m: float, *, carrier_ghz: float, bs_height_m: float, ue_height_m: float) -> float:
    """PL_UMa-LOS: PL_1 up to the breakpoint, PL_2 beyond."""
    d3 = distance_3d(distance_m, bs_height_m=bs_height_m, ue_height_m=ue_height_m)
    corner = breakpoint_m(carrier_ghz=carrier_ghz, bs_height_m=bs_height_m, ue_height_m=ue_height_m)
    if distance_m <= corner:
        return 28.0 + 22.0 * math.log10(d3) + 20.0 * math.log10(carrier_ghz)
    bend = 9.0 * math.log10(corner**2 + (bs_height_m - ue_height_m) ** 2)
    return 28.0 + 40.0 * math.log10(d3) + 20.0 * math.log10(carrier_ghz) - bend


def uma_nlos_db(distance_m: float, *, carrier_ghz: float, bs_height_m: float, ue_height_m: float) -> float:
    """PL_UMa-NLOS: never less than with a line of sight."""
    d3 = distance_3d(distance_m, bs_height_m=bs_height_m, ue_height_m=ue_height_m)
    blocked = 13.54 + 39.08 * math.log10(d3) + 20.0 * math.log10(carrier_ghz) - 0.6 * (ue_height_m - 1.5)
    clear = uma_los_db(distance_m, carrier_ghz=carrier_ghz, bs_height_m=bs_height_m, ue_height_m=ue_height_m)
    return max(clear, blocked)


def los_probability(distance_m: float, *, ue_height_m: float) -> float:
    """P(LOS) of UMa at d_2D, outdoors."""
    if distance_m <= 18.0:
        return 1.0
    near = 18.0 / distance_m
    ground = near + math.exp(-distance_m / 63.0) * (1.0 - near)
    height = 0.0 if ue_height_m <= 13.0 else ((ue_height_m - 13.0) / 10.0) ** 1.5
    return ground * (1.0 + height * 1.25 * (distance_m / 100.0) ** 3 * math.exp(-distance_m / 150.0))


def shadowing(normal: float, sigma_db: float) -> float:
    """Factor of the gain that a standard normal number stands for."""
    return float(10.0 ** (sigma_db * normal / 10.0))


def link_gain(
    distance_m: float,
    *,
    path_loss: str,
    exponent: float,
    min_distance_m: float,
    carrier_ghz: float,
    bs_height_m: float,
    ue_height_m: float,
    los_draw: float,
    normal: float,
    shadowing_los_db: float,
    shadowing_nlos_db: float,
) -> float:
    """Mean gain of one link, linear power ratio: path loss times shadowing.

    los_draw: uniform number of the link, LOS while it is below P(LOS); normal: its shadowing in standard deviations.
    """
    d = max(distance_m, min_distance_m)
    if path_loss == "power_law":
        return power_law_gain(d, exponent) * shadowing(normal, shadowing_nlos_db)
    line_of_sight = los_draw < los_probability(d, ue_height_m=ue_height_m)
    loss_db = (uma_los_db if line_of_sight else uma_nlos_db)(
        d, carrier_ghz=carrier_ghz, bs_height_m=bs_height_m, ue_height_m=ue_height_m
    )
    sigma_db = shadowing_los_db if line_of_sight else shadowing_nlos_db
    return float(10.0 ** (-loss_db / 10.0)) * shadowing(normal, sigma_db)


def serving_du(gain_mw: Floats, away: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The DU (N,) of each UE: largest mean received power, the lowest index on ties; gain_mw (N, M), away (N,)."""
    serving = np.full(len(gain_mw), AWAY, dtype=np.int64)
    for u in range(len(gain_mw)):
        if away[u]:
            continue
        best_power = -1.0
        for m in range(gain_mw.shape[1]):
            if float(gain_mw[u, m]) > best_power:
                best_power, serving[u] = float(gain_mw[u, m]), m
    return serving


# --- eq. (1): SINR and rate ---------------------------------------------------------------------------------


def dbm_to_mw(power_dbm: float) -> float:
    """Power in mW."""
    return float(10.0 ** (power_dbm / 10.0))


def power_per_rb_mw(power_dbm: float, num_rbs: int) -> float:
    """p_{k,m} of eq. (1): the RU's power spread evenly over all K RBs, used or not."""
    return dbm_to_mw(power_dbm) / num_rbs


def noise_mw(noise_dbm_per_hz: float, rb_bandwidth_hz: float) -> float:
    """sigma^2 of eq. (1): noise power on one RB."""
    return dbm_to_mw(noise_dbm_per_hz) * rb_bandwidth_hz


def interference_mw(
    u: int,
    m: int,
    k: int,
    j: int,
    *,
    ue_of_rb: Ints,
    gain_mw: Floats,
    power: Floats,
    fading: Fading,
    kind: Interference,
) -> float:
    """I_{u,k} below eq. (1) in mW, for UE u served by DU m, in fading block j; ue_of_rb is (M, K), gain_mw (N, M).

    Only RUs m' != m that serve some UE u' on RB k in this step count. `physical`: what arrives at u, that is
    p d_{u,m'}^-eta |h_{u,m',k}|^2. `as_printed`: the formula to the letter, p d_{u',m'}^-eta |h_{u',m',k}|^2.
    """
    total = 0.0
    for other in range(ue_of_rb.shape[0]):
        if other == m or int(ue_of_rb[other, k]) == NOBODY:
            continue
        victim = u if kind == "physical" else int(ue_of_rb[other, k])
        total += float(gain_mw[victim, other] * power[other, k]) * fading(victim, other, k, j)
    return total


def spectral_efficiency(sinr: float, cap: float | None, evm: float = 0.0) -> float:
    """log2(1 + SINR) in bit/s/Hz, never above the cap; noise grows by EVM² times the signal."""
    efficiency = math.log2(1.0 + (1.0 / (1.0 / sinr + evm**2) if sinr > 0.0 else 0.0))
    return efficiency if cap is None else min(efficiency, cap)


def mean_efficiency(
    signal: float, interferers: list[float], noise: float, cap: float | None, evm: float = 0.0
) -> float:
    """E[min(log2(1 + SINR), cap)] in bit/s/Hz when every link fades by Exp(1): the area under P(log2(1 + SINR) > t)."""

    def above(t: float) -> float:
        raw = math.expm1(t * math.log(2.0))  # the SINR with that error
        if raw * evm**2 >= 1.0:
            return 0.0
        sinr = raw / (1.0 - raw * evm**2)
        chance = math.exp(-sinr * noise / signal)
        for power in interferers:
            chance /= 1.0 + sinr * power / signal
        return chance

    most = min(60.0 if cap is None else cap, math.log2(1.0 + evm**-2) if evm > 0.0 else 60.0)
    edges = np.concatenate([[0.0], np.geomspace(1e-15, most, 40)])
    pieces = [integrate.quad(above, a, b, epsabs=1e-17, epsrel=1e-8)[0] for a, b in pairwise(edges)]
    return float(sum(pieces))


def rates(
    *,
    ue_of_rb: Ints,
    gain_mw: Floats,
    fading: Fading | None,
    fading_blocks: int,
    power: Floats | None = None,
    noise: float,
    rb_bandwidth_hz: float,
    interference: Interference,
    max_spectral_efficiency: float | None,
    evm: float = 0.0,
) -> NDArray[np.float64]:
    """C_u of eq. (1): achievable rate (N,) [bit/s], summed over a UE's RBs.

    An RB carries the mean over its fading blocks; a cap [bit/s/Hz] holds for each of them. Without ``fading``, the mean
    over all there may be. power: (M, K) of each RB over its even share, 1 without it.
    """
    power = np.ones(ue_of_rb.shape) if power is None else power
    total = np.zeros(len(gain_mw))
    for m in range(ue_of_rb.shape[0]):
        for k in range(ue_of_rb.shape[1]):
            u = int(ue_of_rb[m, k])
            if u == NOBODY:
                continue
            if fading is None:
                every = [other for other in range(ue_of_rb.shape[0]) if other != m and ue_of_rb[other, k] != NOBODY]
                victims = {other: u if interference == "physical" else int(ue_of_rb[other, k]) for other in every}
                powers = [float(gain_mw[victims[other], other] * power[other, k]) for other in every]
                signal = float(gain_mw[u, m] * power[m, k])
                mean = mean_efficiency(signal, powers, noise, max_spectral_efficiency, evm)
                total[u] += rb_bandwidth_hz * mean
                continue
            efficiencies = []
            for j in range(fading_blocks):
                signal = float(gain_mw[u, m] * power[m, k]) * fading(u, m, k, j)
                disturbance = interference_mw(
                    u, m, k, j, ue_of_rb=ue_of_rb, gain_mw=gain_mw, power=power, fading=fading, kind=interference
                )
                sinr = signal / (disturbance + noise)
                efficiencies.append(spectral_efficiency(sinr, max_spectral_efficiency, evm))
            total[u] += rb_bandwidth_hz * sum(efficiencies) / fading_blocks
    return total


def expected_rate(
    u: int,
    m: int,
    *,
    gain_mw: Floats,
    noise: float,
    power: float,
    rb_bandwidth_hz: float,
    cap: float | None,
    evm: float = 0.0,
) -> float:
    """What a scheduler expects of UE u on one RB of its DU m, in bit/s: every other RU taken to transmit.

    power: |h|^2 of the serving link, or 1 where the scheduler does not know it.
    """
    disturbance = sum(float(gain_mw[u, other]) for other in range(gain_mw.shape[1]) if other != m)
    return rb_bandwidth_hz * spectral_efficiency(float(gain_mw[u, m]) * power / (disturbance + noise), cap, evm)
