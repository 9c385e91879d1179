"""The generalisation matrix: every cell is what evaluating by hand gives, and the command says what it found."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.here_pool import HerePool
from support.intervals import known
from support.short_runs import stop_after

from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.make import make_batched, reference_arguments, reference_policies
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments.generalisation.family_training import train_family
from tasam_agents.experiments.generalisation.matrix import generalise
from tasam_agents.experiments.generalisation.report import write_generalisation
from tasam_agents.experiments.generalisation.result import Generalisation, Row
from tasam_agents.experiments.generalisation.scenario_family import FAMILY, ORAN, Member
from tasam_agents.experiments.generalisation.text import generalisation_text
from tasam_agents.jobs.job import RunsFailed
from tasam_agents.stats.intervals import difference
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, learned_policy, load_actors
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train

TINY = VARIANTS["tiny"]
SHORT = replace(
    TINY, iterations=2, warmup_steps=10, steps_per_iteration=2, evaluate_every=2, validation_envs=2,
    env_kwargs={"scenario": "tiny", "horizon": 8}, learner=replace(TINY.learner, hidden=(8,)),
)  # fmt: skip
OVERLOAD = {"scenario": "tiny", "horizon": 8, "num_ues": 32}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    place = tmp_path_factory.mktemp("family")
    return train_family(SHORT, ["tiny", "overload"], place, HerePool(), num_seeds=2, quiet=True)


@pytest.fixture(scope="module")
def result(runs: list[Path]) -> Generalisation:
    return generalise(runs, 3, ["tiny", "overload", "num_ues=10"])


def by_hand(run: Path, kwargs: dict[str, Any]) -> NDArray[np.float64]:
    seeds = held_out_networks(3)
    env = make_batched(ORAN, kwargs, 3, seeds)
    best = RunDirectory(run).best
    learner = load_actors(checkpoint.load(best), best, RunDirectory(run).config(), env)
    return evaluate(learned_policy(learner, deterministic=True), env, seeds).returns


def test_runs_are_named_after_scenario_and_seed(runs: list[Path]) -> None:
    assert [run.name for run in runs] == [
        "TA-SAM-tiny-tiny-seed0", "TA-SAM-tiny-tiny-seed1", "TA-SAM-tiny-overload-seed0", "TA-SAM-tiny-overload-seed1"
    ]  # fmt: skip
    configs = [RunDirectory(run).config() for run in runs]
    assert [config.seed for config in configs] == [0, 1, 0, 1]
    assert configs[1].env_kwargs == SHORT.env_kwargs
    assert configs[2].env_kwargs == OVERLOAD


def test_cells_are_the_returns_of_the_deterministic_best_actors(runs: list[Path], result: Generalisation) -> None:
    assert [row.label for row in result.rows] == ["TA-SAM-tiny on tiny", "TA-SAM-tiny on overload"]
    assert [row.seeds for row in result.rows] == [(0, 1), (0, 1)]
    assert [each.name for each in result.members] == ["tiny", "overload", "num_ues=10"]
    few = dict(SHORT.env_kwargs) | {"num_ues": 10}
    for name, kwargs in (("tiny", dict(SHORT.env_kwargs)), ("overload", OVERLOAD), ("num_ues=10", few)):
        for row, pair in zip(result.rows, (runs[:2], runs[2:]), strict=True):
            expected = [by_hand(run, kwargs) for run in pair]
            np.testing.assert_array_equal(result.returns[row.label, name], expected)
        env = make_batched(ORAN, reference_arguments(ORAN, kwargs), 3, held_out_networks(3))
        rule = evaluate(reference_policies(ORAN, kwargs)["count_rule"], env, held_out_networks(3)).returns
        np.testing.assert_array_equal(result.references["count_rule", name], rule[None])


def make(rows: int = 2) -> Generalisation:
    """Two agents on three scenarios, numbers that can be checked in the head."""
    members = (Member("a", {"scenario": "tiny"}), Member("b", {"scenario": "b"}), Member("c", {"scenario": "tiny"}))
    labels = {"X on a": "a", "X on b": "b"}
    chosen = tuple(Row(label, "X", home, (0, 1), ()) for label, home in labels.items())[:rows]
    means = {("X on a", "a"): 2.0, ("X on a", "b"): 1.0, ("X on a", "c"): 1.75,
             ("X on b", "a"): 1.9, ("X on b", "b"): 1.5, ("X on b", "c"): 0.0}  # fmt: skip
    wiggle = np.array([[0.0, 0.01, 0.02], [0.01, 0.02, 0.0]])
    rule = {"a": 1.5, "b": 1.4, "c": 1.0}
    return Generalisation(
        rows=chosen, members=members, reference="count_rule", networks=(7, 8, 9),
        returns={key: mean + wiggle for key, mean in means.items()},
        references={("count_rule", name): np.full((1, 3), mean) for name, mean in rule.items()},
    )  # fmt: skip


def test_advantage_loss_and_gap_by_hand() -> None:
    result = make()
    first, second = result.rows
    assert result.advantage(first, "b").mean == pytest.approx(1.01 - 1.4)
    assert result.loss(first, "b").mean == pytest.approx(0.5 + 0.4)  # +0.5 at home, −0.4 there
    assert result.loss(first, "c").mean == pytest.approx(0.5 - 0.75)  # it gains
    assert result.loss(second, "b").mean == 0.0
    mean = result.elsewhere(first)
    assert mean is not None
    assert mean.mean == pytest.approx(((1.01 - 1.4) + (1.76 - 1.0)) / 2)
    gap = result.gap_to_specialist(first, "b")
    assert gap is not None
    assert gap.mean == pytest.approx(1.0 - 1.5)
    assert gap.over_seeds is not None
    assert (gap.over_seeds.low, gap.over_seeds.high) == pytest.approx((-0.5, -0.5))
    assert result.gap_to_specialist(first, "c") is None
    own = result.gap_to_specialist(second, "b")
    assert own is not None
    assert own.mean == 0.0
    assert not make(rows=1).has_specialists


def test_agents_of_another_configuration_are_no_specialists_and_other_seeds_are_not_paired() -> None:
    result = make()
    other = replace(result, rows=(result.rows[0], replace(result.rows[1], recipe="Y")))
    assert other.gap_to_specialist(other.rows[0], "b") is None
    third = replace(result, rows=(result.rows[0], replace(result.rows[1], seeds=(5, 6))))
    gap = third.gap_to_specialist(third.rows[0], "b")
    assert gap is not None
    assert gap.mean == pytest.approx(-0.5)
    assert gap.over_seeds is None


def test_text_marks_home_doubt_and_the_worst_loss() -> None:
    text = generalisation_text(make())
    rows = [line.split() for line in text.splitlines() if line.startswith("X on a  ")]
    assert rows[0][3:] == ["2", "+0.510", "*", "-0.390", "+0.760", "+0.185"]
    assert rows[1][3:] == ["-0.500"]  # against the agent trained on b
    assert (
        "X on a: +0.510 against count_rule at home, +0.185 on average over the other 2; it loses most on b: 0.900 ["
        in text
    )
    assert "they were not searched anew for a, c." in text  # b is a preset of its own
    assert "speaks of other seeds" not in text
    single = make()
    single = replace(
        single,
        rows=tuple(replace(row, seeds=(0,)) for row in single.rows),
        returns={key: np.array([[1.0, 1.4, 1.2]]) for key in single.returns},
    )
    text = generalisation_text(single)
    assert "(+0.200)" in text  # on c, 1.0 … 1.4 against 1.0: three networks are too few to tell
    assert "One training seed per agent: nothing here speaks of other seeds." in text


def test_files_hold_every_cell(result: Generalisation, tmp_path: Path) -> None:
    picture, table, document = write_generalisation(result, tmp_path / "out")
    assert picture.read_bytes().startswith(b"\x89PNG")
    with picture.with_suffix(".csv").open() as file:
        cells = {(row["agent"], row["scenario"]): row for row in csv.DictReader(file)}
    assert len(cells) == 6
    away = cells["TA-SAM-tiny on tiny", "overload"]
    own, rule = result.returns["TA-SAM-tiny on tiny", "overload"], result.references["count_rule", "overload"]
    gap = difference(own, rule)
    assert float(away["advantage"]) == gap.mean
    assert float(away["advantage_over_networks_low"]) == known(gap.over_networks).low
    assert float(away["return_of_count_rule"]) == rule.mean()
    home = result.returns["TA-SAM-tiny on tiny", "tiny"] - result.references["count_rule", "tiny"]
    assert float(away["loss"]) == pytest.approx(home.mean() - gap.mean)
    specialist = result.returns["TA-SAM-tiny on overload", "overload"]
    assert float(away["gap_to_specialist"]) == pytest.approx((own - specialist).mean())
    assert cells["TA-SAM-tiny on tiny", "num_ues=10"]["gap_to_specialist"] == ""
    with table.open() as file:
        tidy = list(csv.DictReader(file))
    policies = {policy for policy, _ in result.references}
    assert {"count_rule", "static", "random"} < policies
    assert len(tidy) == (2 * 2 + len(policies)) * 3 * 3
    found = [
        row for row in tidy if (row["agent"], row["seed"], row["scenario"]) == ("TA-SAM-tiny on tiny", "1", "overload")
    ]
    assert [float(row["return"]) for row in found] == own[1].tolist()
    stored = json.loads(document.read_text())
    assert stored["scenarios"][1] == {"name": "overload", "env_kwargs": OVERLOAD}
    assert len(stored["cells"]) == 6


def test_without_names_the_whole_family_is_drawn(runs: list[Path]) -> None:
    one = generalise(runs[:1], 2)
    assert [each.name for each in one.members] == [
        "tiny",
        *(name for name in FAMILY if name != "dense"),
    ]  # two sites have no wrap-around
    assert one.reference == "count_rule"
    assert not one.has_specialists


def test_only_what_was_asked_for_is_drawn(runs: list[Path]) -> None:
    away = generalise(runs[2:3], 2, ["num_ues=10"], reference="static")
    assert [each.name for each in away.members] == ["overload", "num_ues=10"]  # its own is known by its name
    assert [row.label for row in away.rows] == ["TA-SAM-tiny on overload"]
    assert away.reference == "static"


def test_what_is_there_is_not_trained_again_and_what_is_unfinished_goes_on(
    tmp_path: Path,
) -> None:
    pool = HerePool()
    train_family(SHORT, ["tiny"], tmp_path, pool, quiet=True)
    paths = train_family(SHORT, ["tiny", "fast"], tmp_path, pool, quiet=True)
    assert pool.begun == ["TA-SAM-tiny on tiny, seed 0", "TA-SAM-tiny on fast, seed 0"]

    run, longer = RunDirectory(paths[0]), replace(SHORT, iterations=4)
    begun = replace(run.recorded_config(), iterations=4)
    shutil.rmtree(run.path)
    stop_after(begun, run.path, 2)
    train_family(longer, ["tiny"], tmp_path, pool, quiet=True)
    assert pool.begun[2:] == ["TA-SAM-tiny on tiny, seed 0"]
    assert checkpoint.load_state(run.latest)["iteration"] == 4
    assert [line["iteration"] for line in run.metrics()] == [0, 2, 4]


def test_a_run_that_fails_is_named_after_the_others_were_trained(tmp_path: Path) -> None:
    broken = tmp_path / "TA-SAM-tiny-tiny-seed0.lock"
    broken.mkdir()  # nobody can take this run
    with pytest.raises(RunsFailed, match=r"1 of 2 runs failed; .*\n  TA-SAM-tiny on tiny, seed 0: lock file"):
        train_family(SHORT, ["tiny", "fast"], tmp_path, HerePool(), quiet=True)
    assert (tmp_path / "TA-SAM-tiny-fast-seed0" / "config.json").is_file()


def test_runs_of_another_configuration_are_left_alone(runs: list[Path]) -> None:
    before = sorted(runs[0].parent.iterdir())
    with pytest.raises(UserError, match="TA-SAM-tiny-tiny-seed0 is a run with another configuration"):
        train_family(replace(SHORT, log_every=1), ["fast", "tiny"], runs[0].parent, HerePool(), quiet=True)
    assert sorted(runs[0].parent.iterdir()) == before  # refused before anything was trained


def test_other_spaces_are_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="scenario 'num_dus=3': agents are du_0, du_1, du_2; allowed"):
        train_family(SHORT, ["tiny", "num_dus=3"], tmp_path / "new", HerePool(), quiet=True)
    with pytest.raises(UserError, match="scenarios are tiny, tiny; allowed: each once"):
        train_family(SHORT, ["tiny", "tiny"], tmp_path / "new", HerePool(), quiet=True)
    assert not (tmp_path / "new").exists()


def test_runs_that_do_not_belong_together_are_refused(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a run is given twice"):
        generalise([runs[0], runs[0]], 2)
    copy = train(replace(SHORT, log_every=10), tmp_path / "copy", quiet=True)
    assert RunDirectory(copy).config() != RunDirectory(runs[0]).config()
    both = generalise([runs[0], copy], 2, ["tiny"])
    assert [row.label for row in both.rows] == ["TA-SAM-tiny on tiny", "TA-SAM-tiny on tiny (2)"]
    same = train(SHORT, tmp_path / "same", quiet=True)
    with pytest.raises(UserError, match="have the same seed; allowed: a seed once per configuration"):
        generalise([runs[0], same], 2, ["tiny"])


def test_somebody_elses_environment_is_varied_by_its_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = replace(
        SHORT,
        env_id="support.fakes:target_env",
        env_kwargs={"horizon": 7},
        learner=replace(SHORT.learner, input_scaling=()),
    )
    run = train(config, tmp_path / "run", quiet=True)
    result = generalise([run], 2, ["horizon=3"], trusted=(config.env_id,))
    assert [each.name for each in result.members] == ["base", "horizon=3"]
    assert result.reference == "random"
    assert result.returns["TA-SAM-tiny on base", "base"].tolist() != result.returns[
        "TA-SAM-tiny on base", "horizon=3"
    ].tolist()  # fmt: skip


def test_command_trains_prints_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIANTS, "tiny", SHORT)
    arguments = ["--config", "tiny", "--train-on", "tiny", "fast", "--runs", str(tmp_path), "--networks", "2"]
    main(["generalise", *arguments, "--iterations", "1", "--jobs", "1"])
    printed, told = capsys.readouterr()
    assert f"training TA-SAM-tiny on fast, seed 0 (log: {tmp_path}/TA-SAM-tiny-fast-seed0.log)" in told
    head = printed.split("Return minus that of count_rule:\n")[1].splitlines()[0]
    assert head.split() == ["agent,", "trained", "on", "seeds", "tiny", "fast", "elsewhere"]  # square, not the family
    assert "Return minus that of the agent trained there:" in printed
    assert f"written: {tmp_path}/generalisation/generalisation.png" in printed
    first = tmp_path / "TA-SAM-tiny-tiny-seed0"
    assert RunDirectory(first).config().iterations == 1

    main(["generalise", str(first), "--networks", "2", "--scenarios", "calm", "load=3", "--reference", "static"])
    printed = capsys.readouterr().out
    assert "Return minus that of static:" in printed
    assert printed.splitlines()[2].split() == [
        "agent,",
        "trained",
        "on",
        "seeds",
        "tiny",
        "calm",
        "load=3",
        "elsewhere",
    ]
    assert (first / "generalisation" / "generalisation.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no run given; allowed: one or more run directories"),
        (["{empty}"], "is not a run"),
        (["{run}", "--networks", "1"], "networks is 1; allowed: 2 or more"),
        (["{run}", "--scenarios", "calmer"], "scenario is 'calmer'; did you mean 'calm'? allowed: tiny, calm"),
        (["{run}", "--scenarios", "num_dus=3"], "scenario 'num_dus=3': agents are"),
        (["{run}", "--scenarios", "colour=3"], "unknown scenario field 'colour'"),
        (["{run}", "--reference", "best"], "reference is 'best'; allowed: random, idle"),
        (["{run}", "--config", "tiny"], "--config trains its own runs; not allowed with it"),
        (["--config", "tiny", "--runs", "{empty}"], "--train-on is missing"),
        (["--train-on", "tiny", "--runs", "{empty}"], "--config is missing"),
        (["--config", "tiny", "--train-on", "tiny"], "--runs is missing"),
        (["--config", "huge", "--train-on", "tiny", "--runs", "{empty}"], "--config is 'huge'; allowed: default"),
        (["--config", "tiny", "--train-on", "tiny", "--runs", "{empty}", "--seeds", "0"], "seeds is 0; allowed: 1"),
        (["--config", "tiny", "--train-on", "tiny", "--runs", "{empty}", "--jobs", "0"], "jobs is 0; allowed: 1"),
        (["--config", "tiny", "--train-on", "tiny", "--runs", "{empty}", "--iterations", "0"], "iterations = 0"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: list[str], message: str, runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(runs[0].rglob("*"))
    places = {"run": runs[0], "empty": tmp_path}
    with pytest.raises(SystemExit) as leaving:
        main(["generalise", *(argument.format(**places) for argument in arguments)])
    assert leaving.value.code == BAD_INPUT
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert message in error
    assert "\n" not in error
    assert sorted(runs[0].rglob("*")) == before
    assert not list(tmp_path.iterdir())
