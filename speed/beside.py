"""Updates per second of the learner alone, and beside busy processes.

    python -m speed.beside [--processes 4] [--seconds 10]

The system deals the cores to all that want them: beside b busy processes on c cores a thread gets c/(b + 1) of a core,
with fewer than c of them all of it. What is below that share is lost to caches, clocks and cores that share hardware.
How much any work loses here says the same measurement of the matrix products of an update, and of a loop that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from speed.learner import batch_of, floor_of, learner_of
from tasam_agents.config.variants import VARIANTS

BUSY = "while True: pass"


def count() -> None:
    """Work that needs no memory."""
    for _ in range(20_000):
        pass


def rate(work: Callable[[], object], seconds: float) -> float:
    """How often a second."""
    work()
    number, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        work()
        number += 1
    return number / (time.perf_counter() - began)


def main() -> None:
    """Print the figures; needs a machine that does nothing else."""
    parser = argparse.ArgumentParser(description="Updates per second alone, and beside busy processes.")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of the six measurements")
    given = parser.parse_args()
    torch.set_num_threads(1)
    learner = learner_of(VARIANTS["default"], 3)
    works: dict[str, Callable[[], object]] = {
        "updates": partial(learner.update, batch_of(learner), log=False),
        "products_of_an_update": floor_of(learner),
        "counting": count,
    }
    alone = {name: rate(work, given.seconds) for name, work in works.items()}
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(given.processes)]
    try:
        beside = {name: rate(work, given.seconds) for name, work in works.items()}
    finally:
        for other in others:
            other.kill()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print(
        json.dumps(
            {
                "cores": cores,
                "busy_processes": given.processes,
                "updates_per_second_alone": round(alone["updates"], 1),
                "updates_per_second_beside": round(beside["updates"], 1),
                "beside_over_alone": {name: round(beside[name] / alone[name], 2) for name in works},
                "share_of_a_core": round(min(1.0, cores / (given.processes + 1)), 2),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
