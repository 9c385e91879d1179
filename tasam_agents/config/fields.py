"""Every hyper-parameter of the learner and of a training run, once, with the paper's symbol where it has one.

The dataclasses are frozen and check themselves: a value that is not allowed raises `ValueError` (or `TypeError`)
naming the field, the value and what is allowed. `TrainConfig.to_dict` and `from_dict` go through plain JSON types.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Scalar = bool | int | float | str


def _check(owner: object, name: str, allowed: str, is_allowed: bool) -> None:
    if not is_allowed:
        raise ValueError(f"{type(owner).__name__}.{name} = {getattr(owner, name)!r}, allowed: {allowed}")


def _check_choice(owner: object, name: str, *choices: str) -> None:
    _check(owner, name, "one of " + ", ".join(map(repr, choices)), getattr(owner, name) in choices)


def _check_positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        _check(owner, name, "a finite number > 0", math.isfinite(value) and value > 0)


def _check_at_least(owner: object, minimum: int, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        is_int = isinstance(value, int) and not isinstance(value, bool)
        _check(owner, name, f"an integer >= {minimum}", is_int and value >= minimum)


@dataclass(frozen=True)
class SamConfig:
    """Which networks take the two-step gradient of eqs. (11) and (12)."""

    critic: bool = True
    """Perturb each of the two global critics."""
    actors: Literal["gated", "all", "none"] = "gated"
    """`gated`: actor i when its TD-error variance reaches the threshold (Algorithm 1, line 11)."""
    cross_values: Literal["linear", "exact"] = "linear"
    """How the second pass of actor i sees the values of the other DUs (team objective, mean-field critic):
    `linear` keeps them linear in actor i's action, n critic rows per open gate; `exact` evaluates them, n·M rows."""
    scale_invariant: bool = False
    """Adaptive SAM (Kwon et al. 2021): each weight moves in proportion to its size, ‖T⁻¹ε‖ = ρ, T = |θ| + η."""
    part: Literal["network", "encoder"] = "network"
    """The weights that are perturbed and take the second gradient; `encoder`: hidden layers 1 and 2, as in PLASTIC."""

    def __post_init__(self) -> None:
        _check_choice(self, "actors", "gated", "all", "none")
        _check_choice(self, "cross_values", "linear", "exact")
        _check_choice(self, "part", "network", "encoder")


@dataclass(frozen=True)
class RhoSchedule:
    """Perturbation radius ρ over the run, section IV-E. t/T is the fraction of all updates that has passed."""

    start: float = 0.5
    """ρ at t = 0."""
    end: float = 0.01
    """ρ at t = T; also ρ_min, the floor of the adaptive radius."""
    shape: Literal["linear", "cosine", "exponential", "constant"] = "linear"
    """How ρ goes from `start` to `end`; `constant` stays at `start`."""
    adaptive: bool = True
    """Scale the part above ρ_min by σ²_i/σ²_peak, the TD-error variance against its running maximum."""

    def __post_init__(self) -> None:
        _check_choice(self, "shape", "linear", "cosine", "exponential", "constant")
        for name in ("start", "end"):
            value = getattr(self, name)
            _check(self, name, "a finite number >= 0", math.isfinite(value) and value >= 0)
            if self.shape == "exponential":
                _check(self, name, "a number > 0 when shape is 'exponential'", value > 0)
        if self.adaptive:
            _check(self, "end", f"at most start = {self.start} when adaptive (it is the floor)", self.end <= self.start)


@dataclass(frozen=True)
class RadiusConfig:
    """ρ_{a,t} of the actors and ρ_{c,t} of the critics: equal or not, as section VI-B compares."""

    actor: RhoSchedule = RhoSchedule()
    critic: RhoSchedule = RhoSchedule()


@dataclass(frozen=True)
class GateConfig:
    """When an actor's task counts as complex: σ²_i(δ_TD) >= λ_TD (Algorithm 1, line 11)."""

    lambda_td: Literal["auto", "relative"] | float = "auto"
    """λ_TD. A number: fixed. `auto`: median over the DUs of σ², averaged over the calibration window, then fixed (the
    gates are closed until then). `relative`: the mean of the DUs' current σ²."""
    smoothing: float = 0.99
    """Weight of the past in the running mean of the mini-batch variances."""
    calibration: tuple[int, int] = (200, 400)
    """First update (included) and last update (excluded) of the window of `auto`."""

    def __post_init__(self) -> None:
        value = self.lambda_td
        is_threshold = not isinstance(value, (str, bool)) and math.isfinite(value) and value >= 0
        _check(self, "lambda_td", "'auto', 'relative' or a number >= 0", value in ("auto", "relative") or is_threshold)
        _check(self, "smoothing", "a number in [0, 1)", 0.0 <= self.smoothing < 1.0)
        first, last = self.calibration
        _check(self, "calibration", "(first, last) with 0 <= first < last", 0 <= first < last)


