"""Threads live on in a pickle and, on systems that fork, in a child."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from oran_env.numerics.jit import Integers
from oran_env.simulator.threads import Threads


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_network_is_worked_on_once(number: int) -> None:
    done = np.zeros(7, dtype=np.int64)

    def work(share: Integers) -> None:
        done[share] += 1

    for threads in (Threads(number), pickle.loads(pickle.dumps(Threads(number)))):
        threads.run(work, np.arange(7))
    assert (done == 2).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_after_a_fork_works_on() -> None:
    program = """
import os, numpy as np
from oran_env import Simulator
simulator = Simulator("tiny", 4, seed=1, num_threads=2)
simulator.reset()
actions = np.zeros((4, 2, 20), np.float32)
simulator.step(actions)
child = os.fork()
if child == 0:
    os._exit(0 if simulator.step(actions).rewards.shape == (4, 2) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], timeout=120).returncode == 0
