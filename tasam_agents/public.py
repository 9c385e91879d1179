"""What a program asks of the package; `import tasam_agents` offers it, the commands of `tasam` call the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oran_env.scoring.score import Score
from tasam_agents.baselines import BaselineConfig
from tasam_agents.baselines.training import train_baseline
from tasam_agents.config.fields import MOST_THREADS, Scalar, TrainConfig
from tasam_agents.distributed.config import DistributedConfig
from tasam_agents.distributed.training import train_distributed
from tasam_agents.envs.interface import ObservationPolicy
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments import run_evaluation, run_score
from tasam_agents.experiments.any_run import config_of, policy_of
from tasam_agents.experiments.comparison.plan import measure, plan
from tasam_agents.experiments.comparison.result import ComparisonReport
from tasam_agents.files.tracking import Tool, tracked
from tasam_agents.jobs.engine import run_jobs
from tasam_agents.jobs.job import RunsFailed
from tasam_agents.jobs.training_task import TRAINING
from tasam_agents.jobs.worker_pool import WorkerPool
from tasam_agents.training import trainer
from tasam_agents.training.choosing import Choice, choose
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.run_lock import run_lock


def train(
    config: TrainConfig | BaselineConfig,
    run_dir: Path | str,
    resume: bool = False,
    quiet: bool = False,
    distributed: DistributedConfig | None = None,
    accept_changes: bool = False,
    threads: int | None = None,
    track: Tool | None = None,
) -> Path:
    """Train into a new run directory, or go on with one that was interrupted; return the directory.

    Args:
        config: of our own agent or of a baseline; with ``resume``, the one that the run began with. Has it ``choices``,
            short trainings choose among them first.
        run_dir: a new or an empty directory; with ``resume``, a run of our own.
        resume: go on as if it had not been interrupted.
        quiet: show no progress.
        distributed: put the networks on a Ray cluster; our own agents only.
        accept_changes: resume also with a configuration or with versions that the run did not begin with, or with a log
            that is damaged; the damaged one is kept beside the new one.
        threads: with ``resume``, CPU threads from here on, in place of the configuration's. The configuration of the
            run stays; the last bits of its numbers may depend on it.
        track: show the log with "tensorboard", "wandb" or "mlflow", too; each is an extra.

    Raises:
        UserError: bad input, before any work starts. RunLocked: another process works on the run.
        Interrupted: on SIGINT, SIGTERM or SIGHUP. TrainingDiverged: NaN or infinity.
        OSError: the disk is full, or the run was deleted meanwhile.
    """
    with tracked(track, RunDirectory(Path(run_dir)).metrics_file, config.to_dict()):
        return _train(config, Path(run_dir), resume, quiet, distributed, accept_changes, threads)


def _train(
    config: TrainConfig | BaselineConfig,
    path: Path,
    resume: bool,
    quiet: bool,
    distributed: DistributedConfig | None,
    accept_changes: bool,
    threads: int | None,
) -> Path:
    if threads is not None and not (resume and distributed is None and 1 <= threads <= MOST_THREADS):
        raise UserError(f"threads is {threads}; allowed: 1 to {MOST_THREADS}, to resume a run of one process")
    if isinstance(config, BaselineConfig):
        if resume:
            raise UserError(f"resume is True and {config.name} a baseline; allowed: runs of our own agents")
        if distributed is not None:
            raise UserError("--collectors, --staleness and --address: allowed with our own agents, not a baseline")
        RunDirectory.check_new(path)
        with run_lock(path):
            return train_baseline(config, path, quiet)
    if distributed is not None and accept_changes:
        raise UserError("accept_changes is True and the run is distributed; allowed: a run of one process")
    if not resume:
        RunDirectory.check_new(path)  # before a lock is put beside it
    if distributed is not None:
        choice = Choice(config, {}) if resume else _chosen(config, quiet)
        train_distributed(choice.config, path, distributed, resume, quiet)  # which takes the lock
        choice.write(path)
        return path
    with run_lock(path):
        choice = Choice(config, {}) if resume else _chosen(config, quiet)
        try:
            return trainer.train(choice.config, path, resume, quiet, accept_changes, threads=threads)
        finally:
            choice.write(path)


def _chosen(config: TrainConfig, quiet: bool) -> Choice:
    choice = choose(config)
    if choice.returns and not quiet:
        print(choice.text, flush=True)
    return choice


def run_config(run_dir: Path | str, trust_env: Collection[str] = ()) -> TrainConfig | BaselineConfig:
    """The configuration of a run, of our own agent or of a baseline.

    Raises:
        UserError: not a run, or it names an environment that would import code of its choosing.
    """
    return config_of(Path(run_dir), trust_env)


def load_policy(run_dir: Path | str, deterministic: bool = True, trust_env: Collection[str] = ()) -> ObservationPolicy:
    """The best policy of a run: observations (B, M, D) of B networks and M agents → actions (B, M, A) in [0, 1].

    Args:
        run_dir: of our own agent or of a baseline, which needs the extra ``sb3``.
        deterministic: its best actions, rather than samples.
        trust_env: environment ids with a module that the run may name; else only a registry's are made.

    Raises:
        UserError: not a run, nothing saved yet, damaged.
    """
    return policy_of(Path(run_dir), deterministic, trust_env)


def evaluate(
    run_or_policy: Path | str | Callable[[NDArray[np.float32]], NDArray[np.float32]],
    networks: int = 20,
    env_id: str = "oran/ORAN-v1",
    trust_env: Collection[str] = (),
    **env_kwargs: Scalar,
) -> tuple[run_evaluation.Row, ...]:
    """Compare a run or a policy with the reference policies, on the same held-out networks.

    Args:
        run_or_policy: a run directory, or a function from observations (B, M, D) to actions (B, M, A) in [0, 1].
        networks: held-out networks, at least 2.
        env_id, env_kwargs: where a policy acts; a run brings its own.
        trust_env: environment ids with a module that a run may name; else only a registry's are made.

    Returns:
        One row per policy, the run's or the given one first: the return on each network, its mean with a 95 % interval,
        and what the first one gains on it.

    Raises:
        UserError: bad input, a damaged checkpoint.
    """
    if not callable(run_or_policy):
        if env_kwargs:
            raise UserError(f"a run brings its environment; not allowed with it: {', '.join(env_kwargs)}")
        return run_evaluation.evaluate_run(Path(run_or_policy), networks, trust_env).rows

    def policy(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        return run_or_policy(observations)

    names = held_out_networks(networks)
    env = make_batched(env_id, env_kwargs, networks, names)
    return run_evaluation.compare_with_references({"policy": policy}, env, env_id, env_kwargs, names)


def score(
    runs: Path | str | Sequence[Path | str],
    suite: str = "oran-v2",
    networks: int | None = None,
    trust_env: Collection[str] = (),
    scenarios: Sequence[str] = (),
) -> tuple[Score, dict[str, Path]]:
    """Score the best policies of runs on a suite, deterministic, on the networks that everybody is scored on.

    Args:
        runs: one run directory, or several: each scenario is played by the run that was trained on it, else by the
            first that fits.
        suite: of ``oran_env``.
        networks: only the first so many of each scenario.
        trust_env: environment ids with a module that the runs may name.
        scenarios: only these of the suite; none: all.

    Returns:
        The score, whose ``table()`` is to be read and whose ``save(path)`` writes JSON; and which run played what.

    Raises:
        UserError: not a run, an unknown suite or scenario, or no scenario that fits.
    """
    paths = [Path(each) for each in ([runs] if isinstance(runs, (str, Path)) else runs)]
    players = {path: (run_config(path, trust_env), load_policy(path, trust_env=trust_env)) for path in paths}
    return run_score.score_runs(players, suite, networks, scenarios)


def compare(
    agents: Sequence[str],
    seeds: int = 5,
    networks: int = 20,
    runs: Path | str = "runs/compare",
    jobs: int | None = None,
    iterations: int | None = None,
    first_seed: int = 0,
) -> ComparisonReport:
    """Train what is missing of several agents over several seeds, and compare all on the same held-out networks.

    Args:
        agents: names of configurations, baselines or reference policies; the first is compared with the others.
        seeds: training runs per agent.
        networks: held-out networks, at least 2.
        runs: the run of an agent with seed K is RUNS/AGENT/seed_K.
        jobs: runs trained at a time, one thread each; by default one per CPU core.
        iterations: of our own agents, in place of their configurations'.
        first_seed: seed of the first run; the others follow.

    Raises:
        UserError: bad input, before any work starts.
        RunsFailed: some did; the others are kept, and the same call tries these again.
    """
    chosen = plan(agents, range(first_seed, first_seed + seeds), networks, Path(runs), iterations)
    failures = run_jobs(chosen.jobs, WorkerPool(jobs), TRAINING)
    report = measure(chosen, failures)
    if failures or report is None:
        raise RunsFailed(failures, len(chosen.jobs))
    return report
