"""DQN on the catalogue of settings, with their vector environment, collector and trainer."""

import gymnasium
from tianshou.algorithm.modelfree.dqn import DQN, DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, CollectStats, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.utils.net.common import Net
from tianshou.utils.torch_utils import policy_within_training_step

import oran_env  # noqa: F401


def make():
    """One DU, which chooses one of the settings; the others are static."""
    return gymnasium.make("oran/ORAN-du-v1", scenario="tiny", codec="zones", action_type="discrete")


env = make()
envs = DummyVectorEnv([make, make])
net = Net(state_shape=env.observation_space.shape, action_shape=env.action_space.n, hidden_sizes=[16])
policy = DiscreteQLearningPolicy(model=net, action_space=env.action_space, eps_training=0.5)
algorithm = DQN(policy=policy, optim=AdamOptimizerFactory())
buffer = VectorReplayBuffer(200, 2)
collector = Collector[CollectStats](algorithm, envs, buffer, exploration_noise=True)
collector.reset()
collector.collect(n_step=60)
for _ in range(3):
    with policy_within_training_step(policy):
        algorithm.update(buffer=buffer, sample_size=32)
assert len(buffer) == 60
print("works: DummyVectorEnv of the Gymnasium ids, DQN on action_type discrete")
