"""What a study will take: a few iterations of every kind of run, timed, then extrapolated."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tasam_agents.baselines.config import environment_steps
from tasam_agents.config import RadiusConfig, TrainConfig
from tasam_agents.errors import Damaged
from tasam_agents.files.atomic_write import set_aside, write_json_atomically
from tasam_agents.files.bounded_read import read_json
from tasam_agents.jobs.job import Job
from tasam_agents.study.arms import Arm
from tasam_agents.study.plan import Plan
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train

FILE = "calibration.json"
TRIAL_ITERATIONS = 2


def seconds_per_run(plan: Plan) -> dict[str, float]:
    """Seconds that one run of each arm takes on one core, by arm; timed once and kept in calibration.json."""
    path = plan.directory / FILE
    known = _known(path)
    kinds: dict[str, float] = {}
    for arm in plan.arms:
        if arm.name not in known:
            kind = _kind(arm)
            if kind not in kinds:
                kinds[kind] = _timed(arm.config)
            known[arm.name] = kinds[kind]
    plan.directory.mkdir(parents=True, exist_ok=True)
    write_json_atomically(path, known, indent=1)
    return known


def _known(path: Path) -> dict[str, float]:
    """What calibration.json says; a damaged one is set aside, and timed anew."""
    if not path.is_file():
        return {}
    try:
        found = read_json(path)
        if isinstance(found, dict) and all(isinstance(value, float) and 0 < value < 1e12 for value in found.values()):
            return found
    except Damaged:
        pass
    set_aside(path)
    return {}


def _kind(arm: Arm) -> str:
    """Runs that differ in their radii alone cost the same."""
    config = replace(arm.config, name="any", learner=replace(arm.config.learner, radius=RadiusConfig()))
    return json.dumps(config.to_dict(), sort_keys=True)


def _timed(config: TrainConfig) -> float:
    """Extrapolated from the rates that a short run logs; what starts a run, and its validations, are left out."""
    short = replace(
        config,
        iterations=TRIAL_ITERATIONS,
        log_every=1,
        evaluate_every=TRIAL_ITERATIONS,
        validation_envs=1,
        threads=1,
    )
    with tempfile.TemporaryDirectory() as directory:
        run = train(short, Path(directory) / "run", quiet=True)
        last = RunDirectory.open(run).metrics()[-1]
    steps = environment_steps(config) / last["environment_steps_per_second"]
    return float(config.total_updates / last["updates_per_second"] + steps)


def remaining_s(jobs: Sequence[Job], seconds: Mapping[str, float], processes: int) -> float:
    """Time until these are done, so many at a time."""
    return sum(seconds[job.agent] for job in jobs) / processes
