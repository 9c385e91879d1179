"""`tasam compare`: who is to be compared, with which runs, and what they return on the same held-out networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasam_agents.baselines import BASELINES, BaselineConfig
from tasam_agents.baselines.config import environment_steps
from tasam_agents.baselines.sb3 import require_library
from tasam_agents.baselines.training import divergence, is_finished, load_policy
from tasam_agents.config.checks import MAX_SEED
from tasam_agents.config.fields import Scalar, TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.interface import BatchedEnv, ObservationPolicy
from tasam_agents.envs.make import make_batched, reference_arguments, reference_policies
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import Damaged, UserError, not_among
from tasam_agents.experiments.comparison.curves import Curve, curve_of, gradient_evaluations
from tasam_agents.experiments.comparison.result import ComparisonReport, Cost
from tasam_agents.files.form import check_form
from tasam_agents.jobs.job import Failure, Job
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import (
    evaluate,
    load_actors,
    run_policy,
)
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.threads import torch_threads

OF_AGENTS = ("codec", "owned_rbs")
"""Arguments of an environment that say what the values of an action mean. They are the agent's own; all others must be
the same for all."""


_SPENT = {"env_steps": int, "updates": int, "wall_time_s": float, "cpu_time_s": float}


@dataclass(frozen=True)
class Plan:
    """Everything that is decided before the first run begins."""

    agents: tuple[str, ...]
    seeds: tuple[int, ...]  # of training
    networks: tuple[int, ...]  # numbers among the held-out ones
    env_id: str
    env_kwargs: Mapping[str, Scalar]  # of the first of our own agents; the others differ in OF_AGENTS at most
    env_steps: int  # of each run
    jobs: tuple[Job, ...]
    references: tuple[str, ...]  # agents that are not trained


def plan(
    agents: Sequence[str],
    seeds: Sequence[int],
    num_networks: int,
    directory: Path,
    iterations: int | None = None,
) -> Plan:
    """Resolve names, make the budget equal and say where each run stands.

    The environment is that of our own agents, which must have it in common but for the codec, and the number of
    environment steps too; baselines take both from the first of them. Without one they keep their own.

    Args:
        agents: names of configurations, baselines or reference policies of the environment.
        seeds: of training.
        num_networks: N, held-out networks.
        directory: run K of an agent stands in ``directory/agent/seed_K``.
        iterations: of our own agents, in place of those of their configurations.

    Raises:
        UserError: a name, number or mixture that is not allowed.
    """
    if not agents:
        raise UserError("no agent given; allowed: one or more")
    if len(set(agents)) < len(agents):
        raise UserError(f"agents are {' '.join(agents)}; allowed: each once")
    if num_networks < 2:
        raise UserError(f"networks is {num_networks}; allowed: 2 or more, an interval needs them")
    if not seeds or seeds[0] < 0 or seeds[-1] >= MAX_SEED:
        raise UserError(f"training seeds are {list(seeds)}; allowed: one or more, from 0 to {MAX_SEED - 1}")
    own = {name: _own(VARIANTS[name], iterations) for name in agents if name in VARIANTS}
    if iterations is not None and not own:
        raise UserError(f"iterations is {iterations}; allowed only with an agent of our own: {', '.join(VARIANTS)}")
    _check_alike(own)
    model = next(iter(own.values()), None)
    of_environment = model or BaselineConfig()
    env_id, env_kwargs = of_environment.env_id, of_environment.env_kwargs
    configs: dict[str, TrainConfig | BaselineConfig] = dict(own)
    configs |= {name: BASELINES[name].like(model) if model else BASELINES[name] for name in agents if name in BASELINES}
    known = reference_policies(env_id, env_kwargs)
    for name in agents:
        if name not in configs and name not in known:
            raise UserError(not_among("agent", name, [*VARIANTS, *BASELINES, *known]))
    for config in configs.values():
        if isinstance(config, BaselineConfig):
            try:
                require_library(config)
            except ImportError as error:
                raise UserError(str(error)) from error
    return Plan(
        agents=tuple(agents),
        seeds=tuple(seeds),
        networks=tuple(range(num_networks)),
        env_id=env_id,
        env_kwargs=env_kwargs,
        env_steps=environment_steps(model) if model else BaselineConfig.env_steps,
        jobs=tuple(
            Job(name, replace(configs[name], seed=seed, threads=1), directory / name / f"seed_{seed}")
            for seed in seeds  # seed by seed: whoever stops early has some of every agent
            for name in agents
            if name in configs
        ),
        references=tuple(name for name in agents if name not in configs),
    )


def _own(config: TrainConfig, iterations: int | None) -> TrainConfig:
    try:
        return config if iterations is None else replace(config, iterations=iterations)
    except ValueError as error:
        raise UserError(str(error)) from error


def _check_alike(own: Mapping[str, TrainConfig]) -> None:
    for what, of in (
        ("the environment", lambda config: (config.env_id, in_common(config.env_kwargs))),
        ("the number of environment steps", environment_steps),
    ):
        values: dict[str, Any] = {name: of(config) for name, config in own.items()}
        if any(value != next(iter(values.values())) for value in values.values()):
            found = "; ".join(f"{name}: {value}" for name, value in values.items())
            raise UserError(f"agents differ in {what} ({found}); allowed: the same for all")


def in_common(env_kwargs: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The arguments of an environment that all agents of a comparison share."""
    return {name: value for name, value in env_kwargs.items() if name not in OF_AGENTS}


