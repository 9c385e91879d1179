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

from oran_env.scenario.validation import ScenarioError, check_scenario

T = TypeVar("T")


def bounded(default: T, least: float, greatest: float = math.inf) -> T:
    """A field with a default, whose numbers must lie between two bounds, which ``validation.py`` reads."""
    return field(default=default, metadata={"bounds": (least, greatest)})


PerSlice = tuple[float, float, float]
PacketSize = Literal["exponential", "fixed"]
Arrivals = Literal["poisson", "constant"]


@dataclass(frozen=True)
class Layout:
    """Where radio units (RUs) and user equipment (UEs) stand. DU m controls RU m."""

    num_dus: int = bounded(6, 1, 1024)  # M, number of DUs = agents (T1: N_m)
    num_ues: int = bounded(200, 0, 2**24 - 1)  # N, UEs in the whole network (T1)
    site_spacing_m: float = bounded(500.0, 1)  # distance of neighbouring RUs on the hexagonal lattice [m] (ours)
    margin_m: float = bounded(250.0, 1)  # service area beyond the outermost RUs [m] (ours)
    slice_mix: Literal["heterogeneous", "uniform"] = "heterogeneous"  # mix of slices drawn per DU area, or equal (VI-A)
    mix_concentration: int = bounded(2, 1, 64)  # a of the Dirichlet(a, a, a) mix of each DU area (ours)


@dataclass(frozen=True)
class Mobility:
    """How UEs move (VI-A)."""

    min_speed_mps: float = bounded(10.0, 0)  # least speed of a UE [m/s] (VI-A)
    max_speed_mps: float = bounded(20.0, 0, 1e4)  # greatest speed of a UE [m/s] (VI-A)
    turns_rad: tuple[float, ...] = (  # one of these is added to the heading in each step [rad] (VI-A)
        -math.pi / 3,
        -math.pi / 6,
        -math.pi / 12,
        0.0,
        math.pi / 12,
        math.pi / 6,
        math.pi / 3,
    )


@dataclass(frozen=True)
class Radio:
    """Eq. (1): spectrum, power, path loss, fading, interference."""

    num_rbs: int = bounded(100, 1, 2**16 - 1)  # K, RBs that every DU may use (T1)
    rb_bandwidth_hz: float = bounded(200e3, 1)  # B, width of an RB [Hz] (T1)
    bandwidth_hz: float = bounded(20e6, 1)  # total [Hz] (T1); K·B must fill 75 to 100 % of it
    power_dbm: float = bounded(56.0, -100, 100)  # of one RU, spread evenly over its K RBs [dBm] (T1: p_u)
    noise_dbm_per_hz: float = bounded(-173.0, -250, 0)  # σ², taken per Hz [dBm/Hz] (T1 prints "-173 dBm")
    path_loss: Literal["power_law", "uma"] = "power_law"  # d^-η, or TR 38.901 UMa, see path_loss.py (eq. (1))
    path_loss_exponent: float = bounded(3.5, 0, 10)  # power_law: η (ours)
    min_distance_m: float = bounded(10.0, 0.1)  # floor of d [m] (ours; 38.901 has the same)
    carrier_ghz: float = bounded(3.5, 0.5, 100)  # carrier frequency, of uma and of the Doppler shift [GHz] (T5)
    bs_height_m: float = bounded(25.0, 1.5)  # uma: height of an RU [m] (38.901)
    ue_height_m: float = bounded(1.5, 1.5, 13)  # uma: height of a UE [m]; above 13 m h_E is random (38.901)
    shadowing_los_db: float = bounded(0.0, 0, 40)  # σ of the shadowing with line of sight [dB]; 38.901 UMa: 4 (ours)
    shadowing_nlos_db: float = bounded(0.0, 0, 40)  # σ without it, and with power_law [dB]; 38.901 UMa: 6 (ours)
    fading: Literal["rayleigh", "none", "jakes", "ergodic"] = (  # law of |h|², see fading.py; none: 1 (T1)
        "rayleigh"
    )
    fading_blocks: int | None = bounded(1, 1, 256)  # draws of |h|² in a step; None: from speed and carrier (ours)
    rbs_per_fade: int | None = bounded(1, 1, 2**16 - 1)  # RBs that share |h|²; None: from the delay spread (ours)
    delay_spread_ns: float = bounded(363.0, 0, 1e6)  # rbs_per_fade None: rms delay spread [ns] (38.901, UMa)
    power_range_db: float = bounded(0.0, 0, 100)  # how far an action may lower the power of an RB [dB]; 0: not (ours)
    interference: Literal["physical", "as_printed"] = "physical"  # what I is made of, see channel.py (ours)
    max_spectral_efficiency: float | None = bounded(None, 0.01)  # cap of log2(1 + SINR) [bit/s/Hz]; None: no cap (ours)


