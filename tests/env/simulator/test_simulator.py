"""The batch: determinism, episodes, resuming, refusals, and that nothing it hands out or takes in is shared."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray
from support.networks import idle, random_actions

from oran_env import ScenarioError, Simulator, parallel_env
from oran_env.model.outcome import INFO
from oran_env.simulator.view import StepResult

MECHANISMS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "queue": {"latency": "queue", "observation": "extended"},
    "as_printed": {"interference": "as_printed", "codec": "slice_mask"},
}


def actions_of(network: int, step: int, simulator: Simulator) -> NDArray[np.float32]:
    """Actions (M, A) that depend on the network and step alone."""
    rng = np.random.default_rng([network, step])
    return rng.random((len(simulator.agents), simulator.action_size), dtype=np.float32)


def run(
    seed: int | Sequence[int], networks: Sequence[int], steps: int, num_threads: int = 1, **overrides: Any
) -> tuple[list[NDArray[Any]], list[StepResult]]:
    """First observations, and every result of an episode; ``networks`` names the actions."""
    simulator = Simulator("tiny", len(networks), seed, num_threads, **overrides)
    first = simulator.reset()
    results = [
        simulator.step(np.array([actions_of(b, t, simulator) for b in networks])) for t in range(steps)
    ]  # fmt: skip
    return [first], results


def assert_same(ours: StepResult, theirs: StepResult, row: int | slice = slice(None)) -> None:
    """Bit for bit: all of ``ours`` equals the rows ``row`` of ``theirs``."""
    for mine, other in [(ours.observations, theirs.observations), (ours.rewards, theirs.rewards)]:
        assert mine.tobytes() == np.ascontiguousarray(other[row]).tobytes()
    for name in INFO:
        assert ours.info[name].tobytes() == np.ascontiguousarray(theirs.info[name][row]).tobytes(), name


@pytest.fixture(scope="module", params=list(MECHANISMS))
def row_of_64(request: pytest.FixtureRequest) -> tuple[dict[str, Any], list[StepResult]]:
    overrides = MECHANISMS[request.param]
    return overrides, run(5, range(64), 8, **overrides)[1]


@pytest.mark.parametrize("size", [1, 3])
def test_batch_size_does_not_matter(row_of_64: tuple[dict[str, Any], list[StepResult]], size: int) -> None:
    overrides, wide = row_of_64
    for ours, theirs in zip(run(5, range(size), 8, **overrides)[1], wide, strict=True):
        assert_same(ours, theirs, slice(0, size))


def test_threads_do_not_matter(row_of_64: tuple[dict[str, Any], list[StepResult]]) -> None:
    overrides, wide = row_of_64
    for num_threads in (2, 5):
        for ours, theirs in zip(run(5, range(64), 8, num_threads, **overrides)[1], wide, strict=True):
            assert_same(ours, theirs)


def test_a_network_does_not_depend_on_its_row() -> None:
    """Seeds given one by one: the network of a seed is the same in any row, beside any others."""
    _, alone = run([7], [0], 6)
    _, third = run([1, 2, 7, 4], [9, 9, 0, 9], 6)
    _, scalar = run(7, [0], 6)
    for ours, theirs, same in zip(alone, third, scalar, strict=True):
        assert_same(ours, theirs, slice(2, 3))
        assert_same(ours, same)


def test_networks_and_seeds_differ() -> None:
    _, results = run(5, [0] * 8, 4)  # the same actions everywhere
    _, others = run(6, [0] * 8, 4)
    rates = np.array([r.info["throughput_mbps"] for r in [*results, *others]])
    networks = np.concatenate([rates[:4], rates[4:]], axis=1).reshape(4, 16, -1)
    assert len({network.tobytes() for network in networks.transpose(1, 0, 2)}) == 16
    assert len({r.rewards.tobytes() for r in results}) == 4


def test_a_seed_starts_over_at_any_time() -> None:
    fresh = Simulator("tiny", 2, seed=3)
    first = fresh.reset()
    used = Simulator("tiny", 2, seed=99)
    used.reset()
    for t in range(7):
        used.step(np.full((2, 2, 20), t / 7, dtype=np.float32))
    assert (used.reset(seed=3) == first).all()
    actions = np.full((2, 2, 20), 0.7, dtype=np.float32)
    for _ in range(3):
        assert_same(used.step(actions), fresh.step(actions))


def test_a_reset_in_mid_episode_begins_the_next_network() -> None:
    """Episode 1 is the same whether episode 0 was played to its end, in part or not at all."""
    episodes = []
    for played in (0, 4, 25):
        simulator = Simulator("tiny", 2, seed=3)
        simulator.reset()
        for _ in range(played):
            simulator.step(idle(simulator))
        first = simulator.reset()
        assert not simulator.truncated.any()
        episodes.append((first.tobytes(), simulator.step(np.ones((2, 2, 20), dtype=np.float32)).rewards.tobytes()))
    assert len(set(episodes)) == 1
    simulator = Simulator("tiny", 2, seed=3)
    assert simulator.reset().tobytes() != episodes[0][0]  # and differs from episode 0


def test_reset_without_seed_after_construction_without_seed_is_random() -> None:
    assert len({Simulator("tiny").reset().tobytes() for _ in range(3)}) == 3


def test_reset_done_leaves_running_networks_alone() -> None:
    simulator, other = Simulator("tiny", 2, seed=1, horizon=4), Simulator("tiny", 2, seed=1, horizon=4)
    simulator.reset()
    other.reset()
    for t in range(4):
        actions = np.array([actions_of(b, t, simulator) for b in range(2)])
        result = simulator.step(actions)
        other.step(actions)
        assert result.truncated.tolist() == [t == 3] * 2
        assert not result.terminated.any()
        if t < 3:
            assert simulator.reset_done().tobytes() == result.observations.tobytes()
    assert simulator.reset_done().tobytes() == other.reset().tobytes()
    assert not simulator.truncated.any()


@pytest.mark.parametrize("mechanism", list(MECHANISMS))
def test_a_saved_state_goes_on_bit_for_bit(mechanism: str) -> None:
    original = Simulator("tiny", 3, seed=2, **MECHANISMS[mechanism])
    original.reset()
    rng = np.random.default_rng(3)
    for _ in range(5):
        original.step(random_actions(original, rng))
    saved = original.get_state()
    resumed = Simulator("tiny", 3, seed=77, **MECHANISMS[mechanism])
    resumed.set_state(saved)
    assert (resumed.observations == original.observations).all()
    for _ in range(20):
        actions = random_actions(original, rng)
        assert_same(resumed.step(actions), original.step(actions))
    assert resumed.truncated.all()
    assert (resumed.reset_done() == original.reset_done()).all()
    again = Simulator("tiny", 3, seed=78, **MECHANISMS[mechanism])
    again.set_state(saved)  # what was saved has not moved along
    assert (again.state.key == saved["key"]).all()
    assert (again.state.key[:, 3] == 5).all()


def test_state_of_another_shape_is_refused() -> None:
    small, large = Simulator("tiny", 1, seed=0), Simulator("tiny", 2, seed=0)
    large.reset()
    with pytest.raises(ValueError, match=r"key.*\(1, 4\)"):
        small.set_state(large.get_state())
    state = large.get_state()
    del state["pointer"]
    with pytest.raises(ValueError, match=r"pointer.*missing"):
        large.set_state(state)


DIGEST = """
import hashlib, json, sys
import numpy as np
from oran_env import Simulator
digest = hashlib.sha256()
for scenario, overrides in json.loads(sys.argv[1]):
    simulator = Simulator(scenario, 2, seed=12, **overrides)
    digest.update(simulator.reset().tobytes())
    for t in range(4):
        size = simulator.num_networks * len(simulator.agents) * simulator.action_size
        actions = (np.arange(size, dtype=np.int64) * (7919 + t) % 1009 / 1009).astype(np.float32)
        result = simulator.step(actions.reshape(2, len(simulator.agents), simulator.action_size))
        for array in (result.observations, result.rewards, simulator.last_outcome.rate, *result.info.values()):
            digest.update(np.ascontiguousarray(array).tobytes())
