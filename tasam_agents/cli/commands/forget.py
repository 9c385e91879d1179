"""`tasam forget --first A --then B`: what is lost on one scenario while learning another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from tasam_agents.cli.arguments import environment_arguments, parse_with_configuration, print_paths
from tasam_agents.config.fields import Scalar, TrainConfig
from tasam_agents.errors import UserError


@dataclass(frozen=True)
class Forgetting:
    """Train on scenario A, go on on B with the same learner, and report on held-out networks what was lost on A and
    gained on B."""

    first: str | None = None
    """A, a scenario preset."""
    then: str | None = None
    """B, a scenario preset with as many DUs and RBs."""
    first_env: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=VALUE, an argument of the environment of A; as often as wanted."""
    then_env: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=VALUE, an argument of the environment of B; as often as wanted."""
    arms: tuple[str, ...] = ("plain", "sam", "anchor", "sam_anchor")
    """Which of these are trained; those that are complete in the output directory are not repeated."""
    seeds: int = 1
    """Training seeds."""
    back_iterations: int = 0
    """Iterations of a third phase, back on A; --iterations is the length of each of the other two."""
    replay: Literal["kept", "emptied"] = "kept"
    """What becomes of the replay buffer at the switch."""
    anchor_from: Literal["start", "switch"] = "start"
    """`switch`: the anchor's arms have none on A."""
    anchor_at_switch: Literal["held", "following"] = "held"
    """`held`: what anchors at the end of A stays; `following`: it goes on to move."""
    networks: int = 20
    """Held-out networks of each scenario."""
    jobs: int | None = None
    """Arms trained at a time; default: one per CPU core, fewer if each has several threads."""
    out: Path = Path("runs/forget")
    """Output directory."""
    quiet: bool = False
    """Show no progress."""


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    options, config = parse_with_configuration(Forgetting, "tasam forget", arguments)
    if not isinstance(config, TrainConfig):
        raise UserError(f"--config is {config.name}, a baseline; allowed: a configuration of our own agents")
    scenarios = {
        "first": _scenario("first", options.first, options.first_env),
        "then": _scenario("then", options.then, options.then_env),
    }
    from tasam_agents.experiments.forgetting.experiment import ForgettingPlan, run_plan
    from tasam_agents.experiments.forgetting.report import write_forgetting
    from tasam_agents.experiments.forgetting.result import ForgettingResult
    from tasam_agents.experiments.forgetting.text import forgetting_text
    from tasam_agents.jobs.worker_pool import WorkerPool

    plan = ForgettingPlan(
        config=config,
        **scenarios,
        arms=options.arms,
        seeds=options.seeds,
        back_iterations=options.back_iterations,
        replay=options.replay,
        anchor_at_switch=options.anchor_at_switch,
        anchor_from=options.anchor_from,
        networks=options.networks,
    )
    pool = WorkerPool(options.jobs, plan.config.threads)
    result = ForgettingResult(plan, run_plan(plan, options.out, pool, options.quiet))
    files = write_forgetting(result, options.out)
    print(f"\n{forgetting_text(result)}\n")
    print_paths(files)


def _scenario(which: str, preset: str | None, settings: Sequence[str]) -> dict[str, Scalar]:
    """Arguments of the environment from --first A and --first-env NAME=VALUE…"""
    kwargs = environment_arguments(f"--{which}-env", settings, {} if preset is None else {"scenario": preset})
    if not kwargs:
        raise UserError(f"--{which} is missing; allowed: a scenario preset, or --{which}-env NAME=VALUE")
    return kwargs
