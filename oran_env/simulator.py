"""The simulator: the order of one step, for a batch of independent networks.

One step: decode → schedule → fading and rates → queues → KPIs, QoS, reward → move, handover → observe.

Every array has a leading axis of networks; one network is a batch of one. The PettingZoo and Gymnasium environments
are thin shells around this class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env import channel
from oran_env.actions import CODECS, action_size, count_clipped, decode_slice_mask, decode_two_bit
from oran_env.kernels import Floats, Integers, Singles, kernel
from oran_env.layout import assign_slices, hexagonal_sites, place_ues, serve, service_area
from oran_env.mobility import move
from oran_env.observations import observation_bounds, observation_layout, observe
from oran_env.qos import normalise, slice_kpis, slice_qos
from oran_env.random_draws import network_keys
from oran_env.reward import ALPHAS, min_qos_penalty, qos_reward, resource_penalty
from oran_env.scenario import NUM_SLICES, Scenario, make_scenario
from oran_env.scheduling import group_ues, round_robin
from oran_env.traffic import arrivals, latency


class Parameters(NamedTuple):
    """The scenario as the kernels read it: linear units, arrays, integers for names."""

    sites: Floats  # (M, 2) RU positions [m]
    area: Floats  # (2, 2) corners of the service area [m]
    heterogeneous: bool
    concentration: int
    min_speed: float
    max_speed: float
    turn_cos: Floats  # (turns,)
    turn_sin: Floats  # (turns,)
    rb_power_mw: float  # p on one RB
    exponent: float
    min_distance: float
    rayleigh: bool
    physical: bool
    noise_mw: float  # σ² in one RB
    bandwidth: float  # B [Hz]
    cap: float  # [bit/s/Hz]
    queue: bool
    packet: Floats  # (3,) L [bit]
    offered: Floats  # (3,) A [bit/s]
    latency_cap: float
    threshold: Floats  # (3,) λ [bit/s]
    q_min: Floats  # (3,)
    window: int
    priority: Floats  # (3,) w
    zeta: float
    alpha_kind: int
    alpha_floor: float
    fixed_alpha: Floats  # (3,)
    min_normalised: float
    codec: int
    extended: bool
    step_s: float


class State(NamedTuple):
    """Everything that changes from step to step. B networks, N UEs, M DUs."""

    key: NDArray[np.uint64]  # (B, 4) two key words, episode, step: the counter of every random draw
    position: Floats  # (B, N, 2) [m]
    direction: Floats  # (B, N, 2) unit vector
    speed: Floats  # (B, N) [m/s]
    gain: Floats  # (B, N, M) mean received power per RB [mW]
    slice_of_ue: Integers  # (B, N)
    serving: Integers  # (B, N) DU of each UE
    backlog: Floats  # (B, N) [bit]
    history: Integers  # (B, N) bit i: rate reached λ i steps ago
    on_time: Integers  # (B, N) set bits among the last T of history
    pointer: Integers  # (B, M, 3) next UE of the round robin
    normalised: Floats  # (B, M, 3) Q̄ of the last step
    load: Floats  # (B, M, 3) offered over achieved rate of the last step
    observation: Singles  # (B, M, D) what each DU sees now


class Outcome(NamedTuple):
    """What one step hands out; written by the kernel, fresh in every step. Keys of ``info``: see INFO."""

    reward: Singles  # (B, M)
    reward_qos: Floats  # (B, M) sum of sigmoids of eq. (8)
    penalty_resource: Floats  # (B, M) P_res
    penalty_min_qos: Floats  # (B, M) P_minQ
    latency_s: Floats  # (B, M, 3) eq. (2)
    throughput_mbps: Floats  # (B, M, 3) eq. (3)
    availability: Floats  # (B, M, 3) eq. (4)
    density: Floats  # (B, M, 3) eq. (5)
    qos: Floats  # (B, M, 3) VI-E: Mbit/s, Mbit/s, ms
    qos_normalised: Floats  # (B, M, 3) Q̄
    satisfied: NDArray[np.bool_]  # (B, M, 3) Q̄ >= 0.5, i.e. Q_min reached
    num_ues: Integers  # (B, M, 3) UEs attached during the step
    unserved_ues: Integers  # (B, M, 3) of these, without any RB
    rbs_granted: Integers  # (B, M, 3) RBs that carry data
    rbs_idle: Integers  # (B, M) RBs without transmission
    rbs_claimed: Integers  # (B, M) Σ_l Σ_k b_{l,k}
    handovers: Integers  # (B, M) UEs that arrived from another DU at the end of the step
    clipped_actions: Integers  # (B, M) action values outside [0, 1]
    rate: Floats  # (B, N) eq. (1) per UE [bit/s]
    tau: Floats  # (B, N) latency per UE [s]


INFO = Outcome._fields[Outcome._fields.index("reward_qos") : Outcome._fields.index("rate")]


class StepResult(NamedTuple):
    """One step of all networks."""

    observations: Singles  # (B, M, D)
    rewards: Singles  # (B, M)
    terminated: NDArray[np.bool_]  # (B, M) always False: an episode ends by truncation
    truncated: NDArray[np.bool_]  # (B,)
    info: Mapping[str, NDArray[Any]]  # each (B, M) or (B, M, 3), keys and formulas: Outcome


class Simulator:
    """A batch of independent networks with the same scenario.

    Args:
        scenario: preset name or ``Scenario``.
        num_networks: B.
        seed: int (network i is then (seed, i)), one seed per network, or None for entropy from the system.
        num_threads: threads that share the batch; the trajectories do not depend on it.
        overrides: scenario fields by name.

    Raises:
        ScenarioError: unknown preset or field, or a value that is not allowed.
        ValueError: num_networks, num_threads or seed out of range.
    """

    def __init__(
        self,
        scenario: str | Scenario = "paper",
        num_networks: int = 1,
        seed: int | Sequence[int] | None = None,
        num_threads: int = 1,
        **overrides: Any,
    ) -> None:
        for name, value in (("num_networks", num_networks), ("num_threads", num_threads)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is {value!r}; allowed: integers >= 1")
        self.scenario = make_scenario(scenario, **overrides)
        self.num_networks = num_networks
        self.num_threads = min(num_threads, num_networks)
        self.agents = tuple(f"du_{m}" for m in range(self.scenario.layout.num_dus))
        self.action_size = action_size(self.scenario)
        self.action_sizes = (self.action_size,) * len(self.agents)
        self.observation_layout = observation_layout(self.scenario)
        self.observation_low, self.observation_high = observation_bounds(self.scenario)
        self.observation_sizes = (len(self.observation_high),) * len(self.agents)
        self.parameters = _parameters(self.scenario)
        self.state = _empty_state(self.scenario, num_networks, self.observation_sizes[0])
        self.last_outcome: Outcome | None = None
        self._pool = ThreadPoolExecutor(self.num_threads) if self.num_threads > 1 else None
        self._started = False
        self._seed(seed)

    def _seed(self, seed: int | Sequence[int] | None) -> None:
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self.state.key[:, :2] = network_keys(seed, self.num_networks)
        self.state.key[:, 2:] = 0
        self._started = False

    def reset(self, seed: int | Sequence[int] | None = None) -> Singles:
        """Begin an episode in every network and return the observations (B, M, D).

        With a seed the networks start over at their episode 0; without, each goes on to its next episode, with new
        UEs, slices and positions.
        """
        if seed is not None:
            self._seed(seed)
        return self._reset(np.arange(self.num_networks))

    def reset_done(self) -> Singles:
        """Begin a new episode where the last one has ended; return the observations of all networks (B, M, D)."""
        if not self._started:
            raise RuntimeError("reset_done() before reset(); call reset() first")
        return self._reset(np.flatnonzero(self.truncated))

    def _reset(self, which: Integers) -> Singles:
        if self._started:
            self.state.key[which, 2] += np.uint64(1)
        self.state.key[which, 3] = 0
        self._started = True
        self._in_chunks(which, lambda part: _reset_networks(part, self.parameters, self.state))
        return self.observations

    @property
    def observations(self) -> Singles:
        """What each DU sees now (B, M, D), a copy."""
        return self.state.observation.copy()

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """Which networks have reached the end of their episode (B,)."""
        return self.state.key[:, 3] >= np.uint64(self.scenario.control.horizon)

    def step(self, actions: NDArray[Any]) -> StepResult:
        """Advance every network by one step with actions (B, M, A); does not reset where an episode ends.

        Raises:
            RuntimeError: before ``reset``, or after the end of an episode.
            ValueError: wrong shape, or values that are not finite numbers.
        """
        values = self._checked(actions)
        outcome = _empty_outcome(self.scenario, self.num_networks)
        everyone = np.arange(self.num_networks)
        self._in_chunks(everyone, lambda part: _step_networks(part, values, self.parameters, self.state, outcome))
        self.last_outcome = outcome
        return StepResult(
            observations=self.observations,
            rewards=outcome.reward,
            terminated=np.zeros(outcome.reward.shape, dtype=np.bool_),
            truncated=self.truncated,
            info=MappingProxyType({name: getattr(outcome, name) for name in INFO}),
        )

    def _checked(self, actions: NDArray[Any]) -> Singles:
        if not self._started:
            raise RuntimeError("step() before reset(); call reset() first")
        if self.truncated.any():
            raise RuntimeError("step() after the end of an episode; call reset() or reset_done() first")
        given = np.asarray(actions)
        if given.dtype.kind not in "fiub":
            raise ValueError(f"actions have type {given.dtype}; allowed: real numbers")
        # Contiguous and writable, so that every call meets the same compiled kernel.
        values = np.require(given, np.float32, ["C", "W"])
        expected = (self.num_networks, len(self.agents), self.action_size)
        if values.shape != expected:
            raise ValueError(f"actions have shape {values.shape}; allowed: {expected} = (networks, DUs, values)")
        # A sum is finite only if every term is (float64, so that finite terms cannot overflow it).
        if not math.isfinite(values.sum(dtype=np.float64)):
            raise ValueError("actions hold NaN or infinity; allowed: finite numbers in [0, 1]")
        return values

    def _in_chunks(self, networks: Integers, work: Callable[[Integers], None]) -> None:
        """Run ``work`` on all the networks, in one piece or shared between the threads."""
        if self._pool is None:
            work(networks)
        else:
            list(self._pool.map(work, np.array_split(networks, self.num_threads)))

    def fading_power(self, network: int, ue: int, rb: int) -> Floats:
        """|h|² of the links from every RU to a UE on an RB (M,), as the coming step draws it."""
        power = np.empty(len(self.agents))
        channel.draw_fading(self.state.key[network], ue, rb, self.parameters.rayleigh, power)
        return power

    def get_state(self) -> dict[str, NDArray[Any]]:
        """A copy of the whole state, for ``set_state``: a resumed simulator goes on bit for bit."""
        return {name: array.copy() for name, array in self.state._asdict().items()}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a state of ``get_state`` from a simulator with the same scenario and number of networks."""
        for name, array in self.state._asdict().items():
            if name not in state or state[name].shape != array.shape:
                found = state[name].shape if name in state else "missing"
                raise ValueError(f"state {name!r} is {found}; allowed: an array of shape {array.shape}")
        for name, array in self.state._asdict().items():
            array[...] = state[name]
        self._started = True


