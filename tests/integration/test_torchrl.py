"""TorchRL; run by `make test-torchrl`, skipped where TorchRL is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torchrl")
import torch
from torchrl.envs.utils import check_env_specs

from oran_env import ScenarioError, parallel_env
from oran_env.adapters.torchrl import make_env

pytestmark = pytest.mark.torchrl


@pytest.fixture(autouse=True)
def one_torch_thread() -> Iterator[None]:
    """Small networks are slower on several threads, and much slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("action_type", ["box", "multi_binary"])
def test_their_checker(action_type: str) -> None:
    env = make_env("tiny", seed=0, info_keys=["qos", "handovers"], return_state=True, action_type=action_type)
    check_env_specs(env)
    assert env.group_map == {"du": ["du_0", "du_1"]}


@pytest.mark.parametrize("action_type", ["box", "multi_binary"])
def test_rollout_equals_the_parallel_environment(action_type: Any) -> None:
    """Value by value over the ends of two episodes; every episode ends by truncation."""
    env = make_env("tiny", seed=6, info_keys=["qos"], return_state=True, action_type=action_type, num_dus=3, horizon=4)
    torch.manual_seed(1)
    data = env.rollout(10, break_when_any_done=False)
    parallel = parallel_env("tiny", action_type=action_type, num_dus=3, horizon=4)
    parallel.reset(seed=6)  # the wrapper's own
    observations, _ = parallel.reset()
    for t in range(10):
        row = data[t]
        agents = parallel.possible_agents
        assert (row["du", "observation"].numpy() == np.stack([observations[a] for a in agents])).all()
        actions = row["du", "action"].numpy()
        observations, rewards, _, truncations, infos = parallel.step(dict(zip(agents, actions, strict=True)))
        after = row["next"]
        assert (after["du", "observation"].numpy() == np.stack([observations[a] for a in agents])).all()
        assert after["du", "reward"].flatten().tolist() == [rewards[a] for a in agents]
        assert (after["state"].numpy() == parallel.state()).all()
        qos = np.stack([infos[a]["qos"] for a in agents]).astype(np.float32)
        assert (after["du", "info", "qos"].numpy() == qos).all()
        ended = t % 4 == 3
        assert all(truncations.values()) is ended
        assert after["du", "truncated"].flatten().tolist() == [ended] * 3
        assert after["truncated"].tolist() == [ended]
        assert not after["terminated"].any()
        assert not after["du", "terminated"].any()
        if ended:
            observations, _ = parallel.reset()


def test_seeds() -> None:
    def rollout(seed: int) -> Any:
        env = make_env("tiny", seed=seed)
        torch.manual_seed(0)
        return env.rollout(5)["next", "du", "observation"]

    assert (rollout(1) == rollout(1)).all()
    assert (rollout(1) != rollout(2)).any()


def test_refusals() -> None:
    with pytest.raises(ValueError, match=r"info_keys name 'weather'; allowed: reward_qos"):
        make_env("tiny", info_keys=["weather"])
    with pytest.raises(ScenarioError, match="'weather'; allowed"):
        make_env("tiny", weather="rain")
