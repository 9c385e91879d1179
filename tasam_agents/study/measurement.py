"""What the study keeps of a finished run: how its best policy does on held-out networks, and how sharp its losses are.

``measurement.json`` stands in the run directory. It depends on the run alone and on no clock, so that a run repeated is
a measurement repeated, bit for bit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.scenario.slices import NUM_SLICES
from oran_env.simulator.simulator import Simulator
from tasam_agents.config.checks import check, check_fields
from tasam_agents.config.fields import TrainConfig
from tasam_agents.envs.interface import BatchStep
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments.sharpness.measure import measure_run
from tasam_agents.files.atomic_write import set_aside, write_json_atomically
from tasam_agents.files.sealed import read_sealed, sealed
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, load_actors, run_policy
from tasam_agents.training.run_directory import RunDamaged, RunDirectory, RunError
from tasam_agents.training.saved_state import entry
from tasam_agents.training.threads import torch_threads

FILE = "measurement.json"
SLICES = ("eMBB", "mMTC", "URLLC")
UE_GRID_MBPS = tuple(np.logspace(-3, 3, 61).tolist())
"""Where the distribution of the UEs' throughput is read off, Fig. 11 [Mbit/s]."""
_LATENCY_GRID_MS = tuple(np.logspace(-1, 3, 61).tolist())


@dataclass(frozen=True)
class Judging:
    """How runs are judged; the same for all of them."""

    networks: int
    """Held-out networks, the first so many."""
    products: int
    """Hessian-vector products per eigenvalue."""
    sharp_arms: tuple[str, ...]
    """Arms whose curvature is measured."""


@dataclass(frozen=True)
class Measurement:
    """One run on N held-out networks, its best policy, deterministic."""

    networks: tuple[int, ...]
    """Their numbers."""
    best_iteration: int
    returns: tuple[float, ...]
    """(N,) mean reward per DU and step."""
    quality: tuple[tuple[float, ...], ...]
    """(N, 3) mean Q̄ per slice."""
    satisfied: tuple[tuple[float | None, ...], ...]
    """(N, 3) share of the (DU, step) with UEs of the slice in which it reached Q_min; None: it had none."""
    qos_share: tuple[tuple[float, ...], ...]
    """(3, X) share of (network, DU, step) with a QoS of at most `qos_grid`; of slices that have a UE there."""
    ue_share: tuple[tuple[float, ...], ...]
    """(3, X) share of (network, UE, step) with a throughput of at most `UE_GRID_MBPS`."""
    du_returns: tuple[float, ...]
    """(M,) mean reward per DU."""
    lambda_max: dict[str, float] | None
    """Largest Hessian eigenvalue per kind of loss, mean over its networks; None: not measured."""

    def __post_init__(self) -> None:
        check_fields(self)
        networks, slices, points = len(self.networks), NUM_SLICES, len(UE_GRID_MBPS)
        for name, size in (("returns", (networks,)), ("quality", (networks, slices)), ("satisfied", (networks, slices)),
                           ("qos_share", (slices, points)), ("ue_share", (slices, points))):  # fmt: skip
            check(self, name, f"{size} numbers", _size(getattr(self, name)) == size and networks > 0)

    def write(self, run: Path) -> None:
        """Write it into the run directory, as a whole or not at all."""
        if (run / FILE).exists() and not is_whole(run):
            set_aside(run / FILE)
        write_json_atomically(run / FILE, sealed(asdict(self)))

    @staticmethod
    def read(run: Path) -> Measurement:
        """The inverse of ``write``.

        Raises:
            RunError: there is none.
            RunDamaged: it is not what was written.
        """
        path = run / FILE
        try:
            data = read_sealed(path, "a measurement", {})
            return Measurement(**{name: _tuples(value) for name, value in data.items()})
        except FileNotFoundError:
            raise RunError(f"{run} was not measured yet: there is no {path}") from None
        except (ValueError, TypeError) as error:
            raise RunDamaged(f"{path} is not a measurement: {error}") from error


def is_whole(run: Path) -> bool:
    """Whether there is a measurement, and what was written."""
    try:
        Measurement.read(run)
    except RunError:
        return False
    return True


def is_measured(run: Path, judging: Judging) -> bool:
    """Whether the run has been judged on these networks."""
    try:
        return Measurement.read(run).networks == tuple(range(judging.networks))
    except RunError:
        return False


