"""MASAC, ISAC and MAPPO of BenchMARL on `paper` with the codec `zones`, beside the rivals of docs/baselines.md.

    python -m docs.measure.masac masac masac_like_sac isac_like_sac mappo mappo_like_ppo [--first-seed 301] [--seeds 3]

Needs the extra `benchmarl`, in an environment of its own. What is the same for all rivals is the same here: inputs and
their scaling, discount, widths, replay, 64 networks side by side, their names, 51,200 network steps, validation, and
the best policy on validation judged on the held-out networks. `NAME` alone has BenchMARL's own settings, `…_like_…`
those that `tasam tune` has found for SAC or PPO of stable-baselines3. BenchMARL itself was not tuned. A run that
diverges has fewer steps and counts with its best policy until then, as in `tasam compare`. A line per run goes to
--output, and one that is there is not run again.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarl.algorithms import IsacConfig, MappoConfig, MasacConfig
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from numpy.typing import NDArray
from tensordict import TensorDict
from torchrl.data import Composite, Unbounded
from torchrl.envs import ExplorationType, Transform, set_exploration_type

from oran_env.adapters.benchmarl import OranClass
from tasam_agents.baselines.sb3 import ACTIVATIONS
from tasam_agents.baselines.variants import BASELINES
from tasam_agents.config.bases import DEFAULT
from tasam_agents.envs.interface import ObservationPolicy
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks, validation_networks
from tasam_agents.learner.input_scaling import InputScaling
from tasam_agents.training.evaluation import evaluate

BUDGET = DEFAULT.num_envs * 800  # network steps, those of the rivals
EPISODES = DEFAULT.num_envs * 100  # frames in which every network ends one
DUS = 6  # of a row in the replay
OBSERVED = ("du", "observation")


@dataclass(frozen=True)
class Rival:
    """An algorithm and what differs from BenchMARL's base_experiment.yaml and the algorithm's own."""

    algorithm: Any
    experiment: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    final_learning_rate_factor: float = 1.0
    activation: str = "tanh"


def _sac() -> Rival:
    found: Any = BASELINES["sac_zones_tuned"]
    rounds = 10
    experiment = {
        "lr": found.learning_rate,
        "off_policy_collected_frames_per_batch": DEFAULT.num_envs * rounds,
        "off_policy_n_optimizer_steps": found.settings.updates_per_round * rounds,
        "off_policy_train_batch_size": round(found.batch_size / DUS),
        "off_policy_init_random_frames": round(found.settings.warmup_share * BUDGET),
    }
    settings = {"alpha_init": found.settings.initial_entropy_coefficient, "fixed_alpha": True}
    return Rival(MasacConfig, experiment, settings, found.final_learning_rate_factor, found.activation)


def _ppo() -> Rival:
    found: Any = BASELINES["ppo_zones_tuned"]
    experiment = {
        "lr": found.learning_rate,
        "on_policy_collected_frames_per_batch": DEFAULT.num_envs * found.settings.rollout_steps,
        "on_policy_n_minibatch_iters": found.settings.epochs,
        "on_policy_minibatch_size": round(found.batch_size / DUS),
    }
    settings = {"entropy_coef": found.settings.entropy_bonus}
    return Rival(MappoConfig, experiment, settings, found.final_learning_rate_factor, found.activation)


RIVALS: dict[str, Callable[[], Rival]] = {
    "masac": lambda: Rival(MasacConfig, {"off_policy_collected_frames_per_batch": EPISODES}),
    "masac_like_sac": _sac,
    "isac_like_sac": lambda: replace(_sac(), algorithm=IsacConfig),
    "mappo": lambda: Rival(MappoConfig, {"on_policy_collected_frames_per_batch": EPISODES}),
    "mappo_like_ppo": _ppo,
}


class Scaled(Transform):  # type: ignore[misc]
    """The inputs of `default` in place of the observations."""

    def __init__(self, scaling: InputScaling) -> None:
        super().__init__(in_keys=[OBSERVED], out_keys=[OBSERVED])
        self.scaling = scaling

    def _apply_transform(self, observation: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.scaling(observation.numpy()))

    def _reset(self, tensordict: Any, tensordict_reset: Any) -> Any:
        return self._call(tensordict_reset)

    def transform_observation_spec(self, observation_spec: Composite) -> Composite:
        """As many columns as are kept."""
        shape = (*observation_spec[OBSERVED].shape[:-1], self.scaling.size)
        observation_spec[OBSERVED] = Unbounded(shape)
        return observation_spec


class ScaledTask(OranClass):
    """The adapter's task with these inputs."""

    def get_env_transforms(self, env: Any) -> list[Transform]:
        """The scaling."""
        return [Scaled(scaling_of(env.simulator))]


def scaling_of(env: Any) -> InputScaling:
    """Of `default`, for an environment."""
    return InputScaling(env.observation_layout, env.observation_sizes, DEFAULT.learner.input_scaling)


