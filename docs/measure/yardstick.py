"""What there is to be learnt on `paper` with the codec zones: a regression on random actions, and its best actions.

    python -m docs.measure.yardstick [--networks 200] [--split test] [--steps 750]

The reward of a DU is fitted, by two layers of 64, to its numbers of UEs and its own action, from uniformly random
actions in 64 training networks. The policy then takes, for each numbers of UEs, the best action of a search along the
four values. It is no agent of the study: it explores nothing and has one network for all DUs.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.config.bases import DEFAULT
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks, training_networks, validation_networks
from tasam_agents.training.evaluation import evaluate

SPLITS = {"validation": validation_networks, "test": held_out_networks}
STARTS = ((0.35, 0.95, 0.4, 0.05), (0.5, 0.5, 0.5, 0.3), (0.2, 0.9, 0.05, 0.5))
LEVELS = torch.linspace(0.005, 0.995, 48)
UPDATES, ROWS, RATE = 3000, 1024, 3e-3


class Regression:
    """The fit and the policy that follows from it."""

    def __init__(self, steps: int, seed: int) -> None:
        torch.manual_seed(seed)
        names = training_networks(seed, 64)
        env = make_batched(DEFAULT.env_id, DEFAULT.env_kwargs, len(names), names)
        self._columns = env.observation_layout["num_ues"]
        generator, observations = np.random.default_rng(seed), env.reset(seed=names)
        rows: list[tuple[NDArray[Any], ...]] = []
        for _ in range(steps):
            actions = generator.random((*observations.shape[:2], 4), np.float32)
            rewards = env.step(actions).rewards.copy()
            rows.append((observations[..., self._columns].copy(), actions, rewards[..., None]))
            observations = env.reset_done()
        ues, taken, paid = (torch.from_numpy(np.concatenate(part)).flatten(0, 1) for part in zip(*rows, strict=True))
        self._value = nn.Sequential(nn.Linear(7, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
        adam = torch.optim.Adam(self._value.parameters(), lr=RATE)
        for update in range(UPDATES):
            adam.param_groups[0]["lr"] = RATE * (1.0 - 0.99 * update / UPDATES)
            chosen = torch.randint(len(ues), (ROWS,))
            loss = (self.value(ues[chosen], taken[chosen]) - paid[chosen, 0]).square().mean()
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        self._best: dict[bytes, NDArray[np.float32]] = {}

    def value(self, ues: Tensor, actions: Tensor) -> Tensor:
        """Reward (…,) of UE counts (…, 3) and actions (…, 4)."""
        values: Tensor = self._value(torch.cat([(ues - 1.0 / 3.0) * 4.0, (actions - 0.5) * 2.0], dim=-1))
        return values.squeeze(-1)

    @torch.no_grad()
    def _search(self, ues: Tensor) -> NDArray[np.float32]:
        """Best actions (n, 4): from several starts, three rounds along each value in turn."""
        found, best = torch.zeros(len(ues), 4), torch.full((len(ues),), -np.inf)
        for start in STARTS:
            action, value = torch.tensor(start).repeat(len(ues), 1), best
            for k in range(12):
                tried = action[:, None].repeat(1, len(LEVELS), 1)
                tried[..., k % 4] = LEVELS
                value, level = self.value(ues[:, None].expand(-1, len(LEVELS), -1), tried).max(dim=1)
                action[:, k % 4] = LEVELS[level]
            better = value > best
            found[better], best = action[better], torch.maximum(value, best)
        return found.numpy()

    def __call__(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Actions (B, M, 4) for observations (B, M, D)."""
        rows = np.ascontiguousarray(observations[..., self._columns].reshape(-1, 3))
        new = {row.tobytes(): row for row in rows if row.tobytes() not in self._best}
        if new:
            self._best |= dict(zip(new, self._search(torch.from_numpy(np.stack(list(new.values())))), strict=True))
        actions = np.stack([self._best[row.tobytes()] for row in rows])
        return actions.reshape(*observations.shape[:2], 4)


def main() -> None:
    """Fit, search, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--steps", type=int, default=750)
    parser.add_argument("--seed", type=int, default=50)
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    names = SPLITS[given.split](given.networks)
    env = make_batched(DEFAULT.env_id, DEFAULT.env_kwargs, len(names), names)
    returns = evaluate(Regression(given.steps, given.seed), env, names).returns
    error = 1.96 * returns.std(ddof=1) / len(returns) ** 0.5
    print(f"regression: {returns.mean():.4f} ± {error:.4f} on {len(names)} {given.split} networks", end=", ")
    print(f"{64 * given.steps} network steps, {time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
