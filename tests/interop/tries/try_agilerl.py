"""Their asynchronous vector environment of PettingZoo environments."""

import numpy as np
from agilerl.vector.pz_async_vec_env import AsyncPettingZooVecEnv

import oran_env


def make():
    """One network."""
    return oran_env.parallel_env("tiny")


if __name__ == "__main__":
    envs = AsyncPettingZooVecEnv([make, make])
    observations, _ = envs.reset()
    assert observations["du_0"].shape == (2, 26)
    actions = {agent: np.full((2, 20), 0.6, np.float32) for agent in ("du_0", "du_1")}
    _, rewards, *_ = envs.step(actions)
    assert set(rewards) == {"du_0", "du_1"}
    envs.close()
    print("works: AsyncPettingZooVecEnv takes parallel_env (stepped, nothing learnt)")
