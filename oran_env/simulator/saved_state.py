"""What a checkpoint keeps of a simulator, and what is refused when it is put back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.cell.association import regroup
from oran_env.model.parameters import Parameters
from oran_env.model.state import DERIVED, State
from oran_env.scenario.fields import Scenario
from oran_env.scenario.slices import NUM_SLICES

Arrays = Mapping[str, NDArray[Any]]
Bounds = Mapping[str, tuple[float, float]]


def state_bounds(scenario: Scenario, parameters: Parameters) -> Bounds:
    """Least and greatest value of the state arrays that the kernels reach into others with, count in, or loop by."""
    traffic, area, trace = scenario.traffic, parameters.mobility.area, parameters.trace
    slack = 1e-9 * float(np.ptp(area))  # rounding
    most_demand = traffic.burst_factor * math.exp(_MOST_SIGMAS * traffic.drift_sigma)
    if trace.bits.size:
        most_demand = max(most_demand, float(trace.bits.max() / (trace.step_s * trace.usual.min())))
    return {
        "position": (float(area.min()) - slack, float(area.max()) + slack),
        "direction": (-1.001, 1.001),
        "speed": (0.0, scenario.mobility.max_speed_mps * (1.0 + 1e-9)),
        "drift": (-_MOST_SIGMAS * traffic.drift_sigma, _MOST_SIGMAS * traffic.drift_sigma),
        "demand": (0.0, max(most_demand, 1.0)),
        **{name: (0.0, math.inf) for name in ("gain", "backlog", "waited", "average", "load", "cut_off")},
        "serving": (-1, scenario.layout.num_dus - 1),
        "slice_of_ue": (0, NUM_SLICES - 1),
        "pointer": (0, max(scenario.layout.num_ues, 1)),
        "on_time": (0, parameters.kpi.window),
        "burst": (0, 1),
        "since": (0, scenario.control.horizon),
        "candidate": (-1, scenario.layout.num_dus - 1),
        "waiting": (0, scenario.control.horizon),
        "left": (-1, scenario.layout.num_dus - 1),
        "left_at": (0, scenario.control.horizon),
        "owned_rbs": (0, scenario.radio.num_rbs // scenario.layout.num_dus),
    }


_MOST_SIGMAS = 15.0  # beyond which a drift never comes


def _kept(state: State, started: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    return {name: array for name, array in state._asdict().items() if name not in DERIVED} | {"started": started}


def saved(state: State, started: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """A copy of all that does not follow from the rest."""
    return {name: array.copy() for name, array in _kept(state, started).items()}


def check_saved(given: Arrays, state: State, started: NDArray[np.bool_], bounds: Bounds) -> None:
    """Refuse what is no saved state of a simulator like this.

    Raises:
        ValueError: an array is missing, has another shape or type, or holds values that no network can have.
    """
    for name, array in _kept(state, started).items():
        found = given.get(name)
        if found is None or found.shape != array.shape or found.dtype != array.dtype:
            what = "missing" if found is None else f"{found.dtype} of shape {found.shape}"
            raise ValueError(f"state {name!r} is {what}; allowed: {array.dtype} of shape {array.shape}")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise ValueError(f"state {name!r} holds NaN or infinity; allowed: finite numbers")
        if name in bounds and found.size:
            least, most = bounds[name]
            if not (found.min() >= least and found.max() <= most):
                raise ValueError(
                    f"state {name!r} holds values from {found.min()} to {found.max()}; allowed: {least} to {most}"
                )


def restore(given: Arrays, state: State, started: NDArray[np.bool_]) -> None:
    """Write a saved state over the present one."""
    for name, array in _kept(state, started).items():
        array[...] = given[name]
    regroup(np.arange(len(started)), state)
