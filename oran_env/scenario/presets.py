"""Named scenarios and traffic profiles. Each lists only what differs from the defaults in ``scenario.py``.

paper: Table 1 of the paper
paper_capped: the same, no RB carrying more than 256-QAM does
table5: Table 5 of the paper (3.5 GHz, 100 MHz, 30 kHz), urban macro; Q_min raised, as every policy meets the paper's
tiny: small and short, for tests and first steps
dynamic: what waits counts: all traffic is queued, demand drifts and bursts, KPIs look back over 0.5 s
calm: fewer UEs
heterogeneous: slices unevenly spread over the DUs
bursty: UEs come and go, URLLC demand drifts and bursts
overload: more UEs
fast: vehicles, and what a handover costs them
dense: small cells among others of their kind, without an edge
dus_2: 2 DUs, hence a smaller area with as many UEs
dus_4: 4 DUs
dus_8: 8 DUs
dus_10: 10 DUs

Profiles, ``traffic="…"``, may be combined with any preset; fields that are given by name win over them.

profile paper: eMBB and mMTC always have something to send; URLLC 64 kbit/s per UE in packets of 32 byte
profile full_buffer: all three slices always have something to send
profile coloran: that of ColO-RAN (Bonati et al.): eMBB 4 Mbit/s at a constant rate, mMTC 30 and URLLC 10 packets/s
profile ftp3: eMBB files of 0.5 MB, one in two seconds per UE (TR 36.814, FTP model 3); the rest as in ``paper``
"""

from __future__ import annotations

from typing import Any

from oran_env.scenario.fields import Scenario
from oran_env.scenario.near_miss import did_you_mean
from oran_env.scenario.validation import ScenarioError

_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},  # Table 1
    "paper_capped": {"max_spectral_efficiency": 7.4},  # 256-QAM
    # Table 5: 3.5 GHz, 100 MHz, 30 kHz spacing. An RB of 12 x 30 kHz is 360 kHz wide, not the 200 kHz it prints;
    # TS 38.101-1 has 273 of them in 100 MHz. With five times the spectrum and a quarter of the UEs every policy meets
    # the Q_min of VI-E, so that they are raised (the latency lowered) by the same five.
    "table5": {
        "num_dus": 5,
        "num_ues": 56,
        "num_rbs": 273,
        "rb_bandwidth_hz": 360e3,
        "bandwidth_hz": 100e6,
        "path_loss": "uma",
        "shadowing_los_db": 4.0,
        "shadowing_nlos_db": 6.0,
        "max_spectral_efficiency": 7.4,
        "q_min": (50.0, 250.0, 0.4),
    },
    "tiny": {"num_dus": 2, "num_ues": 20, "num_rbs": 10, "rb_bandwidth_hz": 2e6, "horizon": 25},
    # What is done now decides what comes later. All traffic is finite and queued. The offered rates make a DU busy to
    # about 70 %, and drift and bursts overload it for seconds: then some slice must wait, and what waits must be caught
    # up before its KPIs recover, which a policy that sees one step ahead never begins.
    "dynamic": {
        "latency": "queue",
        "throughput": "served",
        "observation": "extended",
        "num_rbs": 25,  # groups of four RBs, the RBGs of TS 38.214 in 20 MHz
        "rb_bandwidth_hz": 800e3,
        "num_ues": 100,
        "fading": "ergodic",  # at these speeds a step averages some 27 fades
        "offered_bps": (1.25e6, 375e3, 250e3),  # video of 480 lines; sensors with pictures; 156 control messages/s
        "packet_bytes": (1500.0, 200.0, 200.0),  # TS 22.104: periodic control sends 20 to 250 byte
        "arrivals": ("constant", "constant", "poisson"),
        "load": 1.2,
        "drift_sigma": 0.9,  # per DU and slice a coefficient of variation of 1.1, as of small cells within minutes
        "drift_s": 3.5,
        "burst_factor": 6.0,  # half a second of events, every four seconds
        "burst_every_s": 4.0,
        "burst_s": 0.5,
        "scheduler": "equal_rate",  # a slice is as good as its worst UE
        # A UE is served when nothing of it waits (λ out of reach). eMBB and mMTC count the steps without a stall over
        # the last half second, URLLC the latency of now: what is done for the two pays later, and a URLLC queue that is
        # let go pays nothing until all of it has been caught up.
        "qos": "weighted_kpi",
        "kpi_weights": ((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 0.0, 0.0)),
        "rate_threshold_mbps": (1000.0, 1000.0, 1000.0),
        "availability_window": 5,
        "kpi_latency_ms": (150.0, 500.0, 5.0),  # URLLC: 5QI 85 of TS 23.501
    },
    # A family for generalisation: the spaces of "paper", and one thing that is different.
    "calm": {"num_ues": 120},
    "heterogeneous": {"mix_concentration": 1},
    "bursty": {
        "session_s": 6.0,
        "absence_s": 3.0,
        "num_ues": 300,  # two thirds of them present at a time
        "drift_sigma": 0.5,
        "drift_s": 3.0,
        "burst_factor": 6.0,
        "burst_every_s": 4.0,
        "burst_s": 1.0,
    },
    "overload": {"num_ues": 320},
    # Vehicles keep to their road. A handover waits until the other cell has been 2 dB stronger for 160 ms (A3 of
    # TS 38.331), and nothing reaches the UE in the 100 ms after.
    "fast": {
        "min_speed_mps": 25.0,
        "max_speed_mps": 40.0,
        "turns_rad": (-0.05, 0.0, 0.05),
        "handover_hysteresis_db": 2.0,
        "time_to_trigger_s": 0.16,
        "handover_interruption_s": 0.1,
    },
    # By itself a smaller distance changes no SINR, as all gains grow alike; cells on all sides do.
    "dense": {"site_spacing_m": 200.0, "wrap_around": True},
    "dus_2": {"num_dus": 2},
    "dus_4": {"num_dus": 4},
    "dus_8": {"num_dus": 8},
    "dus_10": {"num_dus": 10},
}
PRESETS = tuple(_PRESETS)

