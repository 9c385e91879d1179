"""The update against a slow reading of Algorithm 1, SAM's side conditions, learning, determinism, saving."""

import copy
import json
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch
from support.learners import A, D, M, assert_same, differing_owners, make_batch, make_learner, make_task
from torch import Tensor

from tasam_agents.config import (
    GateConfig,
    LearnerConfig,
    NetworkRegularisation,
    RadiusConfig,
    RegularisationConfig,
    RhoSchedule,
    SamConfig,
    TemperatureConfig,
)
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.learner import Learner, TaskSpec
from tasam_agents.learner.replay import Batch, ReplayBuffer
from tasam_agents.networks.critics import GlobalCritic
from tasam_agents.networks.traces import Trace, trace

Kind = Literal["mean_field", "joint", "pooled"]
Objective = Literal["team", "individual"]
KINDS: tuple[Kind, ...] = ("mean_field", "joint", "pooled")


# ---------------------------------------------------------------- the update as a whole


def slow_update(learner: Learner, batch: Batch, open_gates: tuple[int, ...]) -> dict[str, Tensor]:
    """Algorithm 1 with whole graphs, `backward` and the plain Adam: the weights after one update by name."""
    config, policy = learner.config, copy.deepcopy(learner.policy)
    critics, targets = copy.deepcopy(learner.critics), copy.deepcopy(learner.targets)
    actors = list(policy.actors)
    generator = torch.Generator()
    generator.set_state(learner.update_noise.get_state())
    shape = (len(batch.rewards), M, max(policy.action_sizes))
    next_noise, noise = (torch.randn(shape, generator=generator) for _ in range(2))
    beta = learner.log_temperature.detach().exp()

    def play(inputs: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        samples = [actor(inputs[:, i], epsilon[:, i]) for i, actor in enumerate(actors)]
        return torch.stack([a for a, _ in samples], 1), torch.stack([p for _, p in samples], 1)

    def least(critics: list[GlobalCritic], inputs: Tensor, actions: Tensor) -> Tensor:
        first, second = (cast(Tensor, critic(inputs, actions, actions)) for critic in critics)
        return torch.minimum(first, second)

    def sam_step(network: torch.nn.Module, loss: Any, rho: float | None, learning_rate: float) -> None:
        adam = torch.optim.Adam(network.parameters(), lr=learning_rate, foreach=False)
        adam.zero_grad()
        torch.autograd.backward(loss())
        if rho is not None:
            before = copy.deepcopy(network.state_dict())
            with torch.no_grad():
                gradients = [cast(Tensor, p.grad) for p in network.parameters()]
                norm = torch.cat([g.flatten() for g in gradients]).norm()
                for p, g in zip(network.parameters(), gradients, strict=True):
                    p.add_(rho * g / norm)
            adam.zero_grad()
            torch.autograd.backward(loss())
            network.load_state_dict(before)
        adam.step()

    with torch.no_grad():
        next_actions, next_log_probs = play(batch.next_inputs, next_noise)
        soft = least(targets, batch.next_inputs, next_actions) - beta * next_log_probs
        y = batch.rewards + config.gamma * (1 - batch.terminated) * soft
    for critic in critics:
        rho = config.radius.critic.start if config.sam.critic else None
        critic_loss = lambda c=critic: ((c(batch.inputs, batch.actions, batch.actions) - y) ** 2).mean()  # noqa: E731
        sam_step(critic, critic_loss, rho, config.critic_learning_rate)

    with torch.no_grad():
        unperturbed, log_probs = play(batch.inputs, noise)
    for i, actor in enumerate(actors):

        def actor_loss(i: int = i, actor: torch.nn.Module = actor) -> Tensor:
            action, log_prob = actor(batch.inputs[:, i], noise[:, i])
            joint = torch.stack([action if j == i else unperturbed[:, j] for j in range(M)], 1)
            values = least(critics, batch.inputs, joint)
            ascended = values.sum(1) if config.objective == "team" else values[:, i]
            return cast(Tensor, (beta[i] * log_prob - ascended).mean())

        sam_step(actor, actor_loss, config.radius.actor.start if i in open_gates else None, config.actor_learning_rate)

    log_beta = learner.log_temperature.detach().clone().requires_grad_()
    adam = torch.optim.Adam([log_beta], lr=config.temperature.learning_rate)
    shortfall = log_probs.mean(0) + config.temperature.target_entropy_per_dim * A
    torch.autograd.backward(-(log_beta * shortfall).sum())
    adam.step()
    for target, critic in zip(targets, critics, strict=True):
        for slow, fast in zip(target.parameters(), critic.parameters(), strict=True):
            slow.data = (1 - config.polyak) * slow + config.polyak * fast
    named = {f"policy.{name}": t for name, t in policy.state_dict().items()}
    named |= {f"critics.{k}.{name}": t for k, c in enumerate(critics) for name, t in c.state_dict().items()}
    named |= {f"targets.{k}.{name}": t for k, c in enumerate(targets) for name, t in c.state_dict().items()}
    return {name: t.detach() for name, t in named.items()} | {"log_temperature": log_beta.detach()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objective", ["team", "individual"])
@pytest.mark.parametrize("open_gates", [(), (1,), (0, 1, 2)])
def test_update_agrees_with_a_slow_reading_of_algorithm_1(
    kind: Kind, objective: Objective, open_gates: tuple[int, ...]
) -> None:
    sam = SamConfig(critic=bool(open_gates), actors="gated", cross_values="exact")
    learner = make_learner(critic=kind, objective=objective, sam=sam)
    # Gates are opened by hand: with λ = 0 every gate would be open.
    learner.gate.observe = lambda variances: setattr(  # type: ignore[method-assign]
        learner.gate, "open", np.isin(np.arange(M), open_gates)
    )
    batch = make_batch()
    before = learner.tensors()
    expected = slow_update(learner, batch, open_gates)
    metrics = learner.update(batch)
    after = learner.tensors()
    for name, tensor in expected.items():
        # Compared as steps from the old weights; Adam's first step is about the learning rate in every weight.
        step, expected_step = after[name] - before[name], tensor - before[name]
        assert expected_step.abs().max() > 1e-6 or name.startswith("targets"), name
        agreeing = ((step - expected_step).abs() < 2e-5).float().mean()
        assert agreeing > 0.99, (name, (step - expected_step).abs().max())
    assert metrics["gradient_evaluations"] == (4 if open_gates else 2) + M + len(open_gates)


def test_target_entropy_moves_linearly_from_its_first_to_its_last_value() -> None:
    target = TemperatureConfig(target_entropy_per_dim=-0.1, final_target_entropy_per_dim=-0.4)
    assert [target.target_at(x) for x in (0.0, 0.5, 1.0)] == pytest.approx([-0.1, -0.25, -0.4])
    assert TemperatureConfig(target_entropy_per_dim=-1.0).target_at(0.7) == -1.0
    constant, falling = (
        make_learner(
            temperature=TemperatureConfig(0.1, target_entropy_per_dim=0.0, final_target_entropy_per_dim=last),
        )
        for last in (None, -50.0)
    )
    for learner in (constant, falling):
        for update in range(3):
            learner.update(make_batch(update))
    assert (falling.log_temperature < constant.log_temperature).all()


def test_update_of_regularised_layers_agrees_with_the_slow_reading() -> None:
    """Other layers, same algorithm; the singular vectors stay where they are until the end of the update."""
    layers = NetworkRegularisation(spectral_norm=True, layer_norm=True, activation="crelu")
    learner = make_learner(regularisation=RegularisationConfig(layers, layers), sam=SamConfig(cross_values="exact"))
    batch = make_batch()
    before = learner.tensors()
    expected = slow_update(learner, batch, (0, 1, 2))
    learner.update(batch)
    after = learner.tensors()
    for name, tensor in expected.items():
        if name.endswith((".u", ".v")):
            assert torch.equal(tensor, before[name])
            assert not torch.equal(after[name], before[name])
            continue
        step, expected_step = after[name] - before[name], tensor - before[name]
        assert expected_step.abs().max() > 1e-6 or name.startswith("targets"), name
        agreeing = ((step - expected_step).abs() < 2e-5).float().mean()
        assert agreeing > 0.98, (name, (step - expected_step).abs().max())


# ---------------------------------------------------------------- SAM's side conditions


@pytest.mark.parametrize("kind", KINDS)
def test_closed_gates_and_zero_radius_are_bit_identical_to_plain_sac(kind: Kind) -> None:
    zero = RhoSchedule(0.0, 0.0, "constant", False)
    plain = make_learner(critic=kind, sam=SamConfig(critic=False, actors="none"))
    closed = make_learner(critic=kind, sam=SamConfig(critic=False), gate=GateConfig(lambda_td=1e9))
    flat = make_learner(critic=kind, sam=SamConfig(actors="all"), radius=RadiusConfig(zero, zero))
    for update in range(4):
        evaluations = {learner.update(make_batch(update))["gradient_evaluations"] for learner in (plain, closed, flat)}
        assert evaluations == {2 + M}
    assert_same(plain, closed)
    assert_same(plain, flat)


def test_one_open_gate_changes_that_actor_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = make_batch(reward_spread=(0.1, 5.0, 0.1))
    plain = make_learner(sam=SamConfig(critic=False, actors="none"))
    gated = make_learner(sam=SamConfig(critic=False), gate=GateConfig(lambda_td=4.0))
    forwards = count_forwards(gated, monkeypatch)
    plain.update(batch)
    metrics = gated.update(batch)
    assert metrics["gate_open"] == [0.0, 1.0, 0.0]
    assert differing_owners(plain, gated) == {"policy.actors.1", "adam.actors.1"}
    assert metrics["gradient_evaluations"] == 2 + M + 1
    # Two forwards of each actor (at s' and at s), a third of the gated one; the targets are evaluated once.
    assert forwards == {"actor 0": 2, "actor 1": 3, "actor 2": 2, "target 0": 1, "target 1": 1}
    ratios = cast(list[float | None], metrics["perturbation_ratio"])
    assert ratios[0] is None
    assert ratios[2] is None
    actor = make_learner().policy.actors[1]
    norm = torch.cat([p.detach().flatten() for p in actor.parameters()]).norm().item()
    assert ratios[1] == pytest.approx(0.2 / norm, rel=1e-4)


def count_forwards(learner: Learner, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    counts: dict[str, int] = {}
    watched = {id(network): f"actor {i}" for i, network in enumerate(learner.policy.networks)}
    watched |= {id(target.network): f"target {i}" for i, target in enumerate(learner.targets)}
    counts |= dict.fromkeys(watched.values(), 0)

    def counted(network: torch.nn.Sequential, inputs: Tensor) -> Trace:
        if id(network) in watched:  # and not of another learner
            counts[watched[id(network)]] += 1
        return trace(network, inputs)

    for module in (*learner.policy.actors, *learner.targets):
        module.register_forward_hook(pytest.fail)
    for place in ("actor_update", "learner"):
        monkeypatch.setattr(f"tasam_agents.learner.{place}.trace", counted)
    return counts


def test_critic_sam_changes_the_critics_step_and_no_noise() -> None:
    plain = make_learner(sam=SamConfig(critic=False, actors="none"))
    sharp = make_learner(sam=SamConfig(critic=True, actors="none"))
    plain.update(make_batch())
    metrics = sharp.update(make_batch())
    changed = differing_owners(plain, sharp)
    assert {"critics.0.network", "critics.1.network"} <= changed
    assert not any(name.startswith(("generator", "log_temperature", "adam.temperature")) for name in changed)
    assert cast(float, metrics["critic_grad_norm_sam"]) != metrics["critic_grad_norm"]
    assert metrics["rho_critic"] == 0.3


def test_targets_do_not_depend_on_truncation_and_stop_at_termination() -> None:
    """A transition that a time limit cut looks like any other; y of a terminated one is its reward."""
    values = []
    for flag in (0.0, 1.0):
        learner = make_learner(sam=SamConfig(critic=False, actors="none"))
        batch = make_batch()
        batch.terminated.fill_(flag)
        metrics = learner.update(batch)
        q = make_learner().critics
        mean = torch.stack([critic(batch.inputs, batch.actions, batch.actions) for critic in q]).mean(0).detach()
        values.append((torch.tensor(metrics["td_mean"]), (batch.rewards - mean).mean(0)))
    torch.testing.assert_close(*values[1])
    assert not torch.allclose(*values[0], atol=1e-3)


# ---------------------------------------------------------------- learning


class Bandit:
    """Reward of DU i: how near its action is to a pattern set by its input, less what the others' actions cost it."""

    def __init__(self, coupling: float) -> None:
        self._rng = np.random.default_rng(0)
        self._pattern = np.sign(self._rng.standard_normal((M, A))).astype(np.float32)
        self._coupling = coupling

    def contexts(self, n: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return self._rng.choice([-1.0, 1.0], (n, M, D)).astype(np.float32)

    def rewards(self, contexts: Any, actions: Any) -> Any:
        wanted = 0.5 + 0.4 * self._pattern * contexts[..., :1]
        own = 1.0 - 4.0 * ((actions - wanted) ** 2).mean(-1)
        load = actions.mean(-1)
        return own - self._coupling * (load.sum(-1, keepdims=True) - load) / (M - 1)


def learn(bandit: Bandit, learner: Learner, updates: int) -> float:
    """Mean reward of the deterministic policy after training on random and own actions."""
    buffer = ReplayBuffer(10_000, M, D, A, seed=0)
    rng = np.random.default_rng(1)
    for update in range(updates):
        contexts = bandit.contexts(16)
        actions = rng.random((16, M, A), dtype=np.float32) if update < 30 else learner.act(contexts, False)
        rewards = bandit.rewards(contexts, actions)
        buffer.add(contexts, actions, rewards, contexts, np.ones((16, M), bool))
        learner.update(buffer.sample(64), log=False)
    contexts = bandit.contexts(200)
    return float(bandit.rewards(contexts, learner.act(contexts, deterministic=True)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_every_critic_learns_a_contextual_bandit(kind: Kind) -> None:
    gentle = RadiusConfig(RhoSchedule(0.05, 0.01), RhoSchedule(0.05, 0.01))
    learner = make_learner(
        critic=kind,
        hidden=(64, 64),
        radius=gentle,
        gate=GateConfig(lambda_td="relative"),
        temperature=TemperatureConfig(initial=0.001),
        actor_learning_rate=3e-3,
        critic_learning_rate=3e-3,
    )
    bandit = Bandit(coupling=0.0)
    untrained = float(bandit.rewards(c := bandit.contexts(200), learner.act(c, True)).mean())
    assert untrained < 0.5
    assert learn(bandit, learner, updates=400) > 0.8  # the best is 1


@pytest.mark.parametrize("kind", ["mean_field", "joint"])
def test_team_objective_spares_the_others_and_individual_does_not(kind: Kind) -> None:
    loads = {}
    for objective in ("team", "individual"):
        learner = make_learner(
            critic=kind,
            objective=objective,
            hidden=(64, 64),
            sam=SamConfig(critic=False, actors="none"),
            temperature=TemperatureConfig(initial=0.001),
            actor_learning_rate=3e-3,
            critic_learning_rate=3e-3,
        )
        bandit = Bandit(coupling=4.0)
        learn(bandit, learner, updates=300)
        loads[objective] = float(learner.act(bandit.contexts(200), deterministic=True).mean())
    assert loads["individual"] == pytest.approx(0.5, abs=0.1)
    assert loads["team"] < 0.3


# ---------------------------------------------------------------- determinism, saving, errors


def test_same_seed_same_weights_and_the_global_generator_is_left_alone() -> None:
    first = make_learner(7)
    torch.manual_seed(5)  # must not matter
    second, other = make_learner(7), make_learner(8)
    assert_same(first, second)
    assert differing_owners(first, other) >= {"policy.actors.0", "critics.0.network"}
    for update in range(3):
        logged = first.update(make_batch(update))
        torch.manual_seed(99)
        assert second.update(make_batch(update), log=False) == {}
    assert_same(first, second)
    json.dumps(logged, allow_nan=False)
    state = torch.random.get_rng_state()
    inputs = np.zeros((2, M, D), np.float32)
    np.testing.assert_array_equal(make_learner(7).act(inputs, False), make_learner(7).act(inputs, False))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_act_is_in_range_and_sampling_can_use_another_generator() -> None:
    learner = make_learner()
    inputs = np.random.default_rng(0).standard_normal((6, M, D)).astype(np.float32)
    before = learner.tensors()["generator.act"]
    sampled = learner.act(inputs, False, torch.Generator().manual_seed(1))
    assert torch.equal(learner.tensors()["generator.act"], before)
    assert sampled.shape == (6, M, A)
    assert sampled.dtype == np.float32
    assert ((sampled > 0) & (sampled < 1)).all()
    assert np.ptp(learner.act(inputs, False) - learner.act(inputs, False)) > 0
    np.testing.assert_array_equal(learner.act(inputs, True), learner.act(inputs, True))


@pytest.mark.parametrize("saved_after", [0, 3])
def test_saved_learner_goes_on_bit_identically(saved_after: int) -> None:
    adaptive = RadiusConfig(RhoSchedule(0.2, 0.01), RhoSchedule(0.2, 0.01))
    settings: dict[str, Any] = {"gate": GateConfig(calibration=(1, 5), smoothing=0.5), "radius": adaptive}
    learner, resumed = make_learner(1, **settings), make_learner(2, **settings)
    for update in range(saved_after):
        learner.update(make_batch(update))
    tensors, scalars = learner.tensors(), json.loads(json.dumps(learner.scalars()))
    kept = {name: tensor.clone() for name, tensor in tensors.items()}
    learner.update(make_batch(50))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in tensors.items()), "a snapshot must not move"
    resumed.load_tensors(tensors)
    resumed.load_scalars(scalars)
    resumed.update(make_batch(50))
    for update in range(5):
        assert learner.update(make_batch(update + 60)) == resumed.update(make_batch(update + 60))
    assert_same(learner, resumed)
    assert learner.scalars() == resumed.scalars()
    inputs = np.zeros((2, M, D), np.float32)
    np.testing.assert_array_equal(learner.act(inputs, False), resumed.act(inputs, False))


def test_policy_alone_can_be_saved_and_misfits_are_named() -> None:
    learner, other = make_learner(1), make_learner(2)
    inputs = np.ones((2, M, D), np.float32)
    other.load_policy_tensors(learner.policy_tensors())
    np.testing.assert_array_equal(other.act(inputs, True), learner.act(inputs, True))
    wide = make_learner(hidden=(32, 16))
    with pytest.raises(ValueError, match=r"actors\.0\.network\.0\.weight has shape \(16, 4\), expected \(32, 4\)"):
        wide.load_policy_tensors(learner.policy_tensors())
    tensors = learner.tensors()
    del tensors["log_temperature"]
    with pytest.raises(ValueError, match="log_temperature"):
        other.load_tensors(tensors)


def test_diverged_loss_stops_before_any_weight_has_changed() -> None:
    learner = make_learner()
    before = learner.tensors()
    batch = make_batch()
    batch.rewards[0, 0] = float("nan")
    with pytest.raises(DivergedError, match="update 0: critic loss"):
        learner.update(batch)
    after = learner.tensors()
    assert all(torch.equal(after[name], before[name]) for name in before if not name.startswith("generator"))


def test_diverged_second_pass_restores_the_weights() -> None:
    huge = RhoSchedule(1e38, 1e38, "constant", False)
    learner = make_learner(radius=RadiusConfig(huge, huge))
    before = learner.tensors()
    with pytest.raises(DivergedError, match="perturbed critic loss"):
        learner.update(make_batch())
    after = learner.tensors()
    assert all(torch.equal(after[name], before[name]) for name in before if not name.startswith("generator"))


def test_diverged_second_pass_of_an_actor_restores_all_actors(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*arguments: Any) -> tuple[Tensor, Tensor]:
        return torch.full((8, len(arguments[3])), torch.inf), torch.zeros(8, len(arguments[3]), A)

    monkeypatch.setattr("tasam_agents.learner.actor_update.perturbed_action_gradient", overflow)
    learner = make_learner(sam=SamConfig(critic=False, actors="all"))
    before = learner.policy_tensors()
    with pytest.raises(DivergedError, match="perturbed loss of actor du_0"):
        learner.update(make_batch())
    after = learner.policy_tensors()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_padded_action_columns_do_not_matter() -> None:
    task = make_task((5, 2, 3))
    one, two = make_learner(task=task), make_learner(task=task)
    batch, other = make_batch(), make_batch()
    other.actions[:, 1, 2:] = 0.9
    other.actions[:, 2, 3:] = 0.1
    assert one.update(batch) == two.update(other)
    assert_same(one, two)
    assert (one.act(np.zeros((2, M, D), np.float32), False)[:, 1, 2:] == 0.5).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_agent_is_possible(kind: Kind) -> None:
    learner = make_learner(task=make_task((A,)), critic=kind)
    metrics = learner.update(make_batch(m=1))
    assert learner.updates == 1
    assert len(cast(list[float], metrics["entropy"])) == 1


def test_auto_threshold_closes_the_gates_until_it_is_known() -> None:
    learner = make_learner(gate=GateConfig(calibration=(2, 4)))
    logs = [learner.update(make_batch(update)) for update in range(6)]
    assert [log["lambda_td"] is None for log in logs] == [True] * 3 + [False] * 3
    assert all(sum(cast(list[float], log["gate_open"])) == 0 for log in logs[:3])
    assert sum(cast(list[float], logs[3]["gate_open"])) >= 1


def test_radius_follows_the_schedule_over_the_run() -> None:
    learner = make_learner(radius=RadiusConfig(RhoSchedule(0.2, 0.0, "linear", False), RhoSchedule(0.4, 0.1)))
    logs = [learner.update(make_batch(update)) for update in range(11)]
    np.testing.assert_allclose(cast(list[float], logs[10]["rho_actor"]), [0.18] * M)  # T = 100
    variance = np.array([np.mean(cast(list[float], log["td_variance"])) for log in logs])
    ratio = variance[10] / variance.max()
    assert logs[10]["rho_critic"] == pytest.approx(0.1 + (0.37 - 0.1) * ratio)


def test_reward_scale_is_a_factor_on_the_rewards() -> None:
    scaled, plain = make_learner(reward_scale=2.0), make_learner()
    batch, doubled = make_batch(), make_batch()
    doubled.rewards.mul_(2.0)
    assert scaled.update(batch) == plain.update(doubled)
    assert_same(scaled, plain)


def test_entropy_is_logged_per_dimension_of_each_agent() -> None:
    task = make_task((5, 2, 3))
    learner, batch = make_learner(task=task), make_batch(n=4096)
    noise = torch.randn(4096, M, A, generator=torch.Generator().manual_seed(0))
    _, log_probs = make_learner(task=task).policy.sample(batch.inputs, noise)
    expected = [-log_prob.mean().item() / size for log_prob, size in zip(log_probs.unbind(1), (5, 2, 3), strict=True)]
    assert learner.update(batch)["entropy"] == pytest.approx(expected, abs=0.02)


def test_task_and_run_length_are_checked() -> None:
    with pytest.raises(ValueError, match="action_sizes"):
        TaskSpec(("a", "b"), (1, 1), (1,), {"all": slice(0, 1)})
    with pytest.raises(ValueError, match="total_updates = 0"):
        Learner(make_task(), LearnerConfig(), 0, 0)


def test_learning_rates_fall_linearly_to_the_given_share() -> None:
    """With Adam's first step, |Δθ| is the learning rate wherever the gradient is not tiny."""
    moved = {}
    for updates, final in ((0, 0.0), (50, 0.5), (100, 0.5), (100, 0.0)):
        learner = make_learner(final_learning_rate_factor=final, sam=SamConfig(critic=False, actors="none"))
        learner.updates = updates
        before = learner.tensors()
        learner.update(make_batch())
        after = learner.tensors()
        names = [name for name in before if name.startswith(("policy.", "critics."))]
        moved[updates, final] = max(float((after[name] - before[name]).abs().max()) for name in names)
    assert moved[0, 0.0] == pytest.approx(1e-3, rel=0.01)
    assert moved[50, 0.5] == pytest.approx(0.75e-3, rel=0.01)
    assert moved[100, 0.5] == pytest.approx(0.5e-3, rel=0.01)
    assert moved[100, 0.0] == 0.0
