"""The scenario: every number and mechanism of the simulated network, in one frozen dataclass per concept.

Sources: "T1" = Table 1 of arXiv 2511.15002, "VI-A"/"VI-E" = its sections, "ours" = the paper is silent and
``docs/differences.md`` says why we chose this. Field names are unique across the groups, so that any of them
can be overridden by its bare name: ``make_scenario("paper", num_dus=4, latency="queue")``.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

SLICES = ("eMBB", "mMTC", "URLLC")
NUM_SLICES = len(SLICES)
EMBB, MMTC, URLLC = range(NUM_SLICES)

PerSlice = tuple[float, float, float]


class ScenarioError(ValueError):
    """A scenario field has a value that is not allowed, or no such field or preset exists."""


@dataclass(frozen=True)
class Layout:
    """Where radio units (RUs) and user equipment (UEs) stand. DU m controls RU m."""

    num_dus: int = 6  # M, number of DUs = agents (T1: N_m)
    num_ues: int = 200  # N, UEs in the whole network (T1)
    site_spacing_m: float = 500.0  # distance of neighbouring RUs on the hexagonal lattice [m] (ours)
    margin_m: float = 250.0  # service area beyond the outermost RUs [m] (ours)
    slice_mix: Literal["heterogeneous", "uniform"] = "heterogeneous"  # VI-A: heterogeneous demand per DU
    mix_concentration: int = 2  # a of the Dirichlet(a, a, a) mix of each DU area (ours)


@dataclass(frozen=True)
class Mobility:
    """How UEs move (VI-A)."""

    min_speed_mps: float = 10.0  # [m/s] (VI-A)
    max_speed_mps: float = 20.0  # [m/s] (VI-A)
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

    num_rbs: int = 100  # K, RBs that every DU may use (T1)
    rb_bandwidth_hz: float = 200e3  # B [Hz] (T1)
    bandwidth_hz: float = 20e6  # total [Hz] (T1); K·B must fill 75 to 100 % of it
    power_dbm: float = 56.0  # of one RU, spread evenly over its K RBs [dBm] (T1: p_u)
    noise_dbm_per_hz: float = -173.0  # σ², taken per Hz [dBm/Hz] (T1 prints "-173 dBm")
    path_loss_exponent: float = 3.5  # η (ours)
    min_distance_m: float = 10.0  # floor of d in d^-η [m] (ours)
    fading: Literal["rayleigh", "none"] = "rayleigh"  # |h|² ~ Exp(1), or 1 (T1)
    interference: Literal["physical", "as_printed"] = "physical"  # see channel.py (ours)
    max_spectral_efficiency: float | None = None  # cap of log2(1 + SINR) [bit/s/Hz]; None: uncapped


@dataclass(frozen=True)
class Traffic:
    """What waits for transmission. A slice with offered rate 0 is full-buffer."""

    latency: Literal["mm1", "queue"] = "mm1"  # τ without or with a backlog, see traffic.py (ours)
    packet_bytes: PerSlice = (1500.0, 125.0, 32.0)  # L, mean packet size [byte] (ours)
    offered_bps: PerSlice = (0.0, 0.0, 64e3)  # A, offered rate per UE [bit/s] (ours)
    latency_cap_s: float = 1.0  # τ when the rate does not exceed A [s] (ours)


@dataclass(frozen=True)
class Quality:
    """KPIs, eqs. (2)-(5), and the QoS of each slice, VI-E."""

    rate_threshold_mbps: PerSlice = (1.0, 0.1, 0.1)  # λ_i [Mbit/s] (ours)
    q_min: PerSlice = (10.0, 50.0, 2.0)  # Q_min per DU: [Mbit/s], [Mbit/s], [ms] (VI-E)
    availability_window: int = 10  # T of eq. (4) [steps] (ours)


@dataclass(frozen=True)
class Reward:
    """Eq. (8)."""

    priority: PerSlice = (1.0, 0.5, 2.0)  # w_l (IV-A.3)
    zeta: float = 2.0  # ζ of both penalties (ours)
    alpha: Literal["adaptive", "literal", "fixed"] = "adaptive"  # how α_l follows Q̄, see reward.py (ours)
    alpha_floor: float = 0.5  # least Σ w_j·Q̄_j that α_l is divided by (ours)
    fixed_alpha: PerSlice = (1.0, 0.5, 2.0)  # α_l when alpha="fixed" (ours)
    min_normalised_qos: float = 0.5  # Q̄ below which P_minQ bites (ours: the image of Q_min)


@dataclass(frozen=True)
class Control:
    """What an agent may do and see, and for how long."""

    codec: Literal["two_bit", "slice_mask"] = "two_bit"  # actions.py (IV-A.2)
    scheduler: Literal["round_robin"] = "round_robin"  # scheduling.py (ours)
    observation: Literal["paper", "extended"] = "paper"  # observations.py (IV-A.1)
    step_s: float = 0.1  # Δt [s], within the near-real-time loop of 10 ms to 1 s (ours)
    horizon: int = 100  # steps of an episode; its end is a truncation (ours)


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
        for group in _GROUPS.values():
            _check_types(getattr(self, group))
        _check_values(self)

    def with_overrides(self, **overrides: Any) -> Scenario:
        """Return a copy in which the named fields, of whichever group, have new values.

        Raises:
            ScenarioError: unknown field, or a value that is not allowed.
        """
        changes: dict[str, dict[str, Any]] = {}
        for name, value in overrides.items():
            if name not in _GROUPS:
                raise ScenarioError(f"unknown scenario field {name!r}; allowed: {', '.join(sorted(_GROUPS))}")
            changes.setdefault(_GROUPS[name], {})[name] = tuple(value) if isinstance(value, list) else value
        groups = {group: dataclasses.replace(getattr(self, group), **c) for group, c in changes.items()}
        return dataclasses.replace(self, **groups)


def _field_groups() -> dict[str, str]:
    """Map the name of each scenario field to the group (attribute of Scenario) that holds it."""
    groups: dict[str, str] = {}
    hints = typing.get_type_hints(Scenario)
    for group in dataclasses.fields(Scenario):
        if dataclasses.is_dataclass(hints[group.name]):
            for member in dataclasses.fields(hints[group.name]):
                assert member.name not in groups, f"scenario field {member.name} stands in two groups"
                groups[member.name] = group.name
    return groups


_GROUPS = _field_groups()


def _check_types(group: Any) -> None:
    """Refuse values of the wrong type: bool for int, text for number, short tuples, NaN and infinity."""
    hints = typing.get_type_hints(type(group))
    for member in dataclasses.fields(group):
        value, hint = getattr(group, member.name), hints[member.name]
        if not _matches(value, hint):
            name = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
            raise ScenarioError(f"{member.name} is {value!r}; allowed: {name}, finite")


def _matches(value: Any, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is Ellipsis:
            return all(_matches(v, arguments[0]) for v in value)
        return len(value) == len(arguments) and all(map(_matches, value, arguments))
    if origin in (typing.Union, types.UnionType):
        return any(_matches(value, argument) for argument in arguments)
    if hint is type(None):
        return value is None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_values(scenario: Scenario) -> None:
    """Refuse numbers out of range and combinations that make no physical sense."""
    bounds: dict[str, tuple[float, float]] = {  # name: (least, greatest)
        "num_dus": (1, 1024),
        "num_ues": (0, 2**24 - 1),  # the counter of a random draw has 24 bits for the UE
        "site_spacing_m": (1, math.inf),
        "margin_m": (1, math.inf),
        "mix_concentration": (1, 64),
        "min_speed_mps": (0, math.inf),
        "max_speed_mps": (scenario.mobility.min_speed_mps, 1e4),  # a step is reflected at the border one by one
        "num_rbs": (1, 2**16 - 1),  # 16 bits for the RB
        "rb_bandwidth_hz": (1, math.inf),
        "bandwidth_hz": (1, math.inf),
        "power_dbm": (-100, 100),
        "noise_dbm_per_hz": (-250, 0),
        "path_loss_exponent": (0, 10),
        "min_distance_m": (0.1, math.inf),
        "max_spectral_efficiency": (0.01, math.inf),
        "packet_bytes": (0.125, math.inf),
        "offered_bps": (0, math.inf),
        "latency_cap_s": (1e-6, math.inf),
        "rate_threshold_mbps": (0, math.inf),
        "q_min": (1e-6, math.inf),
        "availability_window": (1, 63),
        "priority": (0, math.inf),
        "zeta": (0, math.inf),
        "alpha_floor": (1e-6, math.inf),
        "fixed_alpha": (0, math.inf),
        "min_normalised_qos": (0, 1),
        "step_s": (1e-4, 10),
        "horizon": (1, 2**31 - 1),
    }
    for name, (least, greatest) in bounds.items():
        value = getattr(getattr(scenario, _GROUPS[name]), name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None and not least <= number <= greatest:
                raise ScenarioError(f"{name} is {value}; allowed: {least:g} to {greatest:g}")
    if not scenario.mobility.turns_rad:
        raise ScenarioError("turns_rad is empty; allowed: at least one turn [rad]")
    radio = scenario.radio
    used = radio.num_rbs * radio.rb_bandwidth_hz / radio.bandwidth_hz
    if not 0.75 <= used <= 1.0 + 1e-9:
        raise ScenarioError(
            f"num_rbs ({radio.num_rbs}) x rb_bandwidth_hz ({radio.rb_bandwidth_hz:g}) is "
            f"{radio.num_rbs * radio.rb_bandwidth_hz:g} Hz, {used:.0%} of bandwidth_hz ({radio.bandwidth_hz:g}); "
            "allowed: 75 to 100 %. Override the three together."
        )


_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "paper_capped": {"max_spectral_efficiency": 7.4},  # 256-QAM
    "tiny": {"num_dus": 2, "num_ues": 20, "num_rbs": 10, "rb_bandwidth_hz": 2e6, "horizon": 25},
}
PRESETS = tuple(_PRESETS)


def make_scenario(scenario: str | Scenario = "paper", **overrides: Any) -> Scenario:
    """Return a preset (see ``PRESETS``) or the given scenario, with fields overridden by name.

    Raises:
        ScenarioError: unknown preset or field, or a value that is not allowed.
    """
    if isinstance(scenario, str):
        if scenario not in _PRESETS:
            raise ScenarioError(f"unknown scenario {scenario!r}; allowed: {', '.join(PRESETS)}")
        scenario = Scenario(name=scenario).with_overrides(**_PRESETS[scenario])
    if not isinstance(scenario, Scenario):
        raise ScenarioError(f"scenario is {scenario!r}; allowed: a Scenario, or one of {', '.join(PRESETS)}")
    return scenario.with_overrides(**overrides)
