"""A batch of networks for TorchRL; run by `make test-torchrl`, skipped where TorchRL is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torchrl")
import torch
from torchrl.envs.utils import check_env_specs

from oran_env import ScenarioError
from oran_env.adapters.torchrl import make_env
from oran_env.adapters.torchrl_batch import make_batch
from oran_env.simulator.simulator import Simulator

pytestmark = pytest.mark.torchrl
ACTIONS = [("box", "two_bit"), ("multi_binary", "two_bit"), ("multi_discrete", "two_bit"), ("discrete", "zones")]


@pytest.fixture(autouse=True)
def one_torch_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("action_type", "codec"), ACTIONS)
def test_their_checker_and_the_layout_of_one_network(action_type: Any, codec: str) -> None:
    """Every key has the shape and type that the adapter of one network gives, with the networks in front."""
    given = {"codec": codec, "info_keys": ["qos", "handovers"], "return_state": True, "action_type": action_type}
    batch = make_batch("tiny", 3, seed=0, **given)
    check_env_specs(batch)
    assert batch.batch_size == (3,)
    one = make_env("tiny", seed=0, **given)
    assert batch.group_map == one.group_map
    ours, theirs = (dict(env.rollout(2).items(True, True)) for env in (batch, one))
    assert {key: (value.shape[1:], value.dtype) for key, value in ours.items()} == {
        key: (value.shape, value.dtype) for key, value in theirs.items()
    }


@pytest.mark.parametrize(("action_type", "codec"), ACTIONS[::3])
def test_rollout_equals_the_simulator(action_type: Any, codec: str) -> None:
    """Bit by bit, over the ends of two episodes; network b is (seed, b), and every episode ends by truncation."""
    fields: dict[str, Any] = {"codec": codec, "horizon": 4}
    env = make_batch("tiny", 3, seed=6, info_keys=["qos"], return_state=True, action_type=action_type, **fields)
    torch.manual_seed(1)
    data = env.rollout(10, break_when_any_done=False)
    simulator = Simulator("tiny", 3, 6, **fields)
    seen = simulator.reset()
    for t in range(10):
        row = data[:, t]
        assert (row["du", "observation"].numpy() == seen).all()
        step = simulator.step(env._face.values(row["du", "action"].numpy()))
        after, ended = row["next"], t % 4 == 3
        assert (after["du", "observation"].numpy() == step.observations).all()
        assert (after["state"].numpy() == step.observations.reshape(3, -1)).all()
        assert (after["du", "reward"][..., 0].numpy() == step.rewards).all()
        assert (after["du", "info", "qos"].numpy() == step.info["qos"].astype(np.float32)).all()
        for where in ((), ("du",)):
            assert (after[*where, "truncated"] == ended).all()
            assert (after[*where, "done"] == ended).all()
            assert not after[*where, "terminated"].any()
        seen = simulator.reset_done()


def test_networks_begin_where_a_mask_says() -> None:
    """The others go on in their episode, also behind what is seen."""
    env, simulator, mask = make_batch("tiny", 3, seed=0), Simulator("tiny", 3, 0), np.array([False, True, False])
    data = env.rollout(2)
    simulator.reset()
    for t in range(2):
        simulator.step(data[:, t]["du", "action"].numpy())
    ended = data[:, -1]["next"].exclude("reward")
    ended["_reset"] = torch.from_numpy(mask)[:, None]
    begun = env.reset(ended)
    assert (begun["du", "observation"].numpy() == simulator.reset(which=mask)).all()
    begun["du", "action"] = torch.full((3, 2, 20), 0.6)
    after = env.step(begun)["next", "du", "observation"].numpy()
    assert (after == simulator.step(np.full((3, 2, 20), 0.6, np.float32)).observations).all()


def test_seeds() -> None:
    env = make_batch("tiny", 2, seed=0)
    env.set_seed(7)
    assert (env.reset()["du", "observation"].numpy() == Simulator("tiny", 2, 7).reset()).all()
    again = env.reset()["du", "observation"]
    env.set_seed(7)
    env.reset()
    assert (env.reset()["du", "observation"] == again).all()
    env.seed_networks([(0, 2, 5), 3])
    assert (env.reset()["du", "observation"].numpy() == Simulator("tiny", 2, [(0, 2, 5), 3]).reset()).all()


def test_the_state_that_was_seen_does_not_change_under_who_keeps_it() -> None:
    env = make_batch("tiny", 2, seed=0, return_state=True)
    first = env.reset()
    copy = first.clone()
    env.rand_step(first.clone())
    assert (first == copy).all()


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"info_keys name 'weather'; allowed: reward_qos"):
        make_batch("tiny", 2, info_keys=["weather"])
    with pytest.raises(ScenarioError, match="'weather'"):
        make_batch("tiny", 2, weather="rain")
    with pytest.raises(ValueError, match="one per network"):
        make_batch("tiny", 2).seed_networks([1])
    with pytest.raises(ValueError, match="action_type is 'discrete'"):
        make_batch("tiny", 2, action_type="discrete")
