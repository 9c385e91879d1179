"""Threads live on in a pickle and, on systems that fork, in a child."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from oran_env import Simulator
from oran_env.adapters.sb3 import SharedPolicyVecEnv
from oran_env.numerics.jit import Integers
from oran_env.simulator.threads import Threads

MAKERS: list[Callable[[], Any]] = [
    lambda: Simulator("tiny", 4, seed=1, num_threads=2),
    lambda: gymnasium.make_vec("oran/ORAN-joint-v1", num_envs=4, scenario="tiny", num_threads=2),
    lambda: gymnasium.make_vec("oran/ORAN-du-v1", num_envs=4, scenario="tiny", num_threads=2),
    lambda: SharedPolicyVecEnv("tiny", num_networks=4, num_threads=2),
]


def some_actions(env: Any) -> Any:
    if isinstance(env, Simulator):
        return np.full((4, len(env.agents), env.action_size), 0.7, np.float32)
    space = env.action_space
    shape = space.shape if len(space.shape) > 1 else (env.num_envs, *space.shape)
    return np.full(shape, 0.7, np.float32)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_network_is_worked_on_once(number: int) -> None:
    done = np.zeros(7, dtype=np.int64)

    def work(share: Integers) -> None:
        done[share] += 1

    for threads in (Threads(number), pickle.loads(pickle.dumps(Threads(number)))):
        threads.run(work, np.arange(7))
        threads.close()
    assert (done == 2).all()


def running() -> set[threading.Thread]:
    return set(threading.enumerate())


@pytest.mark.parametrize("make", MAKERS)
def test_close_ends_the_threads(make: Callable[[], Any]) -> None:
    before = running()
    env = make()
    env.reset()
    env.step(some_actions(env))
    assert 1 <= len(running() - before) <= 2  # one may do the work of both, if it is done in time
    env.close()
    assert running() <= before
    env.close()


def test_a_closed_simulator_begins_new_threads_when_it_steps_again() -> None:
    simulator = Simulator("tiny", 4, seed=1, num_threads=2)
    for _ in range(2):
        simulator.reset(seed=1)
        simulator.close()
    before = running()
    simulator.step(some_actions(simulator))
    new = running() - before
    assert 1 <= len(new) <= 2
    simulator.close()
    assert not running() & new


FORKED = """
import multiprocessing, os, sys
import numpy as np
from test_threads import MAKERS, some_actions

def rewards(env):
    env.reset()
    return np.asarray(env.step(some_actions(env))[1]).tolist()

if __name__ == "__main__":
    envs = [make() for make in MAKERS]
    for env in envs:
        rewards(env)
    context = multiprocessing.get_context("fork")
    def of_old(i):  # an environment from before the fork, in the child
        return rewards(envs[i])
    def of_new(i):
        return rewards(MAKERS[i]())
    with context.Pool(2) as pool:
        for work in (of_old, of_new):
            for found in pool.map_async(work, range(len(MAKERS))).get(timeout=100):
                assert np.isfinite(found).all()
    for env in envs:  # and here they work on
        rewards(env)
        env.close()
    child = os.fork()
    if child == 0:
        envs[0].close()  # of threads that are not its own
        sys.exit(0 if np.isfinite(rewards(MAKERS[0]())).all() else 1)  # with all that Python does at its end
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_children_after_a_fork_work_on(tmp_path: Path) -> None:
    """A fork pool, as vector environments of others use, after every kind of ours with threads has stepped."""
    (tmp_path / "forked.py").write_text(FORKED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-W", "ignore", str(tmp_path / "forked.py")]
    done = subprocess.run(command, env=environment, timeout=200, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
