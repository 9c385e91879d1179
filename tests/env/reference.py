"""A slow, plain reading of eqs. (1)-(8) and section VI-E of arXiv 2511.15002, for ONE network.

The kernels of `oran_env` are held against this module, which shares no code with them: loops over UEs, RUs
and RBs, one equation per function, every parameter an explicit argument.

Indices: UE u of N, RU-DU m of M, RB k of K, slice l of 3 in the order eMBB, mMTC, URLLC.
Units: positions m, power dBm in arguments and mW inside, rates bit/s, backlog and packets bit, latency s;
QoS Mbit/s for eMBB and mMTC, ms for URLLC.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

EMBB, MMTC, URLLC = 0, 1, 2
NUM_SLICES = 3
IDLE = -1  # an RB that belongs to no slice
NOBODY = -1  # an RB that serves no UE

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Gain = Callable[[int, int, int], float] | Mapping[tuple[int, int, int], float]
"""|h|^2 of the link from RU m to UE u on RB k: called as gain(u, m, k) or looked up as gain[u, m, k]."""
Interference = Literal["physical", "as_printed"]
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


def path_gain(distance_m: float, exponent: float, min_distance_m: float) -> float:
    """d^-eta of eq. (1), the distance not less than the floor; linear power ratio."""
    return float(max(distance_m, min_distance_m) ** -exponent)


def distance(a: Floats, b: Floats) -> float:
    """Distance between two points (2,) in m: d_{u,m} of eq. (1)."""
    return math.hypot(float(a[0]) - float(b[0]), float(a[1]) - float(b[1]))


def serving_du(
    ue_positions: Floats, ru_positions: Floats, *, power_dbm: float, exponent: float, min_distance_m: float
) -> NDArray[np.int64]:
    """The DU (N,) of each UE: largest mean received power p d^-eta of eq. (1), the lowest index on ties."""
    serving = np.zeros(len(ue_positions), dtype=np.int64)
    for u, position in enumerate(ue_positions):
        best_power = -1.0
        for m, ru in enumerate(ru_positions):
            power = dbm_to_mw(power_dbm) * path_gain(distance(position, ru), exponent, min_distance_m)
            if power > best_power:
                best_power, serving[u] = power, m
    return serving


def count_ues(*, ue_slice: Ints, serving: Ints, num_dus: int) -> NDArray[np.int64]:
    """N_u^l (M, 3): number of UEs of each DU and slice."""
    counts = np.zeros((num_dus, NUM_SLICES), dtype=np.int64)
    for u in range(len(ue_slice)):
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


def round_robin(
    slice_of_rb: Ints, ue_slice: Ints, serving: Ints, du: int, pointer: Ints
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """e_{u,k} of eq. (1) for one DU: the UE of each RB (K,), -1 nobody, and the next pointer (3,).

    The j-th granted RB (k ascending) of a slice goes to UE number (pointer + j) mod n of the DU's n UEs of
    the slice, ascending; then pointer <- (pointer + granted) mod n. n = 0: the RBs serve nobody, the pointer
    becomes 0.
    """
    ue_of_rb = np.full(len(slice_of_rb), NOBODY, dtype=np.int64)
    next_pointer = np.zeros(NUM_SLICES, dtype=np.int64)
    for sl in range(NUM_SLICES):
        ues = members(ue_slice=ue_slice, serving=serving, du=du, slice_=sl)
        if not ues:
            continue
        turn = int(pointer[sl]) % len(ues)
        for k in range(len(slice_of_rb)):
            if int(slice_of_rb[k]) == sl:
                ue_of_rb[k] = ues[turn]
                turn = (turn + 1) % len(ues)
        next_pointer[sl] = turn
    return ue_of_rb, next_pointer


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


def fading(gain: Gain, u: int, m: int, k: int) -> float:
    """|h|^2 of the link from RU m to UE u on RB k."""
    return float(gain(u, m, k)) if callable(gain) else float(gain[u, m, k])


def interference_mw(
    u: int,
    m: int,
    k: int,
    *,
    ue_of_rb: Ints,
    ue_positions: Floats,
    ru_positions: Floats,
    gain: Gain,
    power_dbm: float,
    exponent: float,
    min_distance_m: float,
    kind: Interference,
) -> float:
    """I_{u,k} below eq. (1) in mW, for UE u served by DU m; ue_of_rb is (M, K).

    Only RUs m' != m that serve some UE u' on RB k in this step count. `physical`: what arrives at u, that is
    p d_{u,m'}^-eta |h_{u,m',k}|^2. `as_printed`: the formula to the letter, p d_{u',m'}^-eta |h_{u',m',k}|^2.
    """
    p = power_per_rb_mw(power_dbm, ue_of_rb.shape[1])
    total = 0.0
    for other in range(len(ru_positions)):
        if other == m or int(ue_of_rb[other, k]) == NOBODY:
            continue
        victim = u if kind == "physical" else int(ue_of_rb[other, k])
        d = distance(ue_positions[victim], ru_positions[other])
        total += p * path_gain(d, exponent, min_distance_m) * fading(gain, victim, other, k)
    return total


def sinr(
    *,
    ue_of_rb: Ints,
    ue_positions: Floats,
    ru_positions: Floats,
    gain: Gain,
    power_dbm: float,
    noise_dbm_per_hz: float,
    rb_bandwidth_hz: float,
    exponent: float,
    min_distance_m: float,
    interference: Interference = "physical",
) -> NDArray[np.float64]:
    """The fraction in eq. (1), (M, K), linear; 0 where DU m serves nobody on RB k. ue_of_rb is (M, K)."""
    num_dus, num_rbs = ue_of_rb.shape
    p = power_per_rb_mw(power_dbm, num_rbs)
    ratio = np.zeros((num_dus, num_rbs))
    for m in range(num_dus):
        for k in range(num_rbs):
            u = int(ue_of_rb[m, k])
            if u == NOBODY:
                continue
            d = distance(ue_positions[u], ru_positions[m])
            signal = p * path_gain(d, exponent, min_distance_m) * fading(gain, u, m, k)
            disturbance = interference_mw(
                u,
                m,
                k,
                ue_of_rb=ue_of_rb,
                ue_positions=ue_positions,
                ru_positions=ru_positions,
                gain=gain,
                power_dbm=power_dbm,
                exponent=exponent,
                min_distance_m=min_distance_m,
                kind=interference,
            )
            ratio[m, k] = signal / (disturbance + noise_mw(noise_dbm_per_hz, rb_bandwidth_hz))
    return ratio


def rates(
    *,
    ue_of_rb: Ints,
    ue_positions: Floats,
    ru_positions: Floats,
    gain: Gain,
    power_dbm: float,
    noise_dbm_per_hz: float,
    rb_bandwidth_hz: float,
    exponent: float,
    min_distance_m: float,
    interference: Interference = "physical",
    max_spectral_efficiency: float | None = None,
) -> NDArray[np.float64]:
    """C_u of eq. (1): achievable rate (N,) [bit/s], summed over a UE's RBs; a cap [bit/s/Hz] holds per RB."""
    ratio = sinr(
        ue_of_rb=ue_of_rb,
        ue_positions=ue_positions,
        ru_positions=ru_positions,
        gain=gain,
        power_dbm=power_dbm,
        noise_dbm_per_hz=noise_dbm_per_hz,
        rb_bandwidth_hz=rb_bandwidth_hz,
        exponent=exponent,
        min_distance_m=min_distance_m,
        interference=interference,
    )
    total = np.zeros(len(ue_positions))
    for m in range(ue_of_rb.shape[0]):
        for k in range(ue_of_rb.shape[1]):
            if int(ue_of_rb[m, k]) == NOBODY:
                continue
            efficiency = math.log2(1.0 + float(ratio[m, k]))
            if max_spectral_efficiency is not None:
                efficiency = min(efficiency, max_spectral_efficiency)
            total[int(ue_of_rb[m, k])] += rb_bandwidth_hz * efficiency
    return total


