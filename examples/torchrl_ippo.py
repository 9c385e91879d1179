"""TorchRL: PPO in which the DUs share one policy and one value network and learn from their own rewards (IPPO).

Needs `pip install -e '.[torchrl]'`. Run: python examples/torchrl_ippo.py --iterations 5
"""

import argparse

import torch
from tensordict.nn import TensorDictModule
from tensordict.nn.distributions import NormalParamExtractor
from torchrl.modules import MultiAgentMLP, ProbabilisticActor, TanhNormal, ValueOperator
from torchrl.objectives import ClipPPOLoss

from oran_env.adapters.torchrl import make_env


def main() -> None:
    """Train a few iterations and print the mean reward per DU and step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="tiny")
    parser.add_argument("--iterations", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200, help="steps of one network in an iteration")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)  # these networks are too small for more
    env = make_env(arguments.scenario, seed=arguments.seed)
    num_dus, observed = env.observation_spec["du", "observation"].shape
    values = env.full_action_spec["du", "action"].shape[-1]
    shape = {"n_agents": num_dus, "centralized": False, "share_params": True, "depth": 2, "num_cells": 64}
    head = torch.nn.Sequential(MultiAgentMLP(observed, 2 * values, **shape), NormalParamExtractor())
    actor = ProbabilisticActor(
        TensorDictModule(head, [("du", "observation")], [("du", "loc"), ("du", "scale")]),
        spec=env.full_action_spec["du", "action"],
        in_keys=[("du", "loc"), ("du", "scale")],
        out_keys=[("du", "action")],
        distribution_class=TanhNormal,
        distribution_kwargs={"low": 0.0, "high": 1.0},
        return_log_prob=True,
    )
    critic = ValueOperator(
        MultiAgentMLP(observed, 1, **shape), in_keys=[("du", "observation")], out_keys=[("du", "state_value")]
    )
    loss = ClipPPOLoss(
        actor, critic, entropy_coeff=1e-4, normalize_advantage=True, normalize_advantage_exclude_dims=(-2,)
    )
    keys = {name: ("du", name) for name in ("reward", "action", "done", "terminated")}
    loss.set_keys(**keys, value=("du", "state_value"), sample_log_prob=("du", "action_log_prob"))
    loss.make_value_estimator(gamma=0.9, lmbda=0.9)
    optimiser = torch.optim.Adam(loss.parameters(), lr=1e-3)

    for iteration in range(arguments.iterations):
        with torch.no_grad():
            data = env.rollout(arguments.steps, actor, break_when_any_done=False)
            loss.value_estimator(
                data, params=loss.critic_network_params, target_params=loss.target_critic_network_params
            )
        for _ in range(10):
            terms = loss(data)
            optimiser.zero_grad()
            sum(value for name, value in terms.items() if name.startswith("loss_")).backward()
            optimiser.step()
        print(f"iteration {iteration}: mean reward {data['next', 'du', 'reward'].mean().item():.3f}")


if __name__ == "__main__":
    main()
