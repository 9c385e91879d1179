"""Catastrophic forgetting, section V-C: the same learner on one scenario, then on another, then back on the first.

Every arm goes through the same phases and is evaluated at the end of each on the same held-out networks of both
scenarios. Between two phases everything that the learner holds is carried over (weights, moments, temperatures, gate,
anchor); the schedules of ρ and η begin anew, since at their end nothing would be learnt any more; the replay buffer is
kept or emptied.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch

from tasam_agents.config import AnchorConfig, Scalar, TrainConfig, variant
from tasam_agents.config.checks import choices
from tasam_agents.config.variants import with_learner
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import Name, held_out_networks, validation_networks
from tasam_agents.errors import Damaged, UserError
from tasam_agents.files.atomic_write import set_aside, write_json_atomically
from tasam_agents.files.bounded_read import read_json
from tasam_agents.files.sealed import read_sealed, sealed
from tasam_agents.jobs.engine import Pool, run_jobs
from tasam_agents.jobs.job import Job, RunsFailed, Status, Task
from tasam_agents.learner.learner import Learner
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import (
    evaluate,
    learned_policy,
    task_of,
)
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.progress import Progress
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import Interrupted, Training

ARMS = {"plain": (False, False), "sam": (True, False), "anchor": (False, True), "sam_anchor": (True, True)}
"""Whether an arm has SAM, and whether it has the anchor."""
KEEPS_REPLAY = {"kept": True, "emptied": False}
HOLDS_ANCHOR = {"held": True, "following": False}
ANCHORS_FIRST = {"start": True, "switch": False}
FIRST, THEN, BACK = "first", "then", "back"
WHERE = (FIRST, THEN)
"""The two scenarios."""


@dataclass(frozen=True)
class ForgettingPlan:
    """Which scenarios, how long, and what happens at the switch."""

    config: TrainConfig
    """Everything but the scenario; its `sam` and `anchor` are those of the arms that have them."""
    first: Mapping[str, Scalar]
    """Arguments of the environment, scenario A."""
    then: Mapping[str, Scalar]
    """Scenario B: same agents, same sizes."""
    arms: tuple[str, ...] = tuple(ARMS)
    seeds: int = 1
    """Training seeds, from `config.seed` on."""
    back_iterations: int = 0
    """Iterations of a third phase, back on A; 0: none. A and B have `config.iterations` each."""
    replay: Literal["kept", "emptied"] = "kept"
    """Whether the transitions of the phase before stay in B, as section V-C has it, until new ones overwrite them."""
    anchor_at_switch: Literal["held", "following"] = "held"
    """`held`: what anchors the actors at the end of A does so for good; `following`: it goes on to move, so that a best
    snapshot is replaced at the first validation on B."""
    anchor_from: Literal["start", "switch"] = "start"
    """`start`: the arms with an anchor have it on A too; `switch`: only after A, where the best snapshot of A becomes
    the anchor, so that they are the arms without it up to there."""
    networks: int = 20
    """Held-out networks of each scenario."""

    def __post_init__(self) -> None:
        if not self.arms or set(self.arms) - ARMS.keys() or len(set(self.arms)) < len(self.arms):
            raise UserError(f"arms is {' '.join(self.arms) or 'empty'}; allowed: some of {', '.join(ARMS)}, each once")
        for name, least in (("seeds", 1), ("back_iterations", 0), ("networks", 2)):
            if getattr(self, name) < least:
                raise UserError(f"{name} is {getattr(self, name)}; allowed: {least} or more")
        for name, allowed in choices(ForgettingPlan).items():
            if getattr(self, name) not in allowed:
                raise UserError(f"{name} is {getattr(self, name)!r}; allowed: {', '.join(allowed)}")

    def arm(self, name: str, seed: int) -> TrainConfig:
        """The configuration of one arm and training seed."""
        has_sam, has_anchor = ARMS[name]
        config = self.config
        if has_sam != config.learner.sam.is_on:
            config = variant("both_sam" if has_sam else "no_sam", config)
        config = variant("anchored", config) if has_anchor else with_learner(config, anchor=AnchorConfig())
        return replace(config, name=name, seed=seed, env_kwargs=dict(self.first))

    def document(self) -> dict[str, Any]:
        """As JSON types, without arms and seeds: those may be added later."""
        plan = json.loads(json.dumps(asdict(self)))
        return {name: value for name, value in plan.items() if name not in ("arms", "seeds")}


def run_plan(plan: ForgettingPlan, out: Path, pool: Pool, quiet: bool = False) -> list[dict[str, Any]]:
    """Train and evaluate every arm and seed, skipping those that `out` already holds complete.

    Returns:
        One record per arm and seed, arm by arm: `returns` by "<scenario>_after_<phase>" (one number per held-out
        network), `curve` (validation returns on both scenarios), `iterations`, `wall_time_s`.

    Raises:
        UserError: `out` belongs to another plan. EnvironmentRefused: a scenario does not exist or B does not fit A.
        RunsFailed: after the other arms have ended. Interrupted: on SIGINT or SIGTERM. Complete arms stay.
    """
    _check_scenarios(plan)
    _check_same_plan(plan, out)
    jobs = [
        Job(arm, plan.arm(arm, seed), out / arm / f"seed_{seed}")
        for arm in plan.arms
        for seed in range(plan.config.seed, plan.config.seed + plan.seeds)
    ]
    failures = run_jobs(jobs, pool, Task(partial(_do, plan=plan), partial(_status, plan=plan)), quiet)
    if failures:
        raise RunsFailed(failures, len(jobs))
    return [_record(job, plan) for job in jobs]


def _record_of(job: Job) -> Path:
    """Written last: an arm without it was interrupted."""
    return job.directory / "record.json"


def _record(job: Job, plan: ForgettingPlan) -> dict[str, Any]:
    """What an arm came to; raises Damaged, which is a failure of this arm alone."""
    phases = (*WHERE, BACK) if plan.back_iterations else WHERE
    returns = {f"{where}_after_{phase}": (float,) * plan.networks for phase in phases for where in WHERE}
    curve = [{"phase": str, "iteration": int, FIRST: float, THEN: float}]
    form = {"arm": str, "seed": int, "returns": returns, "curve": curve, "wall_time_s": float}
    record = read_sealed(_record_of(job), "a record", form)
    passed = tuple(dict.fromkeys(point["phase"] for point in record["curve"]))
    if (record["arm"], record["seed"], passed) != (job.agent, job.config.seed, phases):
        raise Damaged(f"{_record_of(job)} is not the record of {job.label}, with a curve of {', '.join(phases)}")
    return record


def _status(job: Job, plan: ForgettingPlan) -> Status:
    if _record_of(job).is_file():
        _record(job, plan)
        return "complete"
    return "interrupted" if job.directory.exists() else "new"


def _do(job: Job, plan: ForgettingPlan) -> None:
    """One arm and seed, from its beginning."""
    assert isinstance(job.config, TrainConfig)
    if os.path.lexists(job.directory):  # an arm that was interrupted begins anew
        print(f"begun again; what was there stands in {set_aside(job.directory, 'interrupted')}")
    torch.set_num_threads(job.config.threads)
    with StopRequest(print) as stop:
        trained = _train_arm(plan, job.config, job.directory, stop)
    record = {"arm": job.agent, "seed": job.config.seed} | trained
    write_json_atomically(_record_of(job), sealed(record))


def _train_arm(plan: ForgettingPlan, config: TrainConfig, place: Path, stop: StopRequest) -> dict[str, Any]:
    """All phases of one arm and seed."""
    began = time.perf_counter()
    phases = {FIRST: (plan.first, config.iterations), THEN: (plan.then, config.iterations)}
    if plan.back_iterations:
        phases[BACK] = (plan.first, plan.back_iterations)
    scenarios = dict(zip(WHERE, (plan.first, plan.then), strict=True))
    validations = {where: _returns_on(config, kwargs, validation_networks(config.validation_envs))
                   for where, kwargs in scenarios.items()}  # fmt: skip
    tests = {
        where: _returns_on(config, kwargs, held_out_networks(plan.networks)) for where, kwargs in scenarios.items()
    }
    returns: dict[str, list[float]] = {}
    curve: list[dict[str, Any]] = []
    before: Training | None = None
    passed = 0
    for phase, (kwargs, iterations) in phases.items():
        here = replace(config, env_kwargs=dict(kwargs), iterations=iterations)
        if before is not None:
            here = replace(here, warmup_steps=0)
        elif not ANCHORS_FIRST[plan.anchor_from]:
            here = with_learner(here, anchor=AnchorConfig())
        training = Training(here, RunDirectory(place / phase))
        if before is None:
            training.take_teacher()
        else:
            continue_from(before, training, plan)
        RunDirectory.create(place / phase, here)

        def note(_: float, phase: str = phase, training: Training = training, passed: int = passed) -> None:
            means = {where: _mean(validation(training.learner)) for where, validation in validations.items()}
            curve.append({"phase": phase, "iteration": passed + training.iteration, **means})

        training.after_validation = note
        _run(training, f"{config.name}, seed {config.seed}, {phase}", stop)
        for where, test in tests.items():
            returns[f"{where}_after_{phase}"] = test(training.learner)
        shutil.rmtree(training.directory.latest)  # with its replay: an arm that is complete is never resumed
        before, passed = training, passed + training.iteration
    return {"returns": returns, "curve": curve, "wall_time_s": time.perf_counter() - began}


def continue_from(before: Training, training: Training, plan: ForgettingPlan) -> None:
    """Let a new phase go on with the learner of the one before, its schedules of ρ and η beginning anew."""
    learner = training.learner
    tensors, scalars = before.learner.tensors(), before.learner.scalars() | {"updates": 0}
    if learner.anchor is not None and before.learner.anchor is None:
        best = checkpoint.load(before.directory.best).tensors["actors"]
        tensors |= {f"anchor.{name}": weight for name, weight in best.items()}
        scalars["anchor"] = learner.anchor.state() | {"is_set": True}
    learner.load_tensors(tensors)
    learner.load_scalars(scalars)
    if before.learner.anchor is None:
        training.take_teacher()  # where a run teaches, it does so from the switch on
    if learner.anchor is not None:
        learner.anchor.is_held = HOLDS_ANCHOR[plan.anchor_at_switch]
    if KEEPS_REPLAY[plan.replay]:
        training.replay.load_tensors(before.replay.tensors())


def _run(training: Training, title: str, stop: StopRequest) -> None:
    with Progress(training.config.iterations) as progress:
        progress.say(title)
        try:
            training.complete(progress, stop)
        except Interrupted:
            raise Interrupted(f"stopped in {title}; begun anew by the same command") from None


def _returns_on(
    config: TrainConfig, kwargs: Mapping[str, Scalar], networks: Sequence[Name]
) -> Callable[[Learner], list[float]]:
    """A function: learner → return of its deterministic policy on each of the networks."""
    env = make_batched(config.env_id, kwargs, len(networks), networks)

    def returns(learner: Learner) -> list[float]:
        found: list[float] = evaluate(learned_policy(learner, deterministic=True), env, networks).returns.tolist()
        return found

    return returns


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _check_scenarios(plan: ForgettingPlan) -> None:
    first, then = (task_of(make_batched(plan.config.env_id, kwargs, 1, 0)) for kwargs in (plan.first, plan.then))
    if first != then:
        raise EnvironmentRefused(
            f"the second scenario has agents {then.agents}, observations {then.observation_sizes} and actions "
            f"{then.action_sizes}; allowed: those of the first, {first.agents}, {first.observation_sizes} and "
            f"{first.action_sizes}"
        )


def _check_same_plan(plan: ForgettingPlan, out: Path) -> None:
    """Write plan.json, or compare with the one that stands there."""
    file = out / "plan.json"
    document = plan.document()
    if file.is_file():
        began = read_json(file)
        if not isinstance(began, dict):
            raise UserError(f"{file} is not a plan: it is no object")
        different = [name for name in document if document[name] != began.get(name)]
        if different:
            raise UserError(f"{out} was begun with another {', '.join(different)}; allowed: the same, or another --out")
        return
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty and holds no plan.json; allowed: a new or an empty directory")
    RunDirectory.check_new(out)
    out.mkdir(parents=True, exist_ok=True)
    write_json_atomically(file, document, indent=1)
