"""Each switch of a learner changes what it should and nothing else."""

import json
from typing import Any, cast

import numpy as np
import pytest
import torch
from support.learners import FIXED_RADIUS, D, M, assert_same, differing_owners, make_batch, make_learner
from torch import Tensor, nn

from tasam_agents.config import (
    GateConfig,
    NetworkRegularisation,
    RadiusConfig,
    RegularisationConfig,
    RhoSchedule,
    SamConfig,
)
from tasam_agents.learner.learner import Learner
from tasam_agents.networks.layers import HeldDropout, SpectralLinear, encoder_and_head, spectral_layers

NO_SAM = SamConfig(critic=False, actors="none")
SAM_EVERYWHERE = SamConfig(critic=True, actors="all")
ZERO_RADIUS = RadiusConfig(RhoSchedule(0.0, 0.0, "constant", False), RhoSchedule(0.0, 0.0, "constant", False))
EVERY = NetworkRegularisation(
    l2=0.1, l2_kind="in_loss", dropout=0.2, spectral_norm=True, layer_norm=True, activation="crelu"
)
DECOUPLED = NetworkRegularisation(l2=0.1, dropout=0.2, spectral_norm=True)


def both(**fields: Any) -> RegularisationConfig:
    networks = NetworkRegularisation(**fields)
    return RegularisationConfig(networks, networks)


def update_both(one: Learner, two: Learner, updates: int = 1) -> None:
    for update in range(updates):
        one.update(make_batch(update))
        two.update(make_batch(update))


# ---------------------------------------------------------------- a switch at zero, and a switch for one kind


@pytest.mark.parametrize("fields", [{"dropout": 0.0}, {"l2": 0.0, "l2_kind": "in_loss"}, {"l2": 0.0}])
def test_a_switch_at_zero_is_bit_identical_to_plain(fields: dict[str, Any]) -> None:
    plain, switched = make_learner(), make_learner(regularisation=both(**fields))
    update_both(plain, switched, 3)
    assert_same(plain, switched)


@pytest.mark.parametrize("regularisation", [EVERY, DECOUPLED])
@pytest.mark.parametrize("part", ["network", "encoder"])
@pytest.mark.parametrize("scale_invariant", [False, True])
def test_no_radius_and_closed_gates_are_no_sam_under_every_regulariser(
    regularisation: NetworkRegularisation, part: str, scale_invariant: bool
) -> None:
    fields: dict[str, Any] = {"regularisation": RegularisationConfig(regularisation, regularisation, reset_every=2)}
    how: dict[str, Any] = {"part": part, "scale_invariant": scale_invariant}
    plain = make_learner(sam=NO_SAM, **fields)
    flat = make_learner(sam=SamConfig(critic=True, actors="all", **how), radius=ZERO_RADIUS, **fields)
    closed = make_learner(sam=SamConfig(critic=False, **how), gate=GateConfig(lambda_td=1e9), **fields)
    sharp = make_learner(sam=SamConfig(critic=True, actors="all", **how), **fields)
    for update in range(3):
        for learner in (plain, flat, closed, sharp):
            learner.update(make_batch(update))
    assert_same(plain, flat)
    assert_same(plain, closed)
    assert {"policy.actors.0", "critics.0.network"} <= differing_owners(plain, sharp)


@pytest.mark.parametrize("fields", [{"l2": 0.1}, {"l2": 0.1, "l2_kind": "in_loss"}, {"dropout": 0.2}])
def test_a_regulariser_of_the_actors_leaves_the_critics_alone_and_the_other_way_round(fields: dict[str, Any]) -> None:
    networks = NetworkRegularisation(**fields)
    plain = make_learner(sam=NO_SAM)
    actors = make_learner(sam=NO_SAM, regularisation=RegularisationConfig(actor=networks))
    critics = make_learner(sam=NO_SAM, regularisation=RegularisationConfig(critic=networks))
    for learner in (plain, actors, critics):
        learner.update(make_batch())
    moments = set() if fields == {"l2": 0.1} else {"adam.actors"}  # decoupled: no gradient knows of it
    differing = kinds_that_differ(plain, actors) - {"log_temperature", "adam.temperature"}
    if "dropout" in fields:  # autograd passes such actors, whose next actions and so the targets are rounded otherwise
        differing -= {"critics", "targets", "adam.critics"}
        for name, tensor in plain.tensors().items():
            if name.split(".")[0] in ("critics", "targets"):
                torch.testing.assert_close(tensor, actors.tensors()[name], rtol=0.0, atol=1e-6)
    assert differing == {"policy"} | moments
    assert {"critics", "targets"} <= kinds_that_differ(plain, critics)
    moments = {name for name in kinds_that_differ(plain, critics) if name.startswith("adam")}
    # The actors answer to other critics and so have other gradients, but the entropies and all noise are the same.
    assert moments <= {"adam.critics", "adam.actors"}
    assert ("adam.critics" in moments) == (fields.get("l2_kind") == "in_loss" or "dropout" in fields)


