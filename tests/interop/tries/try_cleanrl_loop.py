"""A loop in one file, as CleanRL writes them: a vector environment, a Gaussian policy, policy gradients."""

import gymnasium
import torch
from torch import nn
from torch.distributions import Normal

import oran_env  # noqa: F401

envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(
    gymnasium.make_vec("oran/ORAN-joint-v1", num_envs=4, scenario="tiny")
)
net = nn.Sequential(nn.Linear(52, 32), nn.Tanh(), nn.Linear(32, 40), nn.Sigmoid())
optimiser = torch.optim.Adam(net.parameters(), 1e-3)
observations, _ = envs.reset(seed=0)
ended = 0
for _ in range(60):
    policy = Normal(net(torch.as_tensor(observations)), 0.2)
    actions = policy.sample()
    observations, rewards, _, truncated, infos = envs.step(actions.clamp(0, 1).numpy())
    loss = -(policy.log_prob(actions).sum(1) * torch.as_tensor(rewards, dtype=torch.float32)).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    ended += int(truncated.sum())
assert ended == 8
print("works: make_vec and Gymnasium's RecordEpisodeStatistics")
