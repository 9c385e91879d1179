"""A slow, plain reading of eqs. (1)-(8) and section VI-E of arXiv 2511.15002, for ONE network.

The kernels of `oran_env` are held against this module, which shares no code with them: loops over UEs, RUs
and RBs, one equation per function, every parameter an explicit argument. Eq. (1) and the path loss stand in
`radio.py`, who gets an RB in `control.py`, what waits in `traffic.py`.

Indices: UE u of N, RU-DU m of M, RB k of K, slice l of 3 in the order eMBB, mMTC, URLLC.
Units: positions m, power dBm in arguments and mW inside, rates bit/s, backlog and packets bit, latency s;
QoS Mbit/s for eMBB and mMTC, ms for URLLC.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

EMBB, MMTC, URLLC = 0, 1, 2
NUM_SLICES = 3
IDLE = -1  # an RB that belongs to no slice
NOBODY = -1  # an RB that serves no UE
AWAY = -1  # the DU of a UE that is not in the network

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Alpha = Literal["adaptive", "literal", "fixed"]


# --- where RUs stand, who serves whom -----------------------------------------------------------------------


def hexagonal_layout(num_dus: int, spacing_m: float) -> NDArray[np.float64]:
    """RU positions (M, 2) on a hexagonal lattice, the first RU at the origin.

    floor(sqrt(M)) rows are filled left to right, as many RUs in each as the first needs; only the last row
    may be shorter. Rows are spacing*sqrt(3)/2 apart and odd rows are shifted to the right by half a spacing.
    """
    num_rows = math.isqrt(num_dus)
    per_row = math.ceil(num_dus / num_rows)
    positions = np.zeros((num_dus, 2))
    for m in range(num_dus):
        row, column = divmod(m, per_row)
        shift = 0.5 if row % 2 == 1 else 0.0
        positions[m] = (column + shift) * spacing_m, row * spacing_m * math.sqrt(3.0) / 2.0
    return positions


def service_area(ru_positions: Floats, margin_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper corner (2,), (2,): bounding box of the RUs plus a margin on each side."""
    low = np.array([min(float(p[axis]) for p in ru_positions) - margin_m for axis in (0, 1)])
    high = np.array([max(float(p[axis]) for p in ru_positions) + margin_m for axis in (0, 1)])
    return low, high


def count_ues(*, ue_slice: Ints, serving: Ints, num_dus: int) -> NDArray[np.int64]:
    """N_u^l (M, 3): number of UEs of each DU and slice; a UE that is away counts nowhere."""
    counts = np.zeros((num_dus, NUM_SLICES), dtype=np.int64)
    for u in range(len(ue_slice)):
        if int(serving[u]) != AWAY:
            counts[int(serving[u]), int(ue_slice[u])] += 1
    return counts


def members(*, ue_slice: Ints, serving: Ints, du: int, slice_: int) -> list[int]:
    """The UEs of one DU and slice, ascending."""
    return [u for u in range(len(ue_slice)) if int(serving[u]) == du and int(ue_slice[u]) == slice_]


# --- actions: b_{l,k} and e_{u,k} ---------------------------------------------------------------------------


def executed_bits(action: Floats, threshold: float = 0.5) -> NDArray[np.int64]:
    """Section IV-A, action: a value becomes 1 iff it lies above the threshold, else 0."""
    return np.array([1 if float(value) > threshold else 0 for value in action], dtype=np.int64)


def decode_two_bit(action: Floats, threshold: float = 0.5) -> NDArray[np.int64]:
    """Slice of each RB (K,), -1 idle, from 2K values, all b then all e.

    (b_k, e_k) = 00 idle, 01 eMBB, 11 mMTC, 10 URLLC. (7b) and (7c) hold by construction.
    """
    bits = executed_bits(action, threshold)
    num_rbs = len(bits) // 2
    code = {(0, 0): IDLE, (0, 1): EMBB, (1, 1): MMTC, (1, 0): URLLC}
    pairs = [(int(bits[k]), int(bits[num_rbs + k])) for k in range(num_rbs)]
    return np.array([code[pair] for pair in pairs], dtype=np.int64)


def decode_slice_mask(action: Floats, threshold: float = 0.5) -> tuple[NDArray[np.int64], int]:
    """Slice of each RB (K,), -1 none, and the claimed sum_l sum_k b_{l,k}, from 3K values b_{l,k} at l*K + k.

    (7c): an RB claimed by two or more slices goes to none; it still counts as claimed.
    """
    bits = executed_bits(action, threshold)
    num_rbs = len(bits) // NUM_SLICES
    slice_of_rb = np.full(num_rbs, IDLE, dtype=np.int64)
    for k in range(num_rbs):
        claimants = [sl for sl in range(NUM_SLICES) if bits[sl * num_rbs + k] == 1]
        if len(claimants) == 1:
            slice_of_rb[k] = claimants[0]
    return slice_of_rb, int(sum(int(bit) for bit in bits))


