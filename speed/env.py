"""Speed of the environment on one core, against the floor of what it must compute, and how its cost grows.

    python -m speed.env [--headline] [--out DIRECTORY]

prints the main figures as one JSON object, then a table over codecs, schedulers, mechanisms, presets and sizes; with
--out it writes speed_env.csv and speed_env.png there. The floor draws the fading that a step of the same networks needs
(one exponential per RU for each granted RB and fading block, one for each channel report with csi="per_rb") and takes
the logarithm of eq. (1) per granted RB and block, and nothing else: no path loss, interference, queues, KPIs, mobility
or observations. It does so link by link, with the logarithm of the C library; a step draws many links side by side and
takes a logarithm per UE, so that it can be faster than its floor. The same floor with draws side by side is among the
main figures. Step and floor are timed in turns; figures are medians over the turns, and the ratios of the main figures
also of the best turns, in which a busy machine disturbs least.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

import oran_env
from oran_env.model.radio.fading import Fading, Room, draw_fades, room_for, rows
from oran_env.numerics import random_draws
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import FADING, exponential
from oran_env.policies.rules import equal_shares

REPETITIONS = 5


class Case(NamedTuple):
    """One configuration."""

    group: str  # what is varied
    label: str
    scenario: str
    networks: int
    overrides: dict[str, Any]


class Figure(NamedTuple):
    """What was measured; times in µs per step of one network."""

    group: str
    label: str
    networks: int
    num_dus: int
    num_ues: int
    num_rbs: int
    step_us: float
    floor_us: float
    times_floor: float
    steps_per_second: int
    kib_per_network: float


@kernel
def _floor(keys: Key, links: Floats, granted: int, num_rbs: int, num_ues: int, blocks: int, reports: int) -> float:
    """One step of the floor for networks with keys (B, 4): draws and logarithms alone."""
    total = 0.0
    for b in range(keys.shape[0]):
        for rb in range(granted):
            for block in range(blocks):
                _draw(keys[b], rb % num_ues, rb % num_rbs, block, links)
                total += math.log2(1.0 + links[rb % len(links)])
        for report in range(reports):
            words = random_draws.draw(keys[b], FADING, report % num_ues, (report % num_rbs) << 16)
            total += exponential(words[0])
        keys[b, 3] += np.uint64(1)
    return total


@kernel
def _draw(key: Key, u: int, k: int, block: int, links: Floats) -> None:
    """The fading of the links (M,) of UE u on RB k, four of them in a draw."""
    num_dus = len(links)
    for quad in range((num_dus + 3) // 4):
        m = 4 * quad
        w0, w1, w2, w3 = random_draws.draw(key, FADING, u, (k << 16) | (block << 8) | quad)
        links[m] = exponential(w0)
        if m + 1 < num_dus:
            links[m + 1] = exponential(w1)
        if m + 2 < num_dus:
            links[m + 2] = exponential(w2)
        if m + 3 < num_dus:
            links[m + 3] = exponential(w3)


@kernel
def _floor_side_by_side(
    keys: Key, ues: Integers, groups: Integers, speed: Floats, p: Fading, room: Room, power: Floats
) -> float:  # fmt: skip
    """The same for networks that grant len(ues) RBs, drawn as a step draws them."""
    total = 0.0
    for b in range(keys.shape[0]):
        for start in range(0, len(ues), power.shape[1]):
            stop = min(start + power.shape[1], len(ues))
            fading = rows(power.reshape(power.size), power.shape[0], stop - start)
            for block in range(p.blocks):
                draw_fades(keys[b], ues[start:stop], groups[start:stop], block, 0, speed, p, room, fading)
                for i in range(stop - start):
                    total += math.log2(1.0 + fading[0, i])
        keys[b, 3] += np.uint64(1)
    return total


def _turns(works: list[Callable[[], int]], seconds: float) -> list[list[float]]:
    """Steps per second of each in each turn; they take turns so that a busy machine slows all alike."""
    rates: list[list[float]] = [[] for _ in works]
    for _ in range(REPETITIONS):
        for i, work in enumerate(works):
            work()
            count, start = 0, time.perf_counter()
            while time.perf_counter() - start < seconds / REPETITIONS:
                count += work()
            rates[i].append(count / (time.perf_counter() - start))
    return rates


def _rates(works: list[Callable[[], int]], seconds: float) -> list[float]:
    """Median of the steps per second of each."""
    return [statistics.median(each) for each in _turns(works, seconds)]


def _full_reuse(simulator: oran_env.Simulator) -> NDArray[np.float32]:
    """Random slices on every RB, so that every step needs all its fading; equal shares but with two_bit."""
    if simulator.scenario.control.codec != "two_bit":
        return equal_shares(simulator.observations, simulator.scenario)
    shape = (simulator.num_networks, len(simulator.agents), simulator.scenario.radio.num_rbs)
    code = np.random.default_rng(0).integers(1, 4, shape)  # 01, 10, 11
    return np.concatenate([code >> 1, code & 1], axis=-1).astype(np.float32)


def _batched(simulator: oran_env.Simulator) -> Callable[[], int]:
    simulator.reset()
    actions = _full_reuse(simulator)

    def work() -> int:
        if simulator.truncated.any():
            simulator.reset_done()
        simulator.step(actions)
        return simulator.num_networks

    return work


def _floor_of(simulator: oran_env.Simulator) -> Callable[[], int]:
    """The floor of what ``simulator`` did in its last step."""
    s = simulator.scenario
    out = simulator.last_outcome
    assert out is not None
    granted = round(float((out.ue_of_rb >= 0).sum()) / simulator.num_networks)
    reports = 0
    if s.control.scheduler != "round_robin" and s.control.csi == "per_rb":
        # For each RB, the UEs of its slice report.
        slices = np.arange(3)[:, None]
        rbs = (out.slice_of_rb[:, :, None, :] == slices).sum(axis=-1)
        reports = round(float((rbs * out.num_ues).sum()) / simulator.num_networks)
    blocks = simulator.parameters.channel.fading.blocks
    keys, links = simulator.state.key.copy(), np.empty(len(simulator.agents))
    num_ues = max(s.layout.num_ues, 1)

    def work() -> int:
        _floor(keys, links, granted, s.radio.num_rbs, num_ues, blocks, reports)
        return len(keys)

    return work


def _side_by_side_floor_of(simulator: oran_env.Simulator) -> Callable[[], int]:
    out = simulator.last_outcome
    assert out is not None
    served = out.ue_of_rb[0].T
    ues, groups = served[served >= 0], np.nonzero(served >= 0)[0]
    keys, power = simulator.state.key.copy(), np.empty((len(simulator.agents), 256))
    fading, speed, room = simulator.parameters.channel.fading, simulator.state.speed[0], room_for(256)

    def work() -> int:
        _floor_side_by_side(keys, ues, groups, speed, fading, room, power)
        return len(keys)

    return work


def measure(case: Case, seconds: float = 0.5) -> Figure:
    """Time one configuration and its floor."""
    simulator = oran_env.Simulator(case.scenario, case.networks, seed=0, **case.overrides)
    work = _batched(simulator)
    work()
    rate, floor = _rates([work, _floor_of(simulator)], seconds)
    assert simulator.last_outcome is not None
    arrays: list[NDArray[Any]] = [*simulator.state, *simulator.last_outcome]
    s = simulator.scenario
    return Figure(
        case.group,
        case.label,
        case.networks,
        s.layout.num_dus,
        s.layout.num_ues,
        s.radio.num_rbs,
        round(1e6 / rate, 2),
        round(1e6 / floor, 2),
        round(floor / rate, 2),
        round(rate),
        round(sum(array.nbytes for array in arrays) / case.networks / 1024, 1),
    )


def cases() -> Iterator[Case]:
    """Every codec, scheduler, mechanism and preset, then the sizes."""
    for codec in ("two_bit", "slice_mask", "slice_share", "ue_grid"):
        yield Case("codec", codec, "paper", 64, {"codec": codec})
    for scheduler in ("round_robin", "proportional_fair", "equal_rate", "max_rate"):
        yield Case("scheduler", scheduler, "paper", 64, {"scheduler": scheduler})
    per_rb = {"scheduler": "proportional_fair", "csi": "per_rb"}
    yield Case("scheduler", "proportional_fair, per RB", "paper", 64, per_rb)
    mechanisms: dict[str, dict[str, Any]] = {
        "uma, shadowing": {"path_loss": "uma", "shadowing_los_db": 4.0, "shadowing_nlos_db": 6.0},
        "10 fading blocks": {"fading_blocks": 10},
        "4 blocks, groups of 4 RBs": {"fading_blocks": 4, "rbs_per_fade": 4},
        "blocks and groups of TDL-C": {"fading_blocks": None, "rbs_per_fade": None},
        "jakes": {"fading": "jakes"},
        "ergodic": {"fading": "ergodic"},
        "no fading": {"fading": "none"},
        "queue": {"latency": "queue"},
        "coloran": {"traffic": "coloran"},
        "ftp3": {"traffic": "ftp3"},
        "sessions, varying demand": {"session_s": 6.0, "drift_sigma": 0.5, "burst_factor": 6.0},
        "extended": {"observation": "extended"},
    }
    for label, overrides in mechanisms.items():
        yield Case("mechanism", label, "paper", 64, overrides)
    for preset in oran_env.PRESETS:
        yield Case("preset", preset, preset, 64, {})
    for networks in (1, 4, 16, 64, 256, 1024):
        yield Case("networks", str(networks), "paper", networks, {})
    for num_dus in (1, 2, 4, 6, 10, 20):
        yield Case("DUs", str(num_dus), "paper", 64, {"num_dus": num_dus})
    for num_ues in (20, 60, 200, 600, 2000):
        yield Case("UEs", str(num_ues), "paper", 64, {"num_ues": num_ues})
    for num_rbs in (10, 25, 50, 100, 273):
        width = {"rb_bandwidth_hz": 20e6 / num_rbs}
        yield Case("RBs", str(num_rbs), "paper", 64, {"num_rbs": num_rbs, **width})


def _pettingzoo() -> Callable[[], int]:
    """Steps of the PettingZoo environment, which has one network."""
    env = oran_env.parallel_env("paper")
    env.reset(seed=0)
    actions = dict(zip(env.possible_agents, _full_reuse(env.simulator)[0], strict=True))

    def work() -> int:
        for _ in range(25):
            if not env.agents:
                env.reset()
            env.step(actions)
        return 25

    return work


def headline() -> dict[str, Any]:
    """The main figures: the scenario ``paper``, as a batch and through PettingZoo."""
    simulator = oran_env.Simulator("paper", 64, seed=0)
    work = _batched(simulator)
    work()
    works = [_floor_of(simulator), _side_by_side_floor_of(simulator), work, _pettingzoo()]
    turns = _turns(works, seconds=2.0)
    floor, side_by_side, batched, pettingzoo = (statistics.median(each) for each in turns)
    best_floor, _, best_batched, best_pettingzoo = (max(each) for each in turns)
    return {
        "scenario": "paper",
        "cores": 1,
        "floor_steps_per_second": round(floor),
        "side_by_side_floor_steps_per_second": round(side_by_side),
        "batched_networks": simulator.num_networks,
        "batched_steps_per_second": round(batched),
        "batched_over_floor": round(batched / floor, 3),
        "batched_over_side_by_side_floor": round(batched / side_by_side, 3),
        "pettingzoo_steps_per_second": round(pettingzoo),
        "pettingzoo_over_floor": round(pettingzoo / floor, 3),
        "batched_over_floor_best_turns": round(best_batched / best_floor, 3),
        "pettingzoo_over_floor_best_turns": round(best_pettingzoo / best_floor, 3),
    }


def draw(figures: list[Figure], path: Path) -> None:
    """How the cost grows with the size, and what each mechanism and preset costs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 5, figsize=(15, 5.2), width_ratios=[1, 1, 1, 1, 1.5], layout="constrained")
    for axis, (group, size) in zip(
        axes, {"networks": "networks", "DUs": "num_dus", "UEs": "num_ues", "RBs": "num_rbs"}.items(), strict=False
    ):
        chosen = [figure for figure in figures if figure.group == group]
        x = [getattr(figure, size) for figure in chosen]
        axis.loglog(x, [figure.step_us for figure in chosen], "o-", color="#0072B2", label="step")
        axis.loglog(x, [figure.floor_us for figure in chosen], "s--", color="#D55E00", label="floor")
        axis.loglog(x, [3 * figure.floor_us for figure in chosen], ":", color="#D55E00", label="3 x floor")
        axis.set_xlabel(group)
        axis.set_xticks(x, [str(number) for number in x], fontsize=8)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("time per step of one network [µs]")
    axes[0].legend()
    bars = [figure for figure in figures if figure.group in ("codec", "scheduler", "mechanism", "preset")][::-1]
    axes[-1].barh([figure.label for figure in bars], [figure.times_floor for figure in bars], color="#0072B2")
    axes[-1].axvline(3, color="#D55E00", ls=":")
    axes[-1].set_xlabel("time / floor")
    axes[-1].tick_params(axis="y", labelsize=7)
    fig.savefig(path, dpi=110)
    plt.close(fig)


def main() -> None:
    """Measure, print and, if asked, write."""
    parser = argparse.ArgumentParser(description="Speed of the environment against the floor of what it must compute.")
    parser.add_argument("--out", type=Path, help="directory for speed_env.csv and speed_env.png")
    parser.add_argument("--headline", action="store_true", help="the main figures alone")
    arguments = parser.parse_args()
    print(json.dumps(headline(), indent=2), flush=True)
    if arguments.headline:
        return
    print(f"{'varied':10s} {'case':26s} {'step [µs]':>10s} {'floor [µs]':>11s} {'ratio':>6s} {'KiB/network':>12s}")
    figures = []
    for case in cases():
        figure = measure(case)
        figures.append(figure)
        print(
            f"{figure.group:10s} {figure.label:26s} {figure.step_us:10.1f} {figure.floor_us:11.1f} "
            f"{figure.times_floor:6.2f} {figure.kib_per_network:12.1f}",
            flush=True,
        )
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        with (arguments.out / "speed_env.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(Figure._fields)
            writer.writerows(figures)
        draw(figures, arguments.out / "speed_env.png")


if __name__ == "__main__":
    main()
