"""A judgement of the map that is damaged or made up: it costs one run, is made anew, and is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.short_runs import FAKE

from tasam_agents.experiments.regimes import judging, result
from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.files.sealed import sealed
from tasam_agents.jobs.engine import standing
from tasam_agents.jobs.job import Job, Task
from tasam_agents.training.trainer import train

CELL, ARMS = (1, 1), ("rho_0", "rho_0.1")
CONFIG = replace(FAKE, iterations=1, warmup_steps=1)


def judgement(**more: Any) -> dict[str, Any]:
    returns = [[split, kind, [0.5, 1.0]] for split in judging.SPLITS for kind in judging.KINDS]
    return {"networks": 2, "returns": returns} | dict.fromkeys(judging.COSTS, 2.0) | more


def without(name: str) -> Callable[[Path], object]:
    """Not one run's judgement lacks it alone in silence, nor does the mean over the runs stop at it."""
    kept = {key: value for key, value in judgement().items() if key != name}
    return lambda path: path.write_text(json.dumps(sealed(kept)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("regimes")
    for arm, seed in product(ARMS, range(2)):
        path = train(replace(CONFIG, seed=seed), place / "ratio_1_networks_1" / arm / f"seed_{seed}", quiet=True)
        write_json_atomically(path / judging.FILE, sealed(judgement()))
    return place


@pytest.fixture
def jobs(whole: Path, tmp_path: Path) -> list[Job]:
    shutil.copytree(whole, tmp_path / "runs")
    cell = tmp_path / "runs" / "ratio_1_networks_1"
    return [Job(arm, replace(CONFIG, seed=seed), cell / arm / f"seed_{seed}") for arm in ARMS for seed in range(2)]


def change_a_digit(path: Path) -> None:
    path.write_text(path.read_text().replace("0.5", "0.6", 1))


def made_up(**more: Any) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps(sealed(judgement(**more))))


DAMAGES: list[Callable[[Path], object]] = [
    change_a_digit,
    partial(Path.write_bytes, data=b""),
    made_up(returns=[]),
    made_up(returns=3),
    made_up(returns=[["held-out"]]),
    made_up(returns=[[split, kind, [0.5]] for split in judging.SPLITS for kind in judging.KINDS]),
    made_up(updates="many"),
    made_up(updates=10**400),
    made_up(gate_open=True),
    made_up(networks=True),
    made_up(returns=[[split, kind, ["nan", "1"]] for split in judging.SPLITS for kind in judging.KINDS]),
    made_up(returns=[*judgement()["returns"], ["held-out", "as trained", [0.5, 1.0]]]),
    without("gradients"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_costs_one_run(jobs: list[Job], damage: Callable[[Path], object]) -> None:
    damage(jobs[0].directory / judging.FILE)
    with pytest.warns(UserWarning, match=r"seed_0 is left out|rho_0.* is left out: .*regimes\.json"):
        found = result.effects(jobs, [CELL], ARMS, ARMS[0], 2)
    assert {effect.seeds for effect in found} == {1}
    assert np.isfinite([effect.held_out for effect in found]).all()
    task: Task = judging.task(2)
    assert standing(jobs, task) == ([jobs[0]], []), "it is judged anew"
