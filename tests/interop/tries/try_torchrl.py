"""Their wrapper of the Gymnasium id, our adapter for all DUs as a group."""

from torchrl.envs import GymEnv
from torchrl.envs.utils import check_env_specs

import oran_env  # noqa: F401
from oran_env.adapters.torchrl import make_env
from oran_env.adapters.torchrl_batch import make_batch

single = GymEnv("oran/ORAN-joint-v1", scenario="tiny")
check_env_specs(single)
assert single.rollout(30)["next", "reward"].shape == (25, 1)
group = make_env("tiny", seed=0)
assert group.rollout(30)["next", "du", "reward"].shape == (25, 2, 1)
batch = make_batch("tiny", num_networks=3, seed=0)
check_env_specs(batch)
assert batch.rollout(30)["next", "du", "reward"].shape == (3, 25, 2, 1)
print("shim: oran_env.adapters: torchrl.make_env, torchrl_batch.make_batch; GymEnv takes the Gymnasium ids as they are")
