"""What docs/memory.md measures, on a few networks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from oran_env import Simulator
from oran_env.scoring.playable import returns_of

memory = pytest.importorskip("docs.measure.memory")  # copies of the packages alone lack it


def test_idle_steps_matter_where_traffic_queues() -> None:
    assert abs(memory.after_idling("paper", {}, 16).mean) < 0.1
    assert memory.after_idling("paper", {"latency": "queue"}, 5).mean < -0.5


def test_misses_are_counted_as_a_reader_would(monkeypatch: pytest.MonkeyPatch) -> None:
    found = memory.misses({}, 2)
    seeds = [memory.FIRST_SEED, memory.FIRST_SEED + 1]
    assert found.mean_return == pytest.approx(returns_of("count_rule", Simulator("paper", 2), seeds).mean())
    assert 0.0 < found.share < 0.05
    assert found.share < found.again < 0.5
    assert memory.misses({}, 2, rbs_per_urllc_ue=2.0).mean_return < found.mean_return  # less insurance
    assert memory.misses({"fading": "none"}, 2).share == 0.0
    assert math.isnan(memory.misses({"fading": "none"}, 2).again)
    monkeypatch.setattr(memory, "DEADLINE_S", 0.0)
    always = memory.misses({}, 2)
    np.testing.assert_allclose((always.share, always.again), 1.0)
