"""Their collector on the Gymnasium id, infos too; the dataset makes the environment again."""

import os
import tempfile

os.environ["MINARI_DATASETS_PATH"] = tempfile.mkdtemp()

import gymnasium
import minari

import oran_env  # noqa: F401

env = minari.DataCollector(gymnasium.make("oran/ORAN-joint-v1", scenario="tiny"), record_infos=True)
for seed in (0, 1):
    env.reset(seed=seed)
    while not env.step(env.action_space.sample())[3]:
        pass
env.create_dataset("oran/tried-v0", algorithm_name="random")
found = minari.load_dataset("oran/tried-v0")
assert found.total_episodes == 2
assert found.recover_environment().reset(seed=0)[0].shape == (52,)
print("works: DataCollector with record_infos, recover_environment; tasam dataset writes the same form")
