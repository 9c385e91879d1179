"""Two scenarios one after the other: what is carried over, measured and written, and what the anchor is for."""

from __future__ import annotations

import csv
import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from support import context_bandit
from support.here_pool import HerePool
from support.intervals import known

from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config import AnchorConfig, GateConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.envs.seeding import held_out_networks, validation_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments.forgetting import experiment as forgetting
from tasam_agents.experiments.forgetting.experiment import ForgettingPlan, continue_from, run_plan
from tasam_agents.experiments.forgetting.report import write_forgetting
from tasam_agents.experiments.forgetting.result import ForgettingResult, Measure
from tasam_agents.experiments.forgetting.text import forgetting_text
from tasam_agents.jobs.job import Job, RunsFailed
from tasam_agents.learner.kl_anchor import Anchor
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import Episodes, evaluate
from tasam_agents.training.interruption import StopRequest
from tasam_agents.training.resume import restore_latest
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import Training, train

TINY = VARIANTS["tiny"]
CONFIG = replace(
    TINY,
    env_id="support.context_bandit:bandit",
    env_kwargs={},
    num_envs=8,
    iterations=30,
    steps_per_iteration=2,
    updates_per_iteration=6,
    warmup_steps=8,
    replay_capacity=400,
    evaluate_every=10,
    validation_envs=4,
    learner=replace(
        TINY.learner,
        input_scaling=(),
        hidden=(16, 16),
        gamma=0.0,
        batch_size=16,
        actor_learning_rate=1e-2,
        critic_learning_rate=1e-2,
        gate=GateConfig(lambda_td=0.0),
        anchor=AnchorConfig(source="best_snapshot", target_kl_per_dim=1.0, weight=0.05, adaptation=0.5),
    ),
)
PLAN = ForgettingPlan(
    CONFIG,
    {"context": 0},
    {"context": 1},
    arms=("plain", "anchor"),
    replay="emptied",
    networks=3,
    back_iterations=4,
    seeds=2,
)
SHORT = replace(
    PLAN, config=replace(CONFIG, iterations=2, evaluate_every=1), back_iterations=0, arms=("anchor",), seeds=1
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ForgettingResult]:
    out = tmp_path_factory.mktemp("forgetting") / "toy"
    return out, ForgettingResult(PLAN, run_plan(PLAN, out, HerePool(), quiet=True))


# ---------------------------------------------------------------- what the anchor is for


def test_an_anchored_learner_keeps_more_of_the_first_task_and_still_learns_the_second(
    done: tuple[Path, ForgettingResult],
) -> None:
    measures = {name: {arm: values.mean() for arm, values in of.items()} for name, of in done[1].measures().items()}
    assert measures["A after A"]["plain"] > 0.7
    assert measures["A after A"]["anchor"] > 0.7
    assert measures["lost"]["plain"] > 0.3
    assert measures["lost"]["anchor"] < measures["lost"]["plain"] - 0.1
    assert measures["gained"]["anchor"] > 0.2
    assert measures["gained"]["plain"] > 0.2


def test_every_phase_is_evaluated_on_both_scenarios_with_its_last_actors(done: tuple[Path, ForgettingResult]) -> None:
    out, result = done
    record = result.of_arm("plain")[0]
    assert [(point["phase"], point["iteration"]) for point in record["curve"]] == [
        *(("first", k) for k in (10, 20, 30)), *(("then", k) for k in (40, 50, 60)), ("back", 64)
    ]  # fmt: skip
    assert set(record["returns"]) == {f"{a}_after_{b}" for a in ("first", "then") for b in ("first", "then", "back")}
    assert result.returns("first", "then")["plain"].shape == (2, 3)
    # A run's own validation is that of the curve on its own scenario.
    for phase, where in (("first", "first"), ("then", "then"), ("back", "first")):
        lines = RunDirectory.open(out / "plain" / "seed_0" / phase).metrics()
        own = [line["validation_return"] for line in lines if "validation_return" in line]
        assert own == [point[where] for point in record["curve"] if point["phase"] == phase]
    assert not list(out.glob("*/*/*/checkpoints/latest"))  # the replay of a complete arm is of no use


def test_the_arms_differ_by_sam_and_anchor_alone() -> None:
    arms = {name: PLAN.arm(name, 3) for name in forgetting.ARMS}
    off, none = replace(CONFIG.learner.sam, critic=False, actors="none"), AnchorConfig()
    wanted = {"plain": (off, none), "sam": (CONFIG.learner.sam, none), "anchor": (off, CONFIG.learner.anchor),
              "sam_anchor": (CONFIG.learner.sam, CONFIG.learner.anchor)}  # fmt: skip
    for name, (sam, anchor) in wanted.items():
        learner = replace(CONFIG.learner, sam=sam, anchor=anchor)
        assert arms[name] == replace(CONFIG, name=name, seed=3, env_kwargs={"context": 0}, learner=learner)
    bare = replace(PLAN, config=replace(CONFIG, learner=replace(CONFIG.learner, sam=off, anchor=none)))
    assert bare.arm("sam_anchor", 0).learner.sam == replace(off, critic=True, actors="gated")
    assert bare.arm("sam_anchor", 0).learner.anchor == AnchorConfig(source="best_snapshot")


