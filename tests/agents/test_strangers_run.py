"""A run of a stranger: whatever its config.json names, no command and no function runs it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.short_runs import FAKE

import tasam_agents
from tasam_agents.baselines import BASELINES
from tasam_agents.baselines.training import train_baseline
from tasam_agents.baselines.tuning import read_log
from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config.toml_file import read_toml
from tasam_agents.config.variants import VARIANTS
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.envs.trust import KNOWN, check_env_id
from tasam_agents.errors import UserError
from tasam_agents.jobs.job import Job
from tasam_agents.jobs.training_task import status
from tasam_agents.study.results import Results
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train

COMMANDS = (
    ["evaluate", "RUN"],
    ["watch", "RUN"],
    ["sharpness", "RUN"],
    ["generalise", "RUN"],
    ["train", "--resume", "RUN"],
)
FUNCTIONS: tuple[Callable[[Path], Any], ...] = (tasam_agents.load_policy, tasam_agents.evaluate)
TINY = replace(VARIANTS["tiny"], iterations=1, warmup_steps=1, evaluate_every=1, checkpoint_every_s=0.0)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(TINY, tmp_path_factory.mktemp("honest") / "run", quiet=True)


@pytest.fixture(params=["ours", "baseline"])
def stranger(request: pytest.FixtureRequest, honest: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A run whose environment is a shell command, and the file that the command would leave."""
    run, canary = tmp_path / "run", tmp_path / "canary"
    if request.param == "ours":
        shutil.copytree(honest, run)
    else:
        config = BASELINES["sac_sb3"]
        train_baseline(
            replace(config, env_kwargs={"scenario": "tiny"}, num_envs=2, env_steps=8, hidden=(8,), validation_envs=2),
            run,
            quiet=True,
        )
    document = json.loads((run / "config.json").read_text())
    document |= {"env_id": "os:system", "env_kwargs": {"command": f"touch {canary}"}}
    (run / "config.json").write_text(json.dumps(document))
    return run, canary


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_command_runs_what_a_file_names(
    stranger: tuple[Path, Path], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run, canary = stranger
    with pytest.raises(SystemExit) as left:
        main([str(run) if word == "RUN" else word for word in command])
    assert left.value.code == BAD_INPUT
    assert not canary.exists()
    said = capsys.readouterr().err
    assert "--trust-env os:system" in said or "allowed: runs of our own agents" in said


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_function_runs_what_a_file_names(stranger: tuple[Path, Path], function: Callable[[Path], Any]) -> None:
    run, canary = stranger
    with pytest.raises(EnvironmentRefused, match="'os:system', which would import code of its choosing"):
        function(run)
    assert not canary.exists()


@pytest.mark.parametrize("env_id", ["os:system", "support.fakes:target_env", "gymnasium:CartPole-v1", ":", "a:b:c"])
def test_an_id_with_a_module_is_refused_unless_it_is_named_beside_the_file(env_id: str) -> None:
    with pytest.raises(EnvironmentRefused, match="allowed from a file: an id of a registry"):
        check_env_id(env_id, "config.json")
    check_env_id(env_id, "config.json", trusted=(env_id,))


@pytest.mark.parametrize("env_id", [["os:system"], {"a": "os:system"}, None, 3, "", "os.system", "os：system", "../x"])
def test_no_other_spelling_gets_past(honest: Path, tmp_path: Path, env_id: object) -> None:
    """Other types are no id, and what has no colon is looked up in a registry and not found."""
    run, canary = tmp_path / "run", tmp_path / "canary"
    shutil.copytree(honest, run)
    document = json.loads((run / "config.json").read_text())
    document |= {"env_id": env_id, "env_kwargs": {"command": f"touch {canary}"}}
    (run / "config.json").write_text(json.dumps(document))
    with pytest.raises(UserError):
        tasam_agents.evaluate(run, networks=2)
    assert not canary.exists()


def test_ids_of_a_registry_and_of_our_own_configurations_are_data() -> None:
    for config in VARIANTS.values():
        check_env_id(config.env_id, "config.json")
    for baseline in BASELINES.values():
        check_env_id(baseline.env_id, "config.json")
    assert set(KNOWN) == {config.env_id for config in VARIANTS.values() if ":" in config.env_id}


def test_what_the_user_names_too_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = train(FAKE, tmp_path / "run", quiet=True)
    with pytest.raises(SystemExit):
        main(["evaluate", str(run), "--networks", "2"])
    assert f"--trust-env {FAKE.env_id}" in capsys.readouterr().err
    main(["evaluate", str(run), "--networks", "2", "--trust-env", FAKE.env_id])
    assert RunDirectory(run).evaluation_file.is_file()
    assert tasam_agents.load_policy(run, trust_env=[FAKE.env_id])


@pytest.mark.parametrize("command", [["train", "--config"], ["tune", "--search", "learner.gamma=0:0.5"]])
def test_a_strangers_configuration_runs_no_command(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither is it imported; with --trust-env it is."""
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    Path("evil.toml").write_text(f'base = "tiny"\nenv_id = "os:system"\nenv_kwargs = {{command = "touch {canary}"}}\n')
    given = [*command, "evil.toml"] if command[0] == "train" else ["tune", "evil.toml", *command[1:]]
    with pytest.raises(SystemExit) as stopped:
        main(given)
    assert stopped.value.code == BAD_INPUT
    assert "evil.toml names the environment 'os:system'" in capsys.readouterr().err
    assert not canary.exists()
    with pytest.raises((SystemExit, AttributeError)):
        main([*given, "--trust-env", "os:system"])
    assert canary.exists()


READERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("own.toml", read_toml),
    ("log.csv", lambda log: read_log(log, {})),
    ("distributed.json", lambda file: DistributedConfig.recorded(file.parent)),
    ("returns.csv", lambda file: Results.read(file.parent)),
)


@pytest.mark.parametrize(("name", "read"), READERS)
def test_files_beside_a_run_are_read_within_bounds(tmp_path: Path, name: str, read: Callable[[Path], object]) -> None:
    file = tmp_path / name
    for content in (b"\xff\xfe", b"[" * 30_000 + b"\n[", b'a,"b\nc', b"arm,seed\nno_sam\n"):
        file.write_bytes(content)
        with pytest.raises(UserError):
            read(file)
    os.truncate(file, 6 << 30)  # sparse
    with pytest.raises(UserError, match="has 6442450944 bytes; allowed: at most"):
        read(file)


@pytest.mark.parametrize("edit", [{"return": "x"}, {"return": [[1.0], [2.0]]}, {"td_variance": [1.0]}, {"return": {}}])
def test_a_log_that_no_run_writes_is_refused(
    honest: Path, tmp_path: Path, edit: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(honest, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    last = run.metrics()[-1]
    assert len(last["td_variance"]) == 2
    with run.metrics_file.open("a") as file:
        print(json.dumps(last | edit), file=file)
    for command in ("plot", "evaluate"):
        with pytest.raises(SystemExit) as left:
            main([command, str(run.path)])
        assert left.value.code == BAD_INPUT
        assert f"is damaged: {next(iter(edit))} is no number, or not as many as before" in capsys.readouterr().err


def evaluation(run: RunDirectory) -> object:
    return tasam_agents.evaluate(run.path, networks=2)


def sharpness(run: RunDirectory) -> None:
    main(["sharpness", str(run.path), "--batches", "1"])


STATES: list[tuple[str, str, Any, Callable[[RunDirectory], object]]] = [
    ("best", "iteration", None, evaluation),
    ("best", "iteration", "3", evaluation),
    ("latest", "learner", {}, sharpness),
    ("latest", "converged", None, lambda run: status(Job("x", TINY, run.path))),
    ("latest", "iteration", [], lambda run: status(Job("x", TINY, run.path))),
    ("latest", "log", {"bytes": -1, "sha256": ""}, RunDirectory.saved_metrics),
]


@pytest.mark.parametrize(("which", "name", "value", "read"), STATES)
def test_a_state_that_no_run_saves_is_refused_by_whoever_reads_it(
    honest: Path, tmp_path: Path, which: str, name: str, value: Any, read: Callable[[RunDirectory], object]
) -> None:
    """None: the state lacks it."""
    shutil.copytree(honest, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    at = run.path / "checkpoints" / which
    saved = checkpoint.load(at)
    kept = {key: own for key, own in saved.state.items() if key != name}
    checkpoint.save(at, saved.tensors, kept if value is None else kept | {name: value})
    with pytest.raises((CheckpointError, SystemExit)) as refused:
        read(run)
    assert isinstance(refused.value, CheckpointError) or refused.value.args == (BAD_INPUT,)
