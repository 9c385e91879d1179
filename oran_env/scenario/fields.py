"""The scenario: every number and mechanism of the simulated network, in one frozen dataclass per concept.

Sources: "T1" = Table 1 of arXiv 2511.15002, "VI-A"/"VI-E" = its sections, "ours" = the paper is silent and
``docs/differences.md`` says why we chose this. Field names are unique across the groups, so that any of them
can be overridden by its bare name: ``make_scenario("paper", num_dus=4, latency="queue")``. Named presets stand in
``presets.py``, which combinations make sense in ``validation.py``, what the name of a choice does in the file of its
concept. Some bounds are those of the counter of a random draw (24 bits for the UE, 16 for the RB, 8 for the fading
block); those of heights and carrier are TR 38.901's.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np

from oran_env.scenario.near_miss import did_you_mean
from oran_env.scenario.validation import ScenarioError, UnknownField, check_scenario

T = TypeVar("T")


def bounded(default: T, least: float, greatest: float) -> T:
    """A field with a default, whose numbers must lie between two bounds, which ``validation.py`` reads.

    Within them all arithmetic stays finite, whatever the other fields are.
    """
    return field(default=default, metadata={"bounds": (least, greatest)})


PerSlice = tuple[float, float, float]
PacketSize = Literal["exponential", "fixed"]
ObservationPart = Literal[
    "qos", "num_ues", "backlog", "load", "delay", "cqi", "prb_use", "interference", "previous_action"
]
Arrivals = Literal["poisson", "constant"]
Codec = Literal["two_bit", "slice_mask", "ue_grid", "slice_share", "zones", "prb_quota"]


@dataclass(frozen=True)
class Layout:
    """Where radio units (RUs) and user equipment (UEs) stand. DU m controls RU m."""

    num_dus: int = bounded(6, 1, 1024)  # M, number of DUs = agents (T1: N_m)
    num_ues: int = bounded(200, 0, 2**24 - 1)  # N, UEs in the whole network (T1)
    site_spacing_m: float = bounded(500.0, 1, 1e6)  # distance of neighbouring RUs on the hexagonal lattice [m] (ours)
    margin_m: float = bounded(250.0, 1, 1e6)  # service area beyond the outermost RUs, without wrap_around [m] (ours)
    wrap_around: bool = False  # the area is a torus without edges, see wrapping.py (ours)
    sectors: int = bounded(1, 1, 3)  # DUs at a site: 1, or 3 with the antennas of antenna.py (38.901)
    slice_mix: Literal["heterogeneous", "uniform"] = "heterogeneous"  # mix of slices drawn per DU area, or equal (VI-A)
    mix_concentration: int = bounded(2, 1, 64)  # a of the Dirichlet(a, a, a) mix of each DU area (ours)


@dataclass(frozen=True)
class Mobility:
    """How UEs move (VI-A), and change their DU."""

    min_speed_mps: float = bounded(10.0, 0, 1e4)  # least speed of a UE [m/s] (VI-A)
    max_speed_mps: float = bounded(20.0, 0, 1e4)  # greatest speed of a UE [m/s] (VI-A)
    turns_rad: tuple[float, ...] = bounded(  # one of these is added to the heading in each step [rad] (VI-A)
        (-math.pi / 3, -math.pi / 6, -math.pi / 12, 0.0, math.pi / 12, math.pi / 6, math.pi / 3), -100, 100
    )
    handover_hysteresis_db: float = bounded(0.0, 0, 40)  # another RU must be so much stronger [dB] (ours)
    time_to_trigger_s: float = bounded(0.0, 0, 1e3)  # and for so long [s] (ours)
    handover_interruption_s: float = bounded(0.0, 0, 1e3)  # nothing is received for so long after a handover [s] (ours)


@dataclass(frozen=True)
class Radio:
    """Eq. (1): spectrum, power, path loss, fading, interference."""

    num_rbs: int = bounded(100, 1, 2**16 - 1)  # K, RBs that every DU may use (T1)
    rb_bandwidth_hz: float = bounded(200e3, 1, 1e12)  # B, width of an RB [Hz] (T1)
    bandwidth_hz: float = bounded(20e6, 1, 1e12)  # total [Hz] (T1); K·B must fill 75 to 100 % of it
    power_dbm: float = bounded(56.0, -100, 100)  # of one RU, spread evenly over its K RBs [dBm] (T1: p_u)
    noise_dbm_per_hz: float = bounded(-173.0, -250, 0)  # σ², taken per Hz [dBm/Hz] (T1 prints "-173 dBm")
    path_loss: Literal["power_law", "uma"] = "power_law"  # d^-η, or TR 38.901 UMa, see path_loss.py (eq. (1))
    path_loss_exponent: float = bounded(3.5, 0, 10)  # power_law: η (ours)
    min_distance_m: float = bounded(10.0, 0.1, 1e6)  # floor of d [m] (ours; 38.901 has the same)
    carrier_ghz: float = bounded(3.5, 0.5, 100)  # carrier frequency, of uma and of the Doppler shift [GHz] (T5)
    bs_height_m: float = bounded(25.0, 1.5, 1e4)  # uma: height of an RU [m] (38.901)
    ue_height_m: float = bounded(1.5, 1.5, 13)  # uma: height of a UE [m]; above 13 m h_E is random (38.901)
    shadowing_los_db: float = bounded(0.0, 0, 40)  # σ of the shadowing with line of sight [dB]; 38.901 UMa: 4 (ours)
    shadowing_nlos_db: float = bounded(0.0, 0, 40)  # σ without it, and with power_law [dB]; 38.901 UMa: 6 (ours)
    antenna_gain_dbi: float = bounded(8.0, -30, 40)  # 3 sectors: gain of an antenna at its boresight [dBi] (38.901)
    vertical_beamwidth_deg: float = bounded(65.0, 1, 180)  # 3 sectors: θ_3dB [°] (38.901)
    downtilt_deg: float = bounded(0.0, -90, 90)  # 3 sectors: electrical tilt below the horizon [°] (ours)
    tx_evm: float = bounded(0.0, 0, 1)  # error vector magnitude of an RU, caps the SINR at 1/EVM² (ours)
    fading: Literal["rayleigh", "none", "jakes", "ergodic"] = (  # law of |h|², see fading.py; none: 1 (T1)
        "rayleigh"
    )
    fading_blocks: int | None = bounded(1, 1, 256)  # draws of |h|² in a step; None: from speed and carrier (ours)
    rbs_per_fade: int | None = bounded(1, 1, 2**16 - 1)  # RBs that share |h|²; None: from the delay spread (ours)
    delay_spread_ns: float = bounded(363.0, 0, 1e6)  # rbs_per_fade None: rms delay spread [ns] (38.901, UMa)
    power_range_db: float = bounded(0.0, 0, 100)  # how far an action may lower the power of an RB [dB]; 0: not (ours)
    interference: Literal["physical", "as_printed"] = "physical"  # what I is made of, see channel.py (ours)
    max_spectral_efficiency: float | None = bounded(  # cap of log2(1 + SINR) [bit/s/Hz]; None: no cap (ours)
        None, 0.01, 1e3
    )
    link_adaptation: Literal["shannon", "mcs"] = "shannon"  # eq. (1), or what of an MCS arrives (ours)
    cqi_delay_steps: int = bounded(1, 0, 64)  # mcs: d, age of the report that the MCS follows [steps] (ours)
    link_gap_db: float = bounded(3.0, 0, 20)  # mcs: Γ, SINR that codes need beyond eq. (1) [dB] (ours)
    bler_width_db: float = bounded(1.0, 0.1, 20)  # mcs: w, from 10 to 90 % of lost blocks [dB] (ours)
    outer_loop_db: float = bounded(1.0, 0, 10)  # mcs: step of the outer loop; 0: none [dB] (ours)


@dataclass(frozen=True)
class Traffic:
    """What waits for transmission. A slice with offered rate 0 is full-buffer."""

    latency: Literal["mm1", "queue"] = "mm1"  # τ without or with a backlog, see queues.py (ours)
    throughput: Literal["achievable", "served"] = "achievable"  # rate that KPIs of finite traffic count (ours)
    packet_bytes: PerSlice = bounded((1500.0, 125.0, 32.0), 0.125, 1e9)  # L, mean packet size [byte] (ours)
    packet_size: tuple[PacketSize, PacketSize, PacketSize] = (  # law of the packet sizes (ours)
        "exponential",
        "exponential",
        "exponential",
    )
    offered_bps: PerSlice = bounded((0.0, 0.0, 64e3), 0, 1e15)  # A, mean offered rate per UE [bit/s] (ours)
    arrivals: tuple[Arrivals, Arrivals, Arrivals] = ("poisson", "poisson", "poisson")  # queue: how they come (ours)
    latency_cap_s: float = bounded(1.0, 1e-6, 1e9)  # τ when the rate does not exceed A [s] (ours)
    load: float = bounded(1.0, 0, 1e9)  # multiplies offered_bps (ours)
    drift_sigma: float = bounded(0.0, 0, 3)  # offered rates of DU and slice drift by exp(N(0, σ²)); 0: no drift (ours)
    drift_s: float = bounded(5.0, 1e-3, 1e9)  # correlation time of the drift [s] (ours)
    burst_factor: float = bounded(1.0, 0, 1e3)  # in a burst the offered rate is multiplied by this; 1: no bursts (ours)
    burst_every_s: float = bounded(5.0, 1e-3, 1e9)  # mean time from the end of a burst to the next [s] (ours)
    burst_s: float = bounded(1.0, 1e-3, 1e9)  # mean length of a burst [s] (ours)
    session_s: float | None = bounded(None, 1e-3, 1e9)  # mean time until a UE leaves [s]; None: it stays (ours)
    absence_s: float = bounded(5.0, 1e-3, 1e9)  # mean time until a new UE takes its place [s] (ours)
    tti_s: float = bounded(0.0, 0, 1)  # transmission time interval, added to every delay [s] (ours)
    harq_rtt_s: float = bounded(0.0, 0, 1)  # HARQ round trip, added as well [s] (ours)
    demand_trace: str | None = None  # "synthetic", or a .csv or .parquet of offered bits, see trace.py (ours)
    trace_start: Literal["random", "first"] = "random"  # with which step of the trace an episode begins (ours)


@dataclass(frozen=True)
class Quality:
    """KPIs, eqs. (2)-(5), and the QoS of each slice, VI-E or eq. (6)."""

    qos: Literal["slice", "weighted_kpi"] = "slice"  # per slice, or the weighted sum of eq. (6), see qos.py (VI-E)
    rate_threshold_mbps: PerSlice = bounded((1.0, 0.1, 0.1), 0, 1e9)  # λ_i, rate a UE should reach [Mbit/s] (ours)
    q_min: PerSlice = bounded((10.0, 50.0, 2.0), 1e-6, 1e9)  # Q_min per DU: [Mbit/s], [Mbit/s], [ms] (VI-E)
    availability_window: int = bounded(10, 1, 63)  # T of eq. (4) [steps] (ours)
    kpi_weights: tuple[PerSlice, PerSlice, PerSlice, PerSlice] = bounded(  # ω of eq. (6), eMBB, mMTC, URLLC (ours)
        (
            (0.1, 0.0, 0.7),  # latency
            (0.6, 0.2, 0.0),  # throughput
            (0.2, 0.3, 0.3),  # availability
            (0.1, 0.5, 0.0),  # density
        ),
        0,
        1,
    )
    kpi_latency_ms: PerSlice = bounded((50.0, 500.0, 2.0), 1e-6, 1e9)  # weighted_kpi: what counts 1/2 [ms] (ours)
    latency_percentile: float | None = bounded(None, 0.01, 1 - 1e-9)  # τ: of the packets' delays; None: mean (ours)


@dataclass(frozen=True)
class Reward:
    """Eq. (8)."""

    priority: PerSlice = bounded((1.0, 0.5, 2.0), 0, 1e9)  # w_l, weights of the slices in α_l (IV-A.3)
    zeta: float = bounded(2.0, 0, 1e9)  # ζ of both penalties (ours)
    alpha: Literal["adaptive", "literal", "fixed"] = "adaptive"  # how α_l follows Q̄, see reward.py (ours)
    alpha_floor: float = bounded(0.5, 1e-6, 1e9)  # least Σ w_j·Q̄_j that α_l is divided by (ours)
    fixed_alpha: PerSlice = bounded((1.0, 0.5, 2.0), 0, 1e9)  # α_l when alpha="fixed" (ours)
    min_normalised_qos: float = bounded(0.5, 0, 1)  # Q̄ below which P_minQ bites (ours: the image of Q_min)
    reward_sharing: Literal["individual", "team"] = "individual"  # its own, or for each the mean of all DUs (ours)
    energy_weight: float = bounded(0.0, 0, 1e3)  # what full use of the RBs takes from the reward, see energy.py (ours)


@dataclass(frozen=True)
class Energy:
    """What an RU draws, by the figures of the EARTH project for a macro site."""

    amplifier_w: float = bounded(20.0, 1e-3, 1e9)  # p_max of a power amplifier; an RU has as many as p needs [W] (ours)
    power_fixed_w: float = bounded(130.0, 0, 1e6)  # P_0, drawn for each amplifier while the RU transmits [W] (ours)
    power_slope: float = bounded(4.7, 1e-2, 1e3)  # Δ_p, drawn for each watt on the air (ours)
    power_sleep_w: float = bounded(75.0, 0, 1e6)  # P_sleep, drawn for each amplifier when no RB transmits [W] (ours)


@dataclass(frozen=True)
class Control:
    """What an agent may do and see, and for how long."""

    codec: Codec = "two_bit"  # what an action means (IV-A.2)
    owned_rbs: int | None = bounded(None, 0, 2**16)  # P, of each DU with "zones"; None: 54 % of the band in all (ours)
    scheduler: Literal["round_robin", "proportional_fair", "equal_rate", "max_rate"] = (  # of UEs in a slice (ours)
        "round_robin"
    )
    csi: Literal["wideband", "per_rb"] = "wideband"  # what the scheduler knows of the fading (ours)
    fairness_window: float = bounded(10.0, 1, 1e9)  # steps over which a scheduler averages the rate of a UE (ours)
    observation: Literal["paper", "extended", "kpm"] = "paper"  # what a DU sees (IV-A.1)
    hidden_observations: tuple[ObservationPart, ...] = ()  # parts of the observation that are left out (ours)
    step_s: float = bounded(0.1, 1e-4, 10)  # Δt [s], within the near-real-time loop of 10 ms to 1 s (ours)
    horizon: int = bounded(100, 1, 2**31 - 1)  # steps of an episode; its end is a truncation (ours)


@dataclass(frozen=True)
class Scenario:
    """A complete description of the simulated network. Construction validates every field."""

    name: str = "paper"
    layout: Layout = field(default_factory=Layout)
    mobility: Mobility = field(default_factory=Mobility)
    radio: Radio = field(default_factory=Radio)
    traffic: Traffic = field(default_factory=Traffic)
    quality: Quality = field(default_factory=Quality)
    reward: Reward = field(default_factory=Reward)
    energy: Energy = field(default_factory=Energy)
    control: Control = field(default_factory=Control)

    def __post_init__(self) -> None:
        check_scenario(self)

    @property
    def owned_rbs(self) -> int:
        """P, RBs that each DU owns: the field, or as many as make 54 % of the band for all DUs."""
        given = self.control.owned_rbs
        return 54 * self.radio.num_rbs // (100 * self.layout.num_dus) if given is None else given

    def with_overrides(self, /, **overrides: Any) -> Scenario:
        """Return a copy in which the named fields, of whichever group, and ``name`` have new values.

        Raises:
            ScenarioError: unknown field, or a value that is not allowed.
        """
        changes: dict[str, dict[str, Any]] = {}
        name = overrides.pop("name", self.name)
        for alias in ALIASES_OF_HORIZON:
            if alias in overrides:
                value = overrides.pop(alias)
                if overrides.setdefault("horizon", value) != value:
                    other = overrides["horizon"]
                    raise ScenarioError(f"{alias} is {value!r} and horizon {other!r}; allowed: one of them")
        for member, value in overrides.items():
            if member not in FIELD_GROUPS:
                near = did_you_mean(member, FIELD_GROUPS)
                raise UnknownField(
                    f"got an unexpected keyword argument {member!r}: unknown scenario field {member!r}; "
                    f"allowed: {', '.join(sorted(FIELD_GROUPS))}{near and f'; {near.strip()}'}"
                )
            changes.setdefault(FIELD_GROUPS[member], {})[member] = _tuples(value)
        groups = {group: dataclasses.replace(getattr(self, group), **c) for group, c in changes.items()}
        return dataclasses.replace(self, name=name, **groups)


def _tuples(value: Any) -> Any:
    """Lists, as JSON has them, and arrays to tuples; NumPy's numbers to Python's."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def _group_types() -> dict[str, Any]:
    """The dataclass of each group, by the attribute of Scenario that holds it."""
    return {name: hint for name, hint in typing.get_type_hints(Scenario).items() if dataclasses.is_dataclass(hint)}


def _field_groups() -> dict[str, str]:
    """Map the name of each scenario field to the group that holds it."""
    groups = [(member.name, name) for name, kind in _group_types().items() for member in dataclasses.fields(kind)]
    assert len(dict(groups)) == len(groups), "a scenario field stands in two groups"
    return dict(groups)


def _choices() -> dict[str, tuple[str, ...]]:
    """The names that each field allows which is a choice, or a tuple of choices."""
    found: dict[str, tuple[str, ...]] = {}
    for kind in _group_types().values():
        for name, hint in typing.get_type_hints(kind).items():
            each = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
            if typing.get_origin(each) is Literal:
                found[name] = typing.get_args(each)
    return found


ALIASES_OF_HORIZON = ("max_cycles", "max_episode_steps")
"""What PettingZoo's environments and Gymnasium call the horizon."""
FIELD_GROUPS = _field_groups()
CHOICES = _choices()
