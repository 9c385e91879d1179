"""The environment in one page: PettingZoo, then the same network as a Gymnasium environment and as a batch.

Run: python examples/quickstart.py --scenario paper
"""

import argparse

import gymnasium
import numpy as np

import oran_env


def main() -> None:
    """Print what reference policies earn, and that the interfaces show the same network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    env = oran_env.parallel_env(arguments.scenario)
    print(f"{len(env.possible_agents)} DUs, each sees {env.observation_space('du_0').shape} values")
    print(f"and sets {env.action_space('du_0').shape}")
    for name, policy in env.reference_policies().items():
        observations, _ = env.reset(seed=arguments.seed)  # the same network for each policy
        total, reached, steps = 0.0, [], 0
        while env.agents:
            actions = dict(zip(env.agents, policy(np.stack(list(observations.values()))), strict=True))
            observations, rewards, _, _, infos = env.step(actions)
            total += sum(rewards.values()) / len(rewards)
            reached += [np.where(info["num_ues"] > 0, info["satisfied"], np.nan) for info in infos.values()]
            steps += 1
        shares = ", ".join(f"{s} {x:.0%}" for s, x in zip(oran_env.SLICES, np.nanmean(reached, axis=0), strict=True))
        print(f"{name:20} reward {total / steps:6.3f} per DU and step; QoS reached: {shares}")

    joint = gymnasium.make("oran/ORAN-joint-v1", scenario=arguments.scenario)
    batch = gymnasium.make_vec("oran/ORAN-joint-v1", num_envs=4, scenario=arguments.scenario)
    alone, together = joint.reset(seed=arguments.seed)[0], batch.reset(seed=arguments.seed)[0]
    print(f"joint observation {alone.shape}, batch {together.shape}, first row equal: {(together[0] == alone).all()}")


if __name__ == "__main__":
    main()
