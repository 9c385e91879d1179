"""stable-baselines3: PPO whose one policy acts for every DU of several networks side by side, on bits as actions.

Needs `pip install -e '.[sb3]'`. Run: python examples/sb3_shared.py --scenario paper --steps 100000
"""

import argparse

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor

from oran_env.adapters.sb3 import SharedPolicyVecEnv


def main() -> None:
    """Train, and print the reward per DU and step before and after on networks that were not trained on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="tiny")
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--steps", type=int, default=8_000, help="steps of one DU, summed over all DUs and networks")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    env = SharedPolicyVecEnv(arguments.scenario, arguments.networks, action_type="multi_binary")
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=128, gamma=0.9, learning_rate=1e-3, seed=arguments.seed)
    unseen = VecMonitor(SharedPolicyVecEnv(arguments.scenario, 5, action_type="multi_binary"))
    horizon = env.scenario.control.horizon

    def reward() -> float:
        unseen.seed(1_000)
        returns, _ = evaluate_policy(model, unseen, n_eval_episodes=unseen.num_envs, return_episode_rewards=True)
        return float(np.mean(returns)) / horizon

    print(f"untrained: {reward():.3f} per DU and step")
    model.learn(arguments.steps)
    print(f"after {model.num_timesteps} steps of a DU: {reward():.3f}")


if __name__ == "__main__":
    main()
