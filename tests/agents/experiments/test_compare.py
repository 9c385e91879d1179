"""`tasam compare`: many runs that survive each other and the user, equal budgets, and one code that evaluates all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.here_pool import HerePool

from tasam_agents.baselines import BASELINES, BaselineConfig
from tasam_agents.baselines.config import Sac, environment_steps
from tasam_agents.baselines.training import is_finished
from tasam_agents.cli.main import BAD_INPUT, FAILED, main
from tasam_agents.config import GateConfig, TrainConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments.comparison.plan import cost_of, damaged, measure, plan, policy_of
from tasam_agents.experiments.comparison.text import comparison_text
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.jobs.engine import run_jobs, standing
from tasam_agents.jobs.job import Job
from tasam_agents.jobs.training_task import TRAINING, status
from tasam_agents.jobs.worker_pool import WorkerPool
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import Interrupted, Training, train

OWN = replace(
    VARIANTS["tiny"], name="own", env_id="support.fakes:target_env", env_kwargs={}, num_envs=3, iterations=6,
    steps_per_iteration=4, updates_per_iteration=2, warmup_steps=5, evaluate_every=3, validation_envs=2,
    log_every=3, learner=replace(VARIANTS["tiny"].learner, input_scaling=(), hidden=(8,), batch_size=8,
                                 gate=GateConfig(calibration=(4, 8))),
)  # fmt: skip
BROKEN = replace(OWN, name="broken", learner=replace(OWN.learner, actor_learning_rate=1e30, critic_learning_rate=1e30))
OTHER = replace(OWN, name="other", learner=replace(OWN.learner, critic="pooled", objective="individual"))
PLAIN = replace(BASELINES["sac_sb3"], batch_size=8, settings=Sac(warmup_steps=3))


@pytest.fixture(autouse=True)
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, config in (("own", OWN), ("other", OTHER), ("broken", BROKEN)):
        monkeypatch.setitem(VARIANTS, name, config)
    monkeypatch.setitem(BASELINES, "plain", PLAIN)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> HerePool:
    """Where all runs happen, those of the command, too."""
    here = HerePool()
    monkeypatch.setattr(WorkerPool, "open", lambda self, jobs, task: here.open(jobs, task))
    return here


def compare(directory: Path, *agents: str, **options: object) -> None:
    given = {"--seeds": 2, "--networks": 3, "--jobs": 1, "--runs": directory} | {
        f"--{name.replace('_', '-')}": value for name, value in options.items()
    }
    main(["compare", "--agents", *agents, *(str(word) for pair in given.items() for word in pair)])


def test_a_second_call_trains_nothing_and_reports_the_same(
    tmp_path: Path, pool: HerePool, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(tmp_path, "own", "plain", "repeat", "random")
    assert pool.begun == ["own, seed 0", "plain, seed 0", "own, seed 1", "plain, seed 1"]
    first = capsys.readouterr()
    assert (
        "2 trained agents × 2 seeds on support.fakes:target_env: 4 runs of 87 environment steps each, 4 of" in first.out
    )
    document = (tmp_path / "comparison.json").read_text()
    table = (tmp_path / "comparison.csv").read_text()
    assert len(table.splitlines()) == 1 + 3 * (2 + 2 + 1 + 1)
    compare(tmp_path, "own", "plain", "repeat", "random")
    assert len(pool.begun) == 4
    assert "4 runs of 87 environment steps each, 0 of them to train" in capsys.readouterr().out
    assert (tmp_path / "comparison.json").read_text() == document
    compare(tmp_path, "own", "plain", seeds=1, first_seed=2, out=tmp_path / "more")
    assert pool.begun[4:] == ["own, seed 2", "plain, seed 2"]
    assert (tmp_path / "more" / "comparison.json").is_file()


def test_all_are_evaluated_by_the_same_code_on_the_same_networks(tmp_path: Path, pool: HerePool) -> None:
    chosen = plan(["own", "plain", "repeat"], [0, 1], 4, tmp_path)
    assert run_jobs(chosen.jobs, pool, TRAINING, quiet=True) == []
    report = measure(chosen, [])
    assert report is not None
    assert report.first == "own"
    assert report.networks == tuple(range(4))
    seeds = held_out_networks(4)
    assert {name: values.shape for name, values in report.returns.items()} == {
        "own": (2, 4), "plain": (2, 4), "repeat": (1, 4),
    }  # fmt: skip
    np.testing.assert_allclose(report.returns["repeat"], 1.0, atol=1e-6)
    alone = evaluate_run(tmp_path / "own" / "seed_1", 4, (chosen.env_id,)).rows[0].episodes.returns
    np.testing.assert_array_equal(report.returns["own"][1], alone)
    env = make_batched("support.fakes:target_env", {}, 4, seeds)
    job = next(job for job in chosen.jobs if job.label == "plain, seed 1")
    np.testing.assert_array_equal(report.returns["plain"][1], evaluate(policy_of(job, env), env, seeds).returns)
    assert (report.returns["plain"][0] != report.returns["plain"][1]).any()


def test_budgets_and_costs(tmp_path: Path, pool: HerePool) -> None:
    chosen = plan(["own", "plain", "random"], [3], 2, tmp_path, iterations=4)
    assert chosen.env_steps == 3 * (5 + 4 * 4)
    configs = {job.agent: job.config for job in chosen.jobs}
    own, plain = configs["own"], configs["plain"]
    assert isinstance(own, TrainConfig)
    assert isinstance(plain, BaselineConfig)
    assert environment_steps(own) == plain.env_steps == chosen.env_steps
    assert (own.iterations, own.seed, plain.seed, own.threads, plain.hidden) == (4, 3, 3, 1, (8,))
    run_jobs(chosen.jobs, pool, TRAINING, quiet=True)
    report = measure(chosen, [])
    assert report is not None
    own_cost, plain_cost, none = (report.costs[name] for name in ("own", "plain", "random"))
    assert (own_cost.env_steps, plain_cost.env_steps, none.env_steps) == (63, 63, 0)
    assert own_cost.updates == 8
    assert plain_cost.gradient_evaluations == 3 * plain_cost.updates > 0
    lines = RunDirectory(chosen.jobs[0].directory).metrics()
    per_update = {line["iteration"]: line.get("gradient_evaluations") for line in lines}
    expected = sum((per_update[last] or 0) * (last - first) * 2 for first, last in ((0, 3), (3, 4)))
    assert own_cost.gradient_evaluations == pytest.approx(expected)
    assert cost_of(RunDirectory(chosen.jobs[0].directory)).wall_time_s == lines[-1]["wall_time_s"]


def test_each_acts_by_its_own_codec_in_the_same_networks(tmp_path: Path, pool: HerePool) -> None:
    chosen = plan(["tiny", "sac_two_bit", "zone_rule"], [0], 2, tmp_path, iterations=1)
    ours, theirs = (job.config.env_kwargs for job in chosen.jobs)
    assert ours == {"scenario": "tiny", "codec": "zones", "owned_rbs": 3}
    assert theirs == {"scenario": "tiny", "codec": "two_bit", "owned_rbs": 3}
    assert run_jobs(chosen.jobs, pool, TRAINING, quiet=True) == []
    report = measure(chosen, [])
    assert report is not None
    assert [(line.agent, line.codec) for line in report.lines] == [
        ("tiny", "zones"), ("sac_two_bit", "two_bit"), ("zone_rule", "two_bit"),
    ]  # fmt: skip
    names = held_out_networks(2)
    env = make_batched(chosen.env_id, theirs, 2, names)
    alone = evaluate(policy_of(chosen.jobs[1], env), env, names).returns
    np.testing.assert_array_equal(report.returns["sac_two_bit"][0], alone)
    assert all(line.cost.cpu_time_s > 0 for line in report.lines[:2])
    head, _, *rows = comparison_text(report).splitlines()
    assert head.split()[:3] == ["agent", "codec", "return"]
    assert [row.split()[1] for row in rows[:3]] == ["zones", "two_bit", "two_bit"]
    with pytest.raises(UserError, match="agents differ in the environment"):
        plan(["tiny", "default"], [0], 2, tmp_path)
    assert {"zones", "two_bit"} == {
        job.config.env_kwargs["codec"] for job in plan(["default", "two_bit"], [0], 2, tmp_path).jobs
    }


def interrupted(job: Job, iteration: int) -> None:
    """Leave the run as Ctrl-C in this iteration does."""
    assert isinstance(job.config, TrainConfig)
    RunDirectory.create(job.directory, job.config)
    training, stop = Training(job.config, RunDirectory(job.directory)), StopRequest(lambda _: None)

    class Stopping:
        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *_: setattr(stop, "made", training.iteration == iteration)

    with pytest.raises(Interrupted):
        training.run(Stopping(), stop)  # type: ignore[arg-type]


def test_an_interrupted_run_goes_on_and_a_half_done_baseline_begins_again(tmp_path: Path, pool: HerePool) -> None:
    whole = plan(["own"], [0], 2, tmp_path / "whole")
    run_jobs(whole.jobs, pool, TRAINING, quiet=True)
    chosen = plan(["own", "plain", "other"], [0], 2, tmp_path / "parts")
    own, plain, other = chosen.jobs
    interrupted(own, 2)
    RunDirectory.create(plain.directory, plain.config)
    RunDirectory(plain.directory).append_metrics({"left": "over"})
    RunDirectory.create(other.directory, other.config)  # died before its first save
    assert [status(job) for job in chosen.jobs] == ["interrupted"] * 3
    assert checkpoint.load_state(RunDirectory(own.directory).latest)["iteration"] == 2
    assert run_jobs(chosen.jobs, pool, TRAINING, quiet=True) == []
    assert [status(job) for job in chosen.jobs] == ["complete"] * 3
    assert "left" not in RunDirectory(plain.directory).metrics()[0]
    assert is_finished(plain.directory)
    one, two = (checkpoint.load(RunDirectory(job.directory).latest) for job in (whole.jobs[0], own))
    assert all((one.tensors["learner"][name] == two.tensors["learner"][name]).all() for name in one.tensors["learner"])
    assert [line["iteration"] for line in RunDirectory(own.directory).metrics()] == [0, 3, 6]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


HARMED: list[tuple[str, str, Callable[[Path], object]]] = [
    ("own", "checkpoints/best/state.json", cut_short),
    ("own", "checkpoints/best/actors.safetensors", Path.unlink),
    ("own", "metrics.jsonl", lambda path: path.write_text("")),
    ("own", "metrics.jsonl", lambda path: path.write_text(path.read_text().replace("1", "2"))),
    ("own", "metrics.jsonl", lambda path: path.write_text('{"iteration": 1}\n')),
    ("plain", "checkpoints/best/policy.safetensors", cut_short),
    ("plain", "metrics.jsonl", lambda path: path.write_text("")),
    ("plain", "metrics.jsonl", lambda path: path.write_text('{"iteration": 1}\n')),
    ("plain", "finished.json", lambda path: path.write_text("{}")),
]


def test_a_damaged_run_leaves_out_one_agent(tmp_path: Path, pool: HerePool, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever file it is that the report would need; nothing of the run is deleted."""
    chosen = plan(["own", "plain"], [0], 2, tmp_path)
    assert run_jobs(chosen.jobs, pool, TRAINING, quiet=True) == []
    assert damaged(chosen, []) == []
    for agent, name, harm in HARMED:
        job = next(job for job in chosen.jobs if job.agent == agent)
        for older in ("latest.previous", "best.previous"):
            shutil.rmtree(job.directory / "checkpoints" / older, ignore_errors=True)
        path = job.directory / name
        whole = path.read_bytes()
        harm(path)
        left, failures = standing(chosen.jobs, TRAINING)
        assert left == []
        found = [*failures, *damaged(chosen, failures)]
        assert [failure.job for failure in found] == [job], (agent, name)
        assert Path(name).name in found[0].reason
        report = measure(chosen, found)
        assert report is not None
        assert agent not in report.returns
        path.write_bytes(whole)
    (tmp_path / "own" / "seed_0" / "metrics.jsonl").write_text("")
    with pytest.raises(SystemExit) as leaving:
        compare(tmp_path, "own", "plain", seeds=1)
    assert leaving.value.code == FAILED
    assert "1 of 2 runs failed and their agents are left out (own)" in capsys.readouterr().err
    assert [agent["agent"] for agent in json.loads((tmp_path / "comparison.json").read_text())["agents"]] == ["plain"]


