"""How much a study may cost: the base run that every arm of it changes, how many seeds, networks, radii and DUs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from oran_env.scenario.presets import make_scenario
from tasam_agents.config.bases import DEFAULT, PAPER, TINY
from tasam_agents.config.fields import Scalar, TrainConfig
from tasam_agents.errors import UserError, not_among
from tasam_agents.stats.intervals import LEAST_RUNS


@dataclass(frozen=True)
class Budget:
    """One size of the study. Everything here is fixed before the first run and stands in plan.json."""

    name: str
    base: TrainConfig
    """TA-SAM at this budget: critic-SAM, gated actor-SAM, dynamic ρ. Every arm is this with a few fields changed."""
    seeds: int
    """Training seeds of the main comparison and of the tables."""
    few_seeds: int
    """Training seeds of the sweeps over ρ (Fig. 6) and over the number of DUs (Fig. 8)."""
    networks: int
    """Held-out networks on which each run is judged."""
    radii: tuple[float, ...]
    """Constant ρ of Fig. 6."""
    equal_radius: float
    """ρ of Fig. 5a, for actors and critics alike; one of `radii`."""
    unequal_radii: tuple[float, float]
    """ρ of the actors and of the critics in Fig. 5b; both of `radii`."""
    dus: tuple[int, ...]
    """Numbers of DUs of Fig. 8; the base's own is among them."""
    reset_every: int
    """Updates between two resets of PLASTIC."""
    products: int
    """Hessian-vector products per eigenvalue of Fig. 9."""
    margin: float = 0.01
    """Least difference in return that counts. A claim must beat it with its whole interval."""
    gain_margin: float = 1.0
    """The same for the gain of a slice's QoS [percentage points]."""
    first_seed: int = 100
    """Training seeds are this and the following ones. No configuration was chosen by looking at them."""

    @property
    def judges(self) -> bool:
        """Whether there are enough runs to say anything of the paper; else the report shows and does not judge."""
        return self.seeds >= LEAST_RUNS

    @property
    def dynamic_radius(self) -> str:
        """ρ_0 → ρ_T of TA-SAM, for readers."""
        actor = self.base.learner.radius.actor
        return f"{actor.start:g} → {actor.end:g}"


def _spectrum(config: TrainConfig, num_rbs: int) -> TrainConfig:
    """The same bandwidth in fewer, wider RBs."""
    radio = make_scenario(str(config.env_kwargs["scenario"])).radio
    width = radio.rb_bandwidth_hz * radio.num_rbs / num_rbs
    arguments: dict[str, Scalar] = {**config.env_kwargs, "num_rbs": num_rbs, "rb_bandwidth_hz": width}
    return replace(config, env_kwargs=arguments)


_QUICK = replace(
    _spectrum(DEFAULT, 25),
    name="TA-SAM-quick",
    num_envs=32,
    iterations=25,
    replay_capacity=25_000,
    validation_envs=16,
)
"""Four times shorter than `default`, on a quarter of the RBs. Nothing of it was tuned."""

_SMOKE = replace(
    TINY,
    iterations=6,
    warmup_steps=5,
    evaluate_every=2,
    log_every=2,
)

QUICK = Budget(
    name="quick",
    base=_QUICK,
    seeds=5,
    few_seeds=3,
    networks=20,
    radii=(0.003, 0.01, 0.05, 0.2, 0.5),
    equal_radius=0.01,
    unequal_radii=(0.01, 0.05),
    dus=(2, 4, 6, 8, 10),
    reset_every=250,
    products=20,
)

BUDGETS = {
    budget.name: budget
    for budget in (
        Budget(
            name="smoke",
            base=_SMOKE,
            seeds=2,
            few_seeds=2,
            networks=3,
            radii=(0.01, 0.1),
            equal_radius=0.01,
            unequal_radii=(0.01, 0.1),
            dus=(2, 3),
            reset_every=6,
            products=8,
        ),
        QUICK,
        replace(QUICK, name="standard", base=DEFAULT, reset_every=DEFAULT.total_updates // 4, products=30),
        Budget(
            name="paper",
            base=PAPER,
            seeds=10,
            few_seeds=10,
            networks=20,
            radii=(0.01, 0.05, 0.1, 0.2, 0.5),
            equal_radius=0.1,
            unequal_radii=(0.05, 0.2),
            dus=(2, 4, 6, 8, 10),
            reset_every=400,
            products=30,
        ),
    )
}


def find_budget(name: str) -> Budget:
    """Raises UserError for an unknown name."""
    if name not in BUDGETS:
        raise UserError(not_among("budget is", name, BUDGETS))
    return BUDGETS[name]