@torch_threads(1)  # as in training: the order of a sum may decide a bit
def measure(plan: Plan, failures: Sequence[Failure]) -> ComparisonReport | None:
    """Evaluate all runs on the same networks with the same code. Agents with a run that failed are left out.

    Each acts by its own codec; the networks, and what happens in them for the same RBs, do not depend on it.

    Returns:
        None when nobody is left.

    Raises:
        UserError: a run that cannot be loaded.
    """
    names = held_out_networks(len(plan.networks))
    failed = {failure.job.agent for failure in failures}
    offered = reference_policies(plan.env_id, plan.env_kwargs)
    theirs = reference_arguments(plan.env_id, plan.env_kwargs)
    returns: dict[str, NDArray[np.float64]] = {}
    costs: dict[str, Cost] = {}
    codecs: dict[str, str] = {}
    for name in plan.agents:
        if name in failed:
            continue
        jobs = [job for job in plan.jobs if job.agent == name]
        arguments = jobs[0].config.env_kwargs if jobs else theirs
        env = make_batched(plan.env_id, arguments, len(names), names)
        policies = [policy_of(job, env) for job in jobs] or [offered[name]]
        returns[name] = np.stack([evaluate(policy, env, names).returns for policy in policies])
        codecs[name] = str(arguments.get("codec", ""))
        costs[name] = _mean_cost([cost_of(RunDirectory(job.directory)) for job in jobs])
    if not returns:
        return None
    return ComparisonReport(returns, next(iter(returns)), plan.seeds, plan.networks, costs, codecs)


def policy_of(job: Job, env: BatchedEnv) -> ObservationPolicy:
    """The best policy of a run, deterministic, for the separate agents of ``env``."""
    if isinstance(job.config, BaselineConfig):
        return load_policy(job.directory, trusted=(job.config.env_id,))
    best = RunDirectory(job.directory).best
    learner = load_actors(checkpoint.load(best), best, job.config, env)
    return run_policy(learner, job.config, env, deterministic=True)


def damaged(plan: Plan, failures: Sequence[Failure]) -> list[Failure]:
    """Runs that ended well and of which a file that the report needs is not what was written: failures of their own."""
    failed, found = {failure.job.directory for failure in failures}, []
    for job in plan.jobs:
        try:
            if job.directory not in failed:
                policy_of(job, make_batched(plan.env_id, job.config.env_kwargs, 1, 0))
                cost_of(RunDirectory(job.directory))
                curve_of(RunDirectory(job.directory))
        except Damaged as error:
            found.append(Failure(job, str(error)))
    return found


def divergences(plan: Plan) -> list[str]:
    """A sentence for each finished run of a baseline that diverged before the end of its budget."""
    baselines = [job for job in plan.jobs if isinstance(job.config, BaselineConfig) and is_finished(job.directory)]
    found = [(job, divergence(job.directory)) for job in baselines]
    return [f"{job.label} diverged and counts with its best policy until then: {why}" for job, why in found if why]


def cost_of(run: RunDirectory) -> Cost:
    """What a run took, from its log."""
    last = run.checked_metrics({})[-1]
    check_form(last, _SPENT, f"{run.metrics_file}, last line")
    return Cost(last["env_steps"], last["updates"], gradient_evaluations(run), last["wall_time_s"], last["cpu_time_s"])


def learning_curves(plan: Plan, report: ComparisonReport) -> dict[str, list[Curve]]:
    """How the runs of the agents in the report got there, by agent; those that are not trained have none."""
    return {
        name: [curve_of(RunDirectory(job.directory)) for job in plan.jobs if job.agent == name]
        for name in report.returns
        if any(job.agent == name for job in plan.jobs)
    }


def _mean_cost(costs: Sequence[Cost]) -> Cost:
    if not costs:
        return Cost()
    return Cost(*np.mean([astuple(cost) for cost in costs], axis=0).tolist())
