"""Eq. (6) and VI-E: the QoS of a slice out of its KPIs, and its scaling by Q_min of (7d).

``slice``: the QoS is for eMBB the summed throughput, for mMTC that times the density, for URLLC the latency. Scaled
over [0, 2·Q_min] and clipped, the latency inverted, it is Q̄ in [0, 1], and Q̄ = 0.5 is the threshold.

``weighted_kpi``: Q = Σ_i ω_i·M_i with M = 1 - min(latency/(2·kpi_latency_ms), 1), min(throughput/(2·λ), 1),
availability, density. Q̄ is Q.

A slice without UE at a DU has Q̄ = 1; ``satisfied`` is then NaN, so that means leave it out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oran_env.numerics.blocks import Choice
from oran_env.numerics.jit import Floats, kernel, switch
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import EMBB, MMTC


class Qos(NamedTuple):
    """What the QoS is made of."""

    kind: Choice
    q_min: Floats  # (3,)
    weights: Floats  # (4, 3) ω of latency, throughput, availability, density
    reference_s: Floats  # (3,) latency that counts one half


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
def by_slice(
    i: int, latency_s: float, throughput_bps: float, availability: float, density: float, number: int, reach: float,
    p: Qos,
) -> tuple[float, float]:  # fmt: skip
    """QoS of slice i with ``number`` UEs, of which each should reach λ = ``reach`` [bit/s], by VI-E; and Q̄."""
    qos = slice_qos(i, latency_s, throughput_bps, density, number)
    return qos, normalise(i, qos, p.q_min[i], number)


@kernel
def by_weights(
    i: int, latency_s: float, throughput_bps: float, availability: float, density: float, number: int, reach: float,
    p: Qos,
) -> tuple[float, float]:  # fmt: skip
    """The same by eq. (6), in [0, 1]: latency and throughput are scaled like the QoS."""
    quick = 1.0 - min(latency_s / (2.0 * p.reference_s[i]), 1.0)
    fast = min(throughput_bps / (2.0 * reach), 1.0) if reach > 0.0 else 1.0
    w = p.weights
    qos = w[0, i] * quick + w[1, i] * fast + w[2, i] * availability + w[3, i] * density
    return qos, min(max(qos, 0.0), 1.0) if number > 0 else 1.0


QOS = Registry("qos", {"slice": by_slice, "weighted_kpi": by_weights})
rate_qos = switch("qos", QOS)


def qos_of(scenario: Scenario) -> Qos:
    """The QoS of a scenario."""
    quality = scenario.quality
    return Qos(
        kind=QOS.number(quality.qos),
        q_min=np.asarray(quality.q_min, dtype=np.float64),
        weights=np.asarray(quality.kpi_weights, dtype=np.float64),
        reference_s=1e-3 * np.asarray(quality.kpi_latency_ms, dtype=np.float64),
    )