# --- latency tau_i of eq. (2) -------------------------------------------------------------------------------


def latency_mm1(*, rate_bps: float, packet_bits: float, offered_bps: float, cap_s: float = 1.0) -> float:
    """tau_i of eq. (2): M/M/1 sojourn time L/(C - A) in s, never above the cap; the cap when C <= A.

    A full-buffer slice has A = 0: the time L/C to send one packet.
    """
    return latency_queue(
        rate_bps=rate_bps, backlog_bits=0.0, packet_bits=packet_bits, offered_bps=offered_bps, cap_s=cap_s
    )


def latency_queue(
    *, rate_bps: float, backlog_bits: float, packet_bits: float, offered_bps: float, cap_s: float = 1.0
) -> float:
    """tau_i of eq. (2) behind a backlog: (B + L)/(C - A) in s, never above the cap; the cap when C <= A."""
    if rate_bps <= offered_bps:
        return cap_s
    return min(cap_s, (backlog_bits + packet_bits) / (rate_bps - offered_bps))


def ue_latencies(
    *,
    rates_bps: Floats,
    ue_slice: Ints,
    packet_bits: Floats,
    offered_bps: Floats,
    backlog_bits: Floats | None = None,
    cap_s: float = 1.0,
) -> NDArray[np.float64]:
    """tau_i of eq. (2) of every UE (N,) in s; packet_bits L_l and offered_bps A_l per slice (3,).

    Without a backlog (N,) the M/M/1 form, with it (bits at the start of the step) the queue form.
    """
    tau = np.zeros(len(rates_bps))
    for u in range(len(rates_bps)):
        sl = int(ue_slice[u])
        tau[u] = latency_queue(
            rate_bps=float(rates_bps[u]),
            backlog_bits=0.0 if backlog_bits is None else float(backlog_bits[u]),
            packet_bits=float(packet_bits[sl]),
            offered_bps=float(offered_bps[sl]),
            cap_s=cap_s,
        )
    return tau


