"""The scenario as the kernels read it: linear units, arrays, integers for names."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oran_env.actions import CODECS
from oran_env.kernels import Floats
from oran_env.layout import hexagonal_sites, service_area
from oran_env.reward import ALPHAS
from oran_env.scenario import Scenario


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