def _parameters(scenario: Scenario) -> Parameters:
    s = scenario
    sites = hexagonal_sites(s.layout.num_dus, s.layout.site_spacing_m)
    noise_dbm = s.radio.noise_dbm_per_hz + 10 * math.log10(s.radio.rb_bandwidth_hz)
    turns = np.asarray(s.mobility.turns_rad)
    return Parameters(
        sites=sites,
        area=service_area(sites, s.layout.margin_m),
        heterogeneous=s.layout.slice_mix == "heterogeneous",
        concentration=s.layout.mix_concentration,
        min_speed=float(s.mobility.min_speed_mps),
        max_speed=float(s.mobility.max_speed_mps),
        turn_cos=np.cos(turns),
        turn_sin=np.sin(turns),
        rb_power_mw=10 ** (s.radio.power_dbm / 10) / s.radio.num_rbs,
        exponent=float(s.radio.path_loss_exponent),
        min_distance=float(s.radio.min_distance_m),
        rayleigh=s.radio.fading == "rayleigh",
        physical=s.radio.interference == "physical",
        noise_mw=10 ** (noise_dbm / 10),
        bandwidth=float(s.radio.rb_bandwidth_hz),
        cap=math.inf if s.radio.max_spectral_efficiency is None else float(s.radio.max_spectral_efficiency),
        queue=s.traffic.latency == "queue",
        packet=8.0 * np.asarray(s.traffic.packet_bytes, dtype=np.float64),
        offered=np.asarray(s.traffic.offered_bps, dtype=np.float64),
        latency_cap=float(s.traffic.latency_cap_s),
        threshold=1e6 * np.asarray(s.quality.rate_threshold_mbps, dtype=np.float64),
        q_min=np.asarray(s.quality.q_min, dtype=np.float64),
        window=s.quality.availability_window,
        priority=np.asarray(s.reward.priority, dtype=np.float64),
        zeta=float(s.reward.zeta),
        alpha_kind=ALPHAS.index(s.reward.alpha),
        alpha_floor=float(s.reward.alpha_floor),
        fixed_alpha=np.asarray(s.reward.fixed_alpha, dtype=np.float64),
        min_normalised=float(s.reward.min_normalised_qos),
        codec=CODECS.index(s.control.codec),
        extended=s.control.observation == "extended",
        step_s=float(s.control.step_s),
    )


