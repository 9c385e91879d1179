"""What is kept of a run, against the evaluation and against counting by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oran_env.simulator.simulator import Simulator
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.study.budgets import BUDGETS
from tasam_agents.study.measurement import UE_GRID_MBPS, Judging, Measurement, is_measured, measure, qos_grid
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, load_actors, run_policy
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train

JUDGING = Judging(networks=3, products=4, sharp_arms=())
CONFIG = replace(
    BUDGETS["smoke"].base, iterations=2, evaluate_every=1, env_kwargs={"scenario": "tiny", "num_ues": 6}
)  # so few UEs that a slice has none at some DU


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return RunDirectory(train(CONFIG, tmp_path_factory.mktemp("measured") / "run", quiet=True))


def test_it_agrees_with_the_evaluation_and_with_counting(run: RunDirectory) -> None:
    found = measure(run, CONFIG, JUDGING, "arm")
    seeds = held_out_networks(3)
    env = Simulator("tiny", 3, seeds, num_ues=6)
    actors = load_actors(checkpoint.load(run.best), run.best, CONFIG, env)
    policy = run_policy(actors, CONFIG, env, deterministic=True)
    episodes = evaluate(policy, env, seeds)
    np.testing.assert_allclose(found.returns, episodes.returns, rtol=1e-12)
    np.testing.assert_allclose(found.quality, episodes.info["qos_normalised"], rtol=1e-12)
    np.testing.assert_allclose(np.array(found.satisfied, np.float64), episodes.info["satisfied"], rtol=1e-12)
    assert np.mean(found.du_returns) == pytest.approx(np.mean(found.returns))

    qos: dict[int, list[float]] = {0: [], 1: [], 2: []}
    rates: dict[int, list[float]] = {0: [], 1: [], 2: []}
    observations, empty = env.reset(seed=seeds), 0
    for _ in range(env.scenario.control.horizon):
        slices = env.state.slice_of_ue.copy()
        observations = env.step(policy(observations)).observations
        outcome = env.last_outcome
        assert outcome is not None
        for b in range(3):
            for u in range(6):
                rates[int(slices[b, u])].append(outcome.served[b, u] / 1e6)
            for m in range(2):
                for number in range(3):
                    if outcome.num_ues[b, m, number]:
                        qos[number].append(outcome.qos[b, m, number])
                    else:
                        empty += 1
    assert empty > 0
    for number, points in enumerate(qos_grid(env.scenario.quality.q_min)):
        assert found.qos_share[number] == pytest.approx([np.mean(np.array(qos[number]) <= x) for x in points])
        assert found.ue_share[number] == pytest.approx([np.mean(np.array(rates[number]) <= x) for x in UE_GRID_MBPS])


def test_it_is_repeated_bit_for_bit_and_survives_writing(run: RunDirectory) -> None:
    found = measure(run, CONFIG, JUDGING, "arm")
    assert not is_measured(run.path, JUDGING)
    found.write(run.path)
    assert Measurement.read(run.path) == found == measure(run, CONFIG, JUDGING, "arm")
    assert is_measured(run.path, JUDGING)
    assert not is_measured(run.path, replace(JUDGING, networks=4))  # other networks: judged anew


def test_sharpness_is_measured_where_it_is_asked_for(run: RunDirectory) -> None:
    assert measure(run, CONFIG, JUDGING, "arm").lambda_max is None
    found = measure(run, CONFIG, replace(JUDGING, sharp_arms=("arm",)), "arm").lambda_max
    assert found is not None
    assert set(found) == {"critic", "actor", "actor without entropy"}


def test_what_is_no_measurement_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="was not measured yet"):
        Measurement.read(tmp_path)
    (tmp_path / "measurement.json").write_text('{"returns": [1.0]}')
    with pytest.raises(RunError, match="is not a measurement"):
        Measurement.read(tmp_path)
