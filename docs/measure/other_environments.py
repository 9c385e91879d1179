"""Learning curves of `general` on environments of others, against random actions: `other_environments.png` and `.csv`.

    python -m docs.measure.other_environments [--seeds 3] [--runs runs/other_environments] [--output docs/results]

Two of mpe2 and one of SISL, continuous actions and discrete ones; nothing is tuned for any of them. A curve
is the mean over training seeds of the return on 16 validation networks, with the least and the greatest; random actions
are played on the same networks. Runs that are complete are used as they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasam_agents import train
from tasam_agents.config import TrainConfig
from tasam_agents.config.bases import GENERAL
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import validation_networks
from tasam_agents.plotting.style import new_figure, save_picture
from tasam_agents.training.evaluation import evaluate, task_of
from tasam_agents.training.run_directory import RunDirectory

ENVIRONMENTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "simple_spread": ("mpe2.simple_spread_v3:parallel_env", {"continuous_actions": True}),
    "simple_reference": ("mpe2.simple_reference_v3:parallel_env", {}),  # 50 choices
    "pursuit": ("pettingzoo.sisl.pursuit_v5:parallel_env", {"max_cycles": 100}),  # 5 choices, eight agents
}


class Curve(NamedTuple):
    """Validation returns of all seeds, (seeds, points), and what they are held against."""

    env_steps: NDArray[np.int64]
    returns: NDArray[np.float64]
    random: float


def random_return(config: TrainConfig) -> float:
    """Of uniformly random action values, on the validation networks."""
    names = validation_networks(config.validation_envs)
    env = make_batched(config.env_id, config.env_kwargs, len(names), names)
    size = max(task_of(env).action_sizes)
    generator = np.random.default_rng(0)

    def policy(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        return generator.random((*observations.shape[:2], size), np.float32)

    return float(evaluate(policy, env, names).returns.mean())


def curve(env_id: str, env_kwargs: Mapping[str, Any], seeds: int, runs: Path) -> Curve:
    """Train what is missing, read the logs."""
    config = replace(GENERAL, env_id=env_id, env_kwargs=dict(env_kwargs))
    found = []
    for seed in range(seeds):
        run = runs / f"seed_{seed}"
        if not (run / "finished.json").is_file():
            train(replace(config, seed=seed), run, quiet=True)
        lines = [line for line in RunDirectory.open(run).metrics() if line.get("validation_return") is not None]
        found.append([(int(line["env_steps"]), float(line["validation_return"])) for line in lines])
    points = np.array(found)
    return Curve(points[0, :, 0].astype(np.int64), points[:, :, 1], random_return(config))


def main() -> None:
    """Train, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/other_environments"))
    parser.add_argument("--output", type=Path, default=Path("docs/results"))
    given = parser.parse_args()
    figure, axes = new_figure(1, len(ENVIRONMENTS), (10.0, 3.2))
    rows = []
    for axis, (name, (env_id, env_kwargs)) in zip(axes, ENVIRONMENTS.items(), strict=True):
        steps, returns, random = curve(env_id, env_kwargs, given.seeds, given.runs / name)
        mean, least, greatest = returns.mean(axis=0), returns.min(axis=0), returns.max(axis=0)
        print(f"{name:18}random {random:.3f}, first {mean[0]:.3f}, last {mean[-1]:.3f} "
              f"[{least[-1]:.3f}, {greatest[-1]:.3f} of {given.seeds} seeds]", flush=True)  # fmt: skip
        axis.plot(steps, mean, label="TA-SAM, `general`")
        axis.fill_between(steps, least, greatest, alpha=0.25)
        axis.axhline(random, linestyle="--", color="0.4", label="random")
        axis.set_title(name)
        axis.set_xlabel("environment steps")
        rows += [
            {"environment": name, "env_steps": int(x), "mean": round(float(m), 4), "least": round(float(a), 4),
             "greatest": round(float(b), 4), "random": round(random, 4), "seeds": given.seeds}
            for x, m, a, b in zip(steps, mean, least, greatest, strict=True)
        ]  # fmt: skip
    axes[0].set_ylabel("return per agent and step")
    axes[0].legend()
    save_picture(figure, given.output / "other_environments.png", rows)


if __name__ == "__main__":
    main()