def qos_grid(q_min: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    """Where the distributions of Fig. 10 are read off: [Mbit/s], [Mbit/s] up to twice Q_min, where Q̄ ends, and [ms]."""
    linear = [tuple(np.linspace(0.0, 2.0 * least, 61).tolist()) for least in q_min[:2]]
    return (*linear, _LATENCY_GRID_MS)


@torch_threads(1)  # as in training: the order of a sum may decide a bit
def measure(run: RunDirectory, config: TrainConfig, judging: Judging, arm: str) -> Measurement:
    """Judge the best policy of a finished run.

    Raises:
        UserError: a run that cannot be loaded, or in another environment than ours.
    """
    names = held_out_networks(judging.networks)
    env = make_batched(config.env_id, config.env_kwargs, judging.networks, names)
    if not isinstance(env, Simulator):
        raise UserError(f"env_id is {config.env_id!r}; allowed: 'oran/ORAN-v1', whose slices the study measures")
    saved = checkpoint.load(run.best)
    policy = run_policy(load_actors(saved, run.best, config, env), config, env, deterministic=True)
    recorder = _Recorder(env)
    evaluate(policy, env, names, recorder=recorder)
    sharpness = None
    if arm in judging.sharp_arms:
        sharpness = measure_run(run.path, batches=1, products=judging.products).means()
    return Measurement(
        networks=tuple(range(judging.networks)),
        best_iteration=entry(saved.state, "iteration", 0),
        lambda_max=sharpness,
        **recorder.fields(),
    )


class _Recorder:
    """What the slices and the UEs got in every step of one episode of each network."""

    def __init__(self, env: Simulator) -> None:
        self._env = env
        self._rewards: list[NDArray[np.float64]] = []
        self._quality: list[NDArray[np.float64]] = []
        self._satisfied: list[NDArray[np.float64]] = []
        self._qos: list[list[NDArray[np.float64]]] = [[] for _ in range(NUM_SLICES)]
        self._rates: list[list[NDArray[np.float64]]] = [[] for _ in range(NUM_SLICES)]

    def before_step(self) -> None:
        """Note who is there in this step."""
        self._slice_of_ue, self._serving = self._env.state.slice_of_ue.copy(), self._env.state.serving.copy()

    def after_step(self, step: BatchStep) -> None:
        """Note what it gave; all of a study's episodes are equally long."""
        outcome = self._env.last_outcome
        assert outcome is not None
        self._rewards.append(step.rewards.astype(np.float64))
        self._quality.append(outcome.qos_normalised.mean(axis=1))
        self._satisfied.append(outcome.satisfied)
        for number in range(NUM_SLICES):
            self._qos[number].append(outcome.qos[..., number][outcome.num_ues[..., number] > 0])
            is_served = (self._slice_of_ue == number) & (self._serving >= 0)
            self._rates[number].append(outcome.served[is_served] / 1e6)

    def fields(self) -> dict[str, Any]:
        """Those of a Measurement."""
        reward = np.stack(self._rewards)  # (T, N, M)
        grid = qos_grid(self._env.scenario.quality.q_min)
        return {
            "returns": _tuples(reward.mean(axis=(0, 2)).tolist()),
            "du_returns": _tuples(reward.mean(axis=(0, 1)).tolist()),
            "quality": _tuples(np.mean(self._quality, axis=0).tolist()),
            "satisfied": _share_reached(np.stack(self._satisfied)),
            "qos_share": tuple(_share(values, points) for values, points in zip(self._qos, grid, strict=True)),
            "ue_share": tuple(_share(values, UE_GRID_MBPS) for values in self._rates),
        }


def _share_reached(satisfied: NDArray[np.float64]) -> tuple[tuple[float | None, ...], ...]:
    """Share (N, 3) of the DUs and steps (T, N, M, 3) in which a slice that has UEs was satisfied; None without any."""
    number = np.isfinite(satisfied).sum(axis=(0, 2)).tolist()
    reached = np.nansum(satisfied, axis=(0, 2)).tolist()
    return tuple(
        tuple(r / n if n else None for r, n in zip(*rows, strict=True)) for rows in zip(reached, number, strict=True)
    )


def _share(values: list[NDArray[np.float64]], points: tuple[float, ...]) -> tuple[float, ...]:
    """Share of the values that are at most each point."""
    ordered = np.sort(np.concatenate(values))
    if not ordered.size:
        raise UserError("a slice had no UE in any held-out network; allowed: networks that have one of each")
    return tuple((np.searchsorted(ordered, points, side="right") / ordered.size).tolist())


def _size(rows: tuple[Any, ...]) -> tuple[int, ...]:
    """Of rows that are all equally long, or of a row."""
    lengths = {len(row) if isinstance(row, tuple) else 0 for row in rows}
    return (len(rows), *lengths - {0})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
