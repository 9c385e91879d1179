"""What a stranger may give: each kind of file with what reads it; edited, sealed anew, and read."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support.here_pool import HerePool
from support.short_runs import FAKE

import tasam_agents
from tasam_agents.baselines import BASELINES
from tasam_agents.baselines.search_space import Range
from tasam_agents.baselines.sweep import check_same_search
from tasam_agents.baselines.training import is_finished, train_baseline
from tasam_agents.baselines.tuning import read_log
from tasam_agents.config.variants import VARIANTS
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.errors import UserError
from tasam_agents.experiments.comparison.curves import curve_of
from tasam_agents.experiments.comparison.plan import cost_of
from tasam_agents.experiments.forgetting.experiment import ForgettingPlan, run_plan
from tasam_agents.experiments.forgetting.result import ForgettingResult
from tasam_agents.experiments.forgetting.text import forgetting_text
from tasam_agents.experiments.regimes import judging, result, text
from tasam_agents.experiments.run_evaluation import evaluate_run
from tasam_agents.experiments.run_figures import draw_run
from tasam_agents.files.sealed import sealed
from tasam_agents.jobs.engine import standing
from tasam_agents.jobs.job import Job, RunsFailed
from tasam_agents.jobs.training_task import TRAINING
from tasam_agents.study.budgets import BUDGETS
from tasam_agents.study.estimate import _known
from tasam_agents.study.measurement import FILE, UE_GRID_MBPS, Measurement
from tasam_agents.study.plan import Plan
from tasam_agents.study.results import collect
from tasam_agents.study.task import study_task
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import TrainingDiverged, train
from trust import sealing
from trust.sealing import Chance

TINY = replace(
    VARIANTS["tiny"], iterations=2, warmup_steps=2, evaluate_every=1, checkpoint_every_s=0.0, validation_envs=2,
    num_envs=2, replay_capacity=200, learner=replace(VARIANTS["tiny"].learner, hidden=(8,)),
)  # fmt: skip
SAC = replace(
    BASELINES["sac_sb3"], env_kwargs={"scenario": "tiny"}, num_envs=2, env_steps=8, hidden=(8,), validation_envs=2
)
FORGETTING = ForgettingPlan(replace(FAKE, iterations=3), {"horizon": 7}, {"horizon": 5}, ("plain", "sam"), 2, 0)
Q_MIN = (10.0, 50.0, 2.0)
CELL, ARMS = (1, 1), ("rho_0", "rho_0.1")
Read = Callable[[Path], object]


@dataclass(frozen=True)
class Kind:
    """A directory as it was written, how something in it is edited, and who reads it."""

    whole: Path
    edit: Callable[[Path, Chance], object]
    read: tuple[Read, ...]


def _document(name: str, is_sealed: bool = False) -> Callable[[Path, Chance], object]:
    edited = sealing.sealed_text if is_sealed else sealing.edited_text

    def edit(place: Path, chance: Chance) -> None:
        path = chance.choice(sorted(place.glob(name)))
        path.write_text(edited(path.read_text(), chance), "utf-8", "surrogatepass")

    return edit


def _config(run: Path, chance: Chance) -> None:
    """In config.json and, half of the time, in both checkpoints, too."""
    _document("config.json")(run, chance)
    with suppress(ValueError, RecursionError):
        document = json.loads((run / "config.json").read_text())
        for which in ("latest", "best") if chance.random() < 0.5 else ():
            state = run / "checkpoints" / which / checkpoint.STATE
            saved = json.loads(state.read_text())
            saved["state"]["config"] = document
            state.write_text(json.dumps(saved))
            sealing.seal_checkpoint(state.parent)


def _resume(run: Path, accept_changes: bool = False) -> None:
    config = RunDirectory(run).config((), accept_changes)
    train(replace(config, iterations=config.iterations + 1) if accept_changes else config, run, resume=True, quiet=True,
          accept_changes=accept_changes)  # fmt: skip


def of_a_run(place: Path) -> dict[str, Kind]:
    """A run of our own, evaluated."""
    whole = train(TINY, place / "run", quiet=True)
    evaluate_run(whole, 2).write(RunDirectory(whole))
    for which in ("latest", "best"):
        shutil.rmtree(whole / "checkpoints" / f"{which}.previous", ignore_errors=True)
    log: tuple[Read, ...] = (
        lambda run: RunDirectory(run).saved_metrics(),
        lambda run: curve_of(RunDirectory(run)),
        lambda run: cost_of(RunDirectory(run)),
    )
    draw: tuple[Read, ...] = (lambda run: draw_run(RunDirectory(run)),)
    weights: tuple[Read, ...] = (
        lambda run: [checkpoint.load(run / "checkpoints" / which) for which in ("latest", "best")],
        lambda run: TRAINING.status(Job("own", TINY, run)),
        tasam_agents.load_policy,
        lambda run: evaluate_run(run, 2),
        _resume,
    )
    latest, best = Path("checkpoints/latest"), Path("checkpoints/best")
    return {
        "config.json": Kind(whole, _config, (*weights, lambda run: _resume(run, True))),
        "state of latest": Kind(whole, lambda run, chance: sealing.edit_state(run / latest, chance), (*log, *weights)),
        "state of best": Kind(whole, lambda run, chance: sealing.edit_state(run / best, chance), weights),
        "manifest": Kind(whole, lambda run, chance: sealing.edit_manifest(run / latest, chance), weights),
        "tensors of latest": Kind(whole, lambda run, chance: sealing.edit_tensors(run / latest, chance), weights),
        "tensors of best": Kind(whole, lambda run, chance: sealing.edit_tensors(run / best, chance), weights),
        "log": Kind(whole, sealing.edit_log, (*log, *draw, *weights)),
        "evaluation.json": Kind(whole, _document("evaluation.json", True), (*draw, evaluate_and_write)),
        "distributed.json": Kind(_spread(place), _document("*.json"), (DistributedConfig.recorded,)),
    }


def evaluate_and_write(run: Path) -> None:
    evaluate_run(run, 2).write(RunDirectory(run))


def _spread(place: Path) -> Path:
    (place / "spread").mkdir()
    DistributedConfig(collectors=2).record(place / "spread")
    return place / "spread"


def of_a_baseline(place: Path) -> dict[str, Kind]:
    """A run of stable-baselines3."""
    whole = train_baseline(SAC, place / "baseline", quiet=True)
    shutil.rmtree(whole / "checkpoints" / "best.previous", ignore_errors=True)
    best = Path("checkpoints/best")
    read: tuple[Read, ...] = (
        is_finished,
        lambda run: TRAINING.status(Job("sac", SAC, run)),
        tasam_agents.load_policy,
        lambda run: cost_of(RunDirectory(run)),
    )
    return {
        "finished.json": Kind(whole, _document("finished.json", True), read),
        "config.json of a baseline": Kind(whole, _document("config.json"), read),
        "state of a baseline": Kind(whole, lambda run, chance: sealing.edit_state(run / best, chance), read),
        "tensors of a baseline": Kind(whole, lambda run, chance: sealing.edit_tensors(run / best, chance), read),
    }


def measurement() -> Measurement:
    """A made-up one, of two networks."""
    rows = ((0.5, 0.25, 1.0), (0.5, 0.25, 1.0))
    shares = ((0.5,) * len(UE_GRID_MBPS),) * 3
    return Measurement((0, 1), 2, (1.0, 1.5), rows, ((0.5, None, 1.0),) * 2, shares, shares, (1.0, 1.5),
                       {"critic": 0.5})  # fmt: skip


def of_a_study(place: Path) -> dict[str, Kind]:
    """One of its runs, trained and, as far as it is told, judged."""
    base = replace(TINY, env_kwargs={"scenario": "tiny"})
    plan = Plan(replace(BUDGETS["smoke"], base=base, networks=2), place / "study")
    plan.fix()
    job = next(job for job in plan.jobs() if job.agent == "both_sam")
    train(job.config, job.directory, quiet=True)  # type: ignore[arg-type]
    measurement().write(job.directory)
    (plan.directory / "calibration.json").write_text(json.dumps({arm.name: 3.5 for arm in plan.arms}))
    here = job.directory.relative_to(plan.directory)

    def at(study: Path) -> Plan:
        return replace(plan, directory=study)

    def status(study: Path) -> None:
        standing([replace(job, directory=study / here)], study_task(plan.judging))

    return {
        "measurement.json": Kind(
            plan.directory, _document(f"{here}/{FILE}", True), (lambda study: collect(at(study), Q_MIN), status)
        ),
        "log of a run of a study": Kind(
            plan.directory,
            lambda study, chance: sealing.edit_log(study / here, chance),
            (lambda study: collect(at(study), Q_MIN), status),
        ),
        "plan.json": Kind(plan.directory, _document("plan.json"), (lambda study: at(study).fix(),)),
        "calibration.json": Kind(
            plan.directory, _document("calibration.json"), (lambda study: _known(study / "calibration.json"),)
        ),
    }


def of_experiments(place: Path) -> dict[str, Kind]:
    """Records of `tasam forget`, judgements of `tasam regimes`, what `tasam tune` began with."""
    forgetting, regimes, tuning = place / "forgetting", place / "regimes", place / "tuning"
    tuning.mkdir()
    space = {"learner.gamma": Range(0.5, 0.0, 0.9)}
    check_same_search(tuning / "x.search.json", TINY, space, 0.5)
    returns = {f"{where}_after_{phase}": [0.5] * 20 for where in ("first", "then") for phase in ("first", "then")}
    curve = [{"phase": phase, "iteration": i, "first": 0.5, "then": 0.25}
             for phase, i in (("first", 3), ("then", 6))]  # fmt: skip
    for arm in FORGETTING.arms:
        for seed in range(2):
            path = forgetting / arm / f"seed_{seed}" / "record.json"
            path.parent.mkdir(parents=True)
            record = {"arm": arm, "seed": seed, "returns": returns, "curve": curve, "wall_time_s": 1.0}
            path.write_text(json.dumps(sealed(record)))
    (forgetting / "plan.json").write_text(json.dumps(FORGETTING.document()))
    rows = [[split, kind, [0.5, 1.0]] for split in judging.SPLITS for kind in judging.KINDS]
    for arm in ARMS:
        for seed in range(2):
            path = regimes / "ratio_1_networks_1" / arm / f"seed_{seed}" / judging.FILE
            path.parent.mkdir(parents=True)
            judgement = {"networks": 2, "returns": rows} | dict.fromkeys(judging.COSTS, 2.0)
            path.write_text(json.dumps(sealed(judgement)))

    def forget(out: Path) -> None:
        with suppress(RunsFailed):
            done = run_plan(FORGETTING, out, HerePool(), quiet=True)
            forgetting_text(ForgettingResult(FORGETTING, done))

    def judged(out: Path) -> None:
        cell = out / "ratio_1_networks_1"
        jobs = [Job(arm, replace(FAKE, seed=seed), cell / arm / f"seed_{seed}") for arm in ARMS for seed in range(2)]
        found = result.effects(jobs, [CELL], ARMS, ARMS[0], 2)
        if found:
            text.map_text(found, 2)

    def again(out: Path) -> None:
        check_same_search(out / "x.search.json", TINY, space, 0.5)

    return {
        "record.json": Kind(forgetting, _document("*/*/record.json", True), (forget,)),
        "plan.json of forget": Kind(forgetting, _document("plan.json"), (forget,)),
        "regimes.json": Kind(regimes, _document(f"*/*/*/{judging.FILE}", True), (judged,)),
        "search.json": Kind(tuning, _document("*.json"), (again,)),
        "log of a search": Kind(tuning, _trials, (lambda out: read_log(out / "log.csv", space),)),
    }


def _trials(place: Path, chance: Chance) -> None:
    row: list[Any] = [0, "complete", 0.75, [0.5, 0.75], 1.5, 0.5]
    sealing.edit(row, chance)
    cells = ['"' + json.dumps(cell).replace('"', '""') + '"' if isinstance(cell, list) else str(cell) for cell in row]
    head = "trial,state,validation_return,curve,cpu_time_s,learner.gamma"
    (place / "log.csv").write_text(f"{head}\n{','.join(cells)}\n", "utf-8", "replace")


def kinds(place: Path) -> dict[str, Kind]:
    """All of them, written below a directory."""
    return of_a_run(place) | of_a_baseline(place) | of_a_study(place) | of_experiments(place)


def meet(kind: Kind, chance: Chance, place: Path) -> int:
    """Edit a copy and let everybody read it: each refuses it with a message, or reads it; how many refused."""
    shutil.copytree(kind.whole, place)
    kind.edit(place, chance)
    refused = 0
    for read in kind.read:
        try:
            read(place)
        except (UserError, TrainingDiverged):
            refused += 1
    shutil.rmtree(place)
    return refused


def sealed_anew(place: Path, is_quick: bool) -> str:
    """Kind after kind, for some time."""
    found, refused, longest_s = kinds(place), 0, 0.0
    end, seed = time.monotonic() + (30 if is_quick else 300), 0
    while time.monotonic() < end:
        name = sorted(found)[seed % len(found)]
        began = time.process_time()
        try:
            refused += bool(meet(found[name], random.Random(seed), place / "copy"))
        except Exception as error:
            raise AssertionError(f"{name}, edit {seed}: {type(error).__name__}: {error}") from error
        longest_s = max(longest_s, time.process_time() - began)
        seed += 1
    return (
        f"{seed} edits of {len(found)} kinds of files, sealed anew: {refused} refused by a reader, no traceback, "
        f"none longer than {longest_s:.1f} s of CPU"
    )
