"""The user's own components: what they return is what counts, and nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.networks import random_actions

from oran_env import Components, Info, Network, Simulator, parallel_env
from oran_env.model.reward.observation import observation_bounds
from oran_env.policies.rules import equal_shares

Array = NDArray[Any]


def trajectory(simulator: Simulator, steps: int = 6) -> list[Array]:
    """Observations, rewards and info of some steps with random bits."""
    rng = np.random.default_rng(1)
    log: list[Array] = [simulator.reset()]
    for _ in range(steps):
        result = simulator.step((random_actions(simulator, rng) > 0.5).astype(np.float32))
        log += [result.observations, result.rewards, *result.info.values()]
    return log


def same(first: list[Array], second: list[Array]) -> bool:
    """Whether two trajectories agree in every bit."""
    return len(first) == len(second) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True)
    )


class OwnCodec:
    """two_bit, read again."""

    action_size = 20

    def __call__(self, simulator: Network, actions: Array) -> Array:
        b, e = actions[..., :10] > 0.5, actions[..., 10:] > 0.5
        return np.where(b, np.where(e, 1, 2), np.where(e, 0, -1))


class OwnObservation:
    """The paper's, by asking the package."""

    def __init__(self) -> None:
        self.low, self.high = observation_bounds(Simulator("tiny").scenario)

    def __call__(self, simulator: Network, actions: Array | None) -> Array:
        state = simulator.state
        counts = np.diff(state.first, axis=1).reshape(simulator.num_networks, -1, 3) * 2 / 20
        size = simulator.action_size
        bits = np.zeros((simulator.num_networks, 2, size)) if actions is None else actions > 0.5
        return np.concatenate([state.normalised, counts, bits], axis=-1).astype(np.float32)


def deal_in_turn(simulator: Network, slice_of_rb: Array) -> Array:
    """Round robin over plain Python lists."""
    state = simulator.state
    ue_of_rb = np.full(slice_of_rb.shape, -1)
    for b, m, k in np.ndindex(*slice_of_rb.shape):
        i = slice_of_rb[b, m, k]
        ues: Array = np.flatnonzero((state.serving[b] == m) & (state.slice_of_ue[b] == i))
        if i >= 0 and len(ues):
            pointer = state.pointer[b, m]
            ue_of_rb[b, m, k] = ues[pointer[i] % len(ues)]
            pointer[i] = (pointer[i] % len(ues) + 1) % len(ues)
    return ue_of_rb


def own_path_loss(simulator: Network) -> Array:
    p, position = simulator.parameters.path_loss, simulator.state.position
    squared = ((position[:, :, None] - p.sites) ** 2).sum(axis=-1)
    gain: Array = p.rb_power_mw * np.exp(-0.5 * p.exponent * np.log(np.maximum(squared, p.min_distance**2)))
    return gain


def eq_8(simulator: Network, info: Info) -> Array:
    total: Array = info["reward_qos"] + info["penalty_resource"] + info["penalty_min_qos"]
    return total


def scaled(info: Info) -> Array:
    """Min-max scaling over [0, 2·Q_min] of tiny."""
    share = np.minimum(info["qos"] / (2 * np.array([10.0, 50.0, 2.0])), 1.0)
    share[..., 2] = 1 - share[..., 2]
    return np.where(info["num_ues"] == 0, 1.0, share)


AGAIN: dict[str, Any] = {
    "codec": OwnCodec(),
    "observation": OwnObservation(),
    "reward": eq_8,
    "qos": lambda simulator, info: scaled(info),
    "demand": lambda simulator: np.ones((3, 2, 3)),
}


@pytest.mark.parametrize("name", AGAIN)
def test_the_package_in_other_words(name: str) -> None:
    """A component that does what the package does changes not a bit of any step."""
    own = Simulator("tiny", 3, seed=5, components=Components(**{name: AGAIN[name]}))
    assert same(trajectory(own), trajectory(Simulator("tiny", 3, seed=5)))


