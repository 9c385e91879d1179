"""MASAC and MAPPO on the adapter's task."""

import tempfile
from pathlib import Path

from benchmarl.algorithms import MappoConfig, MasacConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig

from oran_env.adapters.benchmarl import OranTask

for algorithm in (MasacConfig, MappoConfig):
    config = ExperimentConfig.get_from_yaml()
    config.save_folder = Path(tempfile.mkdtemp())
    config.loggers, config.create_json, config.evaluation, config.render = [], False, False, False
    config.max_n_iters, config.max_n_frames = 2, None
    config.on_policy_collected_frames_per_batch = config.off_policy_collected_frames_per_batch = 100
    config.on_policy_n_envs_per_worker = config.off_policy_n_envs_per_worker = 4
    config.on_policy_n_minibatch_iters, config.on_policy_minibatch_size = 1, 50
    config.off_policy_n_optimizer_steps = 2
    task = OranTask.TINY.get_task({"codec": "zones"})
    experiment = Experiment(task, algorithm.get_from_yaml(), MlpConfig.get_from_yaml(), seed=0, config=config)
    experiment.run()
    assert experiment.total_frames == 200
    assert experiment.mean_return == experiment.mean_return, "each iteration ends an episode"
print("shim: oran_env.adapters.benchmarl.OranTask (MASAC and MAPPO)")