def policy_of(actors: Any, scaling: InputScaling) -> ObservationPolicy:
    """The deterministic policy: observations (B, M, D) → actions (B, M, A)."""

    def policy(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs = torch.from_numpy(scaling(observations))
        data = TensorDict({"du": TensorDict({"observation": inputs}, inputs.shape[:2])}, inputs.shape[:1])
        with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
            actions: NDArray[np.float32] = actors(data)["du", "action"].numpy()
        return actions

    return policy


class KeepBest(Callback):  # type: ignore[misc]
    """Judge on validation networks eight times in a training, keep the best actors, let the learning rate fall."""

    def __init__(self, final_learning_rate_factor: float) -> None:
        super().__init__()
        self.factor, self.best, self.actors, self.updates = final_learning_rate_factor, -np.inf, None, 0
        self.names = validation_networks(DEFAULT.validation_envs)
        self.env = make_batched(DEFAULT.env_id, DEFAULT.env_kwargs, len(self.names), self.names)
        self.first_rate, self.collected = 0.0, 0

    def on_batch_collected(self, batch: Any) -> None:
        """Set the learning rate."""
        self.collected = batch.numel()
        if self.factor == 1:
            return
        self.first_rate = self.first_rate or self.experiment.config.lr
        left = 1 - self.experiment.total_frames / BUDGET
        for optimizer in self.experiment.optimizers["du"].values():
            for group in optimizer.param_groups:
                group["lr"] = self.first_rate * (self.factor + (1 - self.factor) * max(left, 0.0))

    def on_train_end(self, training_td: Any, group: str) -> None:
        """Validate."""
        self.updates += len(training_td)
        frames, ours = self.experiment.total_frames, BUDGET // 8
        if frames // ours == (frames - self.collected) // ours:
            return
        policy = policy_of(self.experiment.policy, scaling_of(self.env))
        result = float(evaluate(policy, self.env, self.names).returns.mean())
        print(
            f"{frames} steps: validation {result:.3f}, mean return of BenchMARL {self.experiment.mean_return:.2f}",
            flush=True,
        )
        if result > self.best:
            self.best, self.actors = result, deepcopy(self.experiment.policy.state_dict())


def trained(name: str, seed: int, num_networks: int) -> dict[str, Any]:
    """One line of the table."""
    rival, began = RIVALS[name](), time.process_time()
    config = ExperimentConfig.get_from_yaml()
    own = {
        "gamma": DEFAULT.learner.gamma,
        "off_policy_n_envs_per_worker": DEFAULT.num_envs,
        "on_policy_n_envs_per_worker": DEFAULT.num_envs,
        "off_policy_memory_size": DEFAULT.replay_capacity,
        "max_n_frames": BUDGET,
        "loggers": [], "create_json": False, "evaluation": False, "render": False,
    }  # fmt: skip
    algorithm = rival.algorithm.get_from_yaml()
    for target, values in ((config, own | rival.experiment), (algorithm, rival.settings)):
        for key, value in values.items():
            assert hasattr(target, key), key
            setattr(target, key, value)
    model = MlpConfig.get_from_yaml()
    model.num_cells, model.activation_class = list(DEFAULT.learner.hidden), ACTIVATIONS[rival.activation]
    keeper = KeepBest(rival.final_learning_rate_factor)
    with tempfile.TemporaryDirectory() as folder:
        config.save_folder = Path(folder)
        experiment = Experiment(
            task=ScaledTask("zones", dict(DEFAULT.env_kwargs)), algorithm_config=algorithm, model_config=model,
            seed=seed, config=config, callbacks=[keeper],
        )  # fmt: skip
        try:
            experiment.run()
        except ValueError as error:  # of the environment, which refuses an action that is none
            if "NaN" not in str(error) or keeper.actors is None:
                raise
    cpu_s = time.process_time() - began
    experiment.policy.load_state_dict(keeper.actors)
    names = held_out_networks(num_networks)
    env = make_batched(DEFAULT.env_id, DEFAULT.env_kwargs, num_networks, names)
    returns = evaluate(policy_of(experiment.policy, scaling_of(env)), env, names).returns
    return {
        "agent": name, "seed": seed, "networks": num_networks, "return": f"{returns.mean():.4f}",
        "best_validation_return": f"{keeper.best:.4f}", "steps": experiment.total_frames, "updates": keeper.updates,
        "cpu_s": round(cpu_s),
    }  # fmt: skip


def main() -> None:
    """Run what is missing in the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=RIVALS)
    parser.add_argument("--first-seed", type=int, default=301)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--output", type=Path, default=Path("docs/results/benchmarl.csv"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    if given.output.is_file():
        rows = list(csv.DictReader(given.output.read_text("utf-8").splitlines()))
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        for name in given.names:
            if any(row["agent"] == name and int(row["seed"]) == seed for row in rows):
                continue
            rows.append(trained(name, seed, given.networks))
            print(rows[-1], flush=True)
            with given.output.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)


if __name__ == "__main__":
    main()
