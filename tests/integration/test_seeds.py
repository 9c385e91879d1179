"""The seed rule, in every entry that takes a seed: network b of a batch is (seed, b)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pettingzoo
import pytest
from numpy.typing import NDArray
from pettingzoo.utils import BaseParallelWrapper
from support import fakes

from oran_env import Simulator, parallel_env
from oran_env.envs.e2_wrapper import E2Wrapper
from oran_env.numerics import seeding as ours
from oran_env.registration import DU_ID, JOINT_ID, PARALLEL_ID
from tasam_agents.baselines.config import BaselineConfig
from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.distributed.collector import Collector
from tasam_agents.envs import seeding as learners
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.sequential import SequentialBatch
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import Training, begin

TINY: dict[str, Any] = {"scenario": "tiny", "horizon": 4}
CONFIG = replace(VARIANTS["tiny"], env_kwargs=TINY, num_envs=3, iterations=4, validation_envs=1, warmup_steps=0)
Keys = NDArray[np.uint64]


def key_of(env: Any) -> Keys:
    """Of the networks of a simulator, or of an environment with one."""
    keys: Keys = getattr(env.unwrapped if hasattr(env, "unwrapped") else env, "simulator", env).state.key[:, :2]
    return keys


def keys_of(env: Any) -> Keys:
    """Of the envs that a learner steps."""
    return np.concatenate([key_of(each) for each in env._envs]) if isinstance(env, SequentialBatch) else key_of(env)


def expected(seed: int, batch: int) -> Keys:
    """The rule, written once more."""
    words = [np.random.SeedSequence(seed, spawn_key=(b,)).generate_state(2, np.uint32) for b in range(batch)]
    return np.array(words, dtype=np.uint64)


def by_reset(make: Callable[[int], Any]) -> Callable[[Any, int], Keys]:
    def keys(seed: Any, batch: int) -> Keys:
        env = make(batch)
        env.reset(seed=seed)
        return key_of(env)

    return keys


def reset_aec(seed: Any, batch: int) -> Keys:
    env: Any = pettingzoo.make("aec", PARALLEL_ID, **TINY)
    env.reset(seed=seed)
    while not hasattr(env, "simulator"):
        env = env.env
    return key_of(env)


def shared_policy(seed: Any, batch: int) -> Keys:
    env = pytest.importorskip("oran_env.adapters.sb3", exc_type=ImportError).SharedPolicyVecEnv(TINY, batch)
    env.seed(seed)
    env.reset()
    return key_of(env)


def shared_policy_made(seed: Any, batch: int) -> Keys:
    env = pytest.importorskip("oran_env.adapters.sb3", exc_type=ImportError).SharedPolicyVecEnv(TINY, batch, seed)
    env.reset()
    return key_of(env)


def rllib(seed: Any, batch: int) -> Keys:
    env = pytest.importorskip("oran_env.adapters.rllib", exc_type=ImportError).make_env(TINY)
    env.reset(seed=seed)
    return key_of(env.par_env)


def torchrl(seed: Any, batch: int) -> Keys:
    env = pytest.importorskip("oran_env.adapters.torchrl", exc_type=ImportError).make_env(seed=seed, **TINY)
    return key_of(env._env)


def torchrl_batch(seed: Any, batch: int) -> Keys:
    module = pytest.importorskip("oran_env.adapters.torchrl_batch", exc_type=ImportError)
    env = module.make_batch(num_networks=batch, seed=seed, **TINY)
    env.reset()
    return key_of(env)


def looped(seed: Any, batch: int) -> Keys:
    """A wrapper may change what the learner sees, so its envs are stepped in a loop; their networks are the same."""
    env = make_batched("support.fakes:wrapped_tiny", {}, batch, seed)
    assert isinstance(env, SequentialBatch)
    env.reset()
    return keys_of(env)


def vec_env_of_baselines(seed: Any, batch: int) -> Keys:
    vec_env = pytest.importorskip("tasam_agents.baselines.vec_env", exc_type=ImportError)
    env = make_batched(PARALLEL_ID, TINY, batch, 99)
    vec = vec_env.BatchedVecEnv(env, BaselineConfig(env_kwargs=TINY, view="shared"))
    vec.seed(seed)
    vec.reset()
    return key_of(env)


def trained(seed: Any, batch: int) -> Keys:
    return key_of(Training(replace(CONFIG, seed=seed, num_envs=batch), RunDirectory(Path("unused"))).env)


def trained_baseline(seed: Any, batch: int) -> Keys:
    config = BaselineConfig(env_kwargs=TINY, seed=seed, num_envs=batch)
    env = make_batched(config.env_id, config.env_kwargs, batch, learners.training_networks(config.seed, batch))
    return key_of(env)


def collected(seed: Any, batch: int) -> Keys:
    """By two collectors of a cluster, the second with one env."""
    config = replace(CONFIG, seed=seed, num_envs=batch)
    shares = [slice(0, batch - 1), slice(batch - 1, batch)] if batch > 1 else [slice(0, 1)]
    return np.concatenate([key_of(Collector(config, share, 1)._env) for share in shares])


# What takes a seed: the keys of its networks, and whether it has as many as it is asked for or network 0 alone.
BATCHES: dict[str, Callable[[Any, int], Keys]] = {
    "Simulator(seed)": lambda seed, batch: key_of(Simulator("tiny", batch, seed)),
    "Simulator.reset": by_reset(lambda batch: Simulator("tiny", batch, 99)),
    "batched": lambda seed, batch: key_of(parallel_env(**TINY).batched(batch, seed)),
    "make_vec joint": by_reset(lambda batch: gymnasium.make_vec(JOINT_ID, batch, **TINY)),
    "make_vec du": by_reset(lambda batch: gymnasium.make_vec(DU_ID, batch, **TINY)),
    "SharedPolicyVecEnv.seed": shared_policy,
    "torchrl_batch.make_batch": torchrl_batch,
    "SharedPolicyVecEnv(seed)": shared_policy_made,
    "make_batched": lambda seed, batch: keys_of(make_batched(PARALLEL_ID, TINY, batch, seed)),
    "make_batched in a loop": looped,
    "vec_env of baselines": vec_env_of_baselines,
    "Training": trained,
    "Training of a baseline": trained_baseline,
    "Collector": collected,
}
SINGLES: dict[str, Callable[[Any, int], Keys]] = {
    "parallel_env": by_reset(lambda _: parallel_env(**TINY)),
    "pettingzoo.make": by_reset(lambda _: pettingzoo.make("parallel", PARALLEL_ID, **TINY)),
    "AEC": reset_aec,
    "joint": by_reset(lambda _: gymnasium.make(JOINT_ID, **TINY)),
    "du": by_reset(lambda _: gymnasium.make(DU_ID, **TINY)),
    "E2Wrapper": by_reset(lambda _: E2Wrapper(parallel_env(**TINY), report_loss=0.5)),
    "RLlib": rllib,
    "TorchRL": torchrl,
}
ENTRIES = BATCHES | SINGLES


@pytest.fixture(autouse=True)
def _wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes, "wrapped_tiny", lambda: BaseParallelWrapper(parallel_env(**TINY)), raising=False)


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_has_the_same_networks(entry: str) -> None:
    for seed in (0, 3):
        assert (ENTRIES[entry](seed, 3) == expected(seed, 3 if entry in BATCHES else 1)).all()


@pytest.mark.parametrize("entry", BATCHES)
def test_neighbouring_seeds_share_no_network(entry: str) -> None:
    """Seeds 0 to 4 with 64 networks each: 320 networks; and none of them is one of seed 42 or of 15625."""
    batch = 8 if "loop" in entry else 64  # a loop has to make every env
    keys = np.concatenate([BATCHES[entry](seed, batch) for seed in (0, 1, 2, 3, 4, 42, 15_625)])
    assert len(np.unique(keys, axis=0)) == 7 * batch


@pytest.mark.parametrize("entry", ENTRIES)
def test_integers_of_numpy_are_integers(entry: str) -> None:
    for seed in (np.int64(3), np.uint8(3)):
        assert (ENTRIES[entry](seed, 2) == ENTRIES[entry](3, 2)).all()


@pytest.mark.parametrize("seed", [True, np.True_, 3.0, np.float64(3), -1, np.int64(-1), np.array(3), "3", 2**128])
@pytest.mark.parametrize("entry", ENTRIES)
def test_what_is_no_seed_is_refused_everywhere(entry: str, seed: Any) -> None:
    if isinstance(seed, np.ndarray) and entry in ("Training", "Training of a baseline", "Collector"):
        return  # a configuration takes arrays without axes for numbers
    with pytest.raises(ValueError, match=r"seed.*allowed"):
        ENTRIES[entry](seed, 2)


@pytest.mark.parametrize("entry", ["Simulator(seed)", "Simulator.reset", "batched", "make_vec joint", "make_batched",
                                   "make_batched in a loop"])  # fmt: skip
def test_a_list_has_a_seed_for_each_network(entry: str) -> None:
    """The one that a single environment with that seed shows."""
    alone = [SINGLES["parallel_env"](seed, 1) for seed in (8, 0, 3)]
    assert (BATCHES[entry]([8, 0, 3], 3) == np.concatenate(alone)).all()


@pytest.mark.parametrize("name", [(3, 0), (3, 2), learners.held_out_networks(3)[2]])
def test_a_network_of_a_batch_can_be_shown_alone(name: learners.Name) -> None:
    batch = Simulator("tiny", 1, [name], horizon=4)
    for env in (parallel_env(**TINY), E2Wrapper(parallel_env(**TINY))):
        observations, _ = env.reset(seed=name)
        assert (np.stack(list(observations.values())) == batch.reset([name])[0]).all()


def test_losses_of_messages_differ_between_the_networks_of_a_seed() -> None:
    env = E2Wrapper(parallel_env(**TINY), report_loss=0.5)
    keys = []
    for name in (3, (3, 0), (3, 1), (0, 2, 3)):
        env.reset(seed=name)
        keys.append(tuple(env._key[:2].tolist()))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def names_by_role() -> dict[str, list[learners.Name]]:
    runs = [learners.training_networks(seed, 64, resumed) for seed in (0, 1, 2, 999_999) for resumed in (0, 1, 2)]
    training = [name for run in runs for name in run]
    later = [learners.later_name(name, episode) for name in training[:200] for episode in (1, 2, 3)]
    return {
        "training": training + later,
        "validation": learners.validation_networks(300),
        "test": learners.held_out_networks(300),
    }


def test_training_validation_and_test_never_meet() -> None:
    by_role = names_by_role()
    names = [name for role in by_role.values() for name in role]
    assert len(set(names)) == len(names)
    assert len(np.unique(ours.network_keys(names, len(names)), axis=0)) == len(names)
    assert by_role["validation"] == ours.validation_networks(300)  # what the rules are searched on
    any_seed = {name for seed in (0, 1, 2, 2**64) for name in ours.network_names(seed, 300)}
    assert not any_seed & {*by_role["validation"], *by_role["test"]}


def test_integers_of_the_roles_never_meet() -> None:
    """What an environment gets that knows no names; all fit into 31 bits."""
    of = {role: {learners.integer_of(name) for name in names} for role, names in names_by_role().items()}
    assert max(of["training"]) < 1 << 29 <= min(of["validation"])
    assert max(of["validation"]) < 1 << 30 <= min(of["test"])
    assert max(of["test"]) < 1 << 31
    assert {role: len(integers) for role, integers in of.items()} == {
        role: len(names) for role, names in names_by_role().items()
    }


def test_both_packages_take_the_same_for_a_seed_and_a_name() -> None:
    for seed in (0, 7, [3, 4], [(3, 1), 4], np.array([5, 6])):
        assert ours.network_names(seed, 2) == learners.batch_names(seed, 2)  # type: ignore[arg-type]
    wrong: Any
    for wrong in (-1, True, 1.5, np.array(3), [1], [(1,), 2], [(0,) * 7, 2], [True, 2], 2**128):
        for names in (ours.network_names, learners.batch_names):
            with pytest.raises(ValueError, match="allowed"):
                names(wrong, 2)
    assert ours.VALIDATION == learners.VALIDATION
    assert ours.MAX_LENGTH == learners.MAX_LENGTH


def walk(training: Training, iterations: int) -> list[tuple[int, ...]]:
    """Network, episode and step of every env after each iteration."""
    seen = []
    for _ in range(iterations):
        training.iteration += 1
        training.learner.updates += CONFIG.updates_per_iteration  # not done here, but a checkpoint counts them
        training.collect(CONFIG.steps_per_iteration, training.exploring_policy)
        seen.append(tuple(training.env.state.key.ravel().tolist()))  # type: ignore[attr-defined]
    return seen


def test_a_resumed_run_goes_through_the_networks_of_one_that_was_never_interrupted(tmp_path: Path) -> None:
    whole = begin(CONFIG, tmp_path / "whole", resume=False)
    parts = begin(CONFIG, tmp_path / "parts", resume=False)
    seen = walk(whole, 6)
    first = walk(parts, 3)
    parts.save()
    assert first + walk(begin(CONFIG, tmp_path / "parts", resume=True), 3) == seen
    words = {tuple(row[:2]) for keys in seen for row in np.reshape(keys, (3, 4)).tolist()}
    assert words == {tuple(row) for row in expected(CONFIG.seed, 3).tolist()}


def test_where_no_state_can_be_saved_the_new_networks_are_of_the_same_seed(tmp_path: Path) -> None:
    """And of no other: once a run with seed s, resumed in iteration i, took the networks of seed s + i."""
    config = replace(
        CONFIG, env_id="support.fakes:target_env", env_kwargs={"resumable": False}, seed=5,
        learner=replace(CONFIG.learner, input_scaling=()),
    )  # fmt: skip
    run = begin(config, tmp_path / "run", resume=False)
    run.iteration += 2
    run.learner.updates += 2 * config.updates_per_iteration
    run.collect(2 * config.steps_per_iteration, run.exploring_policy)
    run.save()
    resumed = begin(config, tmp_path / "run", resume=True)
    begun: list[list[learners.Name]] = [env.seeds_seen[-1] for env in (run.env, resumed.env)]  # type: ignore[attr-defined]
    assert begun == [learners.training_networks(5, 3), learners.training_networks(5, 3, 2)]
    seeds = [seed for seed in range(20) if seed != 5]
    others = {name for seed in seeds for i in range(9) for name in learners.training_networks(seed, 3, i)}
    assert not others & {name for names in begun for name in names}
    assert len({name for names in begun for name in names}) == 6


def test_a_configuration_takes_integers_of_numpy() -> None:
    seed: Any = np.int64(3)
    assert TrainConfig(seed=seed) == TrainConfig(seed=3)
    assert type(TrainConfig(seed=seed).seed) is int
