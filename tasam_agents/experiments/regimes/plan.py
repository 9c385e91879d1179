"""The runs of the map, and those of the two cells that are looked at closely; decided before the first one begins.

All runs of the map make as many updates. The replay ratio, updates × batch ÷ transitions, says how much data there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from tasam_agents.config.checks import MAX_SEED
from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.knobs import KNOBS, RADII, adaptive_radius, constant_radius, trials
from tasam_agents.config.variants import VARIANTS, with_learner
from tasam_agents.errors import UserError
from tasam_agents.jobs.job import Job

RATIOS = (1, 8, 64, 128)
NETWORKS = (1, 4, 64)
PLAIN, ADAPTIVE, TWICE = "rho_0", "adaptive", "no_sam_twice"
ARMS = (PLAIN, *(f"rho_{rho:g}" for rho in RADII), ADAPTIVE)
ITERATIONS = 20  # at most: as many times new data meet new actors

CLOSER = ((64, 4), (128, 1))
"""(replay ratio, networks) of the cells that are looked at closely, fixed before the map was drawn: data scarce and
reused, with several networks and with one."""
VARIANTS_COMPARED = ("no_sam", "sam", "ta_sam")
FIRST_FRESH_SEED, FRESH_SEEDS, TRIAL_SEED = 100, 10, 99  # the map has the seeds 0, 1, …

Cell = tuple[int, int]


@dataclass(frozen=True)
class Settings:
    """How much is done.

    Raises:
        UserError: a number that is not allowed.
    """

    updates: int = 2000
    """Of each run of the map."""
    seeds: int = 3
    """Runs per cell and arm."""
    networks: int = 32
    """Held-out networks, and as many for validation."""
    closer_updates: int = 1000
    """Of each run of the two cells."""
    closer_seeds: int = FRESH_SEEDS
    """Fresh seeds there."""

    def __post_init__(self) -> None:
        for name in ("updates", "closer_updates", "networks"):
            if getattr(self, name) < 2:
                raise UserError(f"{name} is {getattr(self, name)}; allowed: 2 or more")
        if not 1 <= self.seeds <= TRIAL_SEED:
            raise UserError(f"seeds is {self.seeds}; allowed: 1 to {TRIAL_SEED}, below those of the two cells")
        if not 1 <= self.closer_seeds < MAX_SEED - FIRST_FRESH_SEED:
            raise UserError(f"closer_seeds is {self.closer_seeds}; allowed: 1 or more")


def cell_config(base: TrainConfig, cell: Cell, updates: int) -> TrainConfig:
    """`base` with so many updates on data of which each transition is used `ratio` times on average.

    Half of the steps have random actions, as in `default`. The last actors count: keeping the best on validation
    would hide how far they have overfitted.
    """
    ratio, networks = cell
    steps = max(2, round(updates * base.learner.batch_size / (ratio * base.num_envs)))
    iterations = min(ITERATIONS, steps // 2)
    each = max(1, steps // (2 * iterations))
    return replace(
        base,
        train_networks=networks,
        iterations=iterations,
        steps_per_iteration=each,
        warmup_steps=max(1, steps - iterations * each),
        updates_per_iteration=max(1, round(updates / iterations)),
        replay_capacity=max(steps, 2 * iterations * each) * base.num_envs,
        evaluate_every=iterations,
        log_every=iterations,
        choose="",
        choices=(),
        checkpoint_every_s=600.0,
    )


def replay_ratio(config: TrainConfig) -> float:
    """How often each transition is used on average."""
    steps = config.warmup_steps + config.iterations * config.steps_per_iteration
    return config.total_updates * config.learner.batch_size / (steps * config.num_envs)


def map_base() -> TrainConfig:
    """`tiny`, its envs as many as the largest number of networks, so that cells differ in nothing else."""
    return replace(VARIANTS["tiny"], num_envs=max(NETWORKS))


def closer_base() -> TrainConfig:
    """`default`, which is `paper` with `zones`; P is the scenario's."""
    base = replace(VARIANTS["default"], num_envs=max(NETWORKS))
    # What `default` had when these cells were fixed.
    return with_learner(base, batch_size=43, actor_learning_rate=8.6e-3, critic_learning_rate=8.6e-3)


def with_arm(config: TrainConfig, arm: str) -> TrainConfig:
    """An arm of the map."""
    changed = adaptive_radius(config) if arm == ADAPTIVE else constant_radius(config, float(arm.removeprefix("rho_")))
    return replace(changed, name=f"regimes-{arm}")


def place(cell: Cell) -> str:
    """A cell as part of a path."""
    return f"ratio_{cell[0]}_networks_{cell[1]}"


def map_jobs(settings: Settings, directory: Path) -> list[Job]:
    """Seed by seed: whoever stops early has some of every cell."""
    return [
        _job(arm, with_arm(cell_config(map_base(), cell, settings.updates), arm), seed, directory / "map" / place(cell))
        for seed, cell, arm in product(range(settings.seeds), product(RATIOS, NETWORKS), ARMS)
    ]


def trial_jobs(settings: Settings, directory: Path) -> list[Job]:
    """Every variant tries as many values of its own knob in each of the two cells."""
    return [
        _job(f"{name}={value:g}", config, TRIAL_SEED, directory / "trials" / place(cell))
        for cell in CLOSER
        for name in VARIANTS_COMPARED
        for value, config in trials(name, cell_config(closer_base(), cell, settings.closer_updates)).items()
    ]


def closer_jobs(settings: Settings, directory: Path, chosen: Mapping[Cell, Mapping[str, float]]) -> list[Job]:
    """Fresh seeds of each variant with its chosen value, and of the one without SAM with twice the updates on the same
    data: SAM takes two gradients where it takes one."""
    jobs = []
    for number in range(settings.closer_seeds):
        for cell, values in chosen.items():
            base = cell_config(closer_base(), cell, settings.closer_updates)
            configs = {name: KNOBS[name][2](base, value) for name, value in values.items()}
            plain = configs["no_sam"]
            configs[TWICE] = replace(plain, updates_per_iteration=2 * plain.updates_per_iteration)
            where = directory / "closer" / place(cell)
            jobs += [_job(arm, config, FIRST_FRESH_SEED + number, where) for arm, config in configs.items()]
    return jobs


def _job(arm: str, config: TrainConfig, seed: int, directory: Path) -> Job:
    return Job(arm, replace(config, seed=seed), directory / arm / f"seed_{seed}")


def jobs_of(jobs: Sequence[Job], cell: Cell, arm: str) -> list[Job]:
    """The seeds of an arm in a cell."""
    return [job for job in jobs if job.agent == arm and job.directory.parent.parent.name == place(cell)]