@dataclass(frozen=True)
class TemperatureConfig:
    """Entropy temperature β of eqs. (9) and (10), one per actor, tuned towards a target entropy."""

    initial: float = 0.001
    """β before the first update. Small: with hundreds of action dimensions the entropy term drowns the values."""
    learning_rate: float = 3e-3
    """Adam step size of log β."""
    target_entropy_per_dim: float = -1.5
    """Target entropy [nats per action dimension]: `relaxed` on the (0, 1) support, where the maximum is 0; `bernoulli`
    per bit, where it is ln 2."""
    final_target_entropy_per_dim: float | None = None
    """Target entropy at the end of the run, reached linearly in t/T; None: constant."""

    def __post_init__(self) -> None:
        _check_positive(self, "initial", "learning_rate")
        for name in ("target_entropy_per_dim", "final_target_entropy_per_dim"):
            value = getattr(self, name)
            allowed = f"a finite number <= ln 2 = {math.log(2):.3f}"
            _check(self, name, allowed, value is None or -math.inf < value <= math.log(2))

    def target_at(self, progress: float) -> float:
        """Target entropy [nats per dimension] at t/T = progress."""
        first, last = self.target_entropy_per_dim, self.final_target_entropy_per_dim
        return first if last is None else first + (last - first) * progress


@dataclass(frozen=True)
class PolicyConfig:
    """The distribution of an actor's action."""

    kind: Literal["relaxed", "bernoulli"] = "relaxed"
    """`relaxed`: sigmoid of a Gaussian per dimension (section IV-A). `bernoulli`: bits, independent given the state,
    with exact entropy."""
    gradient: Literal["straight_through", "gumbel_sigmoid"] = "straight_through"
    """What stands in for the slope of a bit b in its logit ℓ, p = sigmoid(ℓ): `straight_through`: p(1 − p), exact where
    the value is linear in the bit; `gumbel_sigmoid`: that of sigmoid((ℓ + logistic noise)/`softness`)."""
    softness: float = 1.0
    """Temperature of `gumbel_sigmoid`."""
    reserved_share: float = 0.0
    """`bernoulli`: share of the resources that begin as reserved, the same number for each agent: in a fresh policy
    another agent claims them with probability `reserved_claim` per bit. What pays is kept, the rest is shared again."""
    reserved_claim: float = 0.02
    """Probability of a bit on a resource that begins as reserved for another agent."""
    final_sharpness: float = 1.0
    """`bernoulli`: factor on the logits at the end of the run. Large: the bits that are sampled become those that are
    executed, and the critic sees the others as they will be."""
    sharpen_from: float = 0.0
    """t/T until which the factor is 1; from there it rises linearly."""
    shared_noise: float = 0.0
    """s of `relaxed`: the columns of one kind (same place in every resource) share a noise term s·σ·g, so that
    exploration varies how many resources a slice gets and not only which."""

    def __post_init__(self) -> None:
        _check_choice(self, "kind", "relaxed", "bernoulli")
        _check_choice(self, "gradient", "straight_through", "gumbel_sigmoid")
        _check_positive(self, "softness")
        share = self.reserved_share
        allowed = "a number in [0, 1], and 0 unless kind is 'bernoulli'"
        _check(self, "reserved_share", allowed, 0.0 <= share <= 1.0 and (self.kind == "bernoulli" or share == 0.0))
        sharpness = self.final_sharpness
        allowed = "a finite number >= 1, and 1 unless kind is 'bernoulli'"
        is_allowed = 1.0 <= sharpness < math.inf and (self.kind == "bernoulli" or sharpness == 1.0)
        _check(self, "final_sharpness", allowed, is_allowed)
        _check(self, "sharpen_from", "a number in [0, 1)", 0.0 <= self.sharpen_from < 1.0)
        _check(self, "reserved_claim", "a number in (0, 1)", 0.0 < self.reserved_claim < 1.0)
        allowed = "a finite number >= 0, and 0 unless kind is 'relaxed'"
        is_allowed = math.isfinite(self.shared_noise) and self.shared_noise >= 0
        _check(self, "shared_noise", allowed, is_allowed and (self.kind == "relaxed" or self.shared_noise == 0))

    def sharpness_at(self, progress: float) -> float:
        """Factor on the logits at t/T = progress."""
        risen = max(progress - self.sharpen_from, 0.0) / (1.0 - self.sharpen_from)
        return 1.0 + (self.final_sharpness - 1.0) * risen