# --- eqs. (2)-(6) and section VI-E --------------------------------------------------------------------------


def latency_kpi(tau_s: list[float]) -> float:
    """Eq. (2): l_d = max tau_i in s; 0 without UEs."""
    return max(tau_s) if tau_s else 0.0


def throughput_kpi(rates_bps: list[float]) -> float:
    """Eq. (3): mu_r = mean C_i in Mbit/s; 0 without UEs."""
    return sum(rates_bps) / len(rates_bps) / 1e6 if rates_bps else 0.0


def availability_kpi(reached_history: list[list[bool]], window: int) -> float:
    """Eq. (4): s_a, share of the last `window` steps that reached lambda, averaged over UEs; 1 without UEs.

    reached_history: one list per UE, oldest first, this step last, no longer than it has been there.
    """
    shares = []
    for history in reached_history:
        recent = history[-window:]
        shares.append(sum(1 for reached in recent if reached) / len(recent))
    return sum(shares) / len(shares) if shares else 1.0


def density_kpi(reached: list[bool]) -> float:
    """Eq. (5): d_s, share of UEs that reach lambda; 1 without UEs."""
    return sum(1 for yes in reached if yes) / len(reached) if reached else 1.0


class Kpis(NamedTuple):
    """Eqs. (2)-(5), each (M, 3)."""

    latency_s: NDArray[np.float64]
    throughput_mbps: NDArray[np.float64]
    availability: NDArray[np.float64]
    density: NDArray[np.float64]


def kpis(
    *,
    rates_bps: Floats,
    reached_history: Floats,
    tau_s: Floats,
    ue_slice: Ints,
    serving: Ints,
    num_dus: int,
    window: int,
) -> Kpis:
    """Eqs. (2)-(5) of every DU and slice.

    rates_bps and tau_s: (N,) of this step; reached_history: (T, N) whether a UE reached lambda, oldest step of the
    episode first, this step last, NaN where it was not there. A UE's history follows it across handovers.
    """
    result = Kpis(*(np.zeros((num_dus, NUM_SLICES)) for _ in range(4)))
    for m in range(num_dus):
        for sl in range(NUM_SLICES):
            ues = members(ue_slice=ue_slice, serving=serving, du=m, slice_=sl)
            result.latency_s[m, sl] = latency_kpi([float(tau_s[u]) for u in ues])
            result.throughput_mbps[m, sl] = throughput_kpi([float(rates_bps[u]) for u in ues])
            past = [[bool(reached) for reached in reached_history[:, u] if not np.isnan(reached)] for u in ues]
            result.availability[m, sl] = availability_kpi(past, window)
            result.density[m, sl] = density_kpi([bool(reached_history[-1, u]) for u in ues])
    return result


def qos(
    *, rates_bps: Floats, reached: NDArray[np.bool_], tau_s: Floats, ue_slice: Ints, serving: Ints, num_dus: int
) -> NDArray[np.float64]:
    """Q^l of section VI-E (M, 3): eMBB summed throughput [Mbit/s], mMTC summed throughput [Mbit/s] times
    eq. (5), URLLC largest latency, eq. (2), [ms].
    """
    quality = np.zeros((num_dus, NUM_SLICES))
    for m in range(num_dus):
        embb, mmtc, urllc = (members(ue_slice=ue_slice, serving=serving, du=m, slice_=sl) for sl in range(NUM_SLICES))
        quality[m, EMBB] = sum(float(rates_bps[u]) for u in embb) / 1e6
        mmtc_mbps = sum(float(rates_bps[u]) for u in mmtc) / 1e6
        quality[m, MMTC] = mmtc_mbps * density_kpi([bool(reached[u]) for u in mmtc])
        quality[m, URLLC] = latency_kpi([float(tau_s[u]) for u in urllc]) * 1e3
    return quality


def weighted_kpi(*, metrics: Floats, weights: Floats) -> NDArray[np.float64]:
    """Eq. (6): Q^l = sum_i omega_{i,l} M_i (3,), metrics and weights (4, 3) in the order of eqs. (2)-(5)."""
    return np.array([sum(float(weights[i, sl]) * float(metrics[i, sl]) for i in range(4)) for sl in range(NUM_SLICES)])


def kpi_metrics(
    *,
    latency_s: Floats,
    throughput_mbps: Floats,
    availability: Floats,
    density: Floats,
    kpi_latency_ms: Floats,
    threshold_mbps: Floats,
) -> NDArray[np.float64]:
    """M_i of eq. (6) (4, 3) of one DU, each in [0, 1] and better when larger; every argument (3,).

    Latency 1 - min(l/(2 l_ref), 1), throughput min(mu/(2 lambda), 1), availability, density.
    """
    metrics = np.zeros((4, NUM_SLICES))
    for sl in range(NUM_SLICES):
        metrics[0, sl] = 1.0 - min(1e3 * float(latency_s[sl]) / (2.0 * float(kpi_latency_ms[sl])), 1.0)
        metrics[1, sl] = min(float(throughput_mbps[sl]) / (2.0 * float(threshold_mbps[sl])), 1.0)
        metrics[2, sl] = float(availability[sl])
        metrics[3, sl] = float(density[sl])
    return metrics


