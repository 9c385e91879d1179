"""What a learner needs of an environment, and how any PettingZoo ParallelEnv gets it."""