@dataclass(frozen=True)
class NetworkRegularisation:
    """What keeps the networks of one kind (all actors, or both critics) from overfitting; by default nothing does."""

    l2: float = 0.0
    """λ of L2: on the weight matrices, not on biases nor on the gains of layer normalisation."""
    l2_kind: Literal["decoupled", "in_loss"] = "decoupled"
    """`decoupled`: W ← W − η·λ·W before the Adam step, as AdamW does; `in_loss`: λ/2·‖W‖² is part of the loss, so that
    SAM and Adam's moments see its gradient λ·W."""
    dropout: float = 0.0
    """Share of hidden units set to zero while the network's own loss is differentiated, and only then."""
    spectral_norm: bool = False
    """Divide the weight matrix of every hidden layer by its largest singular value, followed by power iteration."""
    layer_norm: bool = False
    """Layer normalisation of every hidden layer before its activation."""
    activation: Literal["tanh", "crelu"] = "tanh"
    """`crelu`: (max(x, 0), max(−x, 0)), which doubles the inputs of the next layer."""

    def __post_init__(self) -> None:
        _check(self, "l2", "a finite number >= 0", math.isfinite(self.l2) and self.l2 >= 0)
        _check_choice(self, "l2_kind", "decoupled", "in_loss")
        _check(self, "dropout", "a number in [0, 1)", 0.0 <= self.dropout < 1.0)
        _check_choice(self, "activation", "tanh", "crelu")


@dataclass(frozen=True)
class RegularisationConfig:
    """The regularisers that Table 3 compares with SAM, for actors and critics apart."""

    actor: NetworkRegularisation = NetworkRegularisation()
    critic: NetworkRegularisation = NetworkRegularisation()
    reset_every: int = 0
    """Updates between two resets of all layers behind the encoder (hidden layers 1 and 2) of every network, of their
    Adam moments and of the temperatures; 0: never."""

    def __post_init__(self) -> None:
        _check_at_least(self, 0, "reset_every")


@dataclass(frozen=True)
class AnchorConfig:
    """A KL term that holds the actors near a policy that was good before (section V-C) or that teaches them.

    Actor i's loss gets w_i·E_s[KL], s from the mini-batch; docs/forgetting.md says what the paper leaves open.
    """

    source: Literal["none", "best_snapshot", "teacher"] = "none"
    """`none`: no such term. `best_snapshot`: the actors that did best on validation so far. `teacher`: distillation
    from a running average of the actors, or from the actors of `teacher_run`."""
    direction: Literal["anchor_to_policy", "policy_to_anchor"] = "anchor_to_policy"
    """KL(π_anchor ‖ π_i), the direction of distillation and of continual learning: π_i must cover what the anchor did.
    Or KL(π_i ‖ π_anchor): π_i may concentrate on a part of it."""
    weighting: Literal["dynamic", "fixed"] = "dynamic"
    """`dynamic`: w_i rises while the measured KL is above its target and falls below it; `fixed`: w_i = weight."""
    weight: float = 0.01
    """w, per nat; of `dynamic` the initial value."""
    target_kl_per_dim: float = 0.3
    """KL that `dynamic` aims at [nats per action dimension]."""
    adaptation: float = 0.1
    """K of w ← w·(1 + K·clip(KL/target − 1, −0.2, 0.2)), per update, of `dynamic`."""
    weight_range: tuple[float, float] = (1e-4, 1.0)
    """Least and greatest w of `dynamic`; without a floor it would need as long to come back as it was not needed."""
    teacher_step: float = 0.005
    """Step of the teacher's weights towards the actors' per update, where there is no `teacher_run`."""
    teacher_run: str = ""
    """Run directory whose best actors teach and stay as they are; empty: a running average of the actors."""

    def __post_init__(self) -> None:
        _check_choice(self, "source", "none", "best_snapshot", "teacher")
        _check_choice(self, "direction", "anchor_to_policy", "policy_to_anchor")
        _check_choice(self, "weighting", "dynamic", "fixed")
        _check_positive(self, "target_kl_per_dim")
        _check(self, "weight", "a finite number >= 0", math.isfinite(self.weight) and self.weight >= 0)
        _check(self, "adaptation", "a number in (0, 5), so that w stays positive", 0.0 < self.adaptation < 5.0)
        least, greatest = self.weight_range
        _check(self, "weight_range", "(least, greatest) with 0 < least <= greatest", 0.0 < least <= greatest < math.inf)
        if self.weighting == "dynamic":
            _check(self, "weight", f"within weight_range when dynamic: {least} to {greatest}",
                   least <= self.weight <= greatest)  # fmt: skip
        _check(self, "teacher_step", "a number in (0, 1]", 0.0 < self.teacher_step <= 1.0)
        _check(self, "teacher_run", "empty unless source is 'teacher'",
               not self.teacher_run or self.source == "teacher")  # fmt: skip


