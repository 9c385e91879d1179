"""Runs the phases of a step or reset: hands the kernels the parameters, the state and the memory of the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.outcome import Room
from oran_env.model.parameters import Parameters
from oran_env.model.state import State
from oran_env.model.step import PHASES, arguments_of, is_on
from oran_env.numerics.blocks import Block
from oran_env.numerics.jit import Integers, Singles
from oran_env.numerics.phases import COMPILED, WIDTH, call_of, run
from oran_env.scenario.fields import Scenario


class Runner:
    """Compiles a phase when it is first needed; one that the scenario does not have, never.

    The outcome is written into a memory of the room, which ``aim`` chooses. Threads may share a runner.
    """

    def __init__(self, scenario: Scenario, batch: int, parameters: Parameters, state: State) -> None:
        self._given = scenario, batch, parameters, state
        self.room = Room(scenario, batch)
        self._memory = self.room.fresh()
        self._blocks = {
            "state": Block(state),
            "outcome": Block(self.room.outcome(self._memory), self._memory.ctypes.data),
            **{name: Block(group) for name, group in parameters._asdict().items()},
        }
        self._calls: dict[tuple[int, ...], Integers] = {}

    def aim(self, memory: NDArray[np.uint8]) -> None:
        """Write the outcome there from now on."""
        self._memory = memory
        self._blocks["outcome"].move(memory.__array_interface__["data"][0])  # quicker than ``ctypes``

    def run(self, phases: tuple[int, ...], which: Integers, actions: Singles) -> None:
        """Run phases in the networks of ``which``; actions (B, M, A), at a reset (B, M, 0)."""
        if COMPILED:
            run(which, actions, self.prepare(phases))
            return
        values = {name: block.values for name, block in self._blocks.items()}
        values |= {"actions": actions, "outcome": self.room.outcome(self._memory)}
        for phase in self._on(phases):
            PHASES[phase](which, *(values[name] for name in arguments_of(phase)))

    def prepare(self, phases: tuple[int, ...]) -> Integers:
        """Compile phases that have not been; how they are called."""
        if phases not in self._calls:
            calls = [self._call(phase) for phase in self._on(phases) if COMPILED]
            self._calls[phases] = np.array(calls, dtype=np.int64).reshape(-1, WIDTH)
        return self._calls[phases]

    def _on(self, phases: Sequence[int]) -> list[int]:
        return [phase for phase in phases if is_on(phase, self._given[2])]

    def _call(self, phase: int) -> NDArray[np.int64]:
        names = arguments_of(phase)
        return call_of(
            PHASES[phase], "actions" in names, [self._blocks[name] for name in names if name in self._blocks]
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle and copy: memory has other addresses there."""
        return Runner, self._given
