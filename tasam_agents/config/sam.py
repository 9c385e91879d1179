"""Sharpness-aware minimisation: which networks take it (SAM), how far (ρ), and when (the gate)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tasam_agents.config.checks import CountOrZero, PositiveOrZero, check, check_fields, within


@dataclass(frozen=True)
class SamConfig:
    """Which networks take the two-step gradient of eqs. (11) and (12)."""

    critic: bool = True
    """Perturb each of the two global critics."""
    actors: Literal["gated", "all", "none"] = "gated"
    """`gated`: actor i when its TD-error variance reaches the threshold (Algorithm 1, line 11)."""
    cross_values: Literal["linear", "exact"] = "exact"
    """How the second pass of actor i sees the values of the other DUs (team objective, mean-field critic):
    `linear` keeps them linear in actor i's action, n critic rows per open gate; `exact` evaluates them, n·M rows."""
    scale_invariant: bool = False
    """Adaptive SAM (Kwon et al. 2021): each weight moves in proportion to its size, ‖T⁻¹ε‖ = ρ, T = |θ| + η."""
    relative_radius: bool = False
    """ρ in units of ‖θ‖ of the perturbed weights: ‖ε‖ = ρ·‖θ‖. Off, ρ is ‖ε‖ itself, as the paper prints it, and means
    less the larger the network is."""
    part: Literal["network", "encoder"] = "network"
    """The weights that are perturbed and take the second gradient; `encoder`: hidden layers 1 and 2, as in PLASTIC."""

    def __post_init__(self) -> None:
        check_fields(self)
        allowed = "False with scale_invariant, whose ρ is in units of its own"
        check(self, "relative_radius", allowed, not (self.relative_radius and self.scale_invariant))

    @property
    def is_on(self) -> bool:
        """Whether any network takes it."""
        return self.critic or self.actors != "none"


@dataclass(frozen=True)
class RhoSchedule:
    """Perturbation radius ρ over the run, section IV-E. t/T is the fraction of all updates that has passed."""

    start: PositiveOrZero = 0.5
    """ρ at t = 0."""
    end: PositiveOrZero = 0.01
    """ρ at t = T; also ρ_min, the floor of the adaptive radius."""
    shape: Literal["linear", "cosine", "exponential", "constant"] = "linear"
    """How ρ goes from `start` to `end`; `constant` stays at `start`."""
    adaptive: bool = True
    """Scale the part above ρ_min by σ²_i/σ²_peak, the TD-error variance against its running maximum."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("start", "end"):
            allowed = "a number > 0 when shape is 'exponential'"
            check(self, name, allowed, self.shape != "exponential" or getattr(self, name) > 0)
        allowed = f"at most start = {self.start} when adaptive (it is the floor)"
        check(self, "end", allowed, not self.adaptive or self.end <= self.start)


@dataclass(frozen=True)
class RadiusConfig:
    """ρ_{a,t} of the actors and ρ_{c,t} of the critics: equal or not, as section VI-B compares."""

    actor: RhoSchedule = RhoSchedule()
    critic: RhoSchedule = RhoSchedule()
    peak_after: CountOrZero = 0
    """Updates before σ²_peak begins to follow σ²: critics that know nothing yet have the largest errors of the run, and
    would halve the adaptive ρ for good. Until then σ²_i/σ²_peak counts as 1."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class GateConfig:
    """When an actor's task counts as complex: σ²_i(δ_TD) >= λ_TD (Algorithm 1, line 11)."""

    lambda_td: Literal["auto", "relative", "separated"] | PositiveOrZero = "auto"
    """λ_TD. A number: fixed. `auto`: median over the DUs of σ², averaged over the calibration window, then fixed (the
    gates are closed until then). `relative`: the mean of the DUs' current σ², which opens about half of the gates by
    construction. `separated`: in the widest gap between the DUs' σ²; no gate opens where no gap is wide enough."""
    separation: Annotated[float, within("(1, 1000]")] = 1.25
    """Of `separated`: the least ratio of the σ² above the gap to the one below it."""
    load_group: str = ""
    """A named group of observation columns, such as `num_ues`, one column a slice. σ²_i is then the greatest of the
    variances of δ_i over the rows of the mini-batch in which a column is above its median over all DUs and rows: a DU
    is hard if it is hard under high load of one slice. "": over all rows, as the paper has it."""
    smoothing: Annotated[float, within("[0, 1)")] = 0.99
    """Weight of the past in the running mean of the mini-batch variances."""
    calibration: tuple[int, int] = (200, 400)
    """First update (included) and last update (excluded) of the window of `auto`."""

    def __post_init__(self) -> None:
        check_fields(self)
        first, last = self.calibration
        check(self, "calibration", "(first, last) with 0 <= first < last", 0 <= first < last)