@dataclass(frozen=True)
class LearnerConfig:
    """The multi-agent soft actor-critic with selective SAM of section IV."""

    hidden: tuple[int, ...] = (300, 400, 400)
    """Widths of the hidden tanh layers, actors and critics alike (section VI-A)."""
    critic: Literal["mean_field", "joint", "pooled", "resource"] = "mean_field"
    """What the global critic sees of the other DUs: their mean, everything concatenated, nothing, or what they do with
    the same resources, all resources treated alike (`resource`)."""
    objective: Literal["team", "individual"] = "team"
    """What actor i ascends: the sum of all DUs' values, or its own value."""
    actor_learning_rate: float = 1e-4
    """η of the actors (Adam)."""
    critic_learning_rate: float = 1e-4
    """η of the critics (Adam)."""
    final_learning_rate_factor: float = 1.0
    """Factor on η of actors and critics at the end of the run, reached linearly in t/T; 1: constant, as in the paper.
    Towards 0 the noise of the mini-batches averages out of the final policy."""
    gamma: float = 0.9
    """Discount γ."""
    polyak: float = 0.005
    """Step of the target critics towards the critics, per update."""
    batch_size: int = 64
    """κ: joint transitions per mini-batch; a joint transition holds one row of every DU."""
    reward_scale: float = 1.0
    """Factor on the rewards the learner sees (the TD errors and λ_TD scale with it)."""
    action_scale: float = 2.0
    """The critics see (a − 0.5)·action_scale, by default in (−1, 1)."""
    input_scaling: tuple[tuple[str, float, float], ...] = ()
    """(group, offset, scale) per named group of observation columns: input = (o − offset)·scale; scale 0 drops the
    columns from networks and replay; groups not named stay as they are."""
    actor_delay: int = 0
    """Updates at the beginning in which only the critics learn."""
    policy: PolicyConfig = PolicyConfig()
    temperature: TemperatureConfig = TemperatureConfig()
    sam: SamConfig = SamConfig()
    radius: RadiusConfig = RadiusConfig()
    gate: GateConfig = GateConfig()
    regularisation: RegularisationConfig = RegularisationConfig()
    anchor: AnchorConfig = AnchorConfig()

    def __post_init__(self) -> None:
        _check(self, "hidden", "one or more widths >= 1", len(self.hidden) > 0 and min(self.hidden) >= 1)
        _check_choice(self, "critic", "mean_field", "joint", "pooled", "resource")
        _check_choice(self, "objective", "team", "individual")
        _check_positive(self, "actor_learning_rate", "critic_learning_rate", "reward_scale", "action_scale")
        ends = (self.temperature.target_at(0.0), self.temperature.target_at(1.0))
        allowed = "target entropies <= 0 for policy.kind 'relaxed'"
        _check(self, "temperature", allowed, self.policy.kind != "relaxed" or max(ends) <= 0)
        _check(self, "gamma", "a number in [0, 1)", 0.0 <= self.gamma < 1.0)
        _check(self, "final_learning_rate_factor", "a number in [0, 1]", 0.0 <= self.final_learning_rate_factor <= 1.0)
        _check(self, "polyak", "a number in (0, 1]", 0.0 < self.polyak <= 1.0)
        _check_at_least(self, 0, "actor_delay")
        _check_at_least(self, 2, "batch_size")  # a variance needs two samples
        groups = [group for group, _, _ in self.input_scaling]
        _check(self, "input_scaling", "each group named once", len(groups) == len(set(groups)))
        finite = all(math.isfinite(offset) and math.isfinite(scale) for _, offset, scale in self.input_scaling)
        _check(self, "input_scaling", "finite offsets and scales", finite)