def next_backlog(*, backlog_bits: float, arrived_bits: float, rate_bps: float, step_s: float) -> float:
    """B <- max(0, B + arrivals - C dt) in bit: work left at the end of a step of dt."""
    return max(0.0, backlog_bits + arrived_bits - rate_bps * step_s)


def served_rate(*, backlog_bits: float, arrived_bits: float, rate_bps: float, step_s: float) -> float:
    """What leaves a finite queue in one step, per second: min(C, (B + arrivals)/dt) in bit/s."""
    return min(rate_bps, (backlog_bits + arrived_bits) / step_s)


# --- eqs. (2)-(6) and section VI-E --------------------------------------------------------------------------


def latency_kpi(tau_s: list[float]) -> float:
    """Eq. (2): l_d = max tau_i in s; 0 without UEs."""
    return max(tau_s) if tau_s else 0.0


def throughput_kpi(rates_bps: list[float]) -> float:
    """Eq. (3): mu_r = mean C_i in Mbit/s; 0 without UEs."""
    return sum(rates_bps) / len(rates_bps) / 1e6 if rates_bps else 0.0


def availability_kpi(rate_history_bps: list[list[float]], threshold_bps: float, window: int) -> float:
    """Eq. (4): s_a, share of the last `window` steps with C_i(t) >= lambda, averaged over UEs; 1 without UEs.

    rate_history_bps: one list per UE, oldest first, this step last, no longer than the episode so far.
    """
    shares = []
    for history in rate_history_bps:
        recent = history[-window:]
        shares.append(sum(1 for c in recent if c >= threshold_bps) / len(recent))
    return sum(shares) / len(shares) if shares else 1.0