def _empty_state(scenario: Scenario, batch: int, observation_size: int) -> State:
    dus, ues = scenario.layout.num_dus, scenario.layout.num_ues
    return State(
        key=np.zeros((batch, 4), dtype=np.uint64),
        position=np.zeros((batch, ues, 2)),
        direction=np.zeros((batch, ues, 2)),
        speed=np.zeros((batch, ues)),
        gain=np.zeros((batch, ues, dus)),
        slice_of_ue=np.zeros((batch, ues), dtype=np.int64),
        serving=np.zeros((batch, ues), dtype=np.int64),
        backlog=np.zeros((batch, ues)),
        history=np.zeros((batch, ues), dtype=np.int64),
        on_time=np.zeros((batch, ues), dtype=np.int64),
        pointer=np.zeros((batch, dus, NUM_SLICES), dtype=np.int64),
        normalised=np.zeros((batch, dus, NUM_SLICES)),
        load=np.zeros((batch, dus, NUM_SLICES)),
        observation=np.zeros((batch, dus, observation_size), dtype=np.float32),
    )


def _empty_outcome(scenario: Scenario, batch: int) -> Outcome:
    per_ue = (batch, scenario.layout.num_ues)
    per_du = (batch, scenario.layout.num_dus)
    per_slice = (*per_du, NUM_SLICES)
    return Outcome(
        reward=np.empty(per_du, dtype=np.float32),
        reward_qos=np.empty(per_du),
        penalty_resource=np.empty(per_du),
        penalty_min_qos=np.empty(per_du),
        latency_s=np.empty(per_slice),
        throughput_mbps=np.empty(per_slice),
        availability=np.empty(per_slice),
        density=np.empty(per_slice),
        qos=np.empty(per_slice),
        qos_normalised=np.empty(per_slice),
        satisfied=np.empty(per_slice, dtype=np.bool_),
        num_ues=np.empty(per_slice, dtype=np.int64),
        unserved_ues=np.empty(per_slice, dtype=np.int64),
        rbs_granted=np.empty(per_slice, dtype=np.int64),
        rbs_idle=np.empty(per_du, dtype=np.int64),
        rbs_claimed=np.empty(per_du, dtype=np.int64),
        handovers=np.empty(per_du, dtype=np.int64),
        clipped_actions=np.empty(per_du, dtype=np.int64),
        rate=np.empty(per_ue),
        tau=np.empty(per_ue),
    )


