"""Updates per second of the learner alone, and beside busy processes.

    python -m speed.beside [--processes 4] [--seconds 10]

The system deals the cores to all that want them: beside b busy processes on c cores a thread gets c/(b + 1) of a core,
with fewer than c of them all of it. What is below that share is lost to caches, clocks and cores that share hardware.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from speed.learner import batch_of, learner_of
from tasam_agents.config.variants import VARIANTS

BUSY = "while True: pass"


def rate(seconds: float) -> float:
    """Updates per second of `default`, with 3 of 6 gates open."""
    learner = learner_of(VARIANTS["default"], 3)
    batch = batch_of(learner)
    learner.update(batch)
    number, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        learner.update(batch, log=False)
        number += 1
    return number / (time.perf_counter() - began)


def main() -> None:
    """Print the figures; needs a machine that does nothing else."""
    parser = argparse.ArgumentParser(description="Updates per second alone, and beside busy processes.")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each of the two measurements")
    given = parser.parse_args()
    torch.set_num_threads(1)
    alone = rate(given.seconds)
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(given.processes)]
    try:
        beside = rate(given.seconds)
    finally:
        for other in others:
            other.kill()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    print(
        json.dumps(
            {
                "cores": cores,
                "busy_processes": given.processes,
                "updates_per_second_alone": round(alone, 1),
                "updates_per_second_beside": round(beside, 1),
                "beside_over_alone": round(beside / alone, 2),
                "share_of_a_core": round(min(1.0, cores / (given.processes + 1)), 2),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