def test_a_failing_agent_is_named_and_the_others_are_kept(
    tmp_path: Path, pool: HerePool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as leaving:
        compare(tmp_path, "own", "broken", "random")
    assert leaving.value.code == FAILED
    printed = capsys.readouterr()
    last = printed.err[printed.err.index("error: 2 of 4 runs failed") :].splitlines()
    assert "their agents are left out (broken)" in last[0]
    log = tmp_path / "broken" / "seed_0.log"
    assert last[1].startswith("  broken, seed 0: stopped in iteration ")
    assert last[1].endswith(f"(log: {log})")
    document = json.loads((tmp_path / "comparison.json").read_text())
    assert [agent["agent"] for agent in document["agents"]] == ["own", "random"]
    with pytest.raises(SystemExit):
        compare(tmp_path, "broken", "own")  # tried again, and the first that is left takes the first place
    assert len(pool.begun) == 6
    with pytest.raises(SystemExit):
        compare(tmp_path / "alone", "broken")
    assert not (tmp_path / "alone" / "comparison.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["own", "nobody"], "agent 'nobody'; allowed: default, paper,"),
        (["own", "tiny"], "agents differ in the environment (own: ('support.fakes:target_env', {}); tiny: ("),
        (["own", "own"], "agents are own own; allowed: each once"),
        (["random", "--iterations", "3"], "iterations is 3; allowed only with an agent of our own"),
        (["own", "--iterations", "0"], "TrainConfig.iterations = 0"),
        (["own", "--networks", "1"], "networks is 1; allowed: 2 or more"),
        (["own", "--seeds", "0"], "seeds is 0; allowed: 1 or more"),
        (["own", "--first-seed", "-1"], "training seeds are [-1"),
        (["own", "--jobs", "0"], "jobs is 0; allowed: 1 or more"),
        ([], "no agent given"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    tmp_path: Path, pool: HerePool, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["compare", "--runs", str(tmp_path / "runs"), "--agents", *arguments])
    assert leaving.value.code == BAD_INPUT
    assert message in capsys.readouterr().err
    assert pool.begun == []
    assert not (tmp_path / "runs").exists()


def test_other_budgets_and_used_directories_are_refused(tmp_path: Path, pool: HerePool) -> None:
    VARIANTS["other"] = replace(OTHER, iterations=7)
    with pytest.raises(UserError, match=r"agents differ in the number of environment steps \(own: 87; other: 99\)"):
        plan(["own", "other"], [0], 2, tmp_path)
    plan(["own", "other"], [0], 2, tmp_path, iterations=5)
    job = plan(["own"], [0], 2, tmp_path).jobs[0]
    train(job.config, job.directory, quiet=True)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="another configuration: iterations is 5, began with 6; allowed: another --runs"):
        run_jobs(plan(["own"], [0], 2, tmp_path, iterations=5).jobs, pool, TRAINING)
    (tmp_path / "random_stuff").mkdir()
    (tmp_path / "random_stuff" / "file").touch()
    with pytest.raises(RunError, match="is not a run"):
        status(replace(job, directory=tmp_path / "random_stuff"))
    document = json.loads((job.directory / "config.json").read_text())
    del document["centralised"]  # a run from before the field
    (job.directory / "config.json").write_text(json.dumps(document))
    assert status(job) == "complete"


def test_names_may_be_written_with_hyphens(tmp_path: Path, pool: HerePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIANTS, "my_own", OWN)
    compare(tmp_path, "my-own", "random", seeds=1)
    assert pool.begun == ["my_own, seed 0"]