def kinds_that_differ(one: Learner, two: Learner) -> set[str]:
    """Owners of tensors that differ, layer names aside (dropout layers shift the numbers), `generator.mask` aside."""
    found = set()
    tensors, others = one.tensors(), two.tensors()
    names, other_names = list(tensors), [name for name in others if name != "generator.mask"]
    for name, other in zip(names, other_names, strict=True):
        if not torch.equal(tensors[name], others[other]):
            parts = name.split(".")
            found.add(".".join(parts[:2]) if parts[0] == "adam" else parts[0])
    return found


def test_decoupled_l2_shrinks_the_matrices_and_leaves_biases_and_gradients() -> None:
    plain = make_learner(sam=NO_SAM, actor_learning_rate=1e-2)
    shrunk = make_learner(
        sam=NO_SAM, actor_learning_rate=1e-2, regularisation=RegularisationConfig(NetworkRegularisation(l2=2.0))
    )
    before = plain.policy_tensors()
    metrics = plain.update(make_batch()), shrunk.update(make_batch())
    assert metrics[0] == metrics[1]
    for (name, weight), other in zip(plain.policy_tensors().items(), shrunk.policy_tensors().values(), strict=True):
        if name.endswith("bias"):
            assert torch.equal(weight, other)
        else:
            torch.testing.assert_close(weight - other, 1e-2 * 2.0 * before[name], rtol=1e-3, atol=1e-6)


# ---------------------------------------------------------------- dropout


def sharp_ratios(learner: Learner) -> list[float]:
    """Norm of the second gradient over that of the first: critics (mean), actors."""
    metrics = learner.update(make_batch())
    first = [metrics["critic_grad_norm"], *cast(list[float], metrics["actor_grad_norm"])]
    second = [metrics["critic_grad_norm_sam"], *cast(list[float], metrics["actor_grad_norm_sam"])]
    return [cast(float, b) / cast(float, a) for a, b in zip(first, second, strict=True)]