@kernel
def _reset_networks(which: Integers, p: Parameters, s: State) -> None:
    """Begin an episode in each network of ``which``."""
    num_dus, num_ues = p.sites.shape[0], s.speed.shape[1]
    first = np.empty(NUM_SLICES * num_dus + 1, dtype=np.int64)
    members = np.empty(num_ues, dtype=np.int64)
    arrived = np.empty(num_dus, dtype=np.int64)
    no_action = np.empty(0, dtype=np.float32)
    for b in which:
        key = s.key[b]
        place_ues(key, p.area, p.min_speed, p.max_speed, s.position[b], s.direction[b], s.speed[b])
        channel.mean_gains(s.position[b], p.sites, p.rb_power_mw, p.exponent, p.min_distance, s.gain[b])
        serve(s.gain[b], s.serving[b], arrived)
        assign_slices(key, s.serving[b], num_dus, p.heterogeneous, p.concentration, s.slice_of_ue[b])
        s.backlog[b] = 0.0
        s.history[b] = 0
        s.on_time[b] = 0
        s.pointer[b] = 0
        s.normalised[b] = 0.0
        s.load[b] = 0.0
        group_ues(s.serving[b], s.slice_of_ue[b], first, members)
        for m in range(num_dus):
            observe(
                s.normalised[b, m], first, m, num_ues, num_dus, p.extended, s.backlog[b], s.load[b, m], members,
                p.offered * p.step_s, no_action, s.observation[b, m],
            )  # fmt: skip


