"""Which scenarios belong to a family, how they are written, and which an agent cannot act in."""

from __future__ import annotations

from typing import Any

import pytest

from oran_env.scenario.presets import make_scenario
from tasam_agents.envs.interface import EnvironmentRefused
from tasam_agents.errors import UserError
from tasam_agents.experiments.generalisation.scenario_family import (
    FAMILY,
    ORAN,
    Member,
    base_of,
    changes,
    check_same_spaces,
    family_around,
    identity,
    member,
    own_member,
)

PAPER: dict[str, Any] = {"scenario": "paper"}
TINY: dict[str, Any] = {"scenario": "tiny"}


@pytest.mark.parametrize("name", FAMILY)
def test_changes_turn_paper_into_the_preset(name: str) -> None:
    turns: Any = {"turns_rad": make_scenario(name).mobility.turns_rad}  # several values, which an option cannot hold
    assert make_scenario("paper", **changes(name), **turns, name=name) == make_scenario(name)
    assert changes(name)


def test_around_paper_the_names_are_the_presets_with_their_own_reference_policies() -> None:
    assert member("overload", ORAN, PAPER).arguments == {"scenario": "overload"}
    coded = PAPER | {"codec": "slice_mask"}
    assert member("calm", ORAN, coded).arguments == {"scenario": "calm", "codec": "slice_mask"}
    assert member("paper", ORAN, coded).arguments == coded


def test_around_another_scenario_a_name_is_what_the_preset_changes() -> None:
    scenario = identity(ORAN, member("overload", ORAN, TINY).arguments)
    assert (scenario.name, scenario.layout.num_ues, scenario.traffic.load) == ("tiny", 32, 1.0)
    assert scenario.radio == make_scenario("tiny").radio
    slow = identity(ORAN, member("calm", ORAN, TINY | {"horizon": 7}).arguments)
    assert (slow.layout.num_ues, slow.control.horizon) == (12, 7)
    # fewer UEs than the preset has: the proportion is kept, the preset's own number is not forced upon it
    crowded = identity(ORAN, member("overload", ORAN, PAPER | {"num_ues": 100}).arguments)
    assert (crowded.name, crowded.layout.num_ues) == ("paper", 160)


def test_what_is_impossible_around_a_scenario_is_left_out() -> None:
    """Two sites have no wrap-around."""
    assert [each.name for each in family_around(ORAN, PAPER)] == list(FAMILY)
    assert [each.name for each in family_around(ORAN, TINY)] == [name for name in FAMILY if name != "dense"]
    assert family_around("somebody:else", {}) == []


def test_fields_are_changed_by_name() -> None:
    assert member("num_ues=30,load=2", ORAN, TINY) == Member("num_ues=30,load=2", TINY | {"num_ues": 30, "load": 2})
    both = member("fast,latency=queue", ORAN, TINY)
    assert both.arguments["latency"] == "queue"
    assert both.arguments["max_speed_mps"] == 40.0
    assert Member("fast,b=x/y", {}).slug == "fast-b=x-y"


def test_base_is_what_the_runs_share_less_what_the_family_varies() -> None:
    assert base_of(ORAN, [{"scenario": "paper"}, {"scenario": "dense"}]) == PAPER
    assert base_of(ORAN, [{"scenario": "calm", "codec": "slice_mask"}]) == PAPER | {"codec": "slice_mask"}
    overload = dict(member("overload", ORAN, TINY).arguments)
    assert base_of(ORAN, [overload]) == TINY
    assert base_of(ORAN, [overload | {"horizon": 7}, TINY | {"horizon": 7}]) == TINY | {"horizon": 7}
    assert base_of(ORAN, [TINY | {"horizon": 7}, TINY]) == TINY
    assert base_of("somebody:else", [{"N": 2, "size": 1}, {"N": 2, "size": 3}]) == {"N": 2}
    with pytest.raises(UserError, match="trained on tiny, paper; allowed: one preset, or paper and its family"):
        base_of(ORAN, [TINY, PAPER])


def test_a_run_finds_its_own_scenario_however_it_was_written() -> None:
    known = [member(spec, ORAN, TINY) for spec in ("tiny", "overload")]
    assert own_member(ORAN, {"scenario": "tiny", "num_ues": 32}, TINY, known) == known[1]
    assert own_member(ORAN, TINY | {"num_dus": 2}, TINY, known) == known[0]  # 2 is what tiny has anyway
    stranger = own_member(ORAN, TINY | {"num_ues": 33, "latency": "queue"}, TINY, known)
    assert stranger == Member("tiny,num_ues=33,latency=queue", TINY | {"num_ues": 33, "latency": "queue"})


@pytest.mark.parametrize(
    ("spec", "what"),
    [("num_dus=3", "agents"), ("codec=slice_mask", "action sizes"), ("observation=extended", "observation sizes")],
)
def test_other_spaces_are_refused(spec: str, what: str) -> None:
    with pytest.raises(UserError, match=f"scenario '{spec}': {what} are .*; allowed: those of the training scenario, "):
        check_same_spaces(ORAN, [member("fast", ORAN, TINY), member(spec, ORAN, TINY)], TINY)
    check_same_spaces(ORAN, family_around(ORAN, TINY), TINY)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("calmer", "scenario is 'calmer'; did you mean 'calm'\\? allowed: tiny, calm, heterogeneous"),
        ("paper", "scenario is 'paper'; allowed: tiny, calm"),
        ("", "'' is not FIELD=VALUE"),
        ("calm,load", "scenario 'calm,load': 'load' is not FIELD=VALUE"),
        ("load=", "'load=' is not FIELD=VALUE"),
    ],
)
def test_what_is_no_scenario_is_refused(spec: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        member(spec, ORAN, TINY)


def test_unknown_fields_and_bad_values_are_the_environments_to_refuse() -> None:
    with pytest.raises(EnvironmentRefused, match="unknown scenario field 'colour'"):
        member("colour=3", ORAN, TINY)
    with pytest.raises(EnvironmentRefused, match="num_ues is -3"):
        member("num_ues=-3", ORAN, TINY)
    with pytest.raises(UserError, match="scenario is 'calm'; allowed: FIELD=VALUE"):
        member("calm", "support.fakes:target_env", {})