def test_both_passes_of_sam_have_the_same_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hardly any radius the second gradient is the first, unless the masks differ."""
    tiny = RhoSchedule(1e-6, 1e-6, "constant", False)
    fields: dict[str, Any] = {
        "sam": SAM_EVERYWHERE,
        "radius": RadiusConfig(tiny, tiny),
        "regularisation": both(dropout=0.3),
    }
    assert sharp_ratios(make_learner(**fields)) == pytest.approx([1.0] * (1 + M), rel=1e-3)

    def forgetful(layer: HeldDropout, rows: Tensor) -> Tensor:
        layer.mask = None
        return forward(layer, rows)

    forward = HeldDropout.forward
    monkeypatch.setattr(HeldDropout, "forward", forgetful)
    assert all(abs(ratio - 1.0) > 0.005 for ratio in sharp_ratios(make_learner(**fields)))


def test_dropout_is_at_work_only_where_the_networks_own_weights_are_differentiated() -> None:
    sam = SamConfig(critic=True, actors="gated", cross_values="linear")
    learner = make_learner(sam=sam, regularisation=both(dropout=0.3))
    thinned: dict[str, list[bool]] = {}
    masks: dict[str, list[Tensor]] = {}

    def watch(module: nn.Module, name: str) -> None:
        thinned[name], masks[name] = [], []
        layer = next(layer for layer in module.modules() if isinstance(layer, HeldDropout))

        def note(layer: nn.Module, rows: tuple[Tensor], out: Tensor) -> None:
            thinned[name].append(not torch.equal(rows[0], out))
            mask = cast(HeldDropout, layer).mask
            if mask is not None:
                masks[name].append(mask)

        layer.register_forward_hook(note)

    for i in range(M):
        watch(learner.policy.actors[i], f"actor {i}")
    for i in range(2):
        watch(learner.critics[i], f"critic {i}")
        watch(learner.targets[i], f"target {i}")
    learner.update(make_batch())
    expected = {f"actor {i}": [False, True, True] for i in range(M)}  # a' for the targets, loss, SAM
    for i in range(2):
        # The loss, SAM, then the actors' actions: the first pass and, in the mean field, one for all open gates.
        expected |= {f"critic {i}": [True, True, False, False], f"target {i}": [False]}
    assert thinned == expected
    assert all(torch.equal(first, second) for first, second in (masks[f"actor {i}"] for i in range(M)))
    assert all(torch.equal(first, second) for first, second in (masks[f"critic {i}"] for i in range(2)))
    assert not torch.equal(masks["critic 0"][0], masks["critic 1"][0])
    old = masks["actor 0"][0]
    learner.update(make_batch())
    assert not torch.equal(masks["actor 0"][2], old), "every update has masks of its own"


def test_actions_know_nothing_of_dropout_and_masks_have_noise_of_their_own() -> None:
    plain, thinned = make_learner(), make_learner(regularisation=both(dropout=0.5))
    inputs = np.random.default_rng(0).standard_normal((6, M, D)).astype(np.float32)
    np.testing.assert_array_equal(thinned.act(inputs, True), plain.act(inputs, True))
    np.testing.assert_array_equal(thinned.act(inputs, False), plain.act(inputs, False))
    update_both(plain, thinned, 2)
    before = thinned.tensors()
    np.testing.assert_array_equal(thinned.act(inputs, True), thinned.act(inputs, True))
    after = thinned.tensors()
    assert all(torch.equal(after[name], before[name]) for name in before)
    for name in ("generator.update", "generator.act"):
        assert torch.equal(plain.tensors()[name], after[name])
    assert "generator.mask" not in plain.tensors()


# ---------------------------------------------------------------- spectral normalisation


def test_singular_vectors_advance_once_per_update_and_not_between_the_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = make_learner(sam=SAM_EVERYWHERE, regularisation=both(spectral_norm=True))
    layers = [
        layer for module in (learner.policy, *learner.critics, *learner.targets) for layer in spectral_layers(module)
    ]
    assert len(layers) == 2 * (M + 2 + 2)
    seen: dict[int, list[Tensor]] = {id(layer): [] for layer in layers}
    advanced: dict[int, int] = dict.fromkeys(seen, 0)
    for layer in layers:
        layer.register_forward_hook(lambda layer, *_: seen[id(layer)].append(cast(SpectralLinear, layer).u.clone()))

    def counted(layer: SpectralLinear) -> None:
        advanced[id(layer)] += 1
        advance(layer)

    advance = SpectralLinear.advance
    monkeypatch.setattr(SpectralLinear, "advance", counted)
    before = [layer.u.clone() for layer in layers]
    learner.update(make_batch())
    learner.act(np.zeros((2, M, D), np.float32), True)
    assert set(advanced.values()) == {1}
    for layer, start in zip(layers, before, strict=True):
        in_update = seen[id(layer)][: None if layer not in list(learner.policy.modules()) else -1]
        assert len(in_update) >= 1
        assert all(torch.equal(u, start) for u in in_update)
        assert not torch.equal(layer.u, start)


def test_every_hidden_layer_keeps_norm_one_and_the_output_layer_is_free() -> None:
    learner = make_learner(
        hidden=(16, 16, 16), actor_learning_rate=3e-3, critic_learning_rate=3e-3, polyak=0.1,
        sam=SAM_EVERYWHERE, regularisation=both(spectral_norm=True),
    )  # fmt: skip
    for update in range(60):
        learner.update(make_batch(update), log=False)
    for owner in (learner.policy, *learner.critics, *learner.targets):
        layers = spectral_layers(owner)
        raw = [torch.linalg.matrix_norm(layer.weight, 2).item() for layer in layers]
        norms = [torch.linalg.matrix_norm(layer.normalised_weight, 2).item() for layer in layers]
        assert norms == pytest.approx([1.0] * len(layers), abs=0.02)
        assert max(abs(norm - 1.0) for norm in raw) > 0.05, "the raw weights have other norms"
    outputs = [network[-1] for network in learner.policy.networks]
    assert not any(isinstance(layer, SpectralLinear) for layer in outputs)


def test_policy_alone_carries_the_singular_vectors() -> None:
    learner, other = (make_learner(seed, regularisation=RegularisationConfig(EVERY, EVERY)) for seed in (1, 2))
    for update in range(5):
        learner.update(make_batch(update))
    other.load_policy_tensors(learner.policy_tensors())
    inputs = np.random.default_rng(0).standard_normal((6, M, D)).astype(np.float32)
    np.testing.assert_array_equal(other.act(inputs, True), learner.act(inputs, True))


# ---------------------------------------------------------------- SAM of the encoder, adaptive SAM


@pytest.mark.parametrize("scale_invariant", [False, True])
def test_sam_of_the_encoder_leaves_the_step_of_the_head_alone(scale_invariant: bool) -> None:
    fields: dict[str, Any] = {"hidden": (16, 16, 16)}
    plain = make_learner(sam=NO_SAM, **fields)
    sharp = make_learner(
        sam=SamConfig(critic=True, actors="none", part="encoder", scale_invariant=scale_invariant), **fields
    )
    actors = make_learner(
        sam=SamConfig(critic=False, actors="all", part="encoder", scale_invariant=scale_invariant), **fields
    )
    for learner in (plain, sharp, actors):
        learner.update(make_batch())
    pairs = [(a.network, b.network) for a, b in zip(plain.critics, sharp.critics, strict=True)]
    pairs += list(zip(plain.policy.networks, actors.policy.networks, strict=True))
    for one, two in pairs:
        (encoder, head), (other_encoder, other_head) = encoder_and_head(one), encoder_and_head(two)
        assert all(torch.equal(p, q) for p, q in zip(head.parameters(), other_head.parameters(), strict=True))
        # Adam's first step hardly knows the size of a gradient, so a bias may move alike.
        matrices = [(p, q) for p, q in zip(encoder.parameters(), other_encoder.parameters(), strict=True) if p.ndim > 1]
        assert len(matrices) == 2
        assert not any(torch.equal(p, q) for p, q in matrices)


def test_the_encoder_alone_is_perturbed_and_by_the_whole_radius() -> None:
    learner = make_learner(hidden=(16, 16, 16), sam=SamConfig(critic=False, actors="all", part="encoder"))
    encoder = [p.detach().clone() for p in encoder_and_head(learner.policy.networks[1])[0].parameters()]
    ratios = cast(list[float], learner.update(make_batch())["perturbation_ratio"])
    norm = torch.cat([p.flatten() for p in encoder]).norm().item()
    assert ratios[1] == pytest.approx(0.2 / norm, rel=1e-4)


def test_adaptive_sam_changes_the_networks_that_sam_changes() -> None:
    sam = make_learner(sam=SamConfig(critic=False, actors="all"))
    adaptive = make_learner(sam=SamConfig(critic=False, actors="all", scale_invariant=True))
    one, two = sam.update(make_batch()), adaptive.update(make_batch())
    assert {name for name in one if one[name] != two[name]} == {"actor_grad_norm_sam", "perturbation_ratio"}
    changed = {f"{owner}.{i}" for owner in ("policy.actors", "adam.actors") for i in range(M)}
    assert differing_owners(sam, adaptive) == changed
    critics = [make_learner(sam=SamConfig(True, "none", scale_invariant=adaptive)) for adaptive in (False, True)]
    one, two = (learner.update(make_batch()) for learner in critics)
    assert one["critic_grad_norm"] == two["critic_grad_norm"]
    assert one["critic_grad_norm_sam"] != two["critic_grad_norm_sam"]
    assert {"critics.0.network", "critics.1.network"} <= differing_owners(*critics)


# ---------------------------------------------------------------- resets


def test_a_reset_renews_heads_and_temperatures_and_keeps_the_encoders() -> None:
    learner = make_learner(hidden=(16, 16, 16), regularisation=RegularisationConfig(EVERY, EVERY, reset_every=5))
    for update in range(5):
        learner.update(make_batch(update))
    before = learner.tensors()
    state = torch.random.get_rng_state()
    learner.reset()
    assert torch.equal(torch.random.get_rng_state(), state)
    after = learner.tensors()
    heads = [
        encoder_and_head(network)[1] for network in (*learner.policy.networks, *(c.network for c in learner.critics))
    ]
    targets = [encoder_and_head(target.network)[1] for target in learner.targets]

    # Hidden layer 3 and the output; with every switch on the linear layers of a network are 0, 4, 8 and 12.
    def is_head(name: str) -> bool:
        return name.split("network.")[1].split(".")[0] in ("8", "9", "12")

    for name, tensor in after.items():
        if name.startswith("generator"):
            assert torch.equal(tensor, before[name]), name
        elif "temperature" in name or is_head(name):
            if name.startswith("adam"):
                assert before[name].any(), name
                assert not tensor.any(), name
            elif not (".9." in name and name.endswith(("weight", "bias"))):
                assert not torch.equal(tensor, before[name]), name
        else:
            assert torch.equal(tensor, before[name]), name
    torch.testing.assert_close(after["log_temperature"], torch.full((M,), float(np.log(0.1))))
    for head, target in zip(heads[M:], targets, strict=True):
        assert all(
            torch.equal(p, q) for p, q in zip(head.state_dict().values(), target.state_dict().values(), strict=True)
        )
        (layer,) = spectral_layers(head)
        assert torch.linalg.matrix_norm(layer.normalised_weight, 2).item() == pytest.approx(1.0, abs=1e-5)
    outputs = [head[-1].weight for head in heads]
    assert not torch.equal(cast(Tensor, outputs[0]), cast(Tensor, outputs[1]))
    assert not torch.equal(cast(Tensor, outputs[M]), cast(Tensor, outputs[M + 1]))
    learner.update(make_batch(9))


def test_resets_come_with_their_period_before_an_update_and_never_after_the_last() -> None:
    plain, reset = make_learner(), make_learner(regularisation=RegularisationConfig(reset_every=3))
    update_both(plain, reset, 3)
    assert_same(plain, reset)
    at: list[int] = []
    original = reset.reset
    reset.reset = lambda: (at.append(reset.updates), original())[1]  # type: ignore[method-assign, func-returns-value]
    for update in range(3, 9):
        reset.update(make_batch(update))
    assert at == [3, 6]


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("saved_after", [0, 3, 4, 7])
@pytest.mark.parametrize("regularisation", [EVERY, DECOUPLED])
def test_saved_learner_goes_on_bit_identically_with_every_switch_on(
    saved_after: int, regularisation: NetworkRegularisation
) -> None:
    settings: dict[str, Any] = {
        "hidden": (16, 16, 16),
        "sam": SamConfig(critic=True, actors="all", scale_invariant=True, part="encoder"),
        "radius": FIXED_RADIUS,
        "regularisation": RegularisationConfig(regularisation, regularisation, reset_every=4),
    }
    learner, resumed = make_learner(1, **settings), make_learner(1, **settings)
    for update in range(2):  # the one that resumes has been somewhere else
        resumed.update(make_batch(100 + update))
    for update in range(saved_after):
        learner.update(make_batch(update))
    resumed.load_tensors(learner.tensors())
    resumed.load_scalars(json.loads(json.dumps(learner.scalars())))
    for update in range(6):
        assert learner.update(make_batch(update + 60)) == resumed.update(make_batch(update + 60))
    assert_same(learner, resumed)
    inputs = np.ones((2, M, D), np.float32)
    np.testing.assert_array_equal(learner.act(inputs, False), resumed.act(inputs, False))


def test_a_prior_that_is_kept_survives_a_reset() -> None:
    kept = make_learner(regularisation=RegularisationConfig(reset_every=2, reset_keeps_prior=True))
    plain = make_learner(regularisation=RegularisationConfig(reset_every=2))
    for learner in (kept, plain):
        for update in range(2):
            learner.update(make_batch(update))
    outputs = [cast(nn.Linear, network[-1]) for network in kept.policy.networks]
    biases, matrices = [layer.bias.clone() for layer in outputs], [layer.weight.clone() for layer in outputs]
    temperature = kept.log_temperature.clone()
    kept.reset()
    plain.reset()
    for layer, bias, matrix in zip(outputs, biases, matrices, strict=True):
        assert torch.equal(layer.bias, bias)
        assert not torch.equal(layer.weight, matrix)
    assert torch.equal(kept.log_temperature, temperature)
    assert not torch.equal(plain.log_temperature, temperature)
    assert not torch.equal(cast(nn.Linear, plain.policy.networks[0][-1]).bias, biases[0])
