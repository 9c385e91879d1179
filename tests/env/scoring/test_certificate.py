"""Certificates: the numbers by hand, the interval against scipy, verdicts, processes, the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from oran_env import Simulator, make_scenario
from oran_env.cli import main
from oran_env.policies.reading_rules import reading_parameters
from oran_env.policies.rules import SEARCHED, searched_parameters
from oran_env.scenario.presets import PRESETS
from oran_env.scoring import certificate as module
from oran_env.scoring.certificate import CERTIFICATE_SEED, NUMBERS, certificate_path, certify, levels_of, verdict
from oran_env.scoring.paired import interval, student_quantile
from oran_env.scoring.playable import returns_of
from oran_env.scoring.plays import Job, Played, dealt, mean_shares, play, play_dealt
from oran_env.scoring.suites import SUITE_SEED

CHEAP: dict[str, Any] = {"rounds": 1, "draws": 16}
QUEUES = make_scenario(
    "tiny", latency="queue", observation="extended", offered_bps=(2e6, 0.0, 64e3), packet_bytes=(1500.0, 125.0, 300.0)
)


@pytest.mark.parametrize("freedom", [4, 7, 15, 31, 199])
def test_student(freedom: int) -> None:
    for p in (0.9, 0.975, 0.995):
        assert student_quantile(p, freedom) == pytest.approx(
            scipy.stats.t.ppf(p, freedom), rel=4e-3 if p < 0.99 else 2e-2
        )
    values = np.random.default_rng(freedom).normal(0.3, 2.0, freedom + 1)
    theirs = scipy.stats.t.interval(0.95, freedom, values.mean(), scipy.stats.sem(values))
    mean, low, high = interval(values)
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx(theirs, rel=1e-2)


def test_too_few_networks() -> None:
    with pytest.raises(ValueError, match="4 networks; allowed: 5 or more"):
        interval(np.zeros(4))


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "QUICK_SEARCH", 2)
        return certify(QUEUES, 5, 4, 1, **CHEAP)


def test_what_was_played(found: dict[str, Any]) -> None:
    """A rule and lookahead, played again by other means; the networks are nobody else's."""
    seeds = [CERTIFICATE_SEED + i for i in range(5)]
    assert CERTIFICATE_SEED >= SUITE_SEED + 1_000_000
    assert {"random", "static", "count_rule", "weighted_counts", "backlog_rule"} <= set(found["policies"])
    assert {name for name in found["policies"] if "look" in name} == {"lookahead-1", "lookahead-5", "lookahead-10"}
    those_of_tiny = {*searched_parameters(QUEUES), *reading_parameters(QUEUES)}
    assert set(found["searched_here"]) == {*SEARCHED, "weighted_counts", "backlog_rule"} - those_of_tiny
    short = Simulator(QUEUES.with_overrides(horizon=4), 5, seeds)
    mean, low, high = interval(returns_of("count_rule", short, seeds))
    row = found["policies"]["count_rule"]
    assert (row["return"], row["low"], row["high"]) == pytest.approx((mean, low, high), abs=1e-4)
    rule, zones = found["searched_here"]["backlog_rule"], searched_parameters(QUEUES)["zone_rule"]
    arguments = {**CHEAP, "interval": 1, "horizon": 5, "successor": rule, "zones": zones}
    job = Job(QUEUES, "lookahead", tuple(seeds), 4, arguments)
    assert found["policies"]["lookahead-5"]["return"] == pytest.approx(play(job).returns.mean(), abs=1e-4)


