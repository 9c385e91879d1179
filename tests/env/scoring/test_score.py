"""Scoring: the number by hand, the interval against scipy, every kind of policy, refusals, and stored returns."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from gymnasium.spaces import Box

from oran_env import Scenario, Simulator, make_scenario
from oran_env.cli import main
from oran_env.policies.offered import reference_policies
from oran_env.policies.rules import encode, searched_parameters
from oran_env.scoring import suites
from oran_env.scoring.normalise import bootstrap_interval, interquartile_mean
from oran_env.scoring.playable import PolicyError, policy_on, returns_of
from oran_env.scoring.score import score
from oran_env.scoring.suites import SUITE_SEED, SUITES, Suite, SuiteError, find_suite, store_returns, stored_returns

TINY = SUITES["tiny-v1"]


def equal(observations: Any) -> Any:
    """A user's rule for tiny: 3 RBs of eMBB, 4 of mMTC, 3 of URLLC."""
    return encode(np.broadcast_to([3, 4, 3], (*observations.shape[:-1], 3)), make_scenario("tiny"))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 7, 8, 40, 101])
def test_interquartile_mean(number: int) -> None:
    values = np.random.default_rng(number).normal(size=number)
    assert interquartile_mean(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25))
    assert interquartile_mean(np.stack([values, values + 1]))[1] == pytest.approx(
        scipy.stats.trim_mean(values, 0.25) + 1
    )


def interval_of(groups: list[Any]) -> tuple[float, float]:
    """The interval of groups that have one."""
    found = bootstrap_interval(groups)
    assert found is not None
    return found


