"""KPIs of a slice, eqs. (2)-(5), its QoS (VI-E) and the min-max scaling of the QoS."""

from __future__ import annotations

from oran_env.kernels import Floats, Integers, kernel
from oran_env.scenario import EMBB, MMTC


@kernel
def slice_kpis(
    ues: Integers, rate: Floats, tau: Floats, threshold: float, on_time: Integers, window: int
) -> tuple[float, float, float, float, int]:
    """KPIs of one slice at one DU: latency [s], throughput [bit/s], availability, density, UEs without any RB.

    ues: indices of its UEs; rate, tau, on_time: per UE of the network; on_time: of the last ``window`` steps, those in
    which the rate reached the threshold λ [bit/s]. A slice without UE has latency 0, throughput 0 and full
    availability and density.
    """
    number = len(ues)
    if number == 0:
        return 0.0, 0.0, 1.0, 1.0, 0
    latency = 0.0
    total = 0.0
    available = 0.0
    served = 0
    unserved = 0
    for u in ues:
        latency = max(latency, tau[u])  # eq. (2)
        total += rate[u]  # eq. (3)
        available += on_time[u] / window  # eq. (4)
        served += rate[u] >= threshold  # eq. (5)
        unserved += rate[u] == 0.0
    return latency, total / number, available / number, served / number, unserved


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
