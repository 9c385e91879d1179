"""What is compiled for a scenario: the phases of its mechanisms, and of no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oran_env import Simulator
from oran_env.model.step import PHASES
from oran_env.numerics.phases import COMPILED, WIDTH
from oran_env.simulator import runner

OFF_IN_PAPER = {
    "compute_mean_rates", "adapt_links", "interrupt", "update_sessions", "advance_demand", "begin_demand",
    "advance_trace", "begin_trace", "write_radio",
}  # fmt: skip


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled")
@pytest.mark.parametrize(
    ("overrides", "more"),
    [
        ({}, ()),
        ({"session_s": 6.0, "absence_s": 3.0}, ("update_sessions",)),
        ({"burst_factor": 6.0}, ("advance_demand", "begin_demand")),
        ({"handover_interruption_s": 0.05}, ("interrupt",)),
        ({"observation": "kpm"}, ("write_radio",)),
    ],
    ids=lambda value: ", ".join(value) or "paper",
)
def test_a_mechanism_that_is_off_compiles_nothing(
    overrides: dict[str, Any], more: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: set[str] = set()

    def call_of(phase: Any, *_: Any) -> Any:
        compiled.add(phase.__name__)
        return np.zeros(WIDTH, dtype=np.int64)

    monkeypatch.setattr(runner, "call_of", call_of)
    monkeypatch.setattr(runner, "run", lambda *_: None)
    simulator = Simulator("paper", 1, seed=0, **overrides)
    simulator.reset()
    simulator.step(np.zeros((1, len(simulator.agents), simulator.action_size), dtype=np.float32))
    assert compiled == {phase.__name__ for phase in PHASES.values()} - OFF_IN_PAPER | set(more)
