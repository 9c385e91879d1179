"""Collectors without a cluster: shares of the envs live through what all of them would in one process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tasam_agents.config.fields import TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.distributed.collector import Collector, CollectRequest, CollectResult, joined
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.envs.interface import NotReproducible
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import training_networks
from tasam_agents.learner.learner import Learner
from tasam_agents.training.evaluation import task_of

CONFIG = replace(
    VARIANTS["tiny"], env_id="support.fakes:target_env", env_kwargs={}, num_envs=5, seed=3,
    learner=replace(VARIANTS["tiny"].learner, input_scaling=(), hidden=(16,)),
)  # fmt: skip
NOISE = torch.Generator().manual_seed(7).get_state()


def begun(share: slice, config: TrainConfig = CONFIG) -> Collector:
    collector = Collector(config, share, threads=1)
    collector.reset(training_networks(config.seed, config.num_envs)[share])
    return collector


def weights() -> dict[str, torch.Tensor]:
    env = make_batched(CONFIG.env_id, CONFIG.env_kwargs, 1, [0])
    return Learner(task_of(env), CONFIG.learner, CONFIG.seed, 1).policy_tensors()


def assert_joined(parts: list[CollectResult], whole: CollectResult, exact: bool) -> None:
    for t, of_all in enumerate(whole.transitions):
        together = joined([part.transitions[t] for part in parts])
        for name in ("inputs", "actions", "rewards", "next_inputs", "terminated"):
            ours, theirs = getattr(together, name), getattr(of_all, name)
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=0 if exact else 1e-6, err_msg=name)
        assert together.info.keys() == of_all.info.keys()


@pytest.mark.parametrize("collectors", [2, 3, 5])
def test_shares_meet_the_noise_of_all(collectors: int) -> None:
    """The warm-up to the last bit; the actors' actions up to the rounding of products of fewer rows."""
    shares = DistributedConfig(collectors=collectors).shares(5)
    whole, parts = begun(slice(0, 5)), [begun(share) for share in shares]
    warm_up, first = CollectRequest(0, 9, NOISE), CollectRequest(1, 4, NOISE)  # the episodes have 7 steps
    assert_joined([part.collect(warm_up, None) for part in parts], whole.collect(warm_up, None), exact=True)
    actors = weights()
    assert_joined([part.collect(first, actors) for part in parts], whole.collect(first, actors), exact=False)


def test_a_collector_goes_on_where_another_one_stood() -> None:
    share = slice(2, 4)
    one, actors = begun(share), weights()
    env_state = one.collect(CollectRequest(1, 4, NOISE), actors).env_state
    assert env_state.state is not None
    other = Collector(CONFIG, share, threads=1)
    other.set_state(env_state.state)
    other.set_observations(env_state.observations)
    request = CollectRequest(2, 6, NOISE)
    assert_joined([other.collect(request, actors)], one.collect(request, actors), exact=True)
    fleeting = replace(CONFIG, env_kwargs={"resumable": False})
    with pytest.raises(NotReproducible, match="offers no state"):
        begun(share, fleeting).set_state(begun(share, fleeting).collect(request, actors).env_state.state)


def test_info_that_not_all_tell_in_one_shape_is_left_out() -> None:
    a, b = (
        begun(share).collect(CollectRequest(0, 1, NOISE), None).transitions[0] for share in (slice(0, 2), slice(2, 5))
    )
    a, b = (
        replace(a, info={"x": np.ones((2, 2)), "y": np.ones((2, 2)), "z": np.ones((2, 2))}),
        replace(b, info={"x": np.ones((3, 2)), "y": np.ones((3, 2, 4))}),
    )
    together = joined([a, b])
    assert list(together.info) == ["x"]
    assert together.info["x"].shape == (5, 2)


@pytest.mark.parametrize(("envs", "collectors"), [(8, 1), (8, 3), (5, 5), (64, 6)])
def test_every_env_has_one_collector_and_the_shares_are_even(envs: int, collectors: int) -> None:
    shares = DistributedConfig(collectors=collectors).shares(envs)
    each = [list(range(envs))[share] for share in shares]
    assert [index for own in each for index in own] == list(range(envs))
    sizes = [len(own) for own in each]
    assert len(sizes) == collectors
    assert max(sizes) - min(sizes) <= 1