# ---------------------------------------------------------------- the switch


@pytest.fixture
def before(tmp_path: Path) -> Training:
    config = SHORT.arm("anchor", 0)
    return Training(config, RunDirectory(train(config, tmp_path / "before", quiet=True)))


@pytest.mark.parametrize("replay", ["kept", "emptied"])
@pytest.mark.parametrize("switch", ["held", "following"])
def test_what_is_carried_over(before: Training, tmp_path: Path, replay: Any, switch: Any) -> None:
    restore_latest(before)
    config = replace(before.config, env_kwargs={"context": 1}, warmup_steps=0)
    training = Training(config, RunDirectory.create(tmp_path / "after", config))
    continue_from(before, training, replace(SHORT, replay=replay, anchor_at_switch=switch))
    old, new = before.learner.tensors(), training.learner.tensors()
    assert all(torch.equal(tensor, new[name]) for name, tensor in old.items())
    assert (before.learner.updates, training.learner.updates) == (12, 0)
    assert training.learner.gate.state() == before.learner.gate.state()
    assert len(training.replay) == (len(before.replay) if replay == "kept" else 0)
    assert cast(Anchor, training.learner.anchor).is_held == (switch == "held")
    training.collect(1, training.exploring_policy)
    training.update(1)
    training.validate()  # the first on B, hence the best
    after = training.learner.tensors()
    moved = [name for name in after if name.startswith("anchor.") and not torch.equal(after[name], old[name])]
    assert bool(moved) == (switch == "following")


def test_the_second_phase_begins_without_random_actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    policy = Training.random_policy

    def watched(self: Training) -> Any:
        begun.append(self.config.env_kwargs["context"])
        return policy(self)

    monkeypatch.setattr(Training, "random_policy", watched)
    run_plan(SHORT, tmp_path / "out", HerePool(), quiet=True)
    assert begun == [0]


def test_an_anchor_from_the_switch_on_is_the_best_snapshot_of_the_first_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchors = []
    run = forgetting._run

    def watched(training: Training, *rest: Any) -> None:
        anchors.append(training.learner.anchor)
        run(training, *rest)

    monkeypatch.setattr(forgetting, "_run", watched)
    plan = replace(SHORT, anchor_from="switch", arms=("plain", "anchor"))
    plain, anchored = run_plan(plan, tmp_path / "out", HerePool(), quiet=True)
    assert plain["returns"]["first_after_first"] == anchored["returns"]["first_after_first"]
    assert plain["returns"]["first_after_then"] != anchored["returns"]["first_after_then"]
    assert anchors[:3] == [None] * 3
    best = checkpoint.load(RunDirectory(tmp_path / "out" / "anchor" / "seed_0" / "first").best).tensors["actors"]
    held = cast(Anchor, anchors[3])
    assert all(torch.equal(weight, held.policy.state_dict()[name]) for name, weight in best.items())
    assert held.is_set
    assert held.is_held


def test_held_out_networks_are_those_of_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, ...]] = []

    def watched(policy: Any, env: Any, seeds: Any) -> Episodes:
        seen.append((env.context, *seeds))
        return evaluate(policy, env, seeds)

    monkeypatch.setattr(forgetting, "evaluate", watched)
    (record,) = run_plan(SHORT, tmp_path / "out", HerePool(), quiet=True)
    validation = [(context, *validation_networks(4)) for context in (0, 1)]
    test = [(context, *held_out_networks(3)) for context in (0, 1)]
    phase = [*validation, *validation, *test]
    assert seen == phase * 2
    assert len(record["returns"]["first_after_then"]) == 3


# ---------------------------------------------------------------- going on, and bad input


