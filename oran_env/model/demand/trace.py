"""Demand from a trace: offered bits per slice, DU and step, in place of the demand that is drawn.

With ``demand_trace`` the bits that a file offers to a slice of a DU in a step are shared evenly by the UEs that the
slice has there; what it offers to a slice without UE is lost. DU m follows DU m mod D of a file with D of them, the
trace begins again where it ends, and ``trace_start`` says with which of its steps an episode begins. A slice that the
file does not name keeps its ``offered_bps``; of the others that field is not read. ``load`` multiplies all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oran_env.model.demand.trace_file import read_trace
from oran_env.model.state import State
from oran_env.numerics.jit import Floats, Integers, Key, kernel
from oran_env.numerics.random_draws import TRACE, philox, uniform
from oran_env.scenario.choices import Registry
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

TRACE_STARTS = Registry("trace_start", {"random": True, "first": False})  # whether it is drawn


class Trace(NamedTuple):
    """What is offered."""

    bits: Floats  # (T, D, 3) to each slice of each DU in each step; (0, 0, 3) without a trace
    traced: NDArray[np.bool_]  # (3,) the slices that the trace is of
    usual: Floats  # (3,) mean rate that it offers a UE, were all spread evenly [bit/s]: A of traced slices
    step_s: float
    random_start: bool


def trace_of(scenario: Scenario) -> Trace:
    """The trace of a scenario, read from its file.

    Raises:
        ScenarioError: the file cannot be read, or is no trace.
    """
    path, random_start = scenario.traffic.demand_trace, TRACE_STARTS[scenario.traffic.trace_start]
    step_s = float(scenario.control.step_s)
    if path is None:
        none = np.zeros((0, 0, NUM_SLICES))
        return Trace(none, np.zeros(NUM_SLICES, bool), np.ones(NUM_SLICES), step_s, random_start)
    bits, traced = read_trace(path)
    ues = max(scenario.layout.num_ues, 1) / (NUM_SLICES * scenario.layout.num_dus)
    usual = bits.mean(axis=(0, 1)) / (ues * step_s)
    return Trace(bits, traced, np.where(usual > 0.0, usual, 1.0), step_s, random_start)


@kernel
def first_step(key: Key, length: int) -> int:
    """With which step of the trace the episode begins: a draw of its step 0, whatever step it is in."""
    words = philox(np.uint64(0), key[2], np.uint64(TRACE << 24), np.uint64(0), key[0], key[1])
    return min(int(uniform(words[0]) * length), length - 1)


@kernel
def follow_trace(which: Integers, ahead: int, p: Trace, s: State) -> None:
    """Set the demand of traced slices in the step that is ``ahead`` of the clock, by the UEs that are attached."""
    length = len(p.bits)
    if length == 0:
        return
    for b in which:
        begin = first_step(s.key[b], length) if p.random_start else 0
        row = (begin + int(s.key[b, 3]) + ahead) % length
        first, demand = s.first[b], s.demand[b]
        for m in range(demand.shape[0]):
            for i in range(NUM_SLICES):
                if p.traced[i]:
                    number = first[NUM_SLICES * m + i + 1] - first[NUM_SLICES * m + i]
                    demand[m, i] = p.bits[row, m % p.bits.shape[1], i] / (max(number, 1) * p.step_s * p.usual[i])


@kernel
def begin_trace(which: Integers, p: Trace, s: State) -> None:
    """For the first step of an episode."""
    follow_trace(which, 0, p, s)


@kernel
def advance_trace(which: Integers, p: Trace, s: State) -> None:
    """For the step after this one."""
    follow_trace(which, 1, p, s)