def density_kpi(rates_bps: list[float], threshold_bps: float) -> float:
    """Eq. (5): d_s, share of UEs with C_i >= lambda; 1 without UEs."""
    return sum(1 for c in rates_bps if c >= threshold_bps) / len(rates_bps) if rates_bps else 1.0


class Kpis(NamedTuple):
    """Eqs. (2)-(5), each (M, 3)."""

    latency_s: NDArray[np.float64]
    throughput_mbps: NDArray[np.float64]
    availability: NDArray[np.float64]
    density: NDArray[np.float64]


def kpis(
    *,
    rate_history_bps: Floats,
    tau_s: Floats,
    ue_slice: Ints,
    serving: Ints,
    num_dus: int,
    threshold_bps: Floats,
    window: int,
) -> Kpis:
    """Eqs. (2)-(5) of every DU and slice.

    rate_history_bps: (T, N), oldest step of the episode first, this step last; tau_s: (N,) of this step;
    threshold_bps: lambda of each slice (3,). A UE's history follows it across handovers.
    """
    result = Kpis(*(np.zeros((num_dus, NUM_SLICES)) for _ in range(4)))
    for m in range(num_dus):
        for sl in range(NUM_SLICES):
            ues = members(ue_slice=ue_slice, serving=serving, du=m, slice_=sl)
            now = [float(rate_history_bps[-1, u]) for u in ues]
            past = [[float(c) for c in rate_history_bps[:, u]] for u in ues]
            threshold = float(threshold_bps[sl])
            result.latency_s[m, sl] = latency_kpi([float(tau_s[u]) for u in ues])
            result.throughput_mbps[m, sl] = throughput_kpi(now)
            result.availability[m, sl] = availability_kpi(past, threshold, window)
            result.density[m, sl] = density_kpi(now, threshold)
    return result


def qos(
    *, rates_bps: Floats, tau_s: Floats, ue_slice: Ints, serving: Ints, num_dus: int, threshold_bps: Floats
) -> NDArray[np.float64]:
    """Q^l of section VI-E (M, 3): eMBB summed throughput [Mbit/s], mMTC summed throughput [Mbit/s] times
    eq. (5), URLLC largest latency, eq. (2), [ms].
    """
    quality = np.zeros((num_dus, NUM_SLICES))
    for m in range(num_dus):
        embb, mmtc, urllc = (members(ue_slice=ue_slice, serving=serving, du=m, slice_=sl) for sl in range(NUM_SLICES))
        quality[m, EMBB] = sum(float(rates_bps[u]) for u in embb) / 1e6
        mmtc_rates = [float(rates_bps[u]) for u in mmtc]
        quality[m, MMTC] = sum(mmtc_rates) / 1e6 * density_kpi(mmtc_rates, float(threshold_bps[MMTC]))
        quality[m, URLLC] = latency_kpi([float(tau_s[u]) for u in urllc]) * 1e3
    return quality


def weighted_kpi(*, metrics: Floats, weights: Floats) -> NDArray[np.float64]:
    """Eq. (6): Q^l = sum_i omega_{i,l} M_i (3,), metrics and weights (4, 3) in the order of eqs. (2)-(5)."""
    return np.array([sum(float(weights[i, sl]) * float(metrics[i, sl]) for i in range(4)) for sl in range(NUM_SLICES)])


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


def observation(
    *,
    qos_normalised: Floats,
    num_ues: Ints,
    num_dus: int,
    total_ues: int,
    action: Floats,
    threshold: float = 0.5,
) -> NDArray[np.float64]:
    """s_t = {Q^l, N_u^l, a_{t-1}} of section IV-A, one DU: Q-bar (3), N_u^l M/N (3), executed bits (|a|)."""
    load = [int(num_ues[sl]) * num_dus / total_ues for sl in range(NUM_SLICES)]
    quality = [float(qos_normalised[sl]) for sl in range(NUM_SLICES)]
    return np.array(quality + load + [float(bit) for bit in executed_bits(action, threshold)])
