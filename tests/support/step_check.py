"""Holds whole steps of a `Simulator` against the plain reading: outcome, info, reward, state and observations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from oracle import equations as ref
from oracle.phases import expected_demand, expected_gains
from oracle.step import expected_observation, expected_step, present, serving_now

from oran_env import Simulator
from oran_env.model.outcome import INFO

EXACT: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-9}

# Small enough for loops in plain Python; the area is dense, so that several UEs hand over in every step.
SMALL: dict[str, Any] = {
    "num_dus": 3,
    "num_ues": 24,
    "num_rbs": 12,
    "rb_bandwidth_hz": 1.5e6,
    "site_spacing_m": 60.0,
    "margin_m": 30.0,
}

# Keys of info that count what happens after the decision, or are 0 with the fields that are played here.
AT_THE_END = {"handovers", "ping_pongs", "arrivals", "departures", "interrupted_ues"}


def sparse_actions(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Random actions with a random number of set bits per DU, the exact threshold and values outside [0, 1]."""
    density = rng.uniform(0.1, 1.0, (*shape[:-1], 1))
    actions = np.where(rng.random(shape) < density, rng.uniform(0.5, 1.1, shape), rng.uniform(-0.1, 0.5, shape))
    actions[rng.random(shape) < 0.02] = 0.5  # not above the threshold: not set
    return actions.astype(np.float32)


def claiming_actions(rng: np.random.Generator, simulator: Simulator) -> NDArray[np.float32]:
    """Actions (B, M, A) that mean something in every codec: with ``ue_grid`` few claims contradict each other."""
    shape = (simulator.num_networks, len(simulator.agents), simulator.action_size)
    codec, k = simulator.scenario.control.codec, simulator.scenario.radio.num_rbs
    if codec != "ue_grid":
        return sparse_actions(rng, shape)
    bits = np.zeros((*shape[:2], 3 + 64, k))
    for b, m, rb in np.ndindex(*shape[:2], k):
        claims = rng.choice([0, 1, 1, 1, 1, 2])
        bits[b, m, rng.permutation(3)[:claims], rb] = 1.0
        mine = int((simulator.state.serving[b] == m).sum())
        named = rng.choice([0, 1, 1, 1, 1, 2]) if claims else 0
        columns = min(mine + 2, 64)  # two columns without a UE are among them
        bits[b, m, 3 + rng.permutation(columns)[:named], rb] = 1.0
    noise = rng.uniform(-0.55, 0.45, bits.shape)
    values = (0.5 + np.where(bits > 0.5, 0.01 + np.abs(noise), -np.abs(noise))).reshape(*shape[:2], -1)
    powers = rng.uniform(-0.1, 1.1, (*shape[:2], shape[2] - values.shape[2]))  # of each RB, where they are set
    return np.concatenate([values, powers], axis=-1).astype(np.float32)


def arrivals_of_the_step(simulator: Simulator) -> Any:
    """Bits that arrive at each UE (B, N) in the coming step: the growth of the backlog if nobody is served."""
    patient: dict[str, Any] = {"session_s": 1e9} if simulator.scenario.traffic.session_s else {}  # nobody leaves
    twin = Simulator(simulator.scenario, simulator.num_networks, 0, **patient, codec="two_bit")  # whose zeros are idle
    twin.set_state({**simulator.get_state(), "observation": twin.state.observation})
    twin.step(np.zeros((simulator.num_networks, len(simulator.agents), twin.action_size), dtype=np.float32))
    return twin.state.backlog - simulator.state.backlog


def check_steps(scenario: str, steps: int, networks: int, seed: int, **overrides: Any) -> Simulator:
    """Run ``steps`` steps with random actions and hold everything against the reference."""
    simulator = Simulator(scenario, networks, seed, **overrides)
    observations = simulator.reset()
    layout = simulator.observation_layout
    assert (observations[..., layout["qos"]] == 0).all()
    assert (observations[..., layout["previous_action"]] == 0).all()
    for b in range(networks):
        check_links(simulator, b)
    rng = np.random.default_rng(seed)
    past: list[list[Any]] = [[] for _ in range(networks)]
    for _ in range(steps):
        actions = claiming_actions(rng, simulator)
        before = simulator.get_state()
        arrived = arrivals_of_the_step(simulator)
        expected = [expected_step(simulator, b, actions[b], past[b], arrived[b]) for b in range(networks)]
        result = simulator.step(actions)
        outcome = simulator.last_outcome
        assert outcome is not None
        assert set(INFO) <= set(result.info)
        assert set(result.info) - {"ue_mask", "owned_rbs"} == {*expected[0].info, *AT_THE_END}
        for b, want in enumerate(expected):
            there = before["serving"][b] >= 0
            np.testing.assert_array_equal(outcome.ue_of_rb[b], want.ue_of_rb, err_msg="ue_of_rb")
            np.testing.assert_allclose(outcome.rate[b], want.rate, **EXACT, err_msg="rate")
            np.testing.assert_allclose(outcome.tau[b][there], want.tau[there], **EXACT, err_msg="tau")
            for name, value in want.info.items():
                np.testing.assert_allclose(result.info[name][b], value, **EXACT, err_msg=name)
            np.testing.assert_allclose(result.rewards[b], want.reward, rtol=1e-6, atol=1e-6, err_msg="reward")
            check_links(simulator, b)
            check_comings_and_goings(simulator, b, before, result.info, past[b])
            check_memory(simulator, b, before, want)
            np.testing.assert_allclose(
                result.observations[b],
                expected_observation(simulator, b, want.info["qos_normalised"], want.executed),
                rtol=1e-6,
                atol=1e-6,
                err_msg="observation",
            )
    return simulator