def test_interval_of_one_group_against_scipy() -> None:
    values = np.random.default_rng(1).normal(size=40)
    theirs = scipy.stats.bootstrap(
        (values,), lambda x, axis: scipy.stats.trim_mean(x, 0.25, axis=axis), method="percentile", n_resamples=20_000,
        rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    low, high = interval_of([values])
    assert low == pytest.approx(theirs.low, abs=0.03)
    assert high == pytest.approx(theirs.high, abs=0.03)
    assert bootstrap_interval([values]) == (low, high)  # the same in every call


def test_the_interval_is_stratified() -> None:
    """Networks are resampled within their scenario: what differs between scenarios only adds no uncertainty."""
    groups = [np.full(10, float(i)) for i in range(4)]
    assert bootstrap_interval(groups) == (1.5, 1.5)
    low, high = interval_of([np.concatenate(groups)])
    assert high - low > 0.5


def test_coverage_of_the_interval() -> None:
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(60):
        low, high = interval_of([rng.normal(size=20) for _ in range(3)])
        inside += low <= 0.0 <= high
    assert scipy.stats.binom.cdf(inside, 60, 0.95) > 1e-4


def test_suites_hold_out_their_networks() -> None:
    assert SUITES["oran-v1"].seeds == [3_000_000 + i for i in range(20)]
    for suite in SUITES.values():
        assert min(suite.seeds) == SUITE_SEED
        assert len(set(suite.scenarios)) == len(suite.scenarios)
    checks = pytest.importorskip("tasam_agents.config.checks")
    assert SUITE_SEED > checks.MAX_SEED  # no training of ours has them


@pytest.fixture(scope="module")
def static_score() -> Any:
    return score("static", "tiny-v1")


def test_the_rows_by_hand(static_score: Any) -> None:
    stored = stored_returns(TINY, "tiny")
    simulator = Simulator("tiny", 1)
    policy = reference_policies(simulator.scenario)["static"]
    assert len(static_score.rows) == 8
    for i, row in enumerate(static_score.rows):
        observations, total = simulator.reset(SUITE_SEED + i), 0.0
        for _ in range(25):
            step = simulator.step(policy(observations))
            observations = step.observations
            total += float(step.rewards.sum()) / 2 / 25
        assert list(row) == ["suite", "scenario", "seed", "return", "random", "reference", "score"]
        assert (row["suite"], row["scenario"], row["seed"]) == ("tiny-v1", "tiny", SUITE_SEED + i)
        assert row["return"] == pytest.approx(total, rel=1e-6)
        assert (row["random"], row["reference"]) == (stored.random[i], stored.lookahead[i])
        assert row["score"] == pytest.approx((total - row["random"]) / (row["reference"] - row["random"]), rel=1e-5)
    assert static_score.number == pytest.approx(
        scipy.stats.trim_mean([row["score"] for row in static_score.rows], 0.25)
    )
    assert static_score.low < static_score.number < static_score.high
    assert static_score.complete
    middle = static_score.medians()
    assert [row["scenario"] for row in middle] == ["tiny"]
    assert middle[0]["return"] == np.median([row["return"] for row in static_score.rows])


def test_random_scores_about_0_and_lookahead_1(static_score: Any) -> None:
    assert abs(score("random", "tiny-v1").number) < 0.3 < static_score.number
    lookahead = score("lookahead", "tiny-v1")
    assert all(row["score"] == pytest.approx(1.0, abs=1e-6) for row in lookahead.rows)
    assert score("count_rule", "tiny-v1").number < 1.0


def test_the_table_and_the_file(static_score: Any, tmp_path: Path) -> None:
    text = static_score.table()
    assert f"tiny-v1: static scores {static_score.number:.3f}, 95 % {static_score.low:.3f} to" in text
    assert max(map(len, text.splitlines())) <= 100
    static_score.save(tmp_path / "result.json")
    written = json.loads((tmp_path / "result.json").read_text())
    assert set(written) == {
        *("schema", "suite", "policy", "date", "versions", "complete", "score", "satisfied", "rows")
    }
    assert set(written["versions"]) == {"oran_env", "python", "numpy", "numba", "gymnasium", "pettingzoo"}
    assert written["score"]["number"] == static_score.number
    assert written["rows"] == list(static_score.rows)


def test_part_of_a_suite_is_marked(static_score: Any) -> None:
    part = score("static", "tiny-v1", 3)
    assert part.rows == static_score.rows[:3]
    assert not part.complete
    assert "only part" in part.table()
    assert "only part" not in static_score.table()


class FakeModel:
    """What is used of a stable-baselines3 model."""

    def __init__(self, observations: int, actions: int) -> None:
        self.observation_space = Box(0, 2, (observations,))
        self.action_space = Box(0, 1, (actions,))

    def predict(self, observations: Any, deterministic: bool) -> tuple[Any, None]:
        assert deterministic
        assert observations.shape[1:] == self.observation_space.shape
        copies = len(observations[0]) // 26
        return np.concatenate([equal(observations[:, 26 * i : 26 * (i + 1)]) for i in range(copies)], axis=1), None


def test_one_network_has_no_interval(tmp_path: Path) -> None:
    part = score("static", "tiny-v1", 1)
    assert (part.number, part.low, part.high) == (part.rows[0]["score"], None, None)
    assert "95 % — (one network of each scenario says nothing about others)" in part.table()
    part.save(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text())["score"]["low"] is None
    assert bootstrap_interval([np.ones(1), np.ones(1)]) is None
    assert bootstrap_interval([np.ones(1), np.ones(2)]) == (1.0, 1.0)


def test_every_kind_of_policy() -> None:
    expected = [row["return"] for row in score(equal, "tiny-v1", 3).rows]
    made: list[Scenario] = []

    def make(scenario: Scenario) -> Any:
        made.append(scenario)
        return equal

    for result in (
        score(make=make, suite="tiny-v1", num_networks=3),
        score({"tiny": equal, "paper": "idle"}, "tiny-v1", 3),
        score(FakeModel(26, 20), "tiny-v1", 3),
        score(FakeModel(52, 40), "tiny-v1", 3),
        score(make=lambda scenario: FakeModel(52, 40), suite="tiny-v1", num_networks=3),
        score(equal, "tiny-v1", 3, num_threads=2),
    ):
        assert [row["return"] for row in result.rows] == expected
    assert [scenario.name for scenario in made] == ["tiny"]
    assert score(equal, "tiny-v1", 1).policy == "equal"
    assert score(equal, "tiny-v1", 1, name="mine").policy == "mine"


def test_real_models() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    env = pytest.importorskip("gymnasium").make("oran/ORAN-joint-v1", scenario="tiny")
    model = sb3.SAC("MlpPolicy", env, seed=0, policy_kwargs={"net_arch": [8]}, buffer_size=10)
    result = score(model, "tiny-v1", 2)
    assert result.policy == "SAC"
    observation, _ = env.reset(seed=SUITE_SEED)
    total = 0.0
    for _ in range(25):
        observation, reward, *_ = env.step(model.predict(observation, deterministic=True)[0])
        total += reward / 25
    assert result.rows[0]["return"] == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("statik", r"scenario tiny: no policy 'statik'; did you mean 'static'\? allowed: .*static.*lookahead"),
        ({"paper": "static"}, r"no policy for scenario 'tiny'; there are policies for: paper"),
        (3, r"policy is a int; allowed: a name, a callable"),
        (
            FakeModel(26, 40),
            r"scenario tiny: the model maps observations \(26,\) to actions \(40,\).*\(52,\) to \(40,\) \(jo",
        ),
        (FakeModel(206, 200), r"scenario tiny: .*one model per scenario"),
        (
            lambda o: np.zeros((8, 2, 19)),
            r"scenario tiny: .*shape \(8, 2, 26\).*returned float64 of shape \(8, 2, 19\)",
        ),
        (lambda o: np.zeros(20), r"allowed: finite numbers of shape \(8, 2, 20\)"),
        (lambda o: np.full((8, 2, 20), np.nan), r"scenario tiny: .*finite"),
        (lambda o: None, r"scenario tiny: .*object"),
    ],
)
def test_policies_that_cannot_be_scored(policy: Any, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        score(policy, "tiny-v1")


def test_refusals() -> None:
    for arguments in ({}, {"policy": "static", "make": lambda scenario: equal}):
        with pytest.raises(PolicyError, match="give either policy"):
            score(suite="tiny-v1", **arguments)  # type: ignore[arg-type]
    with pytest.raises(
        SuiteError, match=r"'oran-v9'; did you mean 'oran-v2'\? allowed: oran-v1, oran-v2, tiny-v1, tiny-v2"
    ):
        score("static", "oran-v9")
    for number in (0, 9, True, 1.5):
        with pytest.raises(ValueError, match=r"num_networks is .*; allowed: 1 to 8"):
            score("static", "tiny-v1", number)  # type: ignore[arg-type]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Suite:
    """A suite of two networks whose file is in a temporary directory."""
    monkeypatch.setattr(Suite, "path", property(lambda suite: tmp_path / f"{suite.name}.json"))
    suite = Suite("small", ("tiny",), 2)
    monkeypatch.setitem(SUITES, "small", suite)
    return suite


def test_storing(small: Suite) -> None:
    with pytest.raises(SuiteError, match=r"no stored returns for scenario tiny; compute them with: oran-env reference"):
        score("static", "small")
    said: list[str] = []
    store_returns(small, ["tiny"], say=said.append, rounds=0, draws=16)
    assert any("parts played" in line for line in said)
    entry = json.loads(small.path.read_text())["scenarios"]["tiny"]
    assert entry["seeds"] == small.seeds
    assert entry["reference_policy"] == {"name": "lookahead", "rounds": 0, "draws": 16}
    assert score("static", "small").complete
    before = small.path.read_text()
    said.clear()
    store_returns(small, ["tiny"], say=said.append, rounds=0, draws=16)  # goes on where it was
    assert said == ["small tiny: stored and valid"]
    assert small.path.read_text() == before
    store_returns(small, ["tiny"], force=True, say=said.append, rounds=0, draws=16)
    again = json.loads(small.path.read_text())["scenarios"]["tiny"]
    assert {k: v for k, v in again.items() if k != "seconds"} == {k: v for k, v in entry.items() if k != "seconds"}
    with pytest.raises(SuiteError, match=r"'paper' is not in suite small; allowed: tiny"):
        store_returns(small, ["paper"])


@pytest.mark.parametrize("change", ["random", "equal_shares_of_first", "fields"])
def test_numbers_of_other_dynamics_are_refused(small: Suite, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = json.loads((Path(suites.__file__).parent / "suites" / "tiny-v1.json").read_text())
    entry = table["scenarios"]["tiny"]
    entry = {**entry, **{key: entry[key][:2] for key in ("seeds", "random", "reference")}}
    small.path.write_text(json.dumps({"suite": "small", "scenarios": {"tiny": entry}}))
    assert stored_returns(small, "tiny").random == tuple(entry["random"])
    if change == "fields":
        changed = make_scenario("tiny", path_loss_exponent=3.51)
        monkeypatch.setattr(suites, "make_scenario", lambda name: changed)
    else:
        entry[change] = [entry[change][0] + 1e-4, entry[change][1]] if change == "random" else entry[change] + 1e-4
        small.path.write_text(json.dumps({"suite": "small", "scenarios": {"tiny": entry}}))
    fields = "its fields differ" if change == "fields" else "its fields are the same"
    with pytest.raises(
        SuiteError, match=rf"scenario tiny in suite small belong to other dynamics.*{fields}.*compute them"
    ):
        score("static", "small")


def test_stored_returns_reproduce() -> None:
    """All of random; lookahead for one network, which does not depend on the others."""
    stored = stored_returns(TINY, "tiny")
    assert suites.random_returns(make_scenario("tiny"), TINY.seeds) == pytest.approx(stored.random, rel=1e-6)
    simulator = Simulator("tiny", 1, TINY.seeds[3:4])
    assert returns_of("lookahead", simulator, TINY.seeds[3:4])[0] == pytest.approx(stored.lookahead[3], rel=1e-6)
    assert find_suite("tiny-v1") is TINY
    assert policy_on("lookahead", simulator) is not policy_on("lookahead", simulator)


def test_presets_that_do_not_exist_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUITES, "odd", dataclasses.replace(TINY, name="odd", scenarios=("tiny", "nowhere")))
    with pytest.raises(SuiteError, match="needs presets that this version lacks: nowhere"):
        score("static", "odd")


def test_the_shell(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "result.json"
    main(["score", "--policy", "static", "--suite", "tiny-v1", "--networks", "2", "--out", str(out)])
    assert "tiny-v1: static scores" in capsys.readouterr().out
    assert json.loads(out.read_text())["policy"] == "static"
    (tmp_path / "my_rules.py").write_text(
        "import numpy as np\n"
        "def idle(scenario):\n    return lambda seen: np.zeros((*seen.shape[:-1], 2 * scenario.radio.num_rbs))\n"
        "NUMBER = 3\n"
        "def shape(observations):\n    return observations.shape\n"
    )
    monkeypatch.chdir(tmp_path)
    main(["score", "--policy", "my_rules:idle", "--suite", "tiny-v1", "--networks", "2"])
    assert "my_rules:idle scores" in capsys.readouterr().out
    for policy, message in [
        ("nonsense", "allowed: random, idle"),
        ("my_rules:nothing", "cannot be imported"),
        ("no_such_module:x", "cannot be imported"),
        ("my_rules:NUMBER", "is a int; allowed: a function"),
        ("my_rules:shape", "raised AttributeError: .*needed: a function of a Scenario"),
        (".m:f", "cannot be imported"),
    ]:
        with pytest.raises(SystemExit) as ended:
            main(["score", "--policy", policy, "--suite", "tiny-v1"])
        assert ended.value.code == 2
        assert re.search(message, capsys.readouterr().err)
    with pytest.raises(SystemExit) as ended:
        main(["score", "--policy", "static", "--suite", "tiny-v1", "--out", str(tmp_path / "nowhere" / "result.json")])
    assert ended.value.code == 2
    assert "a file in a directory that exists" in capsys.readouterr().err
    main(["list", "--scenario", "tiny"])
    shown = capsys.readouterr().out
    assert "presets: paper, paper_capped, table5" in shown
    assert re.search(r"\* num_dus = 2\n", shown)
    assert re.search(r"  power_dbm = 56.0\n", shown)
    main(["reference", "--suite", "tiny-v1"])
    assert "stored and valid" in capsys.readouterr().out


def test_the_example() -> None:
    example = Path(__file__).parents[3] / "examples" / "score_a_policy.py"
    assert len(example.read_text().splitlines()) <= 50
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tiny-v1: my_rule scores" in done.stdout


def test_part_of_a_suite_through_another_interface() -> None:
    """How a policy acts is its own affair; the networks stay those of the suite."""
    plain = score("zone_rule", "tiny-v1", 3)
    zones = score("zone_rule", "tiny-v1", 3, scenarios=["tiny"], interface={"codec": "zones", "owned_rbs": 1})
    assert [row["random"] for row in zones.rows] == [row["random"] for row in plain.rows]
    assert [row["return"] for row in zones.rows] != [row["return"] for row in plain.rows]
    with pytest.raises(SuiteError, match="interface has 'num_ues', which changes the networks; allowed: codec"):
        score("static", "tiny-v1", interface={"num_ues": 3})
    with pytest.raises(SuiteError, match="scenario 'paper' is not in suite tiny-v1; allowed: tiny"):
        score("static", "tiny-v1", scenarios=["paper"])
    assert not score("static", "oran-v1", 1, scenarios=["paper"]).complete


def test_old_suites_play_the_family_as_it_was() -> None:
    """Under the names it had; rules have the numbers that were searched for it then."""
    suite = SUITES["oran-v1"]
    old, new = suite.scenario("calm"), make_scenario("calm")
    assert (old.layout.slice_mix, new.layout.slice_mix) == ("uniform", "heterogeneous")
    assert searched_parameters(old)["static"] != searched_parameters(new)["static"]
    assert suite.scenario("bursty") == make_scenario("bursty")
    names = []

    def make(scenario: Scenario) -> str:
        names.append(scenario.name)
        return "equal_shares"

    found = score(make=make, suite="oran-v1", scenarios=("calm",), num_networks=1)
    assert names == ["calm"]
    stored = json.loads(suite.path.read_text())["scenarios"]["calm"]["equal_shares_of_first"]
    assert found.rows[0]["return"] == pytest.approx(stored, rel=1e-6)
