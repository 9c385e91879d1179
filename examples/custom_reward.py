"""A reward of one's own: the worst slice decides.

python examples/custom_reward.py
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import oran_env


def worst_slice(network: oran_env.Network, info: oran_env.Info) -> NDArray[np.float64]:
    """The normalised QoS of the slice that has least of it, for each network and DU (B, M)."""
    least: NDArray[np.float64] = info["qos_normalised"].min(axis=-1)
    return least


def main() -> None:
    """Compare two policies by it."""
    env = oran_env.parallel_env("paper", components=oran_env.Components(reward=worst_slice))
    for name in ("equal_shares", "count_rule"):
        policy = env.reference_policies()[name]
        observations, _ = env.reset(seed=1)
        rewards = []
        while env.agents:
            actions = policy(np.stack(list(observations.values())))
            observations, reward, *_ = env.step(dict(zip(env.possible_agents, actions, strict=True)))
            rewards.append(np.mean(list(reward.values())))
        print(f"{name}: worst slice at {np.mean(rewards):.3f} (0.5 is the threshold)")


if __name__ == "__main__":
    main()
