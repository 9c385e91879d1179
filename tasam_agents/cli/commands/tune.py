"""`tasam tune RIVAL…`: search the settings of baselines, by short trainings judged on validation networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from tasam_agents.cli.arguments import call, print_paths
from tasam_agents.errors import UserError, not_among


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(tune, "tasam tune", arguments)


def tune(
    rivals: Annotated[tuple[str, ...], tyro.conf.Positional],
    trials: int = 20,
    share: float = 1 / 3,
    out: Path = Path("docs/results/tuning"),
    settings: Path | None = None,
) -> None:
    """Search the settings of rivals, one after the other; what their logs have already is not done again.

    Args:
        rivals: names of baselines, such as sac_zones, or default for our own agent.
        trials: of each, one with the library's defaults among them.
        share: of the budget that a trial gets.
        out: the log of a rival is OUT/RIVAL.csv.
        settings: what is found goes to SETTINGS/RIVAL.json; default: where `RIVAL_tuned` is read from.

    Raises:
        UserError: bad input, before any work starts.
        Interrupted: stopped by the user; the same command goes on.
    """
    from tasam_agents.baselines.config import BaselineConfig, environment_steps
    from tasam_agents.baselines.tuning import tune as search
    from tasam_agents.baselines.tuning import write_settings
    from tasam_agents.baselines.variants import PLAIN_RIVALS, TUNED
    from tasam_agents.config.variants import DEFAULT
    from tasam_agents.training.run_lock import run_lock

    searched: dict[str, Any] = {"default": DEFAULT, **PLAIN_RIVALS}
    names = [name.replace("-", "_") for name in rivals]
    for name in names:
        if name not in searched:
            raise UserError(not_among("rival", name, searched))
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        log = out / f"{name}.csv"

        def say(line: str, name: str = name) -> None:
            print(f"{name}, {line}", flush=True)

        with run_lock(log):
            rival = searched[name]
            best = search(rival, log, trials, share, say)
            steps = rival.env_steps if isinstance(rival, BaselineConfig) else environment_steps(rival)
            file = write_settings(best, trials, round(steps * share), (settings or TUNED) / f"{name}.json")
        print(f"{name}: {best.validation_return:.3f} on validation in trial {best.number}, with {dict(best.settings)}")
        print_paths([log, file])
