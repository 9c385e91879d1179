"""PPO on the batch of networks, by their wrapper; their multi-agent wrapper steps."""

import gymnasium
import torch
from skrl.envs.wrappers.torch import wrap_env

import oran_env

env = wrap_env(gymnasium.make_vec("oran/ORAN-joint-v1", num_envs=2, scenario="tiny"))
observations, _ = env.reset()
for _ in range(30):
    observations, rewards, terminated, truncated, _ = env.step(torch.rand(2, env.action_space.shape[0]))
assert observations.shape == (2, 52)
several = wrap_env(oran_env.parallel_env("tiny"))
several.reset()
_, rewards, *_ = several.step({agent: torch.rand(1, 20) for agent in several.possible_agents})
assert set(rewards) == {"du_0", "du_1"}
print("works: wrap_env takes make_vec and parallel_env (stepped, nothing learnt)")
