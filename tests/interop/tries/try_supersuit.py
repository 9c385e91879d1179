"""The agents' indicator within its bounds, and their vector environment under stable-baselines3."""

import supersuit

import oran_env

env = supersuit.agent_indicator_v0(supersuit.normalize_obs_v0(oran_env.parallel_env("tiny")))
observations, _ = env.reset(seed=0)
while env.agents:
    assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())
    observations, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.agents})
vec = supersuit.concat_vec_envs_v1(supersuit.pettingzoo_env_to_vec_env_v1(env), 2, base_class="stable_baselines3")
assert vec.reset().shape == (4, 28)
print("works: agent_indicator_v0 after normalize_obs_v0, concat_vec_envs_v1 of pettingzoo_env_to_vec_env_v1")
