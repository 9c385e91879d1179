"""``oran-env watch``: a film of one network under a reference policy."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.commands import CommandError, check_seed
from oran_env.envs.parallel_env import OranParallelEnv
from oran_env.policies.rules import Policy
from oran_env.rendering import RENDER_FPS, check_output, write_film
from oran_env.rendering.progress import counted
from oran_env.scenario.presets import make_scenario
from oran_env.scoring.playable import PolicyError, policy_on

HELP = "write a GIF or MP4 of one network under a policy that `oran-env list` names, or a PNG of the last step"


def register(subparsers: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = subparsers.add_parser("watch", help=HELP, description=HELP)
    parser.add_argument("--policy", default="static", help="a policy that oran-env list names (default: static)")
    parser.add_argument("--scenario", default="paper", help="a preset (default: paper)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the network (default: 0)")
    parser.add_argument("--steps", type=int, help="frames, one per step (default: one episode)")
    parser.add_argument("--out", type=Path, default=Path("watch.gif"), help=".gif, .mp4 or .png (default: watch.gif)")
    parser.add_argument("--fps", type=float, default=RENDER_FPS, help=f"frames per second (default: {RENDER_FPS})")
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="override a field of the scenario; repeatable"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the film.

    Raises:
        CommandError, ScenarioError, FilmError, MissingExtra: see there.
    """
    check_output(options.out)
    scenario = make_scenario(options.scenario, **fields(options.env))
    env = OranParallelEnv(scenario, render_mode="rgb_array")
    env.caption = f"policy: {options.policy}"
    steps = scenario.control.horizon if options.steps is None else options.steps
    if steps < 1:
        raise CommandError(f"steps is {steps}; allowed: 1 or more")
    check_seed(options.seed)
    try:
        policy = policy_on(options.policy, env.simulator)
    except PolicyError as error:
        raise CommandError(str(error)) from error
    frames = counted(play(env, policy, options.seed, steps), steps, "frames")
    write_film(frames, options.out, options.fps)
    print(f"written: {options.out}")


def play(env: OranParallelEnv, policy: Policy, seed: int, steps: int) -> Iterator[NDArray[np.uint8]]:
    """Frames of an environment in mode "rgb_array", one after each step; episodes follow one another."""
    observations, _ = env.reset(seed=seed)
    for _ in range(steps):
        if not env.agents:
            observations, _ = env.reset()
        actions = policy(np.stack(list(observations.values()))[None])[0]  # a batch of one network
        observations, *_ = env.step(dict(zip(env.agents, actions, strict=True)))
        frame = env.render()
        assert frame is not None
        yield frame


def fields(settings: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs; a value is JSON if it can be, else text.

    Raises:
        CommandError: not of that form.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if not (name and text):
            raise CommandError(f"--env is {setting!r}; allowed: NAME=VALUE")
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values