def test_the_numbers_are_paired_differences(found: dict[str, Any]) -> None:
    for row in found["numbers"]:
        difference = found["policies"][row["better"]]["return"] - found["policies"][row["worse"]]["return"]
        assert row["mean"] == pytest.approx(difference, abs=2e-4), row["name"]
        assert row["low"] <= row["mean"] <= row["high"]
        assert row["holds"] == (row["low"] >= row["least"])
    by_name = {row["name"]: row for row in found["numbers"]}
    assert (by_name["foresight"]["better"], by_name["foresight"]["worse"]) == ("lookahead-5", "lookahead-1")
    assert by_name["reading"]["worse"] in ("static", "equal_shares")
    assert by_name["reading_backlog"]["better"] == "backlog_rule"
    assert by_name["reading_backlog"]["worse"] in ("count_rule", "weighted_counts", "demand_proportional")


def played(returns: float, met: float = 0.6) -> Played:
    """Five networks whose returns differ a little, and by the same for every policy."""
    return Played(returns + np.arange(5) / 10, np.full((5, 3), met), np.full(5, met), 0)


def test_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels made up: with every gap large all holds; then one after the other is closed."""
    levels = {
        "random": 0.0, "static": 0.4, "equal_shares": 0.3, "count_rule": 0.6, "backlog_rule": 0.8, "lookahead-1": 1.0,
        "lookahead-5": 1.2, "lookahead-10": 1.0,
    }  # fmt: skip

    def lines(changed: dict[str, float], met: float = 0.6) -> list[str]:
        returns = {name: played(value, met) for name, value in {**levels, **changed}.items()}
        numbers = [module._compared(number, returns) for number in NUMBERS]
        return verdict({"preset": "mine", "numbers": numbers, "all_met": module._met(returns)})

    assert lines({})[-1] == "mine: all of it holds"
    assert all(line.endswith("holds") for line in lines({}))
    assert lines({"lookahead-5": 1.04})[-1] == "mine: this preset has no headroom in foresight"
    assert "no headroom in reading more than counts" in lines({"backlog_rule": 0.64})[-1]
    assert "above the best rule" in lines({"backlog_rule": 1.12})[-1]
    assert "no headroom in reading the state" in lines({"static": 0.75})[-1]
    assert lines({}, 0.4)[-1] == "mine: it is too hard to meet every Q_min"
    assert lines({}, 0.9)[-1] == "mine: it is too easy to meet every Q_min"
    assert lines({"lookahead-5": 1.06, "lookahead-10": 1.2, "backlog_rule": 1.05})[-1] == "mine: all of it holds"
    zone = lines({"zone_rule": 1.15})  # a rule with a reuse plan: coordination pays still, little is left above it
    assert "coordination" not in zone[-1]
    assert "above the best rule" in zone[-1]


def test_where_no_backlog_is_seen() -> None:
    returns = {name: played(0.0) for name in ("random", "static", "count_rule", "lookahead-1", "lookahead-5")}
    row = module._compared(NUMBERS[2], returns)
    assert (row["better"], row["mean"], row["holds"]) == (None, None, False)


def test_shares_leave_out_slices_without_ues() -> None:
    """Against a plain count over steps and DUs."""
    scenario = make_scenario("tiny", num_ues=4)
    seeds = (1, 2, 3)
    one = play(Job(scenario, "equal_shares", seeds, 6))
    for b, seed in enumerate(seeds):
        simulator = Simulator(scenario, 1, [seed])
        observations = simulator.reset()
        policy = module_policy(simulator)
        met: list[list[bool]] = [[], [], []]
        every = []
        for _ in range(6):
            step = simulator.step(policy(observations))
            observations = step.observations
            for m in range(2):
                good = [bool(step.info["qos_normalised"][0, m, i] >= 0.5) for i in range(3)]
                there = [bool(step.info["num_ues"][0, m, i] > 0) for i in range(3)]
                every.append(all(g or not t for g, t in zip(good, there, strict=True)))
                for i in range(3):
                    met[i] += [good[i]] if there[i] else []
        wanted = [np.mean(x) if x else np.nan for x in met]
        np.testing.assert_allclose(one.satisfied[b], np.array(wanted, dtype=np.float64))
        assert one.all_satisfied[b] == pytest.approx(np.mean(every))
    assert mean_shares(np.array([[np.nan, 1.0], [np.nan, 0.0]])) == [None, 0.5]
    assert mean_shares(np.array([[np.nan, 1.0], [0.2, 0.0]])) == [0.2, 0.5]


def module_policy(simulator: Simulator) -> Any:
    from oran_env.scoring.playable import policy_on

    return policy_on("equal_shares", simulator)


def test_processes_and_parts_change_nothing() -> None:
    seeds = tuple(range(7))
    job = Job(make_scenario("tiny"), "random", seeds, 3, {"episode": 1})
    assert [len(part.seeds) for part in dealt(job, 3)] == [3, 3, 1]
    search = Job(make_scenario("tiny"), "lookahead", seeds[:2], 2, {"rounds": 0, "draws": 16})
    one, two = (play_dealt({"r": job, "l": search}, workers) for workers in (1, 2))
    assert (one["r"].returns == two["r"].returns).all()
    assert (one["l"].returns == two["l"].returns).all()
    assert (one["r"].returns == play(job).returns).all()
    assert one["l"].simulated_steps == play(search).simulated_steps


def test_refusals() -> None:
    for arguments, message in (
        ((4,), "networks is 4"),
        ((5, 26), "steps is 26; allowed: 1 to 25"),
        ((5, 0), "steps is 0"),
    ):
        with pytest.raises(ValueError, match=message):
            certify(make_scenario("tiny"), *arguments)


def test_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Any
) -> None:
    asked: list[Any] = []

    def fake(*arguments: Any, **settings: Any) -> Any:
        asked.append((arguments, settings))
        return found

    monkeypatch.setattr("oran_env.commands.certify.certify", fake)
    out = tmp_path / "mine.json"
    main(["certify", "tiny", "--networks", "5", "--steps", "4", "--out", str(out), "--draws", "32", "--env", "load=2"])
    shown = capsys.readouterr().out
    assert json.loads(out.read_text()) == found
    assert shown.splitlines()[: len(levels_of(found))] == levels_of(found)
    assert "foresight" in shown
    (scenario, networks, steps, workers, _, first_seed), settings = asked[0]
    assert (networks, steps, workers, first_seed, settings) == (5, 4, 1, CERTIFICATE_SEED, {"draws": 32})
    assert scenario == make_scenario("tiny", load=2)
    out.unlink()
    main(["certify", "tiny", "--env", "load=2", "--first-seed", "7"])  # of no preset: not stored
    assert "written" not in capsys.readouterr().out
    assert asked[1][0][-1] == 7
    for wrong in (["--workers", "0"], ["--first-seed", "-1"], ["--out", str(tmp_path)]):
        with pytest.raises(SystemExit):
            main(["certify", "tiny", *wrong])


def test_other_networks() -> None:
    """With --first-seed the networks are others, and the command that is stored says so."""
    one = certify(make_scenario("tiny"), 5, 2, 1, lambda line: None, CERTIFICATE_SEED + 5, **CHEAP)
    assert (one["first_seed"], one["command"][-21:]) == (CERTIFICATE_SEED + 5, " --first-seed 4000005")
    seeds = tuple(CERTIFICATE_SEED + 5 + i for i in range(5))
    played = play(Job(make_scenario("tiny"), "equal_shares", seeds, 2))
    assert one["policies"]["equal_shares"]["return"] == pytest.approx(played.returns.mean(), abs=1e-4)


def test_stored_certificates_belong_to_their_presets() -> None:
    """Every preset has one with every number, of the preset as it is."""
    assert {path.stem for path in certificate_path("x").parent.glob("*.json")} == set(PRESETS)
    for path in sorted(certificate_path("x").parent.glob("*.json")):
        table = json.loads(path.read_text())
        assert path == certificate_path(table["preset"])
        assert [row["name"] for row in table["numbers"]] == [number.name for number in NUMBERS]
        assert module.stored_certificate(table["preset"]) is not None, f"{path.name} is of other fields: certify again"
