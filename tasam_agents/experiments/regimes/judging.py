"""How a run of the map is judged: its last actors, deterministic, on networks of four kinds, validation and held-out.

``regimes.json`` stands in the run directory, sealed; with it the run is complete.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasam_agents.config.fields import Scalar, TrainConfig
from tasam_agents.envs.interface import BatchedEnv
from tasam_agents.envs.make import make_batched, make_env
from tasam_agents.envs.seeding import held_out_networks, validation_networks
from tasam_agents.errors import Damaged, Note
from tasam_agents.experiments.comparison.curves import gradient_evaluations
from tasam_agents.experiments.generalisation.scenario_family import ORAN, base_of, family_around
from tasam_agents.experiments.regimes.flipped_bits import FlippedBits
from tasam_agents.files.atomic_write import set_aside, write_json_atomically
from tasam_agents.files.form import OrNone
from tasam_agents.files.sealed import read_sealed, sealed
from tasam_agents.jobs.job import Job, Status, Task
from tasam_agents.jobs.training_task import TRAINING
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, load_actors, run_policy
from tasam_agents.training.run_directory import RunDamaged, RunDirectory
from tasam_agents.training.threads import torch_threads

FILE = "regimes.json"
COSTS = ("updates", "transitions", "gradients", "perturbation", "gate_open")
"""Of a run: the last two are None where there was no SAM and no gate."""
KINDS = ("as trained", "1.5 × UEs", "10 % of bits flipped", "family")
"""The family: mean over its scenarios, see ``scenario_family``."""
SPLITS = {"validation": validation_networks, "held-out": held_out_networks}
_FLIPPED = KINDS[2]
_FORM = {"networks": int, "returns": [(str, str, [float])], **dict.fromkeys(COSTS, OrNone(float))}

Returns = Mapping[tuple[str, str], NDArray[np.float64]]
"""Returns (N,) by (split, kind)."""


def scenarios(arguments: Mapping[str, Scalar]) -> dict[str, list[Mapping[str, Scalar]]]:
    """Arguments of the environments of each kind, of which the mean is taken; flipped ones are those as trained."""
    base = {**base_of(ORAN, [arguments])}
    ues = make_env(ORAN, arguments).unwrapped.scenario.layout.num_ues
    return {
        KINDS[0]: [arguments],
        KINDS[1]: [{**arguments, "num_ues": round(1.5 * ues)}],
        _FLIPPED: [arguments],
        KINDS[3]: [each.arguments for each in family_around(ORAN, base)],
    }


@torch_threads(1)  # as in training: the order of a sum may decide a bit
def judge(run: RunDirectory, config: TrainConfig, num_networks: int) -> Returns:
    """Returns of the actors that the run ended with.

    Raises:
        UserError: a run that cannot be loaded.
    """
    saved = checkpoint.load(run.best)
    found: dict[tuple[str, str], NDArray[np.float64]] = {}
    of_kind = scenarios(config.env_kwargs)
    for split, networks in SPLITS.items():
        names = networks(num_networks)
        for kind, members in of_kind.items():
            sums = np.zeros(num_networks)
            for arguments in members:
                env: BatchedEnv = (
                    FlippedBits(arguments, names)
                    if kind == _FLIPPED
                    else make_batched(config.env_id, arguments, num_networks, names)
                )
                learner = load_actors(saved, run.best, config, env)
                policy = run_policy(learner, config, env, deterministic=True)
                sums += evaluate(policy, env, names).returns
            found[split, kind] = sums / len(members)
    return found


def task(num_networks: int) -> Task:
    """To train and judge."""
    return Task(partial(_train_and_judge, num_networks=num_networks), partial(_status, num_networks=num_networks))


def _train_and_judge(job: Job, num_networks: int) -> None:
    TRAINING.work(job)
    assert isinstance(job.config, TrainConfig)  # there are runs of our own only
    run = RunDirectory.open(job.directory)
    found = judge(run, job.config, num_networks)
    last = run.saved_metrics()[-1]
    document = {
        "networks": num_networks,
        "returns": [[split, kind, returns.tolist()] for (split, kind), returns in found.items()],
        "updates": last["updates"],
        "transitions": last["env_steps"],
        "gradients": gradient_evaluations(run),
        "perturbation": last.get("critic_perturbation_ratio"),
        "gate_open": last.get("gate_open_fraction"),
    }
    if (job.directory / FILE).exists():
        set_aside(job.directory / FILE)
    write_json_atomically(job.directory / FILE, sealed(document))


def _status(job: Job, num_networks: int) -> Status:
    trained = TRAINING.status(job)
    try:
        is_judged = judged(job.directory, num_networks) is not None
    except RunDamaged:  # judged anew, the damaged file is kept
        is_judged = False
    return trained if is_judged or trained != "complete" else "interrupted"


@dataclass(frozen=True)
class Judged:
    """One run."""

    returns: Returns
    cost: Mapping[str, float | None]
    """Updates, transitions, gradients of one network each; of the last log window ‖ε‖/‖θ‖ of the critics and the share
    of open gates, where there are any."""


def judged(directory: Path, num_networks: int) -> Judged | None:
    """What a run reached; None: it has not been judged on so many networks yet.

    Raises:
        RunDamaged: what stands there is not what was written.
    """
    try:
        data = read_sealed(directory / FILE, "a judgement", _FORM)
    except FileNotFoundError:
        return None
    except Damaged as error:
        raise RunDamaged(str(error)) from error
    if data["networks"] != num_networks:
        return None
    returns = {(split, kind): np.array(each, np.float64) for split, kind, each in data["returns"]}
    if [(split, kind) for split, kind, _ in data["returns"]] != [*product(SPLITS, KINDS)] or {
        len(own) for own in returns.values()
    } != {num_networks}:
        raise RunDamaged(
            f"{directory / FILE} is not a judgement: allowed: {num_networks} returns of each split and kind"
        )
    return Judged(returns, {name: data[name] for name in COSTS})


def known(job: Job, num_networks: int) -> Judged | None:
    """``judged``, or None with a warning where that is damaged: one bad file leaves out one run."""
    try:
        return judged(job.directory, num_networks)
    except RunDamaged as error:
        warnings.warn(f"{job.label} is left out: {error}", Note, stacklevel=2)
        return None
