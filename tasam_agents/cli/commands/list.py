"""`tasam list`: what there is to choose from, and a configuration as TOML."""

from __future__ import annotations

from collections.abc import Sequence

from tasam_agents.cli.arguments import call


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(list_names, "tasam list", arguments)


def list_names(config: str | None = None) -> None:
    """List configurations, baselines, reference policies, presets, suites and study budgets.

    Args:
        config: print this configuration instead, as TOML; change it and train with --config FILE.toml.
    """
    from oran_env.scenario.presets import PRESETS
    from oran_env.scoring.suites import SUITES
    from tasam_agents.baselines import BASELINES
    from tasam_agents.config.toml_file import as_toml
    from tasam_agents.config.variants import VARIANTS
    from tasam_agents.envs.make import reference_policies
    from tasam_agents.study.budgets import BUDGETS

    if config is not None:
        print(as_toml(config), end="")
        return
    default = VARIANTS["default"]
    for title, names in (
        ("configurations (train, compare, generalise)", VARIANTS),
        ("baselines (train, compare)", BASELINES),
        ("reference policies (compare)", reference_policies(default.env_id, default.env_kwargs)),
        ("presets (--env scenario=NAME)", PRESETS),
        ("suites (score)", SUITES),
        ("budgets (study)", BUDGETS),
    ):
        print(f"{title}: {', '.join(names)}")