@kernel
def _step_networks(which: Integers, actions: Singles, p: Parameters, s: State, out: Outcome) -> None:
    """Advance each network of ``which`` by one step with actions (B, M, A); write ``out``."""
    num_dus, num_ues = p.sites.shape[0], s.speed.shape[1]
    num_rbs = actions.shape[2] // (2 if p.codec == 0 else NUM_SLICES)
    first = np.empty(NUM_SLICES * num_dus + 1, dtype=np.int64)
    members = np.empty(num_ues, dtype=np.int64)
    slice_of_rb = np.empty(num_rbs, dtype=np.int64)
    ue_of_rb = np.empty((num_dus, num_rbs), dtype=np.int64)
    fading = np.empty((num_dus, num_dus))
    step_bits = p.offered * p.step_s
    for b in which:
        key = s.key[b]
        rate, tau = out.rate[b], out.tau[b]
        group_ues(s.serving[b], s.slice_of_ue[b], first, members)

        # Decode, schedule.
        for m in range(num_dus):
            if p.codec == 0:
                claimed = decode_two_bit(actions[b, m], slice_of_rb)
            else:
                claimed = decode_slice_mask(actions[b, m], slice_of_rb)
            granted = out.rbs_granted[b, m]
            round_robin(slice_of_rb, m, first, members, s.pointer[b, m], ue_of_rb[m], granted)
            out.rbs_claimed[b, m] = claimed
            out.rbs_idle[b, m] = num_rbs - granted[0] - granted[1] - granted[2]
            out.clipped_actions[b, m] = count_clipped(actions[b, m])

        # Fading and rates, eq. (1).
        channel.rates(
            key, ue_of_rb, s.gain[b], p.rayleigh, p.physical, p.noise_mw, p.bandwidth, p.cap, fading, rate
        )  # fmt: skip

        # Queues, latency, and the window of eq. (4).
        window = min(int(key[3]) + 1, p.window)
        for u in range(num_ues):
            i = s.slice_of_ue[b, u]
            tau[u] = latency(s.backlog[b, u], p.packet[i], rate[u], p.offered[i], p.latency_cap)
            if p.queue and p.offered[i] > 0.0:
                bits = arrivals(key, u, step_bits[i] / p.packet[i], p.packet[i])
                s.backlog[b, u] = max(0.0, s.backlog[b, u] + bits - rate[u] * p.step_s)
            leaving = (s.history[b, u] >> (p.window - 1)) & 1
            reached = 1 if rate[u] >= p.threshold[i] else 0
            s.history[b, u] = ((s.history[b, u] << 1) | reached) & ((1 << p.window) - 1)
            s.on_time[b, u] += reached - leaving

        # KPIs, QoS, reward.
        for m in range(num_dus):
            for i in range(NUM_SLICES):
                ues = members[first[NUM_SLICES * m + i] : first[NUM_SLICES * m + i + 1]]
                number = len(ues)
                slowest, throughput, availability, density, unserved = slice_kpis(
                    ues, rate, tau, p.threshold[i], s.on_time[b], window
                )
                qos = slice_qos(i, slowest, throughput, density, number)
                normalised = normalise(i, qos, p.q_min[i], number)
                offered = p.offered[i] * number
                achieved = throughput * number
                s.load[b, m, i] = 1.0 if offered >= achieved or p.offered[i] == 0.0 else offered / achieved
                if number == 0:
                    s.load[b, m, i] = 0.0
                s.normalised[b, m, i] = normalised
                out.latency_s[b, m, i] = slowest
                out.throughput_mbps[b, m, i] = throughput * 1e-6
                out.availability[b, m, i] = availability
                out.density[b, m, i] = density
                out.qos[b, m, i] = qos
                out.qos_normalised[b, m, i] = normalised
                out.satisfied[b, m, i] = normalised >= 0.5
                out.num_ues[b, m, i] = number
                out.unserved_ues[b, m, i] = unserved
            quality = s.normalised[b, m]
            out.reward_qos[b, m] = qos_reward(quality, p.priority, p.alpha_kind, p.alpha_floor, p.fixed_alpha)
            out.penalty_min_qos[b, m] = min_qos_penalty(quality, p.min_normalised, p.zeta)
            out.penalty_resource[b, m] = resource_penalty(out.rbs_claimed[b, m], num_rbs, p.zeta)
            out.reward[b, m] = out.reward_qos[b, m] + out.penalty_resource[b, m] + out.penalty_min_qos[b, m]

        # Move, hand over, observe.
        move(key, p.step_s, p.area, p.turn_cos, p.turn_sin, s.position[b], s.direction[b], s.speed[b])
        channel.mean_gains(s.position[b], p.sites, p.rb_power_mw, p.exponent, p.min_distance, s.gain[b])
        serve(s.gain[b], s.serving[b], out.handovers[b])
        group_ues(s.serving[b], s.slice_of_ue[b], first, members)
        for m in range(num_dus):
            observe(
                s.normalised[b, m], first, m, num_ues, num_dus, p.extended, s.backlog[b], s.load[b, m], members,
                step_bits, actions[b, m], s.observation[b, m],
            )  # fmt: skip
        s.key[b, 3] += np.uint64(1)
