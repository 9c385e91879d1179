"""`tasam forget --first A --then B`: what is lost on one scenario while learning another."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from tasam_agents.config.fields import Scalar, TrainConfig
from tasam_agents.errors import UserError
from tasam_agents.experiments.forgetting.experiment import ARMS, ForgettingPlan, run_plan
from tasam_agents.experiments.forgetting.report import write_forgetting
from tasam_agents.experiments.forgetting.result import ForgettingResult
from tasam_agents.experiments.forgetting.text import forgetting_text
from tasam_agents.jobs.worker_pool import WorkerPool

Configuration = Callable[[str, Sequence[str]], TrainConfig]

DESCRIPTION = """Train on scenario A, go on on B with the same learner, and report on held-out networks what was lost on
A and gained on B. Any other option is a field of the configuration, as in `tasam train`: --iterations is the length of
each of the two phases. Arms that are complete in the output directory are not repeated."""


class _Parser(argparse.ArgumentParser):
    """A mistake of the user becomes one line."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} ({self.prog} --help lists all)")


def forget(arguments: Sequence[str], configuration: Configuration) -> None:
    """Run the command.

    Args:
        arguments: behind `tasam forget`.
        configuration: (name, fields) → a named configuration with fields overridden.
    """
    parser = _Parser("tasam forget", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--first", metavar="A", help="scenario preset")
    parser.add_argument("--then", metavar="B", help="scenario preset, with as many DUs and RBs")
    for which in ("first", "then"):
        parser.add_argument(
            f"--{which}-env",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"an argument of the environment of --{which}; may be repeated",
        )
    parser.add_argument("--config", default="default", metavar="NAME", help="named configuration (default: default)")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), metavar="ARM", help=f"some of {', '.join(ARMS)}")
    parser.add_argument("--seeds", type=int, default=1, metavar="S", help="training seeds (default: 1)")
    parser.add_argument(
        "--back-iterations",
        type=int,
        default=0,
        metavar="N",
        help="iterations of a third phase, back on A (default: 0, none)",
    )
    parser.add_argument("--replay", default="kept", help="kept (default) or emptied at the switch")
    parser.add_argument(
        "--anchor-from", default="start", help="start (default), or switch: the anchor's arms have none on A"
    )
    parser.add_argument(
        "--anchor-at-switch",
        default="held",
        help="held (default): what anchors at the end of A stays; following: it goes on to move",
    )
    parser.add_argument(
        "--networks", type=int, default=20, metavar="N", help="held-out networks of each scenario (default: 20)"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/forget"), metavar="DIR", help="default: runs/forget")
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="J",
        help="arms trained at a time (default: one per CPU core, fewer if each has several threads)",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    given, fields = parser.parse_known_args(list(arguments))

    plan = ForgettingPlan(
        config=configuration(given.config, fields),
        first=_scenario("first", given.first, given.first_env),
        then=_scenario("then", given.then, given.then_env),
        arms=tuple(given.arms),
        seeds=given.seeds,
        back_iterations=given.back_iterations,
        replay=given.replay,
        anchor_at_switch=given.anchor_at_switch,
        anchor_from=given.anchor_from,
        networks=given.networks,
    )
    pool = WorkerPool(given.jobs, plan.config.threads)
    result = ForgettingResult(plan, run_plan(plan, given.out, pool, given.quiet))
    files = write_forgetting(result, given.out)
    print(f"\n{forgetting_text(result)}\n")
    for path in files:
        print(f"written: {path}")


def _scenario(which: str, preset: str | None, settings: Sequence[str]) -> dict[str, Scalar]:
    """Arguments of the environment from --first A and --first-env NAME=VALUE…"""
    kwargs: dict[str, Scalar] = {} if preset is None else {"scenario": preset}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not (name and equals):
            raise UserError(f"--{which}-env is {setting!r}; allowed: NAME=VALUE")
        try:
            kwargs[name] = json.loads(text)
        except json.JSONDecodeError:
            kwargs[name] = text
    if not kwargs:
        raise UserError(f"--{which} is missing; allowed: a scenario preset, or --{which}-env NAME=VALUE")
    return kwargs
