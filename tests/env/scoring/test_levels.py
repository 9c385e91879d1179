"""oran-v2: scored by means over the networks, of which some carry lookahead; and the table of every rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oran_env import make_scenario
from oran_env.cli import main
from oran_env.scoring.levels import levels, shipped_rules, table
from oran_env.scoring.normalise import Measured, mean_ratio, ratio_interval
from oran_env.scoring.score import score
from oran_env.scoring.suites import SUITES, Suite, SuiteError, search_of, store_returns, stored_returns


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Twelve networks of tiny, five with a cheap lookahead, stored in a temporary directory."""
    folder = tmp_path_factory.mktemp("suite")
    small = Suite("small-v2", ("tiny",), 12, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Suite, "path", property(lambda of: folder / f"{of.name}.json"))
        patch.setitem(SUITES, "small-v2", small)
        store_returns(small, ["tiny"], say=lambda line: None, rounds=0, draws=16)
        yield small


def test_oran_v2() -> None:
    whole = SUITES["oran-v2"]
    assert (whole.num_networks, whole.references) == (200, 24)
    assert whole.scenarios[:2] == ("paper", "dynamic")
    assert set(SUITES["oran-v1"].scenarios) < set(whole.scenarios)
    assert whole.seeds[:20] == SUITES["oran-v1"].seeds
    assert search_of(SUITES["oran-v1"], make_scenario("paper")) == {}
    assert search_of(whole, make_scenario("paper"))["horizon"] == 1
    queues = search_of(whole, make_scenario("paper", latency="queue"))
    assert (queues["horizon"], queues["interval"]) == (10, 1)


def test_the_number_by_hand(suite: Suite) -> None:
    stored = stored_returns(suite, "tiny")
    assert (len(stored.random), len(stored.lookahead)) == (12, 5)
    result = score("count_rule", "small-v2")
    returns = np.array([row["return"] for row in result.rows])
    random, lookahead = np.array(stored.random), np.array(stored.lookahead)
    wanted = (returns.mean() - random.mean()) / (lookahead - random[:5]).mean()
    assert result.number == pytest.approx(wanted)
    assert result.low is not None
    assert result.high is not None
    assert result.low < result.number < result.high
    assert [row["reference"] for row in result.rows[5:]] == [None] * 7
    assert all(row["score"] is None for row in result.rows)
    assert result.medians()[0]["return"] == pytest.approx(returns.mean())
    assert "(means; % satisfied)" in result.table()
    part = score("count_rule", "small-v2", 3)
    wanted = (returns[:3].mean() - random[:3].mean()) / (lookahead[:3] - random[:3]).mean()
    assert part.number == pytest.approx(wanted)
    assert score("count_rule", "small-v2", 1).low is None


def test_lookahead_scores_1_where_it_was_played() -> None:
    rng = np.random.default_rng(0)
    random = rng.normal(size=40)
    one = Measured(random[:10] + 0.5, random[:10], random[:10] + 0.5)
    assert mean_ratio(one) == pytest.approx(1.0)
    assert ratio_interval([one]) == pytest.approx((1.0, 1.0))
    assert mean_ratio(Measured(random, random, random[:10] + 0.5)) == 0.0
    assert ratio_interval([Measured(random[:1], random[:1], random[:1] + 1)]) is None


def test_coverage_of_the_interval() -> None:
    """Networks that differ much, policies that differ little: only the paired difference counts."""
    rng = np.random.default_rng(1)
    inside = widths = 0.0
    for _ in range(60):
        networks = []
        for _ in range(3):
            level = rng.normal(0.0, 2.0, 60)
            noise = rng.normal(0.0, 0.1, (2, 60))
            networks.append(Measured(level + 0.3 + noise[0], level, (level + 0.5 + noise[1])[:20]))
        low, high = ratio_interval(networks) or (0.0, 0.0)
        inside += low <= 0.6 <= high
        widths += high - low
    assert inside >= 50
    assert 0.02 < widths / 60 < 0.12


def test_levels(suite: Suite, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = levels(suite)
    policies = [row["policy"] for row in found["rows"]]
    assert policies[0] == "random"
    assert policies[-1] == "lookahead"
    assert set(policies[1:-1]) == set(shipped_rules(suite))
    by_name = {row["policy"]: row for row in found["rows"]}
    assert by_name["random"]["score"] == 0.0
    assert by_name["lookahead"]["score"] == pytest.approx(1.0)
    assert found["numbers"]["count_rule"]["number"] == pytest.approx(score("count_rule", "small-v2").number)
    assert by_name["lookahead"]["satisfied"] == stored_returns(suite, "tiny").satisfied["lookahead"]
    assert "count_rule" in table(found)
    out = tmp_path / "levels.json"
    main(["levels", "--suite", "small-v2", "--networks", "5", "--out", str(out)])
    assert "small-v2: count_rule scores" in capsys.readouterr().out
    assert json.loads(out.read_text())["networks"] == 5
    for wrong in (["--networks", "4"], ["--workers", "0"], ["--out", str(tmp_path)]):
        with pytest.raises(SystemExit):
            main(["levels", "--suite", "small-v2", *wrong])


def test_nothing_stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Suite, "path", property(lambda of: tmp_path / f"{of.name}.json"))
    with pytest.raises(SuiteError, match="no stored returns"):
        levels(Suite("none-v2", ("tiny",), 12, 5))
