"""`tasam dataset POLICY`: episodes of a rule or of a run, stored in Minari's format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import tyro

from tasam_agents.cli.arguments import call, environment_arguments, print_paths
from tasam_agents.errors import UserError


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(dataset, "tasam dataset", arguments)


def dataset(
    policy: tyro.conf.Positional[str],
    env: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    episodes: int = 100,
    seed: int = 0,
    view: Literal["joint", "du"] = "joint",
    sampled: bool = False,
    name: str | None = None,
    root: Path | None = None,
    trust_env: tuple[str, ...] = (),
) -> None:
    """Store episodes of a policy as a Minari dataset, for offline learning.

    Args:
        policy: a reference policy such as count_rule or random, or a run directory.
        env: NAME=VALUE, an argument of the environment, as often as wanted; a run brings its own.
        episodes: networks, each for one episode.
        seed: of these; network b is that of a training with this seed.
        view: joint: an episode is that of a network, all DUs side by side. du: of a DU, with its own observation,
            action and reward.
        sampled: of a run, sampled actions in place of its best ones.
        name: of the dataset; default: oran/SCENARIO-POLICY-VIEW-v0.
        root: where Minari keeps its datasets; default: MINARI_DATASETS_PATH, else ~/.minari/datasets.
        trust_env: environment ids with a module that the run may name.

    Raises:
        UserError: bad input, or a dataset of that name is there already.
    """
    import os

    from tasam_agents.experiments.dataset import require_minari, rule, scenario_of, write_dataset
    from tasam_agents.public import load_policy, run_config

    require_minari()
    if Path(policy).is_dir():
        if env:
            raise UserError(f"--env is {env[0]!r}; allowed: with a rule, as a run brings its environment")
        config = run_config(policy, trust_env)
        if config.env_id != "oran/ORAN-v1":
            raise UserError(f"{policy} was trained on {config.env_id!r}; allowed: oran/ORAN-v1")
        kwargs, chosen, label = config.env_kwargs, load_policy(policy, not sampled, trust_env), config.name
    else:
        if sampled:
            raise UserError("--sampled: allowed with a run")
        kwargs, label = environment_arguments("--env", env, {"scenario": "paper"}), policy.replace("-", "_")
        chosen = rule(label, kwargs)
    if root is not None:
        os.environ["MINARI_DATASETS_PATH"] = str(root.absolute())
    name = name or f"oran/{scenario_of(kwargs).name}-{label}-{view}-v0"
    path = write_dataset(name, chosen, kwargs, episodes, seed, view, label)
    print(f"{name}: minari.load_dataset({name!r})")
    print_paths([path])
