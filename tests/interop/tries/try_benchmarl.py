"""MAPPO on a task of their kind, made of our TorchRL adapter."""

import tempfile
from pathlib import Path

from benchmarl.algorithms import MappoConfig
from benchmarl.environments.common import TaskClass
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig

from oran_env.adapters.torchrl import make_env


class OranTask(TaskClass):
    """The DUs as the group ``du``, continuous actions, no masks; the state is the observations of all."""

    def get_env_fun(self, num_envs, continuous_actions, seed, device):
        """One network per call."""
        return lambda: make_env(seed=seed, return_state=True, **self.config).to(device)

    def supports_continuous_actions(self):
        """Values in [0, 1]."""
        return True

    def supports_discrete_actions(self):
        """Not this task."""
        return False

    def has_render(self, env):
        """No pictures."""
        return False

    def max_steps(self, env):
        """The horizon of the preset ``tiny``."""
        return 25

    def group_map(self, env):
        """All DUs."""
        return env.group_map

    def observation_spec(self, env):
        """Of the group, without state and infos."""
        spec = env.observation_spec.clone()
        del spec["state"]
        for key in [key for key in spec["du"].keys() if key != "observation"]:  # noqa: SIM118
            del spec["du"][key]
        return spec

    def state_spec(self, env):
        """All observations side by side."""
        spec = env.observation_spec.clone()
        del spec["du"]
        return spec

    def action_spec(self, env):
        """Of the group."""
        return env.full_action_spec

    def action_mask_spec(self, env):
        """None."""
        return None

    def info_spec(self, env):
        """None."""
        return None

    @staticmethod
    def env_name():
        """For their logs."""
        return "oran"


config = ExperimentConfig.get_from_yaml()
config.save_folder = Path(tempfile.mkdtemp())
config.loggers, config.create_json, config.evaluation, config.render = [], False, False, False
config.max_n_iters, config.max_n_frames = 2, None
config.on_policy_collected_frames_per_batch, config.on_policy_n_envs_per_worker = 100, 2
config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = 1, 50
experiment = Experiment(
    task=OranTask("tiny", {"scenario": "tiny"}), algorithm_config=MappoConfig.get_from_yaml(),
    model_config=MlpConfig.get_from_yaml(), critic_model_config=MlpConfig.get_from_yaml(), seed=0, config=config,
)  # fmt: skip
experiment.run()
assert experiment.total_frames == 200
print("shim: a TaskClass around oran_env.adapters.torchrl.make_env, tests/interop/tries/try_benchmarl.py (MAPPO)")
