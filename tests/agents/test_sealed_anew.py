"""Files that a stranger has edited and sealed anew: each reader refuses them with a message, or reads them.

`make trust` does the same at random, for minutes; here is a little of that, and what it has found.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from trust import sealing, strangers
from trust.strangers import FORGETTING, Kind, measurement

from tasam_agents.baselines.search_space import Range
from tasam_agents.baselines.training import divergence, is_finished
from tasam_agents.baselines.tuning import read_log
from tasam_agents.errors import Damaged, UserError
from tasam_agents.experiments.forgetting.experiment import _record
from tasam_agents.experiments.run_evaluation import read_evaluation
from tasam_agents.experiments.run_figures import draw_run
from tasam_agents.files.run_log import lines
from tasam_agents.files.sealed import sealed
from tasam_agents.jobs.job import Job
from tasam_agents.study.measurement import FILE, Measurement
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.run_directory import RunDamaged, RunDirectory
from tasam_agents.training.trainer import train

DRAWN = ("evaluation.json", "log")  # pictures take their time: below, and in `make trust`


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Kind]:
    return strangers.kinds(tmp_path_factory.mktemp("strangers"))


@pytest.mark.filterwarnings("ignore")  # that something is damaged
def test_a_few_edits_of_every_kind_of_file(kinds: dict[str, Kind], tmp_path: Path) -> None:
    for name in kinds.keys() - set(DRAWN):
        strangers.meet(kinds[name], random.Random(name), tmp_path / "copy")


def rewrite(path: Path, **changes: Any) -> None:
    """Seal a document anew; None: it lacks the key."""
    document = json.loads(path.read_text()) | changes
    document.pop("sha256")
    path.write_text(json.dumps(sealed({name: value for name, value in document.items() if value is not None})))


POLICY = {"policy": "x", "return": {"mean": 1.0}}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None}, {"policies": None}, {"policies": {}}, {"policies": [3]}, {"policies": [{"policy": "x"}]},
        {"policies": [POLICY | {"policy": ["x"]}]}, {"policies": [POLICY | {"return": 1.0}]},
        {"policies": [POLICY | {"return": {"mean": "1"}}]}, {"num_networks": "20"}, {"num_networks": True},
    ],
)  # fmt: skip
def test_an_evaluation(kinds: dict[str, Kind], tmp_path: Path, changes: dict[str, Any]) -> None:
    file = tmp_path / "evaluation.json"
    file.write_bytes((kinds["evaluation.json"].whole / file.name).read_bytes())
    assert read_evaluation(file)["num_networks"] == 2
    rewrite(file, **changes)
    with pytest.raises(Damaged, match="an evaluation"):
        read_evaluation(file)


@pytest.mark.parametrize(
    "changes",
    [
        {"returns": [1.0]}, {"returns": ["1", "2"]}, {"returns": [True, 1.0]}, {"returns": [10**400, 1.0]},
        {"networks": 2}, {"quality": [[0.5] * 3]}, {"quality": [[0.5] * 2] * 2}, {"satisfied": [[0.5, "x", 1.0]] * 2},
        {"qos_share": [[0.5] * 3] * 3}, {"ue_share": []}, {"du_returns": None}, {"lambda_max": {"critic": "1"}},
        {"lambda_max": []}, {"best_iteration": 1.5}, {"another": 1.0}, {"networks": [], "returns": []},
    ],
)  # fmt: skip
def test_a_measurement(tmp_path: Path, changes: dict[str, Any]) -> None:
    measurement().write(tmp_path)
    assert Measurement.read(tmp_path) == measurement()
    rewrite(tmp_path / FILE, **changes)
    with pytest.raises(RunDamaged, match="is not a measurement"):
        Measurement.read(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"arm": "sam"}, {"seed": 7}, {"returns": None}, {"returns": {}}, {"curve": []}, {"curve": None},
        {"curve": [{"phase": "first", "iteration": 1, "first": 0.5, "then": 0.5}]},
        {"curve": [{"phase": "first", "iteration": 1}]}, {"wall_time_s": "1"}, {"wall_time_s": None},
    ],
)  # fmt: skip
def test_a_record_of_forgetting(kinds: dict[str, Kind], tmp_path: Path, changes: dict[str, Any]) -> None:
    job = Job("plain", replace(FORGETTING.config, seed=0), tmp_path)
    file = tmp_path / "record.json"
    file.write_bytes((kinds["record.json"].whole / "plain" / "seed_0" / file.name).read_bytes())
    assert _record(job, FORGETTING)["seed"] == 0
    with pytest.raises(Damaged):
        _record(job, replace(FORGETTING, networks=21))
    rewrite(file, **changes)
    with pytest.raises(Damaged, match="record"):
        _record(job, FORGETTING)


@pytest.mark.parametrize("changes", [{"diverged": "\x1b[31m"}, {"diverged": []}, {"updates": None}, {"env_steps": -1}])
def test_the_end_of_a_baseline(kinds: dict[str, Kind], tmp_path: Path, changes: dict[str, Any]) -> None:
    file = tmp_path / "finished.json"
    file.write_bytes((kinds["finished.json"].whole / file.name).read_bytes())
    assert divergence(tmp_path) == ""
    assert is_finished(tmp_path)
    rewrite(file, **changes)
    with pytest.raises(Damaged, match=r"finished\.json"):
        is_finished(tmp_path)


@pytest.mark.parametrize("line", [{"iteration": -5}, {"iteration": 10**400}, {"iteration": 1, "return": 10**400}])
def test_a_line_of_a_log(tmp_path: Path, line: dict[str, Any]) -> None:
    (tmp_path / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(Damaged, match=r"metrics\.jsonl, line 1"):
        lines(tmp_path / "metrics.jsonl")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("return", [0.5]),
        ("validation_return", [0.5]),
        ("gate_open", 0.5),
        ("td_variance", [1.0]),
        ("rho_critic", [1.0]),
    ],
)
def test_a_log_whose_rows_are_of_other_lengths_is_not_drawn(
    kinds: dict[str, Kind], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    run = RunDirectory(tmp_path)
    (tmp_path / "config.json").write_bytes((kinds["log"].whole / "config.json").read_bytes())
    told = [json.loads(line) for line in (kinds["log"].whole / "metrics.jsonl").read_text().splitlines()]
    run.metrics_file.write_text("".join(json.dumps(line | {name: value}) + "\n" for line in told))
    monkeypatch.setattr("tasam_agents.experiments.run_figures.save_picture", lambda figure, picture, rows: picture)
    with pytest.raises(Damaged, match=r"metrics\.jsonl"):
        draw_run(run)


@pytest.mark.parametrize("cells", ['0,complete,1,"123",1,0.5', '0,complete,1,"[1e400]",1,0.5',
                                   f'0,complete,1,"[{10**400}]",1,0.5', '0,complete,1,"[1.0]",nan,0.5'])  # fmt: skip
def test_a_trial_of_a_search(tmp_path: Path, cells: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(f"trial,state,validation_return,curve,cpu_time_s,learner.gamma\n{cells}\n")
    with pytest.raises(UserError, match="is no log of this search"):
        read_log(log, {"learner.gamma": Range(0.5, 0.0, 0.9)})


def test_a_manifest_of_another_version(kinds: dict[str, Kind], tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c", {"x": {"a": torch.ones(2)}}, {})
    rewrite(tmp_path / "c" / checkpoint.MANIFEST, version=99)
    with pytest.raises(CheckpointError, match="has version 99; this program reads 2"):
        checkpoint.load(tmp_path / "c")


@pytest.mark.parametrize("change", [torch.Tensor.bfloat16, lambda own: own.to(torch.complex64)])
def test_an_environment_of_numbers_that_numpy_does_not_have(
    kinds: dict[str, Kind], tmp_path: Path, change: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    shutil.copytree(kinds["log"].whole, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    path = run.latest / "environment.safetensors"
    tensors = safetensors.torch.load_file(path)
    name = next(name for name, own in sorted(tensors.items()) if own.is_floating_point())
    safetensors.torch.save_file(tensors | {name: change(tensors[name])}, path)
    sealing.seal_checkpoint(run.latest)
    with pytest.raises(CheckpointError, match="environment"):
        train(run.config(), run.path, resume=True, quiet=True)
