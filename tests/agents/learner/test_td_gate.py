"""Known values of σ²_i, λ_TD, gates and flips."""

import json

import numpy as np
import pytest
import torch
from support.learners import make_batch, make_learner

from tasam_agents.config import GateConfig
from tasam_agents.learner.learner import TaskSpec
from tasam_agents.learner.td_gate import TDVarianceGate, task_variances


def test_running_mean_has_no_start_up_bias() -> None:
    gate = TDVarianceGate(GateConfig(lambda_td=1.0, smoothing=0.5), 2)
    gate.observe([4.0, 1.0])
    np.testing.assert_allclose(gate.variance, [4.0, 1.0])
    gate.observe([1.0, 1.0])
    np.testing.assert_allclose(gate.variance, [(0.25 * 4.0 + 0.5 * 1.0) / 0.75, 1.0])


def test_number_opens_at_the_threshold_and_counts_flips() -> None:
    gate = TDVarianceGate(GateConfig(lambda_td=1.0, smoothing=0.0), 2)
    gate.observe([1.0, 0.5])
    assert gate.open.tolist() == [True, False], "the paper's gate opens at equality"
    gate.observe([0.5, 0.6])
    gate.observe([2.0, 2.0])
    assert gate.open.tolist() == [True, True]
    assert gate.flips == 1 + 2
    assert gate.open_fraction == pytest.approx(3 / 6)


def test_auto_is_closed_until_calibrated_and_fixed_afterwards() -> None:
    gate = TDVarianceGate(GateConfig(lambda_td="auto", smoothing=0.0, calibration=(2, 4)), 3)
    seen = [[100.0, 100.0, 100.0]] * 2 + [[1.0, 2.0, 9.0], [3.0, 6.0, 9.0]] + [[4.0, 3.9, 50.0]] * 2
    thresholds, openings = [], []
    for variances in seen:
        gate.observe(variances)
        thresholds.append(gate.threshold)
        openings.append(gate.open.tolist())
    # Means over the window: 2, 4, 9; their median is λ_TD.
    assert thresholds == [None, None, None, 4.0, 4.0, 4.0]
    assert openings[:3] == [[False] * 3] * 3
    assert openings[3:] == [[False, True, True], [True, False, True], [True, False, True]]
    assert gate.flips == 2, "leaving the calibration is not a flip"


def test_relative_compares_with_the_mean_of_the_dus() -> None:
    gate = TDVarianceGate(GateConfig(lambda_td="relative", smoothing=0.0), 3)
    gate.observe([1.0, 2.0, 6.0])
    assert gate.threshold == pytest.approx(3.0)
    assert gate.open.tolist() == [False, False, True]


@pytest.mark.parametrize("stop", [1, 5, 12])
def test_state_goes_on_exactly(stop: int) -> None:
    config = GateConfig(lambda_td="auto", smoothing=0.9, calibration=(3, 8))
    rng = np.random.default_rng(0)
    whole, part, resumed = (TDVarianceGate(config, 4) for _ in range(3))
    for update in range(20):
        variances = rng.random(4).tolist()
        whole.observe(variances)
        (part if update < stop else resumed).observe(variances)
        if update == stop - 1:
            resumed.load_state(json.loads(json.dumps(part.state())))
    assert whole.state() == resumed.state()
    assert whole.threshold is not None


def test_separated_opens_above_the_widest_gap_and_only_where_tasks_differ() -> None:
    alike = TDVarianceGate(GateConfig(lambda_td="separated", smoothing=0.0), 3)
    alike.observe([1.0, 1.05, 1.1])
    assert alike.open.tolist() == [False] * 3, "5 % apart is one task, where `relative` would open one gate or two"
    alike.observe([1.0, 3.0, 1.1])
    assert alike.open.tolist() == [False, True, False]
    assert TDVarianceGate(GateConfig(lambda_td="separated"), 1).threshold == float("inf")


def test_the_variance_of_a_task_is_that_under_its_hardest_load() -> None:
    loads = torch.tensor([0.0, 1.0]).repeat(16)[:, None, None].expand(32, 2, 1)
    delta = torch.zeros(32, 2)
    delta[1::4, 0], delta[3::4, 0] = 1.0, -1.0  # DU 0 errs under high load alone
    delta[:, 1] = torch.tensor([0.5, 0.5, -0.5, -0.5]).repeat(8)  # DU 1 everywhere, and as much on average as needed
    plain, by_load = task_variances(delta), task_variances(delta, loads)
    assert plain == pytest.approx(delta.var(dim=0).tolist())
    assert by_load == pytest.approx([delta[1::2, 0].var().item(), delta[1::2, 1].var().item()])
    assert by_load[0] > 1.9 * plain[0]
    assert task_variances(delta, torch.zeros(32, 2, 1)) == plain, "a load that never differs says nothing"


def test_a_load_group_must_be_seen() -> None:
    with pytest.raises(ValueError, match="load_group is 'num_ues', allowed: groups of the observation"):
        make_learner(gate=GateConfig(load_group="num_ues"))
    task = TaskSpec(("a", "b"), (3, 3), (2, 2), {"x": slice(0, 1), "y": slice(1, 3)})
    with pytest.raises(ValueError, match="which input_scaling drops"):
        make_learner(task=task, input_scaling=(("x", 0.0, 0.0),), gate=GateConfig(load_group="x"))
    learner = make_learner(gate=GateConfig(load_group="all"))
    learner.update(make_batch(n=64))
    plain = make_learner()
    plain.update(make_batch(n=64))
    assert (learner.gate.variance > plain.gate.variance).any()