def normalised_weighted_kpi(*, quality: Floats, num_ues: Ints) -> NDArray[np.float64]:
    """Q-bar of eq. (6), (3,) of one DU: Q clipped to [0, 1]; 1 without UEs."""
    return np.array([min(1.0, max(0.0, float(quality[sl]))) if int(num_ues[sl]) else 1.0 for sl in range(NUM_SLICES)])


def normalised_qos(*, quality: Floats, qos_min: Floats, num_ues: Ints) -> NDArray[np.float64]:
    """Q-bar of eq. (8), (3,) of one DU: min-max on [0, 2 Qmin], clipped, latency inverted; 1 without UEs."""
    scaled = np.ones(NUM_SLICES)
    for sl in range(NUM_SLICES):
        if int(num_ues[sl]) == 0:
            continue
        share = float(quality[sl]) / (2.0 * float(qos_min[sl]))
        scaled[sl] = min(1.0, max(0.0, 1.0 - share if sl == URLLC else share))
    return scaled


# --- eq. (8) and the state of section IV-A ------------------------------------------------------------------


def alphas(
    *,
    qos_normalised: Floats,
    weights: Floats,
    kind: Alpha = "adaptive",
    floor: float = 0.5,
    fixed: Floats | None = None,
) -> NDArray[np.float64]:
    """alpha_l of eq. (8), (3,). `adaptive`: 3 w_l Q_l / max(sum_j w_j Q_j, floor); `literal`: no floor, 0
    when the sum is 0; `fixed`: as given.
    """
    if kind == "fixed":
        if fixed is None:
            raise ValueError("fixed: None, allowed: three numbers when kind is 'fixed'")
        return np.array([float(value) for value in fixed])
    weighted = [float(weights[sl]) * float(qos_normalised[sl]) for sl in range(NUM_SLICES)]
    denominator = max(sum(weighted), floor) if kind == "adaptive" else sum(weighted)
    if denominator == 0.0:
        return np.zeros(NUM_SLICES)
    return np.array([NUM_SLICES * value / denominator for value in weighted])


class Reward(NamedTuple):
    """Eq. (8) and its parts; total = qos + penalty_resource + penalty_min_qos."""

    total: float
    qos: float
    penalty_resource: float
    penalty_min_qos: float


def reward(
    *,
    qos_normalised: Floats,
    claimed: int,
    num_rbs: int,
    weights: Floats,
    zeta: float,
    alpha: Alpha = "adaptive",
    alpha_floor: float = 0.5,
    alpha_fixed: Floats | None = None,
    qos_threshold: float = 0.5,
) -> Reward:
    """Eq. (8) of one DU: sum_l sigmoid(alpha_l Q_l) + P_res + P_minQ on normalised QoS (3,).

    P_res = -zeta max(0, claimed - K)/K; P_minQ = -zeta sum_l max(0, threshold - Q_l) (section IV-A).
    """
    slope = alphas(qos_normalised=qos_normalised, weights=weights, kind=alpha, floor=alpha_floor, fixed=alpha_fixed)
    utility = 0.0
    shortfall = 0.0
    for sl in range(NUM_SLICES):
        q = float(qos_normalised[sl])
        utility += 1.0 / (1.0 + math.exp(-float(slope[sl]) * q))
        shortfall += max(0.0, qos_threshold - q)
    penalty_resource = -zeta * max(0, claimed - num_rbs) / num_rbs
    penalty_min_qos = -zeta * shortfall
    return Reward(utility + penalty_resource + penalty_min_qos, utility, penalty_resource, penalty_min_qos)


def team_rewards(rewards: list[float]) -> list[float]:
    """Every DU gets the mean over the DUs."""
    mean = sum(rewards) / len(rewards)
    return [mean for _ in rewards]


def observation(
    *, qos_normalised: Floats, num_ues: Ints, num_dus: int, total_ues: int, executed: Floats
) -> NDArray[np.float64]:
    """s_t = {Q^l, N_u^l, a_{t-1}} of section IV-A, one DU: Q-bar (3), N_u^l M/N (3), executed bits or shares."""
    load = [int(num_ues[sl]) * num_dus / total_ues for sl in range(NUM_SLICES)]
    quality = [float(qos_normalised[sl]) for sl in range(NUM_SLICES)]
    return np.array(quality + load + [float(value) for value in executed])
