"""MaskablePPO with the masks of the environment, TQC."""

import gymnasium
from sb3_contrib import TQC, MaskablePPO

from oran_env.adapters.sb3 import SharedPolicyVecEnv

env = gymnasium.make("oran_env:oran/ORAN-du-v1", scenario="tiny", action_type="multi_discrete")
MaskablePPO("MlpPolicy", env, n_steps=32).learn(64)
vec = SharedPolicyVecEnv("tiny", num_networks=2, action_type="multi_discrete")
MaskablePPO("MlpPolicy", vec, n_steps=16).learn(64)
TQC("MlpPolicy", gymnasium.make("oran/ORAN-joint-v1", scenario="tiny"), learning_starts=20).learn(40)
print("works: MaskablePPO reads action_masks() of the Gymnasium ids and of SharedPolicyVecEnv; TQC")
