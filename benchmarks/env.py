"""Speed of the environment on one core, against the floor of what it must compute.

    python -m benchmarks.env

prints one JSON object. The floor draws the fading that a step of the same networks needs (per granted RB one
exponential per RU) and takes the logarithm of eq. (1) per granted RB, and nothing else: no path loss, interference,
queues, KPIs, mobility or observations. Figures are medians over repetitions.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import oran_env
from oran_env.channel import draw_fading
from oran_env.kernels import Floats, Key, kernel

SECONDS = 1.5
REPETITIONS = 5


@kernel
def _floor(keys: Key, links: Floats, num_rbs: int, num_ues: int, steps: int) -> float:
    """Draw the fading of M links for each of M·K granted RBs and take one logarithm each; keys (B, 4)."""
    total = 0.0
    num_dus = len(links)
    for _ in range(steps):
        for b in range(keys.shape[0]):
            for k in range(num_rbs):
                for m in range(num_dus):
                    draw_fading(keys[b], (7 * m + k) % num_ues, k, 0, True, links)
                    total += math.log2(1.0 + links[m])
            keys[b, 3] += np.uint64(1)
    return total


def _rate(work: Callable[[], int]) -> float:
    """Median of the steps per second over the repetitions."""
    work()
    rates = []
    for _ in range(REPETITIONS):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS / REPETITIONS:
            count += work()
        rates.append(count / (time.perf_counter() - start))
    return statistics.median(rates)


def _batched(num_networks: int) -> Callable[[], int]:
    simulator = oran_env.Simulator("paper", num_networks, seed=0)
    actions = _full_reuse(simulator, num_networks)
    simulator.reset()

    def work() -> int:
        for _ in range(5):
            if simulator.truncated.any():
                simulator.reset_done()
            simulator.step(actions)
        return 5 * num_networks

    return work


def _full_reuse(simulator: oran_env.Simulator, num_networks: int) -> Any:
    """Random slices on every RB: nothing idle, so that every step needs all its fading."""
    shape = (num_networks, len(simulator.agents), simulator.scenario.radio.num_rbs)
    code = np.random.default_rng(0).integers(1, 4, shape)  # 01, 10, 11
    return np.concatenate([code >> 1, code & 1], axis=-1).astype(np.float32)


def _pettingzoo() -> Callable[[], int]:
    env = oran_env.parallel_env("paper")
    env.reset(seed=0)
    actions = dict(zip(env.possible_agents, _full_reuse(env.simulator, 1)[0], strict=True))

    def work() -> int:
        for _ in range(25):
            if not env.agents:
                env.reset()
            env.step(actions)
        return 25

    return work


def measure() -> dict[str, Any]:
    """Return all figures."""
    simulator = oran_env.Simulator("paper", 64, seed=0)
    keys = simulator.state.key.copy()
    num_dus, num_rbs = len(simulator.agents), simulator.scenario.radio.num_rbs
    links = np.empty(num_dus)

    def floor() -> int:
        _floor(keys, links, num_rbs, simulator.scenario.layout.num_ues, 5)
        return 5 * len(keys)

    floor_rate = _rate(floor)
    batched = _rate(_batched(64))
    pettingzoo = _rate(_pettingzoo())
    return {
        "scenario": "paper",
        "cores": 1,
        "floor_steps_per_second": round(floor_rate),
        "batched_networks": 64,
        "batched_steps_per_second": round(batched),
        "batched_over_floor": round(batched / floor_rate, 3),
        "pettingzoo_steps_per_second": round(pettingzoo),
        "pettingzoo_over_floor": round(pettingzoo / floor_rate, 3),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