@pytest.mark.parametrize("name", ["scheduler", "path_loss"])
def test_within_rounding(name: str) -> None:
    component: Any = {"scheduler": deal_in_turn, "path_loss": own_path_loss}[name]
    own = trajectory(Simulator("tiny", 3, seed=6, components=Components(**{name: component})))
    for ours, theirs in zip(own, trajectory(Simulator("tiny", 3, seed=6)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


CHANGES: dict[str, Any] = {
    "codec": type("Grants", (), {"action_size": 4, "__call__": lambda self, s, a: np.zeros((3, 2, 10), dtype=int)})(),
    "scheduler": lambda simulator, slice_of_rb: np.full(slice_of_rb.shape, -1),
    "reward": lambda simulator, info: info["rbs_idle"] * 1.0,
    "qos": lambda simulator, info: np.full((3, 2, 3), 0.25),
    "mobility": lambda simulator: np.zeros((3, 20, 2)),
    "path_loss": lambda simulator: np.full((3, 20, 2), 1e-6),
    "demand": lambda simulator: np.full((3, 2, 3), 50.0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_component_changes_the_steps(name: str) -> None:
    own = Simulator("tiny", 3, seed=7, components=Components(**{name: CHANGES[name]}))
    assert not same(trajectory(own), trajectory(Simulator("tiny", 3, seed=7)))


def test_effects() -> None:
    """What each component gives out arrives where it should."""
    simulator = Simulator("tiny", 3, seed=8, components=Components(**CHANGES))
    assert simulator.action_size == 4
    simulator.reset()
    result = simulator.step(np.zeros((3, 2, 4), dtype=np.float32))
    assert (result.info["rbs_idle"] == 10).all()
    assert (result.rewards == 10).all()
    assert (result.observations[..., :3] == 0.25).all()
    np.testing.assert_array_equal(result.info["satisfied"], np.where(result.info["num_ues"] > 0, 0.0, np.nan))
    assert (simulator.state.position == 0).all()
    assert (simulator.state.demand == 50).all()
    assert (simulator.state.serving == 0).all()  # equal gains: the first RU serves


def test_traffic_fills_the_queue() -> None:
    bits = 1e9
    simulator = Simulator(
        "tiny", 2, seed=9, latency="queue", components=Components(traffic=lambda s: np.full((2, 20), bits))
    )
    simulator.reset()
    simulator.step(np.zeros((2, 2, 20), dtype=np.float32))
    assert (simulator.state.backlog == bits).all()  # of every slice
    with pytest.raises(ValueError, match="component traffic is given and latency is 'mm1'; allowed: latency='queue'"):
        Simulator("tiny", components=Components(traffic=lambda s: np.zeros((1, 20))))


def test_uniforms_do_not_depend_on_the_batch() -> None:
    many, one = Simulator("tiny", 4, seed=3), Simulator("tiny", 1, seed=3)
    many.reset()
    one.reset()
    first = many.uniforms(7)
    np.testing.assert_array_equal(one.uniforms(7), first[:1])
    np.testing.assert_array_equal(one.uniforms(5), first[:1, :5])
    assert len(np.unique(first)) == 28
    assert not np.isin(many.uniforms(7, purpose=1), first).any()
    many.step(np.zeros((4, 2, 20), dtype=np.float32))
    assert not np.isin(many.uniforms(7), first).any()
    assert 0 < first.min() < first.max() < 1


WRONG = [
    ("reward", lambda simulator, info: np.zeros(3), r"component reward returned float64 of shape \(3,\); .*\(3, 2\)"),
    ("reward", lambda simulator, info: np.full((3, 2), np.nan), "component reward returned values from nan"),
    ("qos", lambda simulator, info: np.full((3, 2, 3), 1.5), "component qos returned values from 1.5 to 1.5"),
    ("traffic", lambda simulator: np.full((3, 20), -1.0), "component traffic returned values from -1"),
    ("scheduler", lambda simulator, s: s * 0.5, "component scheduler returned float64.*integers"),
    ("scheduler", lambda simulator, s: np.full(s.shape, 20), "UEs from 20 to 20; allowed: -1 to 19"),
    ("scheduler", lambda simulator, s: np.broadcast_to(np.argmax(simulator.state.serving, 1)[:, None, None], s.shape),
     "RB 0 of du_0 to UE .*, which is served by du_1; allowed"),
    ("path_loss", lambda simulator: np.full((3, 20, 2), -1.0), "component path_loss returned values from -1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "component", "message"), WRONG)
def test_what_a_component_returns_is_checked(name: str, component: Any, message: str) -> None:
    """The error says what is wrong, and the simulator stands where it stood."""
    broken = False

    def sometimes(*arguments: Any) -> Any:
        return component(*arguments) if broken else good(*arguments)

    chosen: dict[str, Any] = {name: sometimes}

    good: Any = {
        "reward": eq_8, "qos": AGAIN["qos"], "traffic": lambda simulator: np.zeros((3, 20)), "scheduler": deal_in_turn,
        "path_loss": own_path_loss,
    }[name]  # fmt: skip
    simulator = Simulator("tiny", 3, seed=2, latency="queue", components=Components(**chosen))
    simulator.reset()
    rng = np.random.default_rng(0)
    simulator.step(random_actions(simulator, rng))
    before = simulator.get_state()
    broken = True
    with pytest.raises(ValueError, match=message):
        simulator.step(random_actions(simulator, rng))
    after = simulator.get_state()
    assert all(np.array_equal(before[key], after[key]) for key in before)
    broken = False
    simulator.step(random_actions(simulator, rng))


def test_not_a_callable() -> None:
    with pytest.raises(ValueError, match="component reward is 'mine'; allowed: a callable"):
        Components(reward="mine")  # type: ignore[arg-type]


def test_in_the_parallel_environment() -> None:
    """The shells and their batches carry the components."""
    env = parallel_env("tiny", components=Components(reward=lambda simulator, info: info["rbs_idle"] * 1.0))
    observations, _ = env.reset(seed=1)
    actions = equal_shares(np.stack(list(observations.values())), env.scenario)
    _, rewards, _, _, infos = env.step(dict(zip(env.possible_agents, actions, strict=True)))
    assert rewards == {agent: float(info["rbs_idle"]) for agent, info in infos.items()}
    batch = env.batched(2, seed=1)
    batch.reset()
    result = batch.step(np.broadcast_to(actions, (2, *actions.shape)))
    np.testing.assert_array_equal(result.rewards, result.info["rbs_idle"])


def test_codec_of_ones_own_over_any_other() -> None:
    """The scenario's codec plays no part then: neither in what is served nor in what is seen."""
    seen, granted = [], []
    for codec in ("two_bit", "slice_share", "ue_grid"):
        simulator = Simulator("tiny", 3, seed=4, codec=codec, components=Components(codec=OwnCodec()))
        simulator.reset()
        result = simulator.step(random_actions(simulator, np.random.default_rng(1)))
        seen.append(result.observations)
        granted.append(result.info["rbs_granted"])
        assert "ue_mask" not in result.info
    assert granted[0].sum() > 0
    for other in (1, 2):
        np.testing.assert_array_equal(seen[other], seen[0])
        np.testing.assert_array_equal(granted[other], granted[0])


def test_info_is_complete_when_the_reward_is_asked_for() -> None:
    """Handovers of the step among the rest, and what the reward does to its copy changes nothing."""
    told = []

    def reward(simulator: Network, info: Info) -> Array:
        told.append({name: array.copy() for name, array in info.items()})
        for array in info.values():
            array[...] = 0
        return np.zeros((2, 6))

    simulator = Simulator("paper", 2, seed=3, step_s=2.0, components=Components(reward=reward))
    simulator.reset()
    for _ in range(3):
        result = simulator.step(random_actions(simulator, np.random.default_rng(0)))
        for name, array in result.info.items():
            np.testing.assert_array_equal(told[-1][name], array, err_msg=name)
    assert result.info["handovers"].sum() > 0


def test_team_shares_the_reward_of_ones_own() -> None:
    own = Components(reward=lambda simulator, info: np.array([[1.0, 3.0]]))
    simulator = Simulator("tiny", seed=1, reward_sharing="team", components=own)
    simulator.reset()
    assert simulator.step(np.zeros((1, 2, 20))).rewards.tolist() == [[2.0, 2.0]]


def test_uniforms_of_a_reset_are_its_own() -> None:
    drawn: list[Array] = []

    def demand(simulator: Network) -> Array:
        drawn.append(simulator.uniforms(6))
        return drawn[-1].reshape(1, 2, 3)

    simulator = Simulator("tiny", seed=1, components=Components(demand=demand))
    simulator.reset()
    simulator.step(np.zeros((1, 2, 20)))
    assert not np.isin(drawn[0], drawn[1]).any()
    with pytest.raises(ValueError, match=r"purpose is 16777216; allowed: 0 to 2\^24 - 1"):
        simulator.uniforms(1, purpose=1 << 24)


def test_a_reset_that_fails_has_not_begun() -> None:
    broken = True

    def path_loss(simulator: Network) -> Array:
        if broken:
            raise ArithmeticError("mine")
        return own_path_loss(simulator)

    simulator = Simulator("tiny", seed=1, components=Components(path_loss=path_loss))
    with pytest.raises(ArithmeticError, match="mine"):
        simulator.reset()
    assert not simulator.started.any()
    with pytest.raises(RuntimeError, match="before reset"):
        simulator.step(np.zeros((1, 2, 20)))
    broken = False
    simulator.reset()
    assert simulator.started.all()


def test_a_scheduler_deals_only_what_was_granted() -> None:
    def steals(simulator: Network, slice_of_rb: Array) -> Array:
        first = np.array([np.argmax(simulator.state.serving[0] == m) for m in range(2)])
        return np.broadcast_to(first[None, :, None], slice_of_rb.shape)

    simulator = Simulator("tiny", seed=1, components=Components(scheduler=steals))
    simulator.reset()
    with pytest.raises(
        ValueError, match=r"RB 0 of du_0 to UE \d+ of slice \d; the RB is of slice -1 .*; allowed: UEs of"
    ):
        simulator.step(np.zeros((1, 2, 20)))


@pytest.mark.parametrize(("name", "needed"), [("codec", "'action_size'"), ("observation", "'low'")])
def test_attributes_of_a_component(name: str, needed: str) -> None:
    wrong: dict[str, Any] = {name: lambda *arguments: None}
    with pytest.raises(ValueError, match=f"component {name} has no attribute {needed}; needed: "):
        Components(**wrong)


def test_observation_outside_its_bounds() -> None:
    own = OwnObservation()
    own.high = own.high * 0
    simulator = Simulator("tiny", 1, seed=1, components=Components(observation=own))
    with pytest.raises(ValueError, match=r"component observation returned .* in column 3; allowed: 0.0 to 0.0"):
        simulator.reset()
