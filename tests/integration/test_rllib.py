"""RLlib; run by `make test-ray`, skipped where Ray is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ray.rllib")
import ray
from ray.rllib.algorithms.ppo import PPOConfig

from oran_env import ScenarioError, parallel_env
from oran_env.adapters.rllib import ENV_NAME, SHARED_POLICY, make_env, register, shared_policy

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_rollout_equals_the_parallel_environment() -> None:
    config: dict[str, Any] = {"scenario": "tiny", "num_dus": 3, "horizon": 4}
    env, parallel = make_env(config), parallel_env(**config)
    agents = parallel.possible_agents
    assert env.agents == env.possible_agents == agents
    assert list(env.observation_space.spaces) == list(env.action_space.spaces) == agents
    for seed in (5, None):
        ours, theirs = env.reset(seed=seed)[0], parallel.reset(seed=seed)[0]
        assert all((ours[agent] == theirs[agent]).all() for agent in agents)
        for t in range(4):
            actions = {agent: np.full(20, 0.3 + 0.1 * i, np.float32) for i, agent in enumerate(agents)}
            result, expected = env.step(actions), parallel.step(actions)
            assert all((result[0][agent] == expected[0][agent]).all() for agent in agents)
            assert result[1] == expected[1]
            assert result[2]["__all__"] is False
            assert result[3]["__all__"] is (t == 3)
            assert set(result[4]) == set(agents)


def test_refusals() -> None:
    with pytest.raises(ScenarioError, match="'weather'; allowed"):
        make_env({"weather": "rain"})


@pytest.mark.usefixtures("cluster")
def test_ppo_with_a_shared_policy() -> None:
    """It trains, all DUs share one module, and the same seed gives the same iteration."""

    def train(seed: int) -> tuple[float, dict[str, Any]]:
        register()
        register()
        config = (
            PPOConfig()
            .environment(ENV_NAME, env_config={"scenario": "tiny", "num_dus": 3, "horizon": 10})
            .env_runners(num_env_runners=0)
            .multi_agent(policies={SHARED_POLICY}, policy_mapping_fn=shared_policy)
            .training(train_batch_size_per_learner=60, minibatch_size=30, num_epochs=1)
            .rl_module(model_config={"fcnet_hiddens": [16]})
            .debugging(seed=seed, log_level="ERROR")
        )
        algorithm = config.build_algo()
        result = algorithm.train()
        assert set(result["env_runners"]["agent_episode_returns_mean"]) == {"du_0", "du_1", "du_2"}
        assert set(result["learners"]) == {"__all_modules__", SHARED_POLICY}
        assert result["env_runners"]["episode_len_mean"] == 10
        assert np.isfinite(result["learners"][SHARED_POLICY]["total_loss"])
        weights = algorithm.get_module(SHARED_POLICY).get_state()
        algorithm.stop()
        return result["env_runners"]["episode_return_mean"], weights

    (first, weights), (second, again), (other, _) = train(1), train(1), train(2)
    assert first == second != other
    assert weights
    assert all((np.asarray(weights[name]) == np.asarray(again[name])).all() for name in weights)
