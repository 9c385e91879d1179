"""The map: how often data are used, what is flipped, what is chosen on which networks, and a whole small one."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from support.here_pool import HerePool

from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchedEnv
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments.regimes import judging, plan, report, result, text
from tasam_agents.experiments.regimes.flipped_bits import FlippedBits
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.sealed import sealed
from tasam_agents.jobs.engine import run_jobs

ARGUMENTS = plan.map_base().env_kwargs


@pytest.mark.parametrize("cell", [(ratio, number) for ratio in plan.RATIOS for number in plan.NETWORKS])
def test_cells_differ_in_data_and_not_in_updates(cell: plan.Cell) -> None:
    config = plan.cell_config(plan.map_base(), cell, plan.Settings().updates)
    assert config.total_updates == pytest.approx(plan.Settings().updates, rel=0.02)
    assert plan.replay_ratio(config) == pytest.approx(cell[0], rel=0.05)
    assert config.train_networks == cell[1]
    steps = config.warmup_steps + config.iterations * config.steps_per_iteration
    assert config.replay_capacity >= steps * config.num_envs, "nothing is forgotten"


def test_seeds_of_map_trials_and_cells_have_none_in_common() -> None:
    settings = plan.Settings()
    chosen = {cell: {"no_sam": 1.0, "sam": 0.03, "ta_sam": 0.1} for cell in plan.CLOSER}
    directory = Path("runs")
    groups = [
        {job.config.seed for job in jobs}
        for jobs in (
            plan.map_jobs(settings, directory),
            plan.trial_jobs(settings, directory),
            plan.closer_jobs(settings, directory, chosen),
        )
    ]
    assert len(set.union(*groups)) == sum(map(len, groups))
    assert len(groups[2]) == 10
    jobs = plan.closer_jobs(settings, directory, chosen)
    of = {arm: [cast(TrainConfig, job.config) for job in jobs if job.agent == arm] for arm in ("no_sam", plan.TWICE)}
    for plain, twice in zip(of["no_sam"], of[plan.TWICE], strict=True):
        assert twice.total_updates == 2 * plain.total_updates
        assert plan.replay_ratio(twice) == pytest.approx(2 * plan.replay_ratio(plain)), "on the same data"
    with pytest.raises(UserError, match="seeds is 100"):
        plan.Settings(seeds=100)


def test_without_flips_zones_are_executed_as_they_are_and_with_them_one_bit_in_ten_is_not() -> None:
    names = held_out_networks(3)
    plain = make_batched("oran/ORAN-v1", ARGUMENTS, 3, names)
    none, some = FlippedBits(ARGUMENTS, names, 0.0), FlippedBits(ARGUMENTS, names)
    actions = np.random.default_rng(0).random((10, 3, 2, 4), np.float32)
    envs: tuple[BatchedEnv, ...] = (plain, none, some)
    for env in envs:
        env.reset(seed=names)
    rates = []
    for each in actions:
        expected, found, noisy = plain.step(each), none.step(each), some.step(each)
        np.testing.assert_array_equal(expected.rewards, found.rewards)
        np.testing.assert_array_equal(expected.observations, found.observations)
        twin, bits = some._twin.last_outcome, some._bits.last_outcome
        assert twin is not None
        assert bits is not None
        rates.append((twin.slice_of_rb != bits.slice_of_rb).mean())
        ues = some.observation_layout["num_ues"]
        np.testing.assert_array_equal(noisy.observations[..., ues], expected.observations[..., ues])
    assert np.mean(rates) == pytest.approx(1 - 0.9**2, abs=0.05), "an RB has two bits"
    first = some.reset(seed=names)
    assert first.shape == (3, 2, 10)
    again = [some.step(each).rewards for each in actions]
    some.reset(seed=names)
    np.testing.assert_array_equal([some.step(each).rewards for each in actions], again)


def _judged(path: Path, returns: Mapping[str, float], held_out: float) -> None:
    path.mkdir(parents=True)
    rows = [[split, kind, [value, value + 0.01]] for split in judging.SPLITS for kind in judging.KINDS
            for value in [returns[kind] if split == "validation" else held_out]]  # fmt: skip
    costs = dict.fromkeys(judging.COSTS, 1.0)
    write_json_atomically(path / judging.FILE, sealed({"networks": 2, "returns": rows, **costs}))


def test_rho_is_chosen_on_validation_networks_and_told_on_others(tmp_path: Path) -> None:
    settings = plan.Settings(seeds=2, networks=2)
    cell = (64, 4)
    jobs = plan.map_jobs(settings, tmp_path)
    for job in plan.jobs_of(jobs, cell, plan.PLAIN):
        _judged(job.directory, dict.fromkeys(judging.KINDS, 5.0), 1.0)
    for number, arm in enumerate(plan.ARMS[1:]):
        for job in plan.jobs_of(jobs, cell, arm):
            validation = dict.fromkeys(judging.KINDS, 1.0 + (arm == "rho_0.01"))
            _judged(job.directory, validation, 0.5 + number + 0.1 * job.config.seed)  # the last looks best on held-out
    effects = result.effects(jobs, [cell, (1, 1)], plan.ARMS, plan.PLAIN, 2)
    chosen = [effect for effect in effects if effect.is_chosen]
    assert {(effect.cell, effect.arm) for effect in chosen} == {(cell, "rho_0.01")}
    gain = chosen[0].gain
    assert gain is not None
    assert gain.mean == pytest.approx(0.55)
    told = text.map_text(effects, 2)
    assert "0.01: +0.550 [" in told
    assert "not run yet" in told
    files = report.write_map(effects, tmp_path)
    with files[0].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(plan.ARMS) * len(judging.KINDS)
    assert all(path.stat().st_size for path in files)


def test_a_run_is_complete_once_it_is_judged(tmp_path: Path) -> None:
    settings = plan.Settings(updates=4, networks=2, seeds=1)
    job = next(job for job in plan.map_jobs(settings, tmp_path) if job.directory.parts[-3] == plan.place((128, 4)))
    task = judging.task(2)
    assert run_jobs([job], HerePool(), task, quiet=True) == []
    assert task.status(job) == "complete"
    run = judging.judged(job.directory, 2)
    assert run is not None
    assert set(run.returns) == {(split, kind) for split in judging.SPLITS for kind in judging.KINDS}
    assert not np.array_equal(run.returns["validation", "as trained"], run.returns["held-out", "as trained"])
    assert judging.task(3).status(job) == "interrupted", "judged on other networks"
    pool = HerePool()
    run_jobs([job], pool, task, quiet=True)
    assert pool.begun == []
