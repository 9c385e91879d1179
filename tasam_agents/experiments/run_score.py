"""Runs on the suites of the environment: the score that everybody else's policies get, on the same networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from oran_env import Scenario, ScenarioError, Simulator, make_scenario
from oran_env.scoring.score import INTERFACE, Score, score
from oran_env.scoring.suites import SuiteError, find_suite
from tasam_agents.baselines import BaselineConfig
from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import ObservationPolicy
from tasam_agents.envs.make import make_batched
from tasam_agents.errors import UserError, not_among

Player = tuple[TrainConfig | BaselineConfig, ObservationPolicy]
"""The configuration of a run, and its best policy."""


def score_runs(
    runs: Mapping[Path, Player],
    suite: str = "oran-v2",
    networks: int | None = None,
    scenarios: Sequence[str] = (),
) -> tuple[Score, dict[str, Path]]:
    """Play the networks of a suite with the best actors of runs, deterministic.

    Each scenario is played by the run that was trained on it, else by the first whose agents, observations and actions
    fit; scenarios that none fits are left out.

    Args:
        runs: by their directories, one or more; each sees and acts in its own way.
        suite: its name.
        networks: only the first so many of each scenario.
        scenarios: only these; none: all.

    Returns:
        The score, and which run played each scenario.

    Raises:
        UserError: an unknown suite or scenario, or no scenario that fits.
    """
    try:
        wanted = find_suite(suite).scenarios
    except SuiteError as error:
        raise UserError(str(error)) from None
    for name in scenarios:
        if name not in wanted:
            raise UserError(not_among(f"scenario of suite {suite} is", name, wanted))
    wanted = tuple(name for name in wanted if not scenarios or name in scenarios)
    configs = {path: config for path, (config, _) in runs.items()}
    ways = {p: {name: c.env_kwargs[name] for name in INTERFACE if name in c.env_kwargs} for p, c in configs.items()}
    players: dict[str, Path] = {}
    for name in wanted:
        own = [path for path, config in configs.items() if config.env_kwargs.get("scenario", "paper") == name]
        fitting = [path for path, config in configs.items() if _fits(config, name, ways[path])]
        chosen = next((path for path in (*own, *runs) if path in fitting), None)
        if chosen is not None:
            players[name] = chosen
    if not players:
        asked = f" ({', '.join(scenarios)})" if scenarios else ""
        raise UserError(f"no scenario of suite {suite}{asked} has the agents and spaces of {', '.join(map(str, runs))}")

    def player(scenario: Scenario) -> ObservationPolicy:
        return runs[players[scenario.name]][1]

    label = next(iter(configs.values())).name
    try:
        found = score(
            make=player,
            suite=suite,
            num_networks=networks,
            name=label,
            scenarios=list(players),
            interface=lambda name: ways[players[name]],
        )
    except (SuiteError, ValueError) as error:
        raise UserError(str(error)) from error
    return found, players


def _fits(config: TrainConfig | BaselineConfig, name: str, way: Mapping[str, Any]) -> bool:
    """Whether the agents of a run see and act as those of a scenario do."""
    try:
        there = Simulator(make_scenario(name, **way), 1, 0)
    except ScenarioError:  # so few RBs that no DU can own as many as the run's
        return False
    trained = make_batched(config.env_id, config.env_kwargs, 1, 0)
    return (
        list(trained.agents) == list(there.agents)
        and list(trained.observation_sizes) == list(there.observation_sizes)
        and list(trained.action_sizes) == list(there.action_sizes)
        and dict(trained.observation_layout) == dict(there.observation_layout)
    )
