"""Whatever a scenario may be by the bounds of its fields, its numbers are finite; and no field is without bounds."""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from typing import Any, Literal, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oran_env import PRESETS, Scenario, ScenarioError, Simulator, make_scenario
from oran_env.scenario.validation import hints_of, numbers_of

FIELDS = {
    field.name: (field, hints_of(cast(Any, kind))[field.name])
    for kind in hints_of(Scenario).values()
    if dataclasses.is_dataclass(kind)
    for field in dataclasses.fields(kind)
}
SMALL = {"num_dus": 6, "num_ues": 24, "num_rbs": 12, "mix_concentration": 8}
"""Most of what takes time or memory, and is a count."""
FOLLOWING = {"bandwidth_hz", "hidden_observations"}
"""Fields that go with few values of others, and are not drawn: the first is set, the second only leaves out."""
MANY_PACKETS = 1e3  # expected by a UE in a step: more would be allowed, and be as finite


def number(least: float, greatest: float) -> st.SearchStrategy[float]:
    """The ends, and every order of magnitude between them as often."""
    ends = [float(least), float(greatest)]
    signed = st.floats(least, greatest)
    if least < 0.0:
        return st.sampled_from(ends) | signed
    lowest = max(least, 1e-12 * greatest)
    orders = st.floats(math.log10(lowest), math.log10(greatest))
    return st.sampled_from(ends) | orders.map(lambda order: min(max(10.0**order, least), greatest)) | signed


def values(name: str) -> st.SearchStrategy[Any]:
    """Whatever the type and the bounds of a field allow."""
    field, hint = FIELDS[name]
    if name == "demand_trace":
        return st.sampled_from([None, "synthetic"])
    if name == "kpi_weights":  # the weights of each slice add up to 1
        corner = st.sampled_from(np.eye(4).tolist())
        return st.tuples(corner, corner, corner).map(lambda columns: tuple(zip(*columns, strict=True)))
    return of_type(hint, field.metadata.get("bounds"), SMALL.get(name))


def of_type(hint: Any, bounds: tuple[float, float] | None, most: int | None) -> st.SearchStrategy[Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return st.lists(of_type(inner[0], bounds, most), min_size=1, max_size=4, unique=True).map(tuple)
        return st.tuples(*(of_type(each, bounds, most) for each in inner))
    if inner:  # or None
        return st.one_of(*(of_type(each, bounds, most) for each in inner))
    if hint is type(None):
        return st.none()
    if hint is bool:
        return st.booleans()
    assert bounds is not None, "a number without bounds"
    least, greatest = bounds
    if hint is int:
        return st.integers(int(least), int(greatest if most is None else most))
    return number(least, greatest)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any preset, made small, with any of its fields changed; of fields that do not go together one is left out."""
    preset = draw(st.sampled_from(PRESETS))
    base = make_scenario(preset, num_dus=4, num_ues=8, num_rbs=12, rb_bandwidth_hz=1e6, bandwidth_hz=12e6)
    names = draw(st.lists(st.sampled_from(sorted(FIELDS.keys() - FOLLOWING)), unique=True, max_size=16))
    changes = {name: draw(values(name)) for name in names}
    while True:
        width = changes.get("num_rbs", base.radio.num_rbs) * changes.get("rb_bandwidth_hz", base.radio.rb_bandwidth_hz)
        try:
            scenario = base.with_overrides(**changes, bandwidth_hz=width)
            break
        except ScenarioError as error:
            named = [word for word in re.findall(r"\w+", str(error)) if word in changes]
            del changes[named[0] if named else next(reversed(changes))]
    traffic = scenario.traffic
    most = traffic.load * traffic.burst_factor * math.exp(4.0 * traffic.drift_sigma) * scenario.control.step_s
    sizes = zip(traffic.offered_bps, traffic.packet_bytes, strict=True)
    if any(most * bps > 8.0 * size * MANY_PACKETS for bps, size in sizes):
        return scenario.with_overrides(arrivals=("constant",) * 3)
    return scenario


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(scenarios(), st.integers(0, 2**20), st.sampled_from([0.0, 1.0, None]))
def test_numbers_are_finite_whatever_the_fields_are(scenario: Scenario, seed: int, action: float | None) -> None:
    simulator = Simulator(scenario, seed=seed)
    seen = [simulator.reset()]
    shape = (1, len(simulator.agents), simulator.action_size)
    for _ in range(min(3, scenario.control.horizon)):
        drawn = np.random.default_rng(seed).random(shape, np.float32)
        result = simulator.step(drawn if action is None else np.full(shape, action, np.float32))
        assert np.isfinite(result.rewards).all()
        seen.append(result.observations)
        for name, array in result.info.items():
            missing = np.isnan(array) if name == "satisfied" else np.zeros(1, bool)
            assert (np.isfinite(array) | missing).all(), name
    for observed in seen:
        assert (observed >= simulator.observation_low).all()
        assert (observed <= simulator.observation_high).all()
    simulator.set_state(simulator.get_state())  # in which nothing may be NaN or infinite, either


def test_every_number_has_bounds() -> None:
    for name, (field, hint) in FIELDS.items():
        if any(number in str(hint) for number in ("float", "int", "PerSlice")) and "Literal" not in str(hint):
            least, greatest = field.metadata["bounds"]
            assert -1e16 < least < greatest < 1e16, name
            assert all(least <= each <= greatest for each in numbers_of(field.default)), name


BEYOND = [name for name, (field, hint) in FIELDS.items() if "bounds" in field.metadata and "float" in str(hint)]


@pytest.mark.parametrize("name", BEYOND)
@pytest.mark.parametrize("value", [1e308, -1e308, 10**400])
def test_numbers_near_the_largest_are_refused(name: str, value: float) -> None:
    default = FIELDS[name][0].default
    beyond: Any = tuple(value for _ in default) if isinstance(default, tuple) else value
    if name == "kpi_weights":
        beyond = ((value,) * 3,) * 4
    with pytest.raises(ScenarioError, match=rf"{name} is .*; allowed: "):
        make_scenario("paper", **{name: beyond})
