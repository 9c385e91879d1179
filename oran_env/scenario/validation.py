"""What a scenario may be: types, ranges, and combinations that make physical sense."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal

from oran_env.scenario.slices import SLICES


class ScenarioError(ValueError):
    """A scenario field has a value that is not allowed, or no such field or preset exists."""


def check_scenario(scenario: Any) -> None:
    """Refuse a scenario that is not allowed.

    Raises:
        ScenarioError: names the field, its value and what is allowed.
    """
    if not isinstance(scenario.name, str) or not scenario.name:
        raise ScenarioError(f"name is {scenario.name!r}; allowed: a text that is not empty")
    kinds = typing.get_type_hints(type(scenario))
    for group in sorted(name for name, kind in kinds.items() if dataclasses.is_dataclass(kind)):
        found = getattr(scenario, group)
        if not isinstance(found, kinds[group]):
            raise ScenarioError(f"{group} is {found!r}; allowed: {kinds[group].__name__}")
        _check_types(found)
    _check_values(scenario)


def _check_types(group: Any) -> None:
    """Refuse values of the wrong type: bool for int, text for number, short tuples, NaN and infinity."""
    hints = typing.get_type_hints(type(group))
    for member in dataclasses.fields(group):
        value, hint = getattr(group, member.name), hints[member.name]
        if not _matches(value, hint):
            name = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
            raise ScenarioError(f"{member.name} is {value!r}; allowed: {name}, finite")


def _matches(value: Any, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is Ellipsis:
            return all(_matches(v, arguments[0]) for v in value)
        return len(value) == len(arguments) and all(map(_matches, value, arguments))
    if origin in (typing.Union, types.UnionType):
        return any(_matches(value, argument) for argument in arguments)
    if hint is type(None):
        return value is None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _check_values(scenario: Any) -> None:
    """Refuse numbers out of range and combinations that make no physical sense."""
    bounds: dict[str, tuple[float, float]] = {  # name: (least, greatest)
        "num_dus": (1, 1024),
        "num_ues": (0, 2**24 - 1),  # the counter of a random draw has 24 bits for the UE
        "site_spacing_m": (1, math.inf),
        "margin_m": (1, math.inf),
        "mix_concentration": (1, 64),
        "min_speed_mps": (0, math.inf),
        "max_speed_mps": (scenario.mobility.min_speed_mps, 1e4),  # a step is reflected at the border one by one
        "num_rbs": (1, 2**16 - 1),  # 16 bits for the RB
        "rb_bandwidth_hz": (1, math.inf),
        "bandwidth_hz": (1, math.inf),
        "power_dbm": (-100, 100),
        "noise_dbm_per_hz": (-250, 0),
        "path_loss_exponent": (0, 10),
        "min_distance_m": (0.1, math.inf),
        "carrier_ghz": (0.5, 100),  # TR 38.901
        "bs_height_m": (1.5, math.inf),
        "ue_height_m": (1.5, 22.5),  # TR 38.901
        "shadowing_los_db": (0, 40),
        "shadowing_nlos_db": (0, 40),
        "fading_blocks": (1, 256),  # 8 bits of the counter
        "max_spectral_efficiency": (0.01, math.inf),
        "packet_bytes": (0.125, math.inf),
        "offered_bps": (0, math.inf),
        "latency_cap_s": (1e-6, math.inf),
        "load": (0, math.inf),
        "drift_sigma": (0, 3),
        "drift_s": (1e-3, math.inf),
        "burst_factor": (0, 1e3),
        "burst_every_s": (1e-3, math.inf),
        "burst_s": (1e-3, math.inf),
        "session_s": (1e-3, math.inf),
        "absence_s": (1e-3, math.inf),
        "rate_threshold_mbps": (0, math.inf),
        "q_min": (1e-6, math.inf),
        "availability_window": (1, 63),
        "kpi_weights": (0, 1),
        "kpi_latency_ms": (1e-6, math.inf),
        "priority": (0, math.inf),
        "zeta": (0, math.inf),
        "alpha_floor": (1e-6, math.inf),
        "fixed_alpha": (0, math.inf),
        "min_normalised_qos": (0, 1),
        "fairness_window": (1, math.inf),
        "step_s": (1e-4, 10),
        "horizon": (1, 2**31 - 1),
    }
    groups = [group for group in vars(scenario).values() if dataclasses.is_dataclass(group)]
    values = {name: value for group in groups for name, value in vars(group).items()}
    for name, (least, greatest) in bounds.items():
        value = values[name]
        for number in _numbers(value):
            if not least <= number <= greatest:
                raise ScenarioError(f"{name} is {value}; allowed: {least:g} to {greatest:g}")
    if not scenario.mobility.turns_rad:
        raise ScenarioError("turns_rad is empty; allowed: at least one turn [rad]")
    for i, name in enumerate(SLICES):
        total = sum(row[i] for row in scenario.quality.kpi_weights)
        if abs(total - 1.0) > 1e-9:
            raise ScenarioError(f"kpi_weights of {name} add up to {total:g}; allowed: 1")
    radio = scenario.radio
    if radio.path_loss == "uma" and radio.bs_height_m <= radio.ue_height_m:
        raise ScenarioError(f"bs_height_m is {radio.bs_height_m}; allowed: above ue_height_m ({radio.ue_height_m})")
    if radio.path_loss == "power_law" and radio.shadowing_los_db > 0:
        raise ScenarioError(
            f"shadowing_los_db is {radio.shadowing_los_db}; allowed: 0 with path_loss 'power_law', all of "
            "whose links have shadowing_nlos_db"
        )
    for i, slice_name in enumerate(SLICES):
        packets = scenario.traffic.load * scenario.traffic.offered_bps[i] * scenario.control.step_s
        packets /= 8.0 * scenario.traffic.packet_bytes[i]
        if scenario.traffic.latency == "queue" and scenario.traffic.arrivals[i] == "poisson" and packets > 1e6:
            raise ScenarioError(
                f"offered_bps of {slice_name} is {scenario.traffic.offered_bps[i]:g}, {packets:g} packets per step; "
                "allowed: up to a million with Poisson arrivals"
            )
    used = radio.num_rbs * radio.rb_bandwidth_hz / radio.bandwidth_hz
    if not 0.75 <= used <= 1.0 + 1e-9:
        raise ScenarioError(
            f"num_rbs ({radio.num_rbs}) x rb_bandwidth_hz ({radio.rb_bandwidth_hz:g}) is "
            f"{radio.num_rbs * radio.rb_bandwidth_hz:g} Hz, {used:.0%} of bandwidth_hz ({radio.bandwidth_hz:g}); "
            "allowed: 75 to 100 %. Override the three together."
        )


def _numbers(value: Any) -> Iterator[float]:
    """All numbers of a field, whose tuples may hold tuples; None has none."""
    if isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)
    elif value is not None:
        yield value
