"""The E2 wrapper: off it changes nothing; delays, losses, ages and rounding are exactly as stated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pettingzoo.test import parallel_api_test
from pettingzoo.utils import BaseParallelWrapper
from scipy.stats import binom

from oran_env import parallel_env
from oran_env.envs.e2_wrapper import E2Wrapper
from oran_env.testing.check_env import check_env
from oran_env.testing.recording import difference, record, sample_actions

HARSH: dict[str, Any] = {
    "report_delay": 1, "decision_delay": 2, "report_loss": 0.3, "decision_loss": 0.4, "report_levels": 5,
}  # fmt: skip


def env_and_wrapper(horizon: int = 12, **effects: Any) -> tuple[Any, E2Wrapper]:
    return parallel_env("tiny", horizon=horizon), E2Wrapper(parallel_env("tiny", horizon=horizon), **effects)


def actions_at(env: Any, t: int) -> dict[str, Any]:
    return sample_actions(env, np.random.default_rng(t), list(env.possible_agents))


def test_off_it_changes_nothing() -> None:
    bare, wrapped = env_and_wrapper()
    for seed in (4, None):  # the next episode too
        ours, theirs = (record(env, seed, 12, with_state=True) for env in (wrapped, bare))
        assert len(ours) == 13
        for t, moment in enumerate(ours):
            for info in moment["infos"].values():
                assert info.pop("report_age") == 0
                assert info.pop("decision_age", 0) == 0
            assert difference(moment, theirs[t]) is None


def test_it_passes_the_checks() -> None:
    check_env(E2Wrapper(parallel_env("tiny", horizon=8), **HARSH))
    parallel_api_test(E2Wrapper(parallel_env("tiny", horizon=8), **HARSH), num_cycles=20)


@pytest.mark.parametrize("delay", [1, 3])
def test_delayed_reports(delay: int) -> None:
    bare, wrapped = env_and_wrapper(report_delay=delay)
    truth = [bare.reset(seed=1)[0]]
    shown = [wrapped.reset(seed=1)[0]]
    ages = [0]
    for t in range(12):
        actions = actions_at(bare, t)
        truth.append(bare.step(actions)[0])
        observations, *_, infos = wrapped.step(actions)
        shown.append(observations)
        ages.append(infos["du_1"]["report_age"])
    assert any(difference(a, b) for a, b in zip(shown, truth, strict=True))
    for t in range(13):
        assert difference(shown[t], truth[max(0, t - delay)]) is None
        assert ages[t] == min(t, delay)


@pytest.mark.parametrize("delay", [0, 2])
def test_delayed_decisions(delay: int) -> None:
    """DU 0 asks for t RBs of mMTC at step t; rbs_claimed shows when that is executed."""
    wrapped = E2Wrapper(parallel_env("tiny", num_ues=40), decision_delay=delay)
    wrapped.reset(seed=2)
    for t in range(9):
        action = np.zeros(20, dtype=np.float32)
        action[:t] = action[10 : 10 + t] = 1.0
        infos = wrapped.step({"du_0": action, "du_1": np.zeros(20, dtype=np.float32)})[4]
        expected = max(0, t - delay)
        assert infos["du_0"]["rbs_claimed"] == infos["du_0"]["rbs_granted"][1] == expected
        assert infos["du_1"]["rbs_idle"] == 10
        assert infos["du_0"]["decision_age"] == (delay if t >= delay else -1)


def test_decisions_that_never_arrive() -> None:
    wrapped = E2Wrapper(parallel_env("tiny"), decision_loss=1.0)
    wrapped.reset(seed=2)
    for _ in range(5):
        infos = wrapped.step(dict.fromkeys(("du_0", "du_1"), np.ones(20, dtype=np.float32)))[4]
        assert all(info["rbs_idle"] == 10 and info["decision_age"] == -1 for info in infos.values())


def test_reports_that_never_arrive() -> None:
    bare, wrapped = env_and_wrapper(report_loss=1.0)
    first, _ = bare.reset(seed=3)
    assert difference(wrapped.reset(seed=3)[0], first) is None
    for t in range(6):
        observations, *_, infos = wrapped.step(actions_at(bare, t))
        assert difference(observations, first) is None
        assert all(info["report_age"] == t + 1 for info in infos.values())


def losses(episodes: int, seed: int) -> NDArray[np.bool_]:
    """(direction, episode, step, agent) which reports and decisions were lost, read off the ages."""
    wrapped = E2Wrapper(parallel_env("tiny", horizon=50), report_loss=0.3, decision_loss=0.3)
    lost = np.zeros((2, episodes, 50, 2), dtype=bool)
    action = dict.fromkeys(("du_0", "du_1"), np.zeros(20, dtype=np.float32))
    for episode in range(episodes):
        wrapped.reset(seed=seed if episode == 0 else None)
        for t in range(50):
            infos = wrapped.step(action)[4]
            for m in range(2):
                lost[0, episode, t, m] = infos[f"du_{m}"]["report_age"] > 0
                lost[1, episode, t, m] = infos[f"du_{m}"]["decision_age"] != 0
    return lost


def test_rate_and_independence_of_losses() -> None:
    lost = losses(20, seed=5)
    number = 20 * 50 * 2
    for direction in range(2):
        low, high = binom.interval(1 - 1e-6, number, 0.3)
        assert low <= lost[direction].sum() <= high
    flat = lost.astype(np.float64)
    pairs = {
        "agents": (flat[..., 0], flat[..., 1]),
        "steps": (flat[:, :, 1:], flat[:, :, :-1]),
        "episodes": (flat[:, 1:], flat[:, :-1]),
        "directions": (flat[0], flat[1]),
    }
    for name, (a, b) in pairs.items():
        correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(a.size), name
    assert (losses(2, seed=5) == lost[:, :2]).all()
    assert (losses(2, seed=6) != lost[:, :2]).any()


def test_losses_do_not_depend_on_the_order_of_the_actions() -> None:
    first, second = (E2Wrapper(parallel_env("tiny"), **HARSH) for _ in range(2))
    first.reset(seed=1)
    second.reset(seed=1)
    for t in range(8):
        actions = actions_at(first, t)
        assert difference(first.step(actions), second.step(dict(reversed(actions.items())))) is None


def test_truth_stays_true() -> None:
    """Rewards, infos and state() of the step that really happened; only what is observed is old."""
    bare, wrapped = env_and_wrapper(report_delay=2, report_levels=3)
    bare.reset(seed=6)
    wrapped.reset(seed=6)
    for t in range(6):
        actions = actions_at(bare, t)
        theirs, ours = bare.step(actions), wrapped.step(actions)
        assert ours[1:4] == theirs[1:4]
        assert all(difference(theirs[4][a], {k: ours[4][a][k] for k in theirs[4][a]}) is None for a in ours[4])
        assert (wrapped.state() == bare.state()).all()


def test_reset_forgets_what_is_on_its_way() -> None:
    _, wrapped = env_and_wrapper(report_delay=2, decision_delay=2)
    fresh = env_and_wrapper(report_delay=2, decision_delay=2)[1]
    wrapped.reset(seed=1)
    for t in range(4):
        wrapped.step(actions_at(wrapped, t))
    assert difference(record(wrapped, 7, 6), record(fresh, 7, 6)) is None


@pytest.mark.parametrize("levels", [2, 5, 64])
def test_rounding(levels: int) -> None:
    """Evenly spaced values from least to greatest, the nearest of them, in the space."""
    bare, wrapped = env_and_wrapper(report_levels=levels)
    bare.reset(seed=8)
    wrapped.reset(seed=8)
    high = bare.observation_space("du_0").high.astype(np.float64)
    coarse = 0.0
    for t in range(12):
        actions = actions_at(bare, t)
        true, seen = bare.step(actions)[0], wrapped.step(actions)[0]
        for agent, report in seen.items():
            width = high / (levels - 1)
            error = np.abs(report - true[agent].astype(np.float64))
            assert (error <= width / 2 + 1e-6).all()
            assert np.abs(report / width - np.rint(report / width)).max() < 1e-5
            assert wrapped.observation_space(agent).contains(report)
            assert report.dtype == np.float32
            coarse = max(coarse, float(error.max()))
    assert coarse > 0.2 / levels


def test_columns_without_bounds_pass_unrounded() -> None:
    options: dict[str, Any] = {"observation": "extended", "latency": "queue", "offered_bps": (0.0, 0.0, 2e6)}
    bare = parallel_env("tiny", **options)
    wrapped = E2Wrapper(parallel_env("tiny", **options), report_levels=2)
    bare.reset(seed=9)
    wrapped.reset(seed=9)
    idle = dict.fromkeys(bare.agents, np.zeros(20, dtype=np.float32))
    for _ in range(4):
        true, seen = bare.step(idle)[0], wrapped.step(idle)[0]
    backlog = slice(6, 9)
    assert true["du_0"][backlog].max() > 1.0
    assert (seen["du_0"][backlog] == true["du_0"][backlog]).all()
    assert set(np.unique(seen["du_0"][:6])) <= {0.0, 1.0, 2.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("report_delay", "decision_delay") for value in (-1, 1.0, True, None)]
    + [(name, value) for name in ("report_loss", "decision_loss") for value in (-0.1, 1.1, "a", True, None, np.nan)]
    + [("report_levels", value) for value in (0, 1, 2.5, True)]
    + [("seed", value) for value in (-1, 1.5, True)],
)
def test_refusals(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name} is .*; allowed"):
        E2Wrapper(parallel_env("tiny"), **{name: value})


def test_bad_actions_are_refused_at_once() -> None:
    """Not only when they arrive."""
    wrapped = E2Wrapper(parallel_env("tiny"), decision_delay=3)
    wrapped.reset(seed=0)
    good = actions_at(wrapped, 0)
    bad: Any
    for bad in (np.zeros(19), np.full(20, np.nan), np.array(["a"] * 20)):
        with pytest.raises(ValueError, match=r"action of du_1 .*allowed.*\(20,\)"):
            wrapped.step({**good, "du_1": bad})
    with pytest.raises(ValueError, match=r"'du_7'; allowed: du_0, du_1"):
        wrapped.step({**good, "du_7": good["du_0"]})
    wrapped.step(good)


def test_only_box_spaces() -> None:
    spread = pytest.importorskip("mpe2.simple_spread_v3")
    with pytest.raises(ValueError, match=r"Discrete.*allowed: Box"):
        E2Wrapper(spread.parallel_env())
    wrapped = E2Wrapper(spread.parallel_env(max_cycles=8, continuous_actions=True), 1, 1, 0.2, 0.2, 8)
    check_env(wrapped, spawn=False, pickle_episodes=False)


def test_no_way_around_it() -> None:
    """A learner that asks for a batch must not get one without the effects."""
    wrapped = E2Wrapper(parallel_env("tiny"))
    assert isinstance(wrapped, BaseParallelWrapper)
    assert not hasattr(wrapped, "batched")
    assert hasattr(wrapped.unwrapped, "batched")
    assert wrapped.scenario.name == "tiny"
