"""`tasam tune NAME…`: search settings by short trainings judged on validation networks."""

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
    names: Annotated[tuple[str, ...], tyro.conf.Positional],
    search: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    trials: int = 20,
    share: float = 1 / 3,
    out: Path | None = None,
    settings: Path | None = None,
    trust_env: tuple[str, ...] = (),
) -> None:
    """Search the settings of configurations, one after the other; what their logs have already is not done again.

    Args:
        names: configurations: rivals such as sac_zones and default have settings that are tuned; any other, or a file
            ending in .toml, with --search.
        search: FIELD=LOW:HIGH, FIELD=LOW:HIGH:log or FIELD=VALUE,VALUE: search this field, whichever it is; as often
            as wanted.
        trials: of each, one with its own settings among them.
        share: of the budget that a trial gets.
        out: the log is OUT/NAME.csv; default: docs/results/tuning, with --search runs/tune.
        settings: what is found goes to SETTINGS/NAME.json; default: where `RIVAL_tuned` is read
            from; with --search, OUT.
        trust_env: environment ids with a module that a file may name; else only a registry's are made.

    Raises:
        UserError: bad input, before any work starts.
        Interrupted: stopped by the user; the same command goes on.
    """
    from tasam_agents.baselines.config import BaselineConfig, environment_steps
    from tasam_agents.baselines.search_space import shortened, with_settings
    from tasam_agents.baselines.sweep import check_same_search, space_from
    from tasam_agents.baselines.tuning import FIRST_SEED, VALIDATIONS, write_settings
    from tasam_agents.baselines.tuning import tune as find
    from tasam_agents.baselines.variants import TUNED
    from tasam_agents.config.toml_file import written
    from tasam_agents.config.variants import VARIANTS
    from tasam_agents.files.atomic_write import write_text_atomically
    from tasam_agents.training.run_lock import run_lock

    if not names:
        raise UserError("no configuration given; allowed: one or more")
    chosen = {Path(name).stem if name.endswith(".toml") else name.replace("-", "_"): name for name in names}
    configs = {name: _configuration(name, given, bool(search), trust_env) for name, given in chosen.items()}
    spaces = {name: space_from(config, search) if search else None for name, config in configs.items()}
    out = out or Path("runs/tune" if search else "docs/results/tuning")
    out.mkdir(parents=True, exist_ok=True)
    for name, config in configs.items():
        log, space = out / f"{name}.csv", spaces[name]

        def say(line: str, name: str = name) -> None:
            print(f"{name}, {line}", flush=True)

        with run_lock(log):
            if space is not None:
                shortened(config, share, FIRST_SEED, VALIDATIONS)
                check_same_search(out / f"{name}.search.json", config, space, share)
            best = find(config, log, trials, share, say, space)
            steps = config.env_steps if isinstance(config, BaselineConfig) else environment_steps(config)
            where = (settings or (TUNED if space is None else out)) / f"{name}.json"
            files = [log, write_settings(best, trials, round(steps * share), where)]
            if space is not None and not isinstance(config, BaselineConfig):
                text = written(with_settings(config, best.settings), name if name in VARIANTS else "default")
                files.append(write_text_atomically(out / f"{name}.toml", text))
        print(f"{name}: {best.validation_return:.3f} on validation in trial {best.number}, with {dict(best.settings)}")
        print_paths(files)


def _configuration(name: str, given: str, any_other: bool, trusted: Sequence[str]) -> Any:
    """A configuration that is tuned or, with fields that are named, any other."""
    from tasam_agents.baselines import BASELINES
    from tasam_agents.baselines.variants import PLAIN_RIVALS
    from tasam_agents.config.toml_file import read_toml
    from tasam_agents.config.variants import VARIANTS
    from tasam_agents.envs.trust import check_env_id

    if any_other and given.endswith(".toml"):
        config = read_toml(Path(given))
        check_env_id(config.env_id, given, trusted)
        return config
    tuned: dict[str, Any] = {"default": VARIANTS["default"], **PLAIN_RIVALS}
    known = {**VARIANTS, **BASELINES, **tuned} if any_other else tuned
    if name not in known:
        more = ", or a file ending in .toml" if any_other else "; any other with --search FIELD=…"
        raise UserError(not_among("configuration" if any_other else "rival", name, known, more))
    return known[name]