def check_links(simulator: Simulator, b: int) -> None:
    """Gains and serving DUs follow from positions and the draws of the links; demand from its own state."""
    state = {name: array[b] for name, array in simulator.get_state().items()}
    here = present(simulator, b)
    gains = expected_gains(simulator.scenario, state)
    np.testing.assert_allclose(state["gain"][here], gains[here], rtol=1e-9, err_msg="gain")
    np.testing.assert_array_equal(state["serving"], serving_now(simulator, b), err_msg="serving")
    if state["demand"].size:
        np.testing.assert_allclose(state["demand"], expected_demand(simulator.scenario, state), rtol=1e-12)
    listed = [
        u
        for m in range(len(simulator.agents))
        for sl in range(3)
        for u in ref.members(ue_slice=state["slice_of_ue"], serving=state["serving"], du=m, slice_=sl)
    ]
    padded = listed + [ref.NOBODY] * (len(here) - len(listed))
    np.testing.assert_array_equal(simulator.state.members[b], padded, err_msg="members")


def check_comings_and_goings(simulator: Simulator, b: int, before: Any, info: Any, past: list[Any]) -> None:
    """Handovers, arrivals and departures are counted where they happen; who is new begins without a past."""
    was, now = before["serving"][b], simulator.state.serving[b]
    num_dus = len(simulator.agents)

    def per_du(dus: Any) -> Any:
        return np.bincount(dus, minlength=num_dus)

    moved = (was >= 0) & (now >= 0) & (was != now)
    new, left = (was < 0) & (now >= 0), (was >= 0) & (now < 0)
    np.testing.assert_array_equal(info["handovers"][b], per_du(now[moved]), err_msg="handovers")
    np.testing.assert_array_equal(info["arrivals"][b], per_du(now[new]), err_msg="arrivals")
    assert info["departures"][b].sum() == left.sum()
    for reached in past:
        reached[new] = np.nan


def check_memory(simulator: Simulator, b: int, before: Any, want: Any) -> None:
    """Pointer, backlog and tracked average after the step; those of a UE that has just come are zero."""
    after = simulator.state
    was, now = before["serving"][b], after.serving[b]
    if simulator.scenario.control.scheduler == "round_robin":
        np.testing.assert_array_equal(after.pointer[b], want.pointer, err_msg="pointer")
    backlog = want.backlog if simulator.scenario.traffic.latency == "queue" else np.zeros(len(was))
    stayed, new = (was >= 0) & (now >= 0), (was < 0) & (now >= 0)
    np.testing.assert_allclose(after.backlog[b][stayed], backlog[stayed], rtol=1e-9, atol=1e-3, err_msg="backlog")
    np.testing.assert_allclose(after.waited[b][stayed], want.waited[stayed], rtol=1e-6, atol=1e-6, err_msg="waited")
    assert (after.backlog[b][new] == 0).all()
    assert (after.waited[b][new] == 0).all()
    assert (after.history[b][new] == 0).all()
    if simulator.scenario.control.scheduler != "round_robin":
        np.testing.assert_allclose(after.average[b][stayed], want.average_rate[stayed], **EXACT, err_msg="average")
        assert (after.average[b][new] == 0).all()
    if want.adapted is not None:
        reported = want.adapted.reported[stayed]
        np.testing.assert_allclose(after.reported[b][stayed], reported, **EXACT, err_msg="reported")
        assert (after.reported[b][new] == -1).all()
    if after.outer_loop.size:
        kept = want.adapted.outer_loop[stayed, None]
        np.testing.assert_allclose(after.outer_loop[b][stayed], kept, **EXACT, err_msg="outer_loop")
        assert (after.outer_loop[b][new] == 0).all()
