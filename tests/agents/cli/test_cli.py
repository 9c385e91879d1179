"""The command line: bad input is one line and exit code 2; Ctrl-C saves and says how to go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasam_agents.cli.main import BAD_INPUT, INTERRUPTED, main
from tasam_agents.config.variants import VARIANTS, for_environment
from tasam_agents.training.run_directory import RunDirectory

FIELDS = ["--log-every", "2", "--evaluate-every", "4", "--learner.hidden", "16"]
TINY = ["train", "--config", "tiny", "--iterations", "8", *FIELDS]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "run"
    main([*TINY, "--run-dir", str(path), "--env", "num_dus=3", "--env", "latency=queue"])
    return path


def test_train_trains_evaluates_and_draws(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunDirectory.open(finished)
    config = run.config()
    assert (config.iterations, config.learner.hidden) == (8, (16,))
    assert config.env_kwargs == {**VARIANTS["tiny"].env_kwargs, "num_dus": 3, "latency": "queue"}
    document = json.loads(run.evaluation_file.read_text())
    assert document["num_networks"] == 20
    assert sorted(path.name for path in run.figures.glob("*.png")) == [
        "learning_curve.png",
        "selective_sam.png",
        "slice_qos.png",
    ]
    main(["evaluate", str(finished), "--networks", "3"])
    printed = capsys.readouterr().out
    assert "TA-SAM-tiny (deterministic)" in printed
    assert "3 held-out networks" in printed
    for name in ("evaluation_3.json", "evaluation_3.csv", "learning_curve.png"):
        assert name in printed
    assert json.loads(run.evaluation_file.read_text())["num_networks"] == 20  # that of more networks stays


def test_list_names_what_there_is_and_writes_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    printed = capsys.readouterr().out
    for name in ("both_sam", "sac_sb3", "count_rule", "bursty", "oran-v2", "smoke"):
        assert name in printed
    main(["list", "--config", "tiny"])
    assert 'name = "TA-SAM-tiny"' in capsys.readouterr().out


def test_plot_draws_one_run_and_several(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["plot", str(finished)])
    assert capsys.readouterr().out.count("written: ") == 3
    main(["plot", str(finished), str(finished), "--output", str(tmp_path / "both.png")])
    assert (tmp_path / "both.png").is_file()
    assert (tmp_path / "both.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "command 'frobnicate'; allowed: train, evaluate, score, plot"),
        (["train", "--config", "huge"], "--config is 'huge'; allowed: default, paper"),
        (["train", "--config", "defaults"], "did you mean 'default'? allowed: default, paper"),
        (["trains"], "command 'trains'; did you mean 'train'? allowed: train"),
        (["compare", "--agents", "count-rul"], "did you mean 'count_rule'?"),
        (["study", "stats"], "did you mean 'status'?"),
        (["list", "--config", "tini"], "did you mean 'tiny'?"),
        (["score"], "no run given"),
        (["train", "--config"], "Missing value for argument '--config'"),
        (["train", "--config", "tiny", "--config=tiny"], "--config is given twice"),
        (["train", "--config", "tiny", "--iterations", "-3"], "iterations = -3, allowed: an integer >= 1"),
        (["train", "--config", "tiny", "--iterations", "x"], "--iterations"),
        (["train", "--config", "tiny", "--learner.gamma", "1.5"], "gamma = 1.5, allowed: a number in [0, 1)"),
        (["train", "--config", "tiny", "--learner.critic", "none"], "'mean_field', 'joint', 'pooled'"),
        (["train", "--config", "tiny", "--frobnicate", "3"], "--frobnicate"),
        (["train", "--config", "tiny", "--learner.gama", "0.5"], "did you mean --learner.gamma? (tasam train"),
        (["tune", "sac-zone"], "rival 'sac_zone'; did you mean 'sac_zones'?"),
        (["train", "--config", "tiny", "--env", "num_ues=-3"], "num_ues is -3; allowed: 0 to"),
        (["train", "--config", "tiny", "--env", "colour=3"], "unknown scenario field 'colour'"),
        (["train", "--config", "tiny", "--env", "scenario=huge"], "unknown scenario 'huge'; allowed: paper"),
        (["train", "--config", "tiny", "--env", "scenario=tiney"], "did you mean 'tiny'? allowed: paper"),
        (["train", "--config", "tiny", "--env", "num_ues"], "--env is 'num_ues'; allowed: NAME=VALUE"),
        (["train", "--config", "tiny", "--env-id", "nothing/here-v0"], "environment 'nothing/here-v0'"),
        (["train", "--resume", "{run}", "--seed", "3"], "not allowed with it: --seed 3"),
        (["train", "--resume", "{run}", "--threads", "0"], "threads is 0; allowed: 1 to"),
        (["train", "--resume", "{empty}"], "is not a run: there is no"),
        (["train", "--config", "tiny", "--run-dir", "{run}"], "is not empty"),
        (["train", "--config", "tiny", "--run-dir", "{run}/config.json/x"], "is a file"),
        (["evaluate"], "run directory"),
        (["evaluate", "{empty}"], "is not a run"),
        (["evaluate", "{run}", "--networks", "1"], "networks is 1; allowed: 2 or more"),
        (["evaluate", "{run}", "--networks", "-1"], "networks is -1; allowed: 1 to 1_000_000"),
        (["evaluate", "{run}", "--networks", "1000000000000"], "networks is 1000000000000; allowed: 1 to 1_000_000"),
        (["study", "status", "--out", "{empty}"], "has no study: there is no plan.json"),
        (["plot"], "no run given"),
        (["plot", "{run}", "{empty}"], "is not a run"),
        (["plot", "{run}", "--output", "x.txt"], "output is x.txt; allowed: a file ending in .png, .pdf, .svg"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main([argument.format(run=finished, empty=tmp_path) for argument in arguments])
    assert leaving.value.code == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err
    assert printed.out == ""
    assert not list(tmp_path.iterdir())


def test_a_damaged_checkpoint_is_named(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = finished / "checkpoints" / "best" / "actors.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        with pytest.raises(SystemExit) as leaving:
            main(["evaluate", str(finished)])
    finally:
        weights.write_bytes(content)
    assert leaving.value.code == BAD_INPUT
    assert "actors.safetensors is damaged: its checksum" in capsys.readouterr().err


def test_help_names_commands_and_configurations(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    printed = capsys.readouterr().out
    for word in ("train", "evaluate", "plot", "--resume", "paper", "no_sam"):
        assert word in printed
    with pytest.raises(SystemExit) as leaving:
        main(["train", "--help"])
    assert not leaving.value.code
    assert "--learner.sam.actors" in capsys.readouterr().out


def test_ctrl_c_saves_and_resume_finishes(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    command = [sys.executable, "-m", "tasam_agents.cli", "train", "--config", "tiny", "--iterations", "100000", *FIELDS]
    process = subprocess.Popen(
        [*command, "--run-dir", str(run.path)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while not (run.metrics_file.is_file() and len(run.metrics()) > 3):
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert "stopping after this iteration" in errors
    assert errors.splitlines()[-1].startswith("saved after iteration ")
    assert errors.splitlines()[-1].endswith(f"To go on: tasam train --resume {run.path}")
    assert "Traceback" not in errors
    stopped_at = json.loads((run.latest / "state.json").read_text())["state"]["iteration"]

    # Shorten the run, as if it had been near its end, and let it finish.
    document = json.loads(run.config_file.read_text())
    run.config_file.write_text(json.dumps(document | {"iterations": stopped_at + 3}))
    with pytest.raises(SystemExit) as refused:
        main(["train", "--resume", str(run.path)])
    assert refused.value.code == BAD_INPUT
    main(["train", "--resume", str(run.path), "--accept-changes"])
    iterations = [line["iteration"] for line in run.metrics()]
    assert iterations[-1] == stopped_at + 3
    assert len(iterations) == len(set(iterations))
    assert run.evaluation_file.is_file()


def test_plot_draws_one_run_where_it_is_told_to(finished: Path, tmp_path: Path) -> None:
    main(["plot", str(finished), "--output", str(tmp_path / "curve.svg")])
    assert (tmp_path / "curve.svg").is_file()


def test_any_configuration_trains_on_another_environment(tmp_path: Path) -> None:
    """What a configuration says for its own environment alone does not get in the way."""
    other = ["--env-id", "mpe2.simple_spread_v3:parallel_env", "--env", "N=2", "--env=continuous_actions=true"]
    main([*TINY, "--run-dir", str(tmp_path / "run"), *other])
    config = RunDirectory.open(tmp_path / "run").config()
    assert config.env_kwargs == {"N": 2, "continuous_actions": True}
    assert config.learner.input_scaling == ()
    assert config.learner.gamma == VARIANTS["general"].learner.gamma > 0.5, "γ = 0 was for O-RAN"


def test_for_another_environment_a_name_keeps_what_it_stands_for() -> None:
    spread = "mpe2.simple_spread_v3:parallel_env"
    general, plastic = (for_environment(name, spread).learner for name in ("default", "plastic"))
    assert general == VARIANTS["general"].learner
    assert plastic.regularisation == VARIANTS["plastic"].learner.regularisation
    assert plastic.gamma == general.gamma
    assert for_environment("paper", spread).learner == VARIANTS["paper"].learner, "its letter is what is asked for"
    assert for_environment("default", "oran/ORAN-v1") == VARIANTS["default"]
