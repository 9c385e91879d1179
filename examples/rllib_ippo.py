"""RLlib: PPO in which every DU learns on its own experience and all of them share one policy (IPPO).

Needs `pip install -e '.[ray]'`. Run: python examples/rllib_ippo.py --iterations 3
"""

import argparse

import ray
from ray.rllib.algorithms.ppo import PPOConfig

from oran_env.adapters.rllib import ENV_NAME, SHARED_POLICY, register, shared_policy


def main() -> None:
    """Train a few iterations and print the return per DU and episode."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="tiny")
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--steps", type=int, default=500, help="steps of one network in an iteration")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    register()
    config = (
        PPOConfig()
        .environment(ENV_NAME, env_config={"scenario": arguments.scenario})
        .env_runners(num_env_runners=0)  # more of them sample in processes of their own
        .multi_agent(policies={SHARED_POLICY}, policy_mapping_fn=shared_policy)
        .training(train_batch_size_per_learner=arguments.steps, minibatch_size=100, num_epochs=4, lr=3e-4)
        .debugging(seed=arguments.seed, log_level="ERROR")
    )
    algorithm = config.build_algo()
    for iteration in range(arguments.iterations):
        runners = algorithm.train()["env_runners"]
        returns = sorted(runners["agent_episode_returns_mean"].items())
        print(f"iteration {iteration}: return per episode", {agent: round(float(r), 2) for agent, r in returns})
    algorithm.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