def test_complete_arms_are_skipped_and_others_begin_anew(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run_plan(SHORT, out, HerePool(), quiet=True)
    leftover = out / "plain" / "seed_0" / "first" / "half"
    leftover.mkdir(parents=True)
    pool = HerePool()
    more = run_plan(replace(SHORT, arms=("anchor", "plain"), seeds=2), out, pool, quiet=True)
    assert pool.begun == ["anchor, seed 1", "plain, seed 0", "plain, seed 1"]
    assert not leftover.exists()
    assert more[0] == first[0]
    assert more[0]["returns"] != more[1]["returns"]
    with pytest.raises(UserError, match="was begun with another replay; allowed: the same, or another --out"):
        run_plan(replace(SHORT, replay="kept"), out, HerePool(), quiet=True)
    with pytest.raises(UserError, match=r"is not empty and holds no plan\.json"):
        run_plan(SHORT, out / "plain", HerePool(), quiet=True)


def test_a_stop_between_two_phases_is_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the record says nothing of the arm, which begins anew."""
    phases = []
    run = forgetting._run

    def stopped_after(training: Training, title: str, stop: StopRequest) -> None:
        run(training, title, stop)
        phases.append(title)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(forgetting, "_run", stopped_after)
    with pytest.raises(RunsFailed, match="stopped in anchor, seed 0, then; begun anew by the same command"):
        run_plan(SHORT, tmp_path / "out", HerePool(), quiet=True)
    assert phases == ["anchor, seed 0, first"]
    monkeypatch.setattr(forgetting, "_run", run)
    assert len(run_plan(SHORT, tmp_path / "out", HerePool(), quiet=True)) == 1


def test_a_second_scenario_of_other_sizes_is_refused(tmp_path: Path) -> None:
    plan = replace(SHORT, then={"context": 1, "actions": 3})
    with pytest.raises(EnvironmentRefused, match=r"actions \(3, 3\); allowed: those of the first.*\(2, 2\)"):
        run_plan(plan, tmp_path / "out", HerePool(), quiet=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"arms": ("plain", "both")}, "arms is plain both; allowed: some of plain, sam, anchor, sam_anchor"),
        ({"arms": ()}, "arms is empty"),
        ({"seeds": 0}, "seeds is 0; allowed: 1 or more"),
        ({"networks": 1}, "networks is 1; allowed: 2 or more"),
        ({"back_iterations": -1}, "back_iterations is -1; allowed: 0 or more"),
        ({"replay": "half"}, "replay is 'half'; allowed: kept, emptied"),
        ({"anchor_from": "end"}, "anchor_from is 'end'; allowed: start, switch"),
        ({"anchor_at_switch": "gone"}, "anchor_at_switch is 'gone'; allowed: held, following"),
    ],
)
def test_bad_plans_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        replace(PLAN, **fields)


# ---------------------------------------------------------------- the report


def made_up() -> ForgettingResult:
    """Two seeds, three networks; plain loses about 0.5 on A and gains 0.3, the anchor loses 0.1 and gains 0.2."""

    def record(arm: str, seed: int, lost: float, gained: float) -> dict[str, Any]:
        network = np.array([0.0, 0.1, -0.1]) + 0.01 * seed
        ends = {"first_after_first": 1.5 + network, "first_after_then": 1.5 - lost + 0 * network,
                "first_after_back": 1.45 + 0 * network, "then_after_first": 0.5 + network,
                "then_after_then": 0.5 + gained + network, "then_after_back": 0.5 + network}  # fmt: skip
        shares = [("first", 30, 0.0), ("then", 60, 1.0), ("back", 62, 0.6), ("back", 64, 0.2)]
        curve = [{"phase": phase, "iteration": iteration, "first": 1.5 - share * lost, "then": 0.5}
                 for phase, iteration, share in shares]  # fmt: skip
        returns = {name: values.tolist() for name, values in ends.items()}
        return {"arm": arm, "seed": seed, "returns": returns, "curve": curve, "wall_time_s": 1.0}

    arms = {"plain": (0.5, 0.3), "anchor": (0.1, 0.2)}
    return ForgettingResult(PLAN, [record(arm, s, *numbers) for arm, numbers in arms.items() for s in (0, 1)])


def test_the_numbers_of_the_report() -> None:
    result = made_up()
    measures = result.measures()
    lost = Measure.of(measures["lost"]["plain"])
    assert measures["lost"]["plain"] == pytest.approx(np.array([[0.5, 0.6, 0.4], [0.51, 0.61, 0.41]]))
    assert lost.mean == pytest.approx(0.505)
    networks = known(lost.networks)
    assert networks.mean == pytest.approx(0.505)
    assert networks.low < 0.4 < 0.6 < networks.high  # t-interval of 0.405, 0.505, 0.605
    seeds = known(lost.seeds)
    assert (seeds.high - seeds.low) / 2 == pytest.approx(12.706 * 0.005, rel=1e-3)
    assert measures["gained"]["anchor"] == pytest.approx(np.full((2, 3), 0.2))
    assert measures["regained"]["plain"] == pytest.approx(np.full((2, 3), 0.45))
    assert result.half_regained("plain") == 4
    text = forgetting_text(result)
    # Paired: the anchor keeps 0.4 more in every network, so the interval has no length.
    assert "+0.400 [+0.400, +0.400]  -0.400 [-0.400, -0.400]  -0.100 [-0.100, -0.100]" in text
    assert "no SAM 4, anchor 4" in text
    for index, value, word in ((3, 1.0, "not reached"), (1, 1.6, "nothing lost")):
        for record in result.of_arm("anchor"):
            record["curve"][index]["first"] = value
            record["curve"][2]["first"] = 1.0
        assert f"no SAM 4, anchor {word}" in forgetting_text(result)
        assert result.half_regained("anchor") is None
    single = replace(
        result, plan=replace(PLAN, seeds=1), records=[record for record in result.records if record["seed"] == 0]
    )
    assert "one seed each" in forgetting_text(single)
    assert Measure.of(single.measures()["lost"]["plain"]).seeds is None


def test_what_is_written(tmp_path: Path) -> None:
    result = made_up()
    files = write_forgetting(result, tmp_path)
    assert [path.name for path in files] == ["forgetting.json", "forgetting.csv", "forgetting_curves.png"]
    with files[1].open(encoding="utf-8") as file:
        rows = {(row["arm"], row["measure"]): row for row in csv.DictReader(file)}
    assert float(rows["plain", "lost"]["mean"]) == pytest.approx(0.505)
    assert rows["plain", "lost"]["difference_mean"] == ""
    assert float(rows["anchor", "lost"]["difference_high_seeds"]) == pytest.approx(-0.4)
    document = json.loads(files[0].read_text("utf-8"))
    assert document["half_regained_iterations"] == {"plain": 4, "anchor": 4}
    assert document["records"] == list(result.records)
    assert document["plan"]["then"] == {"context": 1}
    with (tmp_path / "forgetting_curves.csv").open(encoding="utf-8") as file:
        points = list(csv.DictReader(file))
    assert [(point["arm"], point["phase"], point["iteration"]) for point in points[:2]] == [
        ("plain", "first", "30"), ("plain", "then", "60")
    ]  # fmt: skip
    assert float(points[1]["first"]) == pytest.approx(1.0)


# ---------------------------------------------------------------- the command


COMMAND = ["forget", "--config", "tiny", "--first", "tiny", "--then-env", "scenario=tiny", "--then-env", "num_ues=60",
           "--iterations", "2", "--evaluate-every", "1", "--arms", "plain", "sam_anchor", "--learner.hidden", "8",
           "--networks", "2", "--jobs", "1", "--quiet"]  # fmt: skip


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*COMMAND, "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "SAM + anchor" in printed
    assert "A: tiny. B: tiny (num_ues=60). 2 iterations on A, as many on B; replay kept" in printed
    assert "anchor from the start on, held at the switch." in printed
    for name in ("forgetting.json", "forgetting.csv", "forgetting_curves.png"):
        assert f"written: {tmp_path / 'out' / name}" in printed
    config = RunDirectory.open(tmp_path / "out" / "sam_anchor" / "seed_0" / "then").recorded_config()
    assert (config.env_kwargs, config.learner.hidden) == ({"scenario": "tiny", "num_ues": 60}, (8,))
    assert checkpoint.exists(RunDirectory(tmp_path / "out" / "sam_anchor" / "seed_0" / "then").best)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--first", "tiny"], "--then is missing; allowed: a scenario preset"),
        (["--first", "tiny", "--then", "tiny", "--then-env", "load"], "--then-env is 'load'; allowed: NAME=VALUE"),
        (["--first", "tiny", "--then", "nowhere"], "unknown scenario 'nowhere'"),
        (["--first", "tiny", "--then", "paper"], "allowed: those of the first"),
        (
            ["--first", "tiny", "--then", "tiny", "--seeds", "x"],
            "Error parsing --seeds: invalid literal for int()",
        ),
        (["--first", "tiny", "--then", "tiny", "--jobs", "0"], "jobs is 0; allowed: 1 or more"),
        (["--first", "tiny", "--then", "tiny", "--frobnicate", "1"], "frobnicate"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["forget", "--config", "tiny", *arguments, "--out", str(tmp_path / "out")])
    assert leaving.value.code == BAD_INPUT
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_toy_is_solvable_by_one_policy() -> None:
    """Both contexts can be told apart, so that forgetting is not forced by the task."""
    batches = [context_bandit.BanditBatch(2, [0, 1], context) for context in (0, 1)]
    seen = [batch.reset([0, 1])[:, :, 1] for batch in batches]
    assert (seen[0] > 0).all()
    assert (seen[1] < 0).all()


def test_what_is_begun_again_is_renamed_and_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(plan: object, config: object, place: Path, stop: object) -> dict[str, object]:
        place.mkdir()
        return {"returns": {}}

    monkeypatch.setattr(forgetting, "_train_arm", trained)
    job = Job("sac", VARIANTS["tiny"], tmp_path / "seed_0")
    (job.directory / "first").mkdir(parents=True)
    forgetting._do(job, plan=None)  # type: ignore[arg-type]
    assert (tmp_path / "seed_0.interrupted-1" / "first").is_dir()
    assert [path.name for path in job.directory.iterdir()] == ["record.json"]
