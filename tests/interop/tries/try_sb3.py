"""SAC on all DUs as one agent, PPO on a shared policy with a slice per RB, DQN on the catalogue."""

import gymnasium
from stable_baselines3 import DQN, PPO, SAC

from oran_env.adapters.sb3 import SharedPolicyVecEnv

SAC("MlpPolicy", gymnasium.make("oran_env:oran/ORAN-joint-v1", scenario="tiny"), learning_starts=20).learn(40)
PPO("MlpPolicy", SharedPolicyVecEnv("tiny", num_networks=2, action_type="multi_discrete"), n_steps=16).learn(64)
DQN("MlpPolicy", gymnasium.make("oran/ORAN-du-v1", scenario="tiny", codec="zones", action_type="discrete")).learn(40)
print("works: SAC, DQN on the Gymnasium ids; one policy for all DUs by SharedPolicyVecEnv (PPO)")