TRAFFIC_PROFILES: dict[str, dict[str, Any]] = {
    "paper": {"latency": "mm1", "throughput": "achievable", "offered_bps": (0.0, 0.0, 64e3)},
    "full_buffer": {"latency": "mm1", "throughput": "achievable", "offered_bps": (0.0, 0.0, 0.0)},
    # Bonati et al., ColO-RAN: eMBB 4 Mbit/s at a constant rate, MTC 30 and URLLC 10 packets/s of 125 byte. So little
    # mMTC traffic needs a Q_min of its own.
    "coloran": {
        "latency": "queue",
        "throughput": "served",
        "packet_bytes": (1500.0, 125.0, 125.0),
        "packet_size": ("fixed", "fixed", "fixed"),
        "offered_bps": (4e6, 30e3, 10e3),
        "arrivals": ("constant", "poisson", "poisson"),
        "q_min": (10.0, 0.1, 2.0),
    },
    # TR 36.814 FTP model 3: files of 0.5 MB arrive at each eMBB UE by a Poisson process, here one in two seconds.
    "ftp3": {
        "latency": "queue",
        "throughput": "served",
        "packet_bytes": (500e3, 125.0, 32.0),
        "packet_size": ("fixed", "exponential", "exponential"),
        "offered_bps": (2e6, 0.0, 64e3),
    },
}


def make_scenario(scenario: str | Scenario = "paper", traffic: str | None = None, **overrides: Any) -> Scenario:
    """Return a preset (see ``PRESETS``) or the given scenario, changed by a traffic profile, then field by field.

    Args:
        scenario: preset name, or a ``Scenario``.
        traffic: name of a profile (see ``TRAFFIC_PROFILES``).
        overrides: scenario fields by name.

    Raises:
        ScenarioError: unknown preset, profile or field, or a value that is not allowed.
    """
    if isinstance(scenario, str):
        if scenario not in _PRESETS:
            near = did_you_mean(scenario, PRESETS)
            raise ScenarioError(f"unknown scenario {scenario!r}; {near}allowed: {', '.join(PRESETS)}")
        scenario = Scenario(name=scenario).with_overrides(**_PRESETS[scenario])
    if not isinstance(scenario, Scenario):
        raise ScenarioError(f"scenario is {scenario!r}; allowed: a Scenario, or one of {', '.join(PRESETS)}")
    if traffic is not None:
        if traffic not in TRAFFIC_PROFILES:
            near = did_you_mean(traffic, TRAFFIC_PROFILES)
            raise ScenarioError(f"unknown traffic profile {traffic!r}; {near}allowed: {', '.join(TRAFFIC_PROFILES)}")
        overrides = {**TRAFFIC_PROFILES[traffic], **overrides}
    return scenario.with_overrides(**overrides)