@dataclass(frozen=True)
class Traffic:
    """What waits for transmission. A slice with offered rate 0 is full-buffer."""

    latency: Literal["mm1", "queue"] = "mm1"  # τ without or with a backlog, see queues.py (ours)
    throughput: Literal["achievable", "served"] = "achievable"  # rate that KPIs of finite traffic count (ours)
    packet_bytes: PerSlice = bounded((1500.0, 125.0, 32.0), 0.125)  # L, mean packet size [byte] (ours)
    packet_size: tuple[PacketSize, PacketSize, PacketSize] = (  # law of the packet sizes (ours)
        "exponential",
        "exponential",
        "exponential",
    )
    offered_bps: PerSlice = bounded((0.0, 0.0, 64e3), 0)  # A, mean offered rate per UE [bit/s] (ours)
    arrivals: tuple[Arrivals, Arrivals, Arrivals] = ("poisson", "poisson", "poisson")  # queue: how they come (ours)
    latency_cap_s: float = bounded(1.0, 1e-6)  # τ when the rate does not exceed A [s] (ours)
    load: float = bounded(1.0, 0)  # multiplies offered_bps (ours)
    drift_sigma: float = bounded(0.0, 0, 3)  # offered rates of DU and slice drift by exp(N(0, σ²)); 0: no drift (ours)
    drift_s: float = bounded(5.0, 1e-3)  # correlation time of the drift [s] (ours)
    burst_factor: float = bounded(1.0, 0, 1e3)  # in a burst the offered rate is multiplied by this; 1: no bursts (ours)
    burst_every_s: float = bounded(5.0, 1e-3)  # mean time from the end of a burst to the next [s] (ours)
    burst_s: float = bounded(1.0, 1e-3)  # mean length of a burst [s] (ours)
    session_s: float | None = bounded(None, 1e-3)  # mean time until a UE leaves [s]; None: it stays (ours)
    absence_s: float = bounded(5.0, 1e-3)  # mean time until a new UE takes its place [s] (ours)


@dataclass(frozen=True)
class Quality:
    """KPIs, eqs. (2)-(5), and the QoS of each slice, VI-E or eq. (6)."""

    qos: Literal["slice", "weighted_kpi"] = "slice"  # per slice, or the weighted sum of eq. (6), see qos.py (VI-E)
    rate_threshold_mbps: PerSlice = bounded((1.0, 0.1, 0.1), 0)  # λ_i, rate that a UE should reach [Mbit/s] (ours)
    q_min: PerSlice = bounded((10.0, 50.0, 2.0), 1e-6)  # Q_min per DU: [Mbit/s], [Mbit/s], [ms] (VI-E)
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
    kpi_latency_ms: PerSlice = bounded((50.0, 500.0, 2.0), 1e-6)  # weighted_kpi: latency that counts 1/2 [ms] (ours)


@dataclass(frozen=True)
class Reward:
    """Eq. (8)."""

    priority: PerSlice = bounded((1.0, 0.5, 2.0), 0)  # w_l, weights of the slices in α_l (IV-A.3)
    zeta: float = bounded(2.0, 0)  # ζ of both penalties (ours)
    alpha: Literal["adaptive", "literal", "fixed"] = "adaptive"  # how α_l follows Q̄, see reward.py (ours)
    alpha_floor: float = bounded(0.5, 1e-6)  # least Σ w_j·Q̄_j that α_l is divided by (ours)
    fixed_alpha: PerSlice = bounded((1.0, 0.5, 2.0), 0)  # α_l when alpha="fixed" (ours)
    min_normalised_qos: float = bounded(0.5, 0, 1)  # Q̄ below which P_minQ bites (ours: the image of Q_min)
    reward_sharing: Literal["individual", "team"] = "individual"  # its own, or for each the mean of all DUs (ours)


@dataclass(frozen=True)
class Control:
    """What an agent may do and see, and for how long."""

    codec: Literal["two_bit", "slice_mask", "ue_grid", "slice_share"] = "two_bit"  # what an action means (IV-A.2)
    scheduler: Literal["round_robin", "proportional_fair", "equal_rate", "max_rate"] = (  # of UEs in a slice (ours)
        "round_robin"
    )
    csi: Literal["wideband", "per_rb"] = "wideband"  # what the scheduler knows of the fading (ours)
    fairness_window: float = bounded(10.0, 1)  # steps over which a scheduler averages the rate of a UE (ours)
    observation: Literal["paper", "extended"] = "paper"  # what a DU sees (IV-A.1)
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
    control: Control = field(default_factory=Control)

    def __post_init__(self) -> None:
        check_scenario(self)

    def with_overrides(self, /, **overrides: Any) -> Scenario:
        """Return a copy in which the named fields, of whichever group, and ``name`` have new values.

        Raises:
            ScenarioError: unknown field, or a value that is not allowed.
        """
        changes: dict[str, dict[str, Any]] = {}
        name = overrides.pop("name", self.name)
        for member, value in overrides.items():
            if member not in FIELD_GROUPS:
                raise ScenarioError(f"unknown scenario field {member!r}; allowed: {', '.join(sorted(FIELD_GROUPS))}")
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


FIELD_GROUPS = _field_groups()
CHOICES = _choices()