ORAN_INPUT_SCALING = (("qos", 0.5, 2.0), ("num_ues", 1.0 / 3.0, 4.0), ("previous_action", 0.0, 0.0))
"""Inputs for the O-RAN environment: QoS around its threshold, UE counts around an even mix, and no previous action,
whose 200 bits carry nothing that the next reward depends on."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run: the environment, Algorithm 1's counts, and the learner."""

    name: str = "ta_sam"
    """Name of the run, part of its directory."""
    env_id: str = "oran/ORAN-v0"
    """A PettingZoo registry id, or `module:function` that makes a ParallelEnv."""
    env_kwargs: dict[str, Scalar] = field(default_factory=lambda: {"scenario": "paper"})
    """Keyword arguments of the environment."""
    seed: int = 0
    """Seed of networks, noise, replay and training episodes; training seeds stay below one million."""
    centralised: bool = False
    """One agent with the joint observation and action and the mean reward, instead of one agent per DU."""
    num_envs: int = 8
    """Radio networks simulated side by side."""
    iterations: int = 1000
    """N_t."""
    steps_per_iteration: int = 10
    """N_e: environment steps per iteration, in each of the simulated networks."""
    updates_per_iteration: int = 8
    """U: gradient updates per iteration; Algorithm 1 read literally has one."""
    warmup_steps: int = 100
    """Environment steps with uniformly random actions before the first update."""
    replay_capacity: int = 50_000
    """Joint transitions kept in B."""
    evaluate_every: int = 20
    """Iterations between two evaluations on the validation networks."""
    validation_envs: int = 8
    """Networks on which a checkpoint is judged during training."""
    log_every: int = 10
    """Iterations between two lines of metrics."""
    checkpoint_every_s: float = 120.0
    """Least time between two saves of everything that a resume needs, made after a validation [s]."""
    converged_gradient_norm: float = 0.0
    """Algorithm 1, line 24: stop when the largest actor gradient norm of a log window is below this; 0: never."""
    threads: int = 1
    """CPU threads of the matrix products; more than one pays only when the run has the machine for itself."""
    matmul_precision: Literal["highest", "medium"] = "highest"
    """Precision of the matrix products: fp32, or bf16 products with fp32 sums where the CPU has them."""
    learner: LearnerConfig = LearnerConfig(input_scaling=ORAN_INPUT_SCALING)

    def __post_init__(self) -> None:
        _check(self, "name", "a non-empty name without '/'", bool(self.name) and "/" not in self.name)
        _check(self, "env_id", "a registry id or 'module:function'", bool(self.env_id))
        _check_at_least(self, 0, "seed", "warmup_steps")
        _check(self, "seed", "an integer in [0, 1_000_000)", self.seed < 1_000_000)
        _check_at_least(self, 1, "num_envs", "iterations", "steps_per_iteration", "updates_per_iteration")
        _check_at_least(self, 1, "evaluate_every", "validation_envs", "log_every", "threads")
        _check_at_least(self, self.num_envs, "replay_capacity")
        _check_choice(self, "matmul_precision", "highest", "medium")
        for name in ("checkpoint_every_s", "converged_gradient_norm"):
            value = getattr(self, name)
            _check(self, name, "a finite number >= 0", math.isfinite(value) and value >= 0)

    @property
    def total_updates(self) -> int:
        """T, the number of updates of the whole run."""
        return self.iterations * self.updates_per_iteration

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON types (tuples become lists when written)."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`; fields left out take their defaults, unknown fields raise `ValueError`."""
        config = _build(TrainConfig, data)
        assert isinstance(config, TrainConfig)
        return config


def _build(kind: Any, value: Any) -> Any:
    """`value`, made of JSON types, as the dataclass, tuple or plain value that the annotation `kind` asks for."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        annotations = typing.get_type_hints(kind)
        unknown = set(value) - set(annotations)
        if unknown:
            raise ValueError(f"{kind.__name__} has no field {sorted(unknown)}, allowed: {sorted(annotations)}")
        return kind(**{name: _build(annotations[name], item) for name, item in value.items()})
    if typing.get_origin(kind) is tuple:
        kinds = typing.get_args(kind)
        if len(kinds) == 2 and kinds[1] is Ellipsis:
            kinds = (kinds[0],) * len(value)
        return tuple(_build(item_kind, item) for item_kind, item in zip(kinds, value, strict=True))
    return value
