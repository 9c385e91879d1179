"""What a scenario may be: types, ranges, and combinations that make physical sense."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
import types
import typing
import warnings
from collections.abc import Iterator
from typing import Any, Literal

from oran_env.scenario.near_miss import did_you_mean
from oran_env.scenario.slices import SLICES


class ScenarioWarning(UserWarning):
    """A scenario is allowed, but rewards what it should not."""


class ScenarioError(ValueError):
    """A scenario field has a value that is not allowed, or no such field or preset exists."""


class UnknownField(ScenarioError, TypeError):
    """A keyword argument that nobody knows; a TypeError, too, as Python and what wraps environments expect."""


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    """The types of the fields of a dataclass."""
    return typing.get_type_hints(kind)


def check_scenario(scenario: Any) -> None:
    """Refuse a scenario that is not allowed.

    Raises:
        ScenarioError: names the field, its value and what is allowed.
    """
    if not isinstance(scenario.name, str) or not scenario.name:
        raise ScenarioError(f"name is {scenario.name!r}; allowed: a text that is not empty")
    kinds = hints_of(scenario.__class__)
    for group in sorted(name for name, kind in kinds.items() if dataclasses.is_dataclass(kind)):
        found = getattr(scenario, group)
        if not isinstance(found, kinds[group]):
            raise ScenarioError(f"{group} is {found!r}; allowed: {kinds[group].__name__}")
        _check_types(found)
        _check_bounds(found)
    _check_combinations(scenario)
    _warn_of_rewards(scenario.reward)


def _warn_of_rewards(reward: Any) -> None:
    """Warn of a reward that can fall where a QoS rises. Python shows a warning of the same text once."""
    found = []
    if reward.zeta == 0.0:
        found.append(f"zeta is {reward.zeta:g}: without P_minQ the reward falls in 17 % of the cases where a Q̄ rises")
    if reward.alpha == "literal":
        found.append("alpha is 'literal': without a floor the reward falls in some cases where a Q̄ rises")
    for text in found:
        warnings.warn(f"{text}, so that a learner is paid for a worse slice", ScenarioWarning, stacklevel=2)


def _check_types(group: Any) -> None:
    """Refuse values of the wrong type: bool for int, text for number, short tuples, NaN and infinity."""
    hints = hints_of(group.__class__)
    for member in dataclasses.fields(group):
        value, hint = getattr(group, member.name), hints[member.name]
        if not _matches(value, hint):
            name = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
            near = did_you_mean(value, typing.get_args(hint)) if typing.get_origin(hint) is Literal else ""
            raise ScenarioError(f"{member.name} is {value!r}; {near}allowed: {name}, finite")


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
    if hint is bool:
        return isinstance(value, bool)
    if hint is str:
        return isinstance(value, str) and value != ""
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max  # an integer may be larger


def _check_bounds(group: Any) -> None:
    """Refuse numbers out of the bounds of their field."""
    for member in dataclasses.fields(group):
        if "bounds" not in member.metadata:
            continue
        least, greatest = member.metadata["bounds"]
        value = getattr(group, member.name)
        if not all(least <= number <= greatest for number in numbers_of(value)):
            raise ScenarioError(f"{member.name} is {value}; allowed: {least:g} to {greatest:g}")


def _check_combinations(scenario: Any) -> None:
    """Refuse combinations that make no physical sense."""
    slowest, fastest = scenario.mobility.min_speed_mps, scenario.mobility.max_speed_mps
    if slowest > fastest:
        raise ScenarioError(f"max_speed_mps is {fastest}; allowed: {slowest:g} to 10000")
    if not scenario.mobility.turns_rad:
        raise ScenarioError("turns_rad is empty; allowed: at least one turn [rad]")
    for i, name in enumerate(SLICES):
        total = sum(row[i] for row in scenario.quality.kpi_weights)
        if abs(total - 1.0) > 1e-9:
            raise ScenarioError(f"kpi_weights of {name} add up to {total:g}; allowed: 1")
    _check_sites(scenario.layout)
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
        packets *= max(scenario.traffic.burst_factor, 1.0)
        packets /= 8.0 * scenario.traffic.packet_bytes[i]
        if scenario.traffic.latency == "queue" and scenario.traffic.arrivals[i] == "poisson" and packets > 1e6:
            raise ScenarioError(
                f"offered_bps of {slice_name} is {scenario.traffic.offered_bps[i]:g}, {packets:g} packets per step; "
                "allowed: up to a million with Poisson arrivals"
            )
    most = radio.num_rbs // scenario.layout.num_dus
    if scenario.control.codec == "zones" and scenario.owned_rbs > most:
        raise ScenarioError(
            f"owned_rbs is {scenario.owned_rbs}; allowed: 0 to {most} with {radio.num_rbs} RBs and "
            f"{scenario.layout.num_dus} DUs"
        )
    traffic = scenario.traffic
    if traffic.demand_trace is not None and (traffic.drift_sigma > 0.0 or traffic.burst_factor != 1.0):
        raise ScenarioError(
            f"demand_trace is {traffic.demand_trace!r} with drift_sigma {traffic.drift_sigma:g} and burst_factor "
            f"{traffic.burst_factor:g}; allowed: with 0 and 1, as the trace is the demand"
        )
    used = radio.num_rbs * radio.rb_bandwidth_hz / radio.bandwidth_hz
    if not 0.75 <= used <= 1.0 + 1e-9:
        raise ScenarioError(
            f"num_rbs ({radio.num_rbs}) x rb_bandwidth_hz ({radio.rb_bandwidth_hz:g}) is "
            f"{radio.num_rbs * radio.rb_bandwidth_hz:g} Hz, {used:.0%} of bandwidth_hz ({radio.bandwidth_hz:g}); "
            "allowed: 75 to 100 %. Override the three together."
        )


def _check_sites(layout: Any) -> None:
    """Refuse sectors that make no sites, and wrap-around of a lattice that does not close."""
    if layout.sectors not in (1, 3):
        raise ScenarioError(f"sectors is {layout.sectors}; allowed: 1 or 3")
    if layout.num_dus % layout.sectors:
        raise ScenarioError(f"num_dus is {layout.num_dus}; allowed: multiples of sectors ({layout.sectors})")
    sites = layout.num_dus // layout.sectors
    rows = math.isqrt(sites)
    if layout.wrap_around and (rows % 2 or sites % rows):
        raise ScenarioError(
            f"wrap_around is True with {sites} sites in {rows} rows; allowed: an even number of rows, all complete, as "
            "4, 6, 8, 16, 20 or 24 sites have"
        )


def numbers_of(value: Any) -> Iterator[float]:
    """All numbers of a field, whose tuples may hold tuples; None has none."""
    if isinstance(value, tuple):
        for item in value:
            yield from numbers_of(item)
    elif value is not None:
        yield value
