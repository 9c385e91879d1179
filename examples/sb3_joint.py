"""stable-baselines3 as it is: one SAC agent acts for all DUs of a network, rewarded with their mean.

Needs `pip install -e '.[sb3]'`. Run: python examples/sb3_joint.py --scenario paper --steps 20000
"""

import argparse

import gymnasium
from stable_baselines3 import SAC
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

import oran_env  # noqa: F401 (registers the ids)


def main() -> None:
    """Train, and print the reward per step before and after on networks that were not trained on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="tiny")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    model = SAC(
        "MlpPolicy",
        gymnasium.make("oran/ORAN-joint-v1", scenario=arguments.scenario),
        gamma=0.9,
        ent_coef="auto_0.001",  # with so many action values the default 1.0 drowns the reward
        learning_starts=100,
        seed=arguments.seed,
    )
    unseen = Monitor(gymnasium.make("oran/ORAN-joint-v1", scenario=arguments.scenario))
    horizon: int = unseen.get_wrapper_attr("scenario").control.horizon

    def reward() -> float:
        unseen.reset(seed=1_000)
        mean, _ = evaluate_policy(model, unseen, n_eval_episodes=5)
        return float(mean) / horizon

    print(f"untrained: {reward():.3f} per DU and step")
    model.learn(arguments.steps)
    print(f"after {arguments.steps} steps: {reward():.3f}")


if __name__ == "__main__":
    main()