print(digest.hexdigest())
"""


def test_processes_do_not_matter() -> None:
    """Two fresh processes, one of them with another hash seed and thread count, and this one: the same bytes."""
    cases = json.dumps([("paper", {}), ("tiny", {"latency": "queue"})])
    digests = []
    for extra in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}):
        command = [sys.executable, "-c", DIGEST, cases]
        done = subprocess.run(command, env={**os.environ, **extra}, capture_output=True, text=True, check=True)
        digests.append(done.stdout.strip())
    ours = hashlib.sha256()
    for scenario, overrides in json.loads(cases):
        simulator = Simulator(scenario, 2, seed=12, **overrides)
        ours.update(simulator.reset().tobytes())
        for t in range(4):
            size = simulator.num_networks * len(simulator.agents) * simulator.action_size
            actions = (np.arange(size, dtype=np.int64) * (7919 + t) % 1009 / 1009).astype(np.float32)
            result = simulator.step(actions.reshape(2, len(simulator.agents), simulator.action_size))
            assert simulator.last_outcome is not None
            arrays = (result.observations, result.rewards, simulator.last_outcome.rate, *result.info.values())
            for array in arrays:
                ours.update(np.ascontiguousarray(array).tobytes())
    assert digests == [ours.hexdigest()] * 2


def test_actions_are_left_as_they_are() -> None:
    simulator = Simulator("tiny", 2, seed=4)
    simulator.reset()
    actions = np.random.default_rng(5).uniform(-0.5, 1.5, (2, 2, 20)).astype(np.float32)
    actions.setflags(write=False)
    simulator.step(actions)  # would raise if it wrote
    for other in (actions.astype(np.float64), (actions > 0.5).astype(np.int64), actions[:, :, ::-1]):
        copy = other.copy()
        simulator.step(other)
        assert (other == copy).all()


def test_what_is_handed_out_is_not_shared() -> None:
    """Overwriting everything a step returned changes neither the next step nor what was returned before."""
    touched, untouched = (Simulator("tiny", 2, seed=6, latency="queue", observation="extended") for _ in range(2))
    first = touched.reset()
    untouched.reset()
    first[...] = 0.123
    saved = touched.get_state()
    rng = np.random.default_rng(7)
    previous: StepResult | None = None
    for _ in range(6):
        actions = random_actions(touched, rng)
        ours, theirs = touched.step(actions), untouched.step(actions)
        assert_same(ours, theirs)
        if previous is not None:
            assert (previous.rewards == 9).all()
        for array in (ours.observations, ours.rewards, ours.terminated, ours.truncated, *ours.info.values()):
            array[...] = 9
        for array in saved.values():
            array[...] = 0
        touched.observations[...] = 9
        assert (touched.observations == untouched.observations).all()
        touched.fading_power(0, 0, 0)[...] = 9
        with pytest.raises(TypeError):
            ours.info["qos"] = np.zeros(3)  # type: ignore[index]
        previous = ours


def test_earlier_results_keep_their_values() -> None:
    simulator = Simulator("tiny", 2, seed=8)
    simulator.reset()
    rng = np.random.default_rng(9)
    result = simulator.step(random_actions(simulator, rng))
    copies = {name: array.copy() for name, array in result.info.items()}
    observations, rewards = result.observations.copy(), result.rewards.copy()
    outcome = simulator.last_outcome
    assert outcome is not None
    outcome_copy = [array.copy() for array in outcome]
    for _ in range(3):
        simulator.step(random_actions(simulator, rng))
    assert (result.observations == observations).all()
    assert (result.rewards == rewards).all()
    assert all(np.array_equal(result.info[name], copy, equal_nan=True) for name, copy in copies.items())
    for array, kept in zip(outcome, outcome_copy, strict=True):
        np.testing.assert_array_equal(array, kept)


def test_shapes_and_types() -> None:
    simulator = Simulator("paper", 3, seed=0)
    assert simulator.agents == tuple(f"du_{m}" for m in range(6))
    assert simulator.reset().shape == (3, 6, 206)
    result = simulator.step(idle(simulator))
    assert result.observations.shape == (3, 6, 206)
    assert result.observations.dtype == result.rewards.dtype == np.float32
    assert result.rewards.shape == result.terminated.shape == (3, 6)
    assert result.truncated.shape == (3,)
    assert tuple(result.info) == INFO
    assert all(array.shape in ((3, 6), (3, 6, 3)) for array in result.info.values())


def test_extended_observation() -> None:
    """log(1 + mean backlog per UE / bits offered per step), and load = offered / achieved rate, 1 at full buffer."""
    simulator = Simulator("tiny", 4, seed=10, latency="queue", observation="extended", num_ues=9)
    layout = simulator.observation_layout
    assert layout == {
        "qos": slice(0, 3),
        "num_ues": slice(3, 6),
        "backlog": slice(6, 9),
        "load": slice(9, 12),
        "previous_action": slice(12, 32),
    }
    assert (simulator.reset()[..., 6:] == 0).all()
    rng = np.random.default_rng(11)
    for _ in range(6):
        actions = (random_actions(simulator, rng) < rng.uniform(0, 0.6, (4, 2, 1))).astype(np.float32)
        serving, slices = simulator.state.serving.copy(), simulator.state.slice_of_ue
        result = simulator.step(actions)
        assert simulator.last_outcome is not None
        rate, now = simulator.last_outcome.rate, simulator.state.serving
        for b in range(4):
            for m in range(2):
                for i, offered in enumerate(simulator.scenario.traffic.offered_bps):
                    then = (serving[b] == m) & (slices[b] == i)
                    here = (now[b] == m) & (slices[b] == i)
                    backlog = simulator.state.backlog[b, here].mean() / (offered * 0.1) if offered and here.any() else 0
                    if not then.any():
                        load = 0.0
                    elif offered == 0:
                        load = 1.0
                    else:
                        achieved = rate[b, then].sum()
                        load = min(1.0, offered * then.sum() / achieved) if achieved > 0 else 1.0
                    seen = result.observations[b, m]
                    assert seen[6 + i] == pytest.approx(np.log1p(backlog), rel=1e-5)
                    assert seen[9 + i] == pytest.approx(load, rel=1e-5)


def test_no_ue_at_all() -> None:
    """Nobody to serve: nothing is transmitted, Q̄ is 1 everywhere, and nobody is satisfied or not."""
    simulator = Simulator("tiny", 2, seed=0, num_ues=0)
    assert (simulator.reset() == 0).all()
    for _ in range(25):
        result = simulator.step(np.ones((2, 2, 20), dtype=np.float32))
    assert (result.info["qos_normalised"] == 1).all()
    assert np.isnan(result.info["satisfied"]).all()
    assert (result.info["rbs_idle"] == 10).all()
    assert (result.info["num_ues"] == 0).all()
    assert result.truncated.all()


def test_step_at_the_wrong_time() -> None:
    simulator = Simulator("tiny", 1, seed=0, horizon=2)
    with pytest.raises(RuntimeError, match="reset"):
        simulator.step(idle(simulator))
    simulator.reset()
    simulator.step(idle(simulator))
    simulator.step(idle(simulator))
    with pytest.raises(RuntimeError, match="reset"):
        simulator.step(idle(simulator))
    simulator.reset()
    simulator.step(idle(simulator))


@pytest.mark.parametrize("shape", [(20,), (2, 20), (1, 2, 19), (2, 2, 20), (1, 3, 20), (1, 2, 20, 1), (0, 2, 20)])
def test_actions_of_the_wrong_shape(shape: tuple[int, ...]) -> None:
    simulator = Simulator("tiny", 1, seed=0)
    simulator.reset()
    with pytest.raises(ValueError, match=r"actions.*\(1, 2, 20\)"):
        simulator.step(np.zeros(shape, dtype=np.float32))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, about the infinities given on purpose
@pytest.mark.parametrize("values", [[np.nan], [np.inf], [-np.inf], [np.inf, -np.inf]])
def test_actions_that_are_not_finite(values: list[float]) -> None:
    simulator = Simulator("tiny", 1, seed=0)
    simulator.reset()
    before = simulator.get_state()
    actions = np.zeros((1, 2, 20))
    actions[0, 1, : len(values)] = values
    with pytest.raises(ValueError, match=r"actions.*NaN.*\[0, 1\]"):
        simulator.step(actions)
    assert all((array == before[name]).all() for name, array in simulator.get_state().items())
    simulator.step(idle(simulator))  # and it goes on


def test_huge_finite_actions_are_finite() -> None:
    """Values whose sum overflows float32 are counted as clipped, not taken for infinity."""
    simulator = Simulator("tiny", 1, seed=0)
    simulator.reset()
    for value in (np.float32(3e38), 1e300, -1e300):
        assert simulator.step(np.full((1, 2, 20), value)).info["clipped_actions"].sum() == 40


@pytest.mark.parametrize("value", [np.float64(0.5 + 1e-12), np.longdouble(0.5) + np.longdouble(1e-15)])
def test_what_is_above_the_threshold_in_double_precision_is_a_set_bit(value: Any) -> None:
    """In every entry: rounded to single precision it would be 0.5, and no bit."""
    set_bits, none = np.full((1, 2, 20), value), np.full((1, 2, 20), 0.5)
    simulator = Simulator("tiny", 1, seed=0)
    simulator.reset(seed=1)
    claimed = simulator.step(set_bits).info["rbs_claimed"]
    assert (claimed > 0).all()
    assert (simulator.step(none).info["rbs_claimed"] == 0).all()
    env = parallel_env("tiny")
    env.reset(seed=1)
    infos = env.step({agent: set_bits[0, 0] for agent in env.agents})[-1]
    assert infos["du_0"]["rbs_claimed"].sum() == claimed[0, 0].sum()
    for kind in ("joint", "du"):
        single = gymnasium.make(f"oran/ORAN-{kind}-v1", scenario="tiny")
        single.reset(seed=1)
        assert np.sum(single.step(np.full(single.action_space.shape or (), value))[-1]["rbs_claimed"]) > 0


@pytest.mark.parametrize("values", [np.full((1, 2, 20), 1j), np.full((1, 2, 20), "0.7"), np.full((1, 2, 20), None)])
def test_actions_of_the_wrong_type(values: NDArray[Any]) -> None:
    simulator = Simulator("tiny", 1, seed=0)
    simulator.reset()
    with pytest.raises(ValueError, match=r"actions.*allowed"):
        simulator.step(values)


@pytest.mark.parametrize("name", ["num_networks", "num_threads"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "2", None])
def test_counts_are_positive_integers(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"{name}.*allowed.*>= 1"):
        Simulator("tiny", **{name: value})


@pytest.mark.parametrize("seed", [-1, [-1], [1, 2], [], 1.5, [1.5], "1", True, [True], [None]])
def test_bad_seeds(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"seed.*allowed"):
        Simulator("tiny", 1, seed=seed)
    simulator = Simulator("tiny", 1, seed=3)
    expected = simulator.reset()
    with pytest.raises(ValueError, match=r"seed.*allowed"):
        simulator.reset(seed)
    assert (simulator.observations == expected).all()


def test_numpy_seeds_are_integers_too() -> None:
    first = Simulator("tiny", 1, seed=3).reset()
    assert (Simulator("tiny", 1, seed=np.int64(3)).reset() == first).all()  # type: ignore[arg-type]
    assert (Simulator("tiny", 1, seed=np.array([3])).reset() == first).all()  # type: ignore[arg-type]
    assert (Simulator("tiny", 1, seed=(3,)).reset() == first).all()


def test_reset_done_before_reset_is_refused() -> None:
    simulator = Simulator("tiny", 1, seed=0)
    with pytest.raises(RuntimeError, match="reset"):
        simulator.reset_done()


def test_some_networks_alone() -> None:
    """Networks that step or begin alone do as in a batch of their own; the others stay where they are."""
    batch, alone = Simulator("tiny", 3, seed=[1, 2, 3], horizon=4), Simulator("tiny", 1, seed=2, horizon=4)
    first = batch.reset()
    alone.reset()
    middle = np.array([False, True, False])
    for step in range(4):
        actions = np.stack([actions_of(n, step, batch) for n in range(3)])
        actions[~middle] = np.nan  # not read
        result, expected = batch.step(actions, middle), alone.step(actions[1:2])
        assert (result.observations[1] == expected.observations[0]).all()
        assert (result.observations[~middle] == first[~middle]).all()
        assert (result.rewards[1] == expected.rewards[0]).all()
        assert not result.rewards[~middle].any()
        assert not any(result.info[name][~middle].any() for name in INFO)
        assert all(np.array_equal(result.info[name][1], expected.info[name][0], equal_nan=True) for name in INFO)
    assert result.truncated.tolist() == [False, True, False]
    with pytest.raises(RuntimeError, match="end of an episode"):
        batch.step(np.zeros_like(actions), middle)
    batch.step(np.zeros_like(actions), ~middle)  # the others have not ended
    observations = batch.reset(which=middle)
    assert (observations[1] == alone.reset()[0]).all()
    assert batch.state.key[:, 2:].tolist() == [[0, 1], [1, 0], [0, 1]]  # episode, step
    observations = batch.reset([7, 8], np.array([True, False, True]))
    assert (observations[2] == Simulator("tiny", seed=8).reset()[0]).all()
    wrong: Any
    for wrong in (np.array([0, 2]), np.array([True]), [1, 0, 1]):
        with pytest.raises(ValueError, match=r"which is .*allowed: bool of shape \(3,\)"):
            batch.reset(which=wrong)
        with pytest.raises(ValueError, match=r"which is .*allowed: bool of shape \(3,\)"):
            batch.step(np.zeros_like(actions), wrong)


def test_started_is_known_for_each_network() -> None:
    simulator = Simulator("tiny", 2, seed=0)
    simulator.reset(which=np.array([True, False]))
    with pytest.raises(RuntimeError, match="before reset"):
        simulator.step(idle(simulator))
    with pytest.raises(RuntimeError, match="before reset"):
        simulator.reset_done()
    simulator.step(idle(simulator), np.array([True, False]))
    simulator.reset()
    assert simulator.state.key[:, 2].tolist() == [1, 0]


STRANGE = [
    ("serving", 7), ("slice_of_ue", 3), ("pointer", -1), ("gain", np.nan), ("since", -1), ("position", 1e300),
    ("position", -251.0), ("speed", 1e300), ("speed", -1.0), ("direction", 2.0), ("demand", 1e300), ("drift", 1.0),
    ("backlog", -1.0), ("average", -1.0),
]  # fmt: skip


def test_states_that_no_network_can_have_are_refused() -> None:
    """The kernels reach into arrays with some of these, and loop until others are small: a wrong one never gets so far.

    A UE at 10^300 m would be reflected without end, and Ctrl-C does not reach a kernel.
    """
    simulator = Simulator("tiny", 2, seed=1)
    simulator.reset()
    good = simulator.get_state()
    for name, value in STRANGE:
        bad = {key: array.copy() for key, array in good.items()}
        bad[name][:] = value
        with pytest.raises(ValueError, match=f"state '{name}' holds"):
            simulator.set_state(bad)
        after = simulator.get_state()
        assert all(np.array_equal(after[key], good[key]) for key in good)


def test_a_batch_beyond_the_memory_is_refused_before_any_of_it_is_taken() -> None:
    for sizes in (
        {"num_networks": 10**9},
        {"num_ues": 2**24 - 1, "num_dus": 1024},
        {"num_networks": np.int64(2) ** 62},
    ):
        with pytest.raises(ScenarioError, match=r"networks of num_ues \d+, .* MiB of memory; allowed: at most"):
            Simulator("paper", **sizes)


@pytest.mark.parametrize("preset", ["paper", "bursty", "fast", "dense", "dynamic"])
def test_no_state_of_a_network_is_refused(preset: str) -> None:
    simulator = Simulator(preset, 2, seed=3, num_ues=20)
    simulator.reset()
    for _ in range(20):
        simulator.step(np.full((2, len(simulator.agents), simulator.action_size), 0.7, np.float32))
        simulator.set_state(simulator.get_state())


def test_a_state_from_before_the_reset_has_not_begun() -> None:
    simulator, other = Simulator("tiny", 2, seed=1), Simulator("tiny", 2, seed=2)
    other.reset()
    other.set_state(simulator.get_state())
    assert not other.started.any()
    with pytest.raises(RuntimeError, match="before reset"):
        other.step(np.zeros((2, 2, 20)))


def test_copies_with_threads() -> None:
    simulator = Simulator("tiny", 4, seed=1, num_threads=2)
    simulator.reset()
    for twin in (copy.deepcopy(simulator), pickle.loads(pickle.dumps(simulator))):
        actions = np.random.default_rng(0).random((4, 2, 20), dtype=np.float32)
        state = simulator.get_state()
        np.testing.assert_array_equal(twin.step(actions).rewards, simulator.step(actions).rewards)
        simulator.set_state(state)


def test_a_seed_counts_networks_by_their_place_in_the_batch() -> None:
    """With a mask as without: network i is (seed, i)."""
    simulator = Simulator("tiny", 3, seed=1)
    everyone = simulator.reset(seed=5)
    simulator.reset(seed=6)
    some = simulator.reset(seed=5, which=np.array([False, True, True]))
    np.testing.assert_array_equal(some[1:], everyone[1:])
