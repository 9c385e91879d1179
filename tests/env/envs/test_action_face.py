"""The forms of an action: each is executed as the values that the codec has for it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Discrete, MultiDiscrete
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import parallel_api_test

from oran_env import OranDuEnv, OranJointEnv, OranParallelEnv, parallel_env
from oran_env.envs.action_face import CATALOGUE, FACES, check_action_type

SLICES: dict[str, Any] = {"action_type": "multi_discrete"}
SETTINGS: dict[str, Any] = {"action_type": "discrete", "codec": "zones"}


def slices(env: OranParallelEnv) -> Any:
    """The slice of each RB in the last step (M, K)."""
    outcome = env.simulator.last_outcome
    assert outcome is not None
    return outcome.slice_of_rb[0]


def bits_of(chosen: Any, codec: str) -> np.ndarray[Any, Any]:
    """The values for 0 idle, 1 eMBB, 2 mMTC, 3 URLLC per RB, read off the codecs' pages."""
    if codec == "two_bit":
        return np.concatenate([np.isin(chosen, (2, 3)), np.isin(chosen, (1, 2))]).astype(np.float32)
    return np.concatenate([chosen == i for i in (1, 2, 3)]).astype(np.float32)


@pytest.mark.parametrize("codec", ["two_bit", "slice_mask"])
def test_a_slice_per_rb_is_executed_as_its_bits(codec: str) -> None:
    ours, theirs = parallel_env("tiny", codec=codec, **SLICES), parallel_env("tiny", codec=codec)
    assert ours.action_space("du_0") == MultiDiscrete([4] * 10)
    generator = np.random.default_rng(0)
    ours.reset(seed=3)
    theirs.reset(seed=3)
    for _ in range(6):
        chosen = {agent: generator.integers(4, size=10) for agent in ours.agents}
        one = ours.step(chosen)
        two = theirs.step({agent: bits_of(each, codec) for agent, each in chosen.items()})
        assert one[1] == two[1]
        for m, agent in enumerate(chosen):
            assert (one[0][agent] == two[0][agent]).all()
            assert (slices(ours)[m] == chosen[agent] - 1).all()


def test_a_slice_without_ue_is_masked_and_would_carry_nothing() -> None:
    env = parallel_env("tiny", num_ues=3, **SLICES)
    env.reset(seed=0)
    masked = 0
    for _ in range(10):
        masks = {agent: mask.reshape(10, 4) for agent, mask in env.action_masks().items()}
        twin = pickle.loads(pickle.dumps(env))
        idle = {agent: 3 if mask[0, 3] else 0 for agent, mask in masks.items()}
        _, rewards, _, _, infos = env.step({agent: np.full(10, 3) for agent in masks})
        _, expected, *_ = twin.step({agent: np.full(10, each) for agent, each in idle.items()})
        for agent, mask in masks.items():
            assert (mask == mask[0]).all()
            assert mask[0].tolist() == [True, *(infos[agent]["num_ues"] > 0)]
            masked += not mask[0, 3]
        assert rewards == expected, "URLLC where it has no UE is as good as idle"
    assert 0 < masked < 20


def test_the_catalogue_has_every_split_into_thirds_once() -> None:
    assert CATALOGUE.shape == (100, 4)
    assert len(np.unique(CATALOGUE, axis=0)) == 100
    env = parallel_env("tiny", num_rbs=24, rb_bandwidth_hz=8e5, owned_rbs=3, **SETTINGS)
    seen = set()
    env.reset(seed=0)
    for number in range(100):
        if not env.agents:
            env.reset()
        env.step(dict.fromkeys(env.agents, number))
        for m in (0, 1):
            given = slices(env)[m]
            own, shared = given[m:6:2], given[6:]  # the first P·M RBs have owners, in turn
            counts = tuple(int((part == i).sum()) for part in (own, shared) for i in range(3))
            assert sum(counts[:3]) == 3
            assert sum(counts[3:]) == 18
            assert all(count % 6 == 0 for count in counts[3:])
        seen.add(counts)
    assert len(seen) == 100


def test_a_setting_is_executed_as_its_values() -> None:
    ours, theirs = OranJointEnv("tiny", **SETTINGS), OranJointEnv("tiny", codec="zones")
    assert ours.action_space == MultiDiscrete([100, 100])
    alone = OranDuEnv("tiny", others="static", **SETTINGS)
    assert alone.action_space == Discrete(100)
    assert (ours.reset(seed=1)[0] == theirs.reset(seed=1)[0]).all()
    for pair in ([0, 99], [17, 42]):
        one, two = ours.step(np.array(pair)), theirs.step(CATALOGUE[pair].reshape(-1))
        assert (one[0] == two[0]).all()
        assert one[1] == two[1]
    assert ours.action_masks().tolist() == [True] * 200
    alone.reset(seed=1)
    assert alone.action_masks().shape == (100,)


def test_masks_of_one_du_and_of_all() -> None:
    joint, alone = OranJointEnv("tiny", num_ues=3, **SLICES), OranDuEnv("tiny", du=1, num_ues=3, **SLICES)
    joint.reset(seed=0)
    alone.reset(seed=0)
    assert joint.action_masks().shape == (80,)
    assert (joint.action_masks()[40:] == alone.action_masks()).all()


@pytest.mark.parametrize("kind", [SLICES, SETTINGS], ids=["slices", "settings"])
def test_official_checks(kind: dict[str, Any]) -> None:
    parallel_api_test(parallel_env("tiny", **kind), num_cycles=10)
    for make in (OranJointEnv, OranDuEnv):
        check_env(make("tiny", **kind), skip_render_check=True)


def test_refusals() -> None:
    env = parallel_env("tiny", **SLICES)
    env.reset(seed=0)
    for wrong in (np.full(10, 4), np.full(10, -1), np.full(10, 0.5)):
        with pytest.raises(ValueError, match=r"actions are.*allowed"):
            env.step({"du_0": np.zeros(10, int), "du_1": wrong})
    env = parallel_env("tiny", **SETTINGS)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="values from 100 to 100; allowed: finite numbers from 0 to 99"):
        env.step({"du_0": 0, "du_1": 100})
    for name, codec, allowed in (
        ("multi_discrete", "ue_grid", "box, multi_binary"),
        ("multi_discrete", "zones", "box, discrete"),
        ("discrete", "two_bit", "box, multi_binary, multi_discrete"),
    ):
        with pytest.raises(ValueError, match=rf"'{name}'; allowed with codec '{codec}': {allowed}$"):
            check_action_type(name, codec)
    with pytest.raises(ValueError, match=r"did you mean 'multi_discrete'\?"):
        check_action_type("multidiscrete", "two_bit")
    with pytest.raises(ValueError, match="allowed with power_range_db"):
        parallel_env("tiny", power_range_db=3.0, **SLICES)
    assert list(FACES) == ["box", "multi_binary", "multi_discrete", "discrete"]
