"""KPIs of a slice, eqs. (2)-(5), its QoS (VI-E, or eq. (6)) and the min-max scaling of the QoS.

KPIs of a slice at a DU: latency, the largest of its UEs; throughput, the mean of its UEs; availability, the share of
the last T steps (fewer after a UE's arrival) in which a UE reached λ, mean over the UEs; density, the share of its UEs
that reached λ in this step.

``slice``: the QoS is for eMBB the summed throughput, for mMTC that times the density, for URLLC the latency. Scaled
over [0, 2·Q_min] and clipped, the latency inverted, it is Q̄ in [0, 1], and Q̄ = 0.5 is the threshold.

``weighted_kpi``: Q = Σ_i ω_i·M_i with M = 1 - min(latency/(2·kpi_latency_ms), 1), min(throughput/(2·λ), 1),
availability, density. Q̄ is Q.

A slice without UE at a DU has latency and throughput 0, availability and density 1, Q̄ = 1, and counts as satisfied.
"""

from __future__ import annotations

from oran_env.numerics.jit import Floats, Integers, kernel
from oran_env.scenario.slices import EMBB, MMTC


@kernel
def slice_kpis(
    ues: Integers, rate: Floats, served: Floats, tau: Floats, history: Integers, on_time: Integers, steps: Integers
) -> tuple[float, float, float, float, int]:
    """KPIs of one slice at one DU: latency [s], throughput [bit/s], availability, density, UEs without any RB.

    ues: indices of its UEs; the rest per UE of the network. Lowest bit of history: the threshold λ was reached in this
    step; on_time: in how many of the last ``steps`` steps. A slice without UE has latency 0, throughput 0 and full
    availability and density.
    """
    number = len(ues)
    if number == 0:
        return 0.0, 0.0, 1.0, 1.0, 0
    latency = 0.0
    total = 0.0
    available = 0.0
    dense = 0
    unserved = 0
    for u in ues:
        latency = max(latency, tau[u])  # eq. (2)
        total += served[u]  # eq. (3)
        available += on_time[u] / steps[u]  # eq. (4)
        dense += history[u] & 1  # eq. (5)
        unserved += rate[u] == 0.0
    return latency, total / number, available / number, dense / number, unserved


@kernel
def slice_qos(i: int, latency_s: float, throughput_bps: float, density: float, number: int) -> float:
    """QoS of VI-E: eMBB summed throughput [Mbit/s]; mMTC that times the density; URLLC the largest latency [ms]."""
    total_mbps = throughput_bps * number * 1e-6
    if i == EMBB:
        return total_mbps
    if i == MMTC:
        return total_mbps * density
    return latency_s * 1e3


@kernel
def normalise(i: int, qos: float, q_min: float, number: int) -> float:
    """Min-max scaling over [0, 2·Q_min], clipped, latency inverted: 0.5 is the threshold in every slice."""
    if number == 0:
        return 1.0
    scaled = min(qos / (2.0 * q_min), 1.0)
    return scaled if i in (EMBB, MMTC) else 1.0 - scaled


@kernel
def weighted_kpi(
    weights: Floats,
    latency_s: float,
    throughput_bps: float,
    availability: float,
    density: float,
    reference_s: float,
    threshold: float,
) -> float:
    """Eq. (6) of one slice, in [0, 1]: weights (4,) with sum 1 of latency, throughput, availability and density.

    Latency and throughput are scaled like the QoS: a latency of ``reference_s`` or a mean throughput of λ counts 0.5.
    """
    quick = 1.0 - min(latency_s / (2.0 * reference_s), 1.0)
    fast = min(throughput_bps / (2.0 * threshold), 1.0) if threshold > 0.0 else 1.0
    score: float = weights[0] * quick + weights[1] * fast + weights[2] * availability + weights[3] * density
    return score
