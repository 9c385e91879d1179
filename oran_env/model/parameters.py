"""The scenario as the kernels read it: linear units, arrays, integers for names."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.model.cell.deployment import hexagonal_sites, service_area
from oran_env.model.mac.action_codec import CODECS
from oran_env.model.radio.uma_path_loss import UrbanMacro, urban_macro
from oran_env.model.reward.reward import ALPHAS
from oran_env.numerics.jit import Floats
from oran_env.scenario.fields import Scenario

SCHEDULERS = ("round_robin", "proportional_fair", "equal_rate", "max_rate")
ROUND_ROBIN, PROPORTIONAL_FAIR, EQUAL_RATE, MAX_RATE = range(4)


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
    uma: bool
    exponent: float
    min_distance: float
    urban: UrbanMacro
    shadowed: bool
    shadowing_los: float  # [dB]
    shadowing_nlos: float
    rayleigh: bool
    fading_blocks: int
    physical: bool
    noise_mw: float  # σ² in one RB
    bandwidth: float  # B [Hz]
    cap: float  # [bit/s/Hz]
    queue: bool
    served: bool  # KPIs count the served rate where traffic is finite
    packet: Floats  # (3,) L [bit]
    fixed_size: NDArray[np.bool_]  # (3,)
    offered: Floats  # (3,) A [bit/s], the load multiplied in
    finite: NDArray[np.bool_]  # (3,) not full-buffer: there is a queue
    constant: NDArray[np.bool_]  # (3,) arrivals at a constant rate
    latency_cap: float
    varying: bool  # the demand drifts or bursts
    drift_sigma: float
    drift_keep: float  # autocorrelation of the drift from one step to the next
    burst_factor: float
    burst_begin: float  # probabilities per step
    burst_end: float
    sessions: bool
    leave: float  # probabilities per step
    come: float
    threshold: Floats  # (3,) λ [bit/s]
    weighted_kpi: bool
    q_min: Floats  # (3,)
    window: int
    kpi_weights: Floats  # (4, 3) ω
    kpi_latency: Floats  # (3,) [s]
    priority: Floats  # (3,) w
    zeta: float
    alpha_kind: int
    alpha_floor: float
    fixed_alpha: Floats  # (3,)
    min_normalised: float
    team: bool
    codec: int
    scheduler: int
    per_rb: bool
    fairness: float  # T [steps]
    extended: bool
    step_s: float


def parameters_of(scenario: Scenario) -> Parameters:
    """Translate a scenario for the kernels."""
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
        uma=s.radio.path_loss == "uma",
        exponent=float(s.radio.path_loss_exponent),
        min_distance=float(s.radio.min_distance_m),
        urban=urban_macro(s.radio.carrier_ghz, s.radio.bs_height_m, s.radio.ue_height_m),
        shadowed=s.radio.shadowing_los_db > 0.0 or s.radio.shadowing_nlos_db > 0.0,
        shadowing_los=float(s.radio.shadowing_los_db),
        shadowing_nlos=float(s.radio.shadowing_nlos_db),
        rayleigh=s.radio.fading == "rayleigh",
        fading_blocks=s.radio.fading_blocks,
        physical=s.radio.interference == "physical",
        noise_mw=10 ** (noise_dbm / 10),
        bandwidth=float(s.radio.rb_bandwidth_hz),
        cap=math.inf if s.radio.max_spectral_efficiency is None else float(s.radio.max_spectral_efficiency),
        queue=s.traffic.latency == "queue",
        served=s.traffic.throughput == "served",
        packet=8.0 * np.asarray(s.traffic.packet_bytes, dtype=np.float64),
        fixed_size=np.asarray([size == "fixed" for size in s.traffic.packet_size]),
        offered=s.traffic.load * np.asarray(s.traffic.offered_bps, dtype=np.float64),
        finite=np.asarray(s.traffic.offered_bps) > 0.0,
        constant=np.asarray([kind == "constant" for kind in s.traffic.arrivals]),
        latency_cap=float(s.traffic.latency_cap_s),
        varying=s.traffic.drift_sigma > 0.0 or s.traffic.burst_factor != 1.0,
        drift_sigma=float(s.traffic.drift_sigma),
        drift_keep=math.exp(-s.control.step_s / s.traffic.drift_s),
        burst_factor=float(s.traffic.burst_factor),
        burst_begin=min(1.0, s.control.step_s / s.traffic.burst_every_s),
        burst_end=min(1.0, s.control.step_s / s.traffic.burst_s),
        sessions=s.traffic.session_s is not None,
        leave=0.0 if s.traffic.session_s is None else min(1.0, s.control.step_s / s.traffic.session_s),
        come=min(1.0, s.control.step_s / s.traffic.absence_s),
        threshold=1e6 * np.asarray(s.quality.rate_threshold_mbps, dtype=np.float64),
        weighted_kpi=s.quality.qos == "weighted_kpi",
        q_min=np.asarray(s.quality.q_min, dtype=np.float64),
        window=s.quality.availability_window,
        kpi_weights=np.asarray(s.quality.kpi_weights, dtype=np.float64),
        kpi_latency=1e-3 * np.asarray(s.quality.kpi_latency_ms, dtype=np.float64),
        priority=np.asarray(s.reward.priority, dtype=np.float64),
        zeta=float(s.reward.zeta),
        alpha_kind=ALPHAS.index(s.reward.alpha),
        alpha_floor=float(s.reward.alpha_floor),
        fixed_alpha=np.asarray(s.reward.fixed_alpha, dtype=np.float64),
        min_normalised=float(s.reward.min_normalised_qos),
        team=s.reward.reward_sharing == "team",
        codec=CODECS.index(s.control.codec),
        scheduler=SCHEDULERS.index(s.control.scheduler),
        per_rb=s.control.csi == "per_rb",
        fairness=float(s.control.fairness_window),
        extended=s.control.observation == "extended",
        step_s=float(s.control.step_s),
    )
