"""Presets, overrides by name, and refusals that name the field, its value and what is allowed."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran_env import PRESETS, Scenario, ScenarioError, Simulator, make_scenario
from oran_env.scenario.validation import ScenarioWarning

GROUPS = ("layout", "mobility", "radio", "traffic", "quality", "reward", "control")


def flat(scenario: Scenario) -> dict[str, Any]:
    """Every field by its bare name."""
    return {name: value for group in GROUPS for name, value in vars(getattr(scenario, group)).items()}


def test_table_1() -> None:
    fields = flat(make_scenario("paper"))
    expected: dict[str, Any] = {
        "num_dus": 6,
        "num_ues": 200,
        "num_rbs": 100,
        "rb_bandwidth_hz": 200e3,
        "bandwidth_hz": 20e6,
        "power_dbm": 56.0,
        "noise_dbm_per_hz": -173.0,
        "path_loss_exponent": 3.5,
        "min_distance_m": 10.0,
        "fading": "rayleigh",
        "interference": "physical",
        "max_spectral_efficiency": None,
        "site_spacing_m": 500.0,
        "margin_m": 250.0,
        "slice_mix": "heterogeneous",
        "mix_concentration": 2,
        "min_speed_mps": 10.0,
        "max_speed_mps": 20.0,
        "latency": "mm1",
        "latency_cap_s": 1.0,
        "rate_threshold_mbps": (1.0, 0.1, 0.1),
        "q_min": (10.0, 50.0, 2.0),
        "priority": (1.0, 0.5, 2.0),
        "zeta": 2.0,
        "alpha": "adaptive",
        "alpha_floor": 0.5,
        "min_normalised_qos": 0.5,
        "codec": "two_bit",
        "scheduler": "round_robin",
        "observation": "paper",
        "step_s": 0.1,
        "horizon": 100,
    }
    assert {name: fields[name] for name in expected} == expected
    assert fields["packet_bytes"][2] == 32.0
    assert fields["offered_bps"] == (0.0, 0.0, 64e3)


def test_presets() -> None:
    family = {"calm", "heterogeneous", "bursty", "overload", "fast", "dense"}
    assert set(PRESETS) == {
        "paper",
        "paper_capped",
        "table5",
        "tiny",
        "dynamic",
        "dus_2",
        "dus_4",
        "dus_8",
        "dus_10",
        *family,
    }
    for name in family:  # an agent of "paper" can act in them
        there = make_scenario(name)
        assert (there.layout.num_dus, there.radio.num_rbs, there.control) == (6, 100, make_scenario("paper").control)
    for number in (2, 4, 8, 10):
        fewer_or_more = make_scenario("paper", num_dus=number)
        assert make_scenario(f"dus_{number}") == dataclasses.replace(fewer_or_more, name=f"dus_{number}")
    table5 = make_scenario("table5")
    assert (table5.layout.num_dus, table5.layout.num_ues, table5.radio.num_rbs) == (5, 56, 273)
    assert table5.radio.rb_bandwidth_hz == 12 * 30e3
    paper, capped, tiny = (flat(make_scenario(name)) for name in ("paper", "paper_capped", "tiny"))
    assert {name for name in paper if paper[name] != capped[name]} == {"max_spectral_efficiency"}
    assert capped["max_spectral_efficiency"] == 7.4
    assert (tiny["num_dus"], tiny["num_ues"], tiny["num_rbs"]) == (2, 20, 10)
    assert [make_scenario(name).name for name in PRESETS] == list(PRESETS)


def test_a_scenario_is_frozen_and_names_are_unique() -> None:
    scenario = make_scenario("paper")
    assert len(flat(scenario)) == sum(len(vars(getattr(scenario, group))) for group in GROUPS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.layout.num_dus = 3  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.layout = make_scenario("tiny").layout  # type: ignore[misc]


OVERRIDES: dict[str, Any] = {
    "num_dus": st.integers(1, 19),
    "num_ues": st.integers(0, 300),
    "site_spacing_m": st.floats(10, 1e4),
    "margin_m": st.floats(1, 1e4),
    "slice_mix": st.sampled_from(["heterogeneous", "uniform"]),
    "power_dbm": st.floats(-50, 60),
    "path_loss_exponent": st.floats(0, 6),
    "fading": st.sampled_from(["rayleigh", "none", "jakes", "ergodic"]),
    "fading_blocks": st.none() | st.integers(1, 256),
    "rbs_per_fade": st.none() | st.integers(1, 1000),
    "interference": st.sampled_from(["physical", "as_printed"]),
    "max_spectral_efficiency": st.none() | st.floats(0.5, 30),
    "latency": st.sampled_from(["mm1", "queue"]),
    "offered_bps": st.tuples(*[st.floats(0, 1e6)] * 3),
    "q_min": st.tuples(*[st.floats(0.1, 100)] * 3),
    "availability_window": st.integers(1, 40),
    "alpha": st.sampled_from(["adaptive", "literal", "fixed"]),
    "codec": st.sampled_from(["two_bit", "slice_mask"]),
    "observation": st.sampled_from(["paper", "extended", "kpm"]),
    "hidden_observations": st.sampled_from([(), ("qos",), ("qos", "num_ues")]),
    "link_adaptation": st.sampled_from(["shannon", "mcs"]),
    "energy_weight": st.floats(0, 10),
    "step_s": st.floats(0.01, 1),
    "horizon": st.integers(1, 1000),
    "turns_rad": st.lists(st.floats(-3, 3), min_size=1, max_size=9).map(tuple),
}


@given(st.data())
def test_overrides_change_what_they_name_and_nothing_else(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(OVERRIDES)), unique=True, max_size=6))
    overrides = {name: data.draw(OVERRIDES[name], label=name) for name in names}
    before = make_scenario("paper")
    after = make_scenario("paper", **overrides)
    assert flat(after) == {**flat(before), **overrides}
    assert make_scenario(after) == after == before.with_overrides(**overrides)
    assert after.name == "paper"
    assert flat(make_scenario("paper")) == flat(before)  # the preset itself has not changed


def test_a_list_is_as_good_as_a_tuple() -> None:
    assert make_scenario("paper", q_min=[1.0, 2.0, 3.0]).quality.q_min == (1.0, 2.0, 3.0)


REFUSED: list[tuple[str, Any]] = [
    ("num_ues", -1),
    ("num_ues", 2.0),
    ("num_ues", True),
    ("num_ues", "many"),
    ("num_dus", 0),
    ("num_dus", -2),
    ("num_dus", False),
    ("num_rbs", 0),
    ("horizon", 0),
    ("horizon", -5),
    ("horizon", True),
    ("horizon", None),
    ("step_s", 0.0),
    ("step_s", math.nan),
    ("step_s", math.inf),
    ("power_dbm", math.nan),
    ("power_dbm", "56"),
    ("noise_dbm_per_hz", -math.inf),
    ("path_loss_exponent", -1.0),
    ("min_distance_m", 0.0),
    ("site_spacing_m", 0.0),
    ("margin_m", -1.0),
    ("min_speed_mps", -1.0),
    ("max_speed_mps", 5.0),  # below the least speed
    ("turns_rad", ()),
    ("turns_rad", 0.1),
    ("turns_rad", (math.nan,)),
    ("fading", "rician"),
    ("fading_blocks", 257),
    ("rbs_per_fade", 0),
    ("delay_spread_ns", -1.0),
    ("ue_height_m", 13.5),  # TR 38.901 then draws the height of what stands around
    ("interference", "none"),
    ("latency", "md1"),
    ("slice_mix", "zipf"),
    ("alpha", "free"),
    ("codec", "three_bit"),
    ("scheduler", "random"),
    ("observation", "full"),
    ("max_spectral_efficiency", 0.0),
    ("max_spectral_efficiency", True),
    ("packet_bytes", (1.0, 1.0)),
    ("packet_bytes", (1.0, 1.0, 0.0)),
    ("packet_bytes", 32.0),
    ("offered_bps", (0.0, 0.0, -1.0)),
    ("latency_cap_s", 0.0),
    ("rate_threshold_mbps", (1.0, 1.0, "1")),
    ("q_min", (0.0, 1.0, 1.0)),
    ("availability_window", 0),
    ("availability_window", 64),
    ("priority", (1.0, -1.0, 1.0)),
    ("zeta", -1.0),
    ("alpha_floor", 0.0),
    ("min_normalised_qos", 1.5),
    ("mix_concentration", 0),
    ("mix_concentration", 1.5),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_refusals_name_the_field_and_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(ScenarioError, match=rf"{name}.*allowed|{name}.* is empty; allowed"):
        make_scenario("paper", **{name: value})
    with pytest.raises(ScenarioError, match=name):
        Simulator("paper", **{name: value})


@pytest.mark.parametrize(("name", "value"), [("zeta", 0.0), ("alpha", "literal")])
def test_a_reward_that_can_fall_where_a_qos_rises_is_warned_of(name: str, value: Any) -> None:
    with pytest.warns(ScenarioWarning, match=rf"^{name} is '?{value or 0}'?: .*learner"):
        make_scenario("paper", **{name: value})


def test_what_is_fine_is_not_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for preset in PRESETS:
            make_scenario(preset, zeta=0.1, alpha="fixed")


def test_choices_are_listed() -> None:
    for name, choices in [("latency", ["mm1", "queue"]), ("codec", ["two_bit", "slice_mask"])]:
        with pytest.raises(ScenarioError) as caught:
            make_scenario("paper", **{name: "other"})
        assert all(word in str(caught.value) for word in [name, "'other'", *choices])


def test_unknown_preset_and_field() -> None:
    with pytest.raises(ScenarioError, match=r"'papr'; did you mean 'paper'\? allowed: paper, paper_capped, table5"):
        make_scenario("papr")
    with pytest.raises(ScenarioError, match=r"'num_eus'; allowed: .*num_ues"):
        make_scenario("paper", num_eus=3)
    for name in ("layout", "radio"):  # groups are not fields
        with pytest.raises(ScenarioError, match=rf"'{name}'; allowed"):
            make_scenario("paper", **{name: "x"})


@pytest.mark.parametrize("scenario", [None, 3, {"num_dus": 2}])
def test_scenario_of_the_wrong_type(scenario: Any) -> None:
    with pytest.raises((ScenarioError, TypeError), match=r"scenario.*allowed"):
        make_scenario(scenario)


@pytest.mark.parametrize(
    "overrides",
    [{"num_rbs": 101}, {"num_rbs": 74}, {"rb_bandwidth_hz": 360e3}, {"bandwidth_hz": 100e6}, {"num_rbs": 10}],
)
def test_rbs_must_fill_the_bandwidth(overrides: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError) as caught:
        make_scenario("paper", **overrides)
    message = str(caught.value)
    assert all(word in message for word in ("num_rbs", "rb_bandwidth_hz", "bandwidth_hz", "allowed", "75"))


def test_rbs_that_fill_the_bandwidth() -> None:
    for overrides in ({"num_rbs": 75}, {"num_rbs": 50, "rb_bandwidth_hz": 400e3}, {"num_rbs": 50, "bandwidth_hz": 1e7}):
        make_scenario("paper", **overrides)


@pytest.mark.parametrize("speed", [1e9, 1e300])
def test_speeds_that_would_never_end_a_reflection(speed: float) -> None:
    """A UE that crosses the area many thousand times per step would hang the simulator; it is refused instead."""
    with pytest.raises(ScenarioError, match=r"max_speed_mps.*allowed"):
        make_scenario("paper", max_speed_mps=speed)


def test_a_name_of_ones_own() -> None:
    """It is not that of a preset, so it has none of its searched numbers."""
    mine = make_scenario("paper", name="mine", num_dus=3)
    assert (mine.name, mine.layout.num_dus) == ("mine", 3)
    for name in ("", 5):
        with pytest.raises(ScenarioError, match=r"name is .*; allowed: a text"):
            make_scenario("paper", name=name)


def test_numpy_numbers_are_numbers() -> None:
    """As a sweep over np.arange has them."""
    swept = make_scenario("paper", num_dus=np.int64(3), q_min=np.array([1.0, 2.0, 3.0]), zeta=np.float32(1.5))
    assert swept == make_scenario("paper", num_dus=3, q_min=(1.0, 2.0, 3.0), zeta=1.5)
    assert type(swept.layout.num_dus) is int
    assert Simulator("tiny", int(np.int64(2))).num_networks == 2


def test_what_would_have_no_effect_or_no_end_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"shadowing_los_db is 4\.0; allowed: 0 with path_loss 'power_law'"):
        make_scenario("paper", shadowing_los_db=4.0)
    make_scenario("paper", shadowing_los_db=4.0, path_loss="uma")
    with pytest.raises(ScenarioError, match=r"offered_bps of eMBB is 1e\+15, .* packets per step; allowed: up to"):
        make_scenario("paper", offered_bps=(1e15, 0.0, 0.0), latency="queue")
    with pytest.raises(ScenarioError, match=r"4e\+06 packets per step; allowed: up to"):
        make_scenario("paper", offered_bps=(4.8e9, 0.0, 0.0), burst_factor=100.0, latency="queue")
    with pytest.raises(ScenarioError, match="layout is None; allowed: Layout"):
        Scenario(layout=None)  # type: ignore[arg-type]
