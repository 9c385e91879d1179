"""The rows of Tables 2 and 3 and the other named configurations: what each changes, and that each trains."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measure.tuning_log import flat

from tasam_agents.baselines.config import environment_steps
from tasam_agents.baselines.variants import found_settings
from tasam_agents.config import GateConfig, SamConfig, TrainConfig
from tasam_agents.config.bases import DEFAULT, PAPER, TINY
from tasam_agents.config.variants import CHANGES as NAMED
from tasam_agents.config.variants import VARIANTS, variant
from tasam_agents.envs.make import make_batched
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import evaluate, learned_policy, load_actors
from tasam_agents.training.run_directory import RunDirectory
from tasam_agents.training.trainer import train

OFF = ("sam.critic", "sam.actors")
LAYERS = ("regularisation.actor", "regularisation.critic")
CHANGES: dict[str, set[str]] = {
    "no_sam": {*OFF},
    "both_sam": set(),
    "actor_sam": {"sam.critic"},
    "critic_sam": {"sam.actors"},
    "no_selective": {"sam.actors"},
    "static_rho": {f"radius.{who}.{what}" for who in ("actor", "critic") for what in ("end", "shape", "adaptive")},
    "adaptive_sam": {"sam.scale_invariant"}
    | {f"radius.{who}.{what}" for who in ("actor", "critic") for what in ("start", "end")},
    "l2": {*OFF, *(f"{layers}.l2" for layers in LAYERS)},
    "l2_in_loss": {*OFF, *(f"{layers}.{what}" for layers in LAYERS for what in ("l2", "l2_kind"))},
    "dropout": {*OFF, *(f"{layers}.dropout" for layers in LAYERS)},
    "spectral_norm": {*OFF, *(f"{layers}.spectral_norm" for layers in LAYERS)},
    "plastic": {"sam.actors", "sam.part", "regularisation.reset_every"}
    | {f"{layers}.{what}" for layers in LAYERS for what in ("layer_norm", "activation")}
    | {f"radius.{who}.{what}" for who in ("actor", "critic") for what in ("end", "shape", "adaptive")},
}
TEMPERATURE = ("initial", "learning_rate", "target_entropy_per_dim", "final_target_entropy_per_dim")
CHANGES |= {
    "mean_field_team": {"critic", "objective"},
    "mean_field_individual": {"critic"},
    "pooled_individual": set(),
    "joint_team": {"critic", "objective"},
    "gamma_0.5": {"gamma"},
    "gamma_0.9": {"gamma"},
    "separate_actors": {"shared_actor"},
    "slow": {"actor_learning_rate", "critic_learning_rate"},
    "tuned_temperature": {f"temperature.{name}" for name in TEMPERATURE},
    "narrow": {"hidden"},
    "wide": {"hidden"},
    "with_qos": {"input_scaling"},
    "auto_gate": {"gate.lambda_td", "gate.calibration"},
    "paper_radius": {f"radius.{who}.{what}" for who in ("actor", "critic") for what in ("start", "end")},
}
COUNTS = {
    "half_replay": {"updates_per_iteration"},
    "double_replay": {"updates_per_iteration"},
    "no_warmup": {"warmup_steps", "iterations"},
}
CHANGES["anchored"] = {"anchor.source"}
CHANGES["plastic_distilled"] = CHANGES["plastic"] | {f"anchor.{name}" for name in ("source", "weighting", "weight")}


@pytest.mark.parametrize("name", CHANGES)
def test_a_row_differs_from_the_default_in_what_it_is_named_for(name: str) -> None:
    config = VARIANTS[name]
    for field in fields(TrainConfig):
        if field.name not in ("name", "learner"):
            assert getattr(config, field.name) == getattr(DEFAULT, field.name)
    own, default = flat(asdict(config.learner)), flat(asdict(DEFAULT.learner))
    assert {key for key in own | default if own.get(key) != default.get(key)} == CHANGES[name]


@pytest.mark.parametrize("name", COUNTS)
def test_ablations_of_the_counts_have_the_steps_of_the_default(name: str) -> None:
    config = VARIANTS[name]
    own, default = config.to_dict(), DEFAULT.to_dict()
    assert {key for key in own if own[key] != default[key]} == COUNTS[name] | {"name"}
    assert environment_steps(config) == environment_steps(DEFAULT)


@pytest.mark.parametrize(("name", "change"), [("no_plan", {"owned_rbs": 0}), ("slice_share", {"codec": "slice_share"})])
def test_rows_with_another_action(name: str, change: dict[str, Any]) -> None:
    config = VARIANTS[name]
    assert config == replace(DEFAULT, name=config.name, env_kwargs={**DEFAULT.env_kwargs, **change})


def test_the_default_has_what_was_found_for_the_rival() -> None:
    """All of it but the updates per step of the networks, of which SAM affords less, what a fixed temperature does not
    need, the batch, which is the paper's, and a learning rate for that."""
    found, learner = found_settings("sac_zones"), DEFAULT.learner
    assert found is not None
    assert learner.shared_actor
    assert DEFAULT.env_kwargs == {"scenario": "paper", "codec": "zones"}
    assert (learner.actor_learning_rate, learner.critic_learning_rate) == (1e-2, 1e-2)
    assert found["learning_rate"] == pytest.approx(8.6e-3, rel=2e-3)
    assert learner.final_learning_rate_factor == found["final_learning_rate_factor"]
    assert (learner.batch_size, found["batch_size"]) == (PAPER.learner.batch_size, 256)
    assert learner.regularisation.actor.activation == found["activation"]
    assert (learner.temperature.learning_rate, found["settings.is_entropy_fixed"]) == (0.0, True)
    assert learner.temperature.initial == pytest.approx(found["settings.initial_entropy_coefficient"], rel=1e-3)
    steps = environment_steps(DEFAULT) / DEFAULT.num_envs
    assert (steps, DEFAULT.warmup_steps / steps) == (800, found["settings.warmup_share"])
    per_step = DEFAULT.updates_per_iteration / DEFAULT.steps_per_iteration
    assert (per_step, found["settings.updates_per_round"]) == (6, 8)


def test_names_of_runs_are_all_different() -> None:
    names = [config.name for config in VARIANTS.values()]
    assert len(set(names)) == len(names)
    assert (VARIANTS["dropout"].learner.regularisation.actor.dropout) == 0.1


@pytest.mark.parametrize("base", [DEFAULT, PAPER, TINY], ids=["default", "paper", "tiny"])
@pytest.mark.parametrize("name", NAMED)
def test_a_change_means_the_same_on_any_base(name: str, base: TrainConfig) -> None:
    """Applied twice it changes nothing more, and what the base has beyond it stays."""
    changed = variant(name, replace(base, seed=7, iterations=5))
    assert variant(name, changed) == changed
    own, before = flat(changed.to_dict()), flat(base.to_dict())
    differing = {key for key in own | before if own.get(key) != before.get(key)} - {"name", "seed", "iterations"}
    if name in CHANGES and base is DEFAULT:
        assert differing == {f"learner.{key}" for key in CHANGES[name]}
    counts = COUNTS.get(name, set())
    assert all(key.startswith(("learner.", "env_kwargs.", "centralised")) for key in differing - counts)
    iterations = 5 + (base.warmup_steps // base.steps_per_iteration if name == "no_warmup" else 0)
    assert (changed.seed, changed.iterations) == (7, iterations)


def test_how_sam_is_computed_is_the_base_s() -> None:
    assert variant("actor_sam", "paper").learner.sam == SamConfig(critic=False, actors="gated", cross_values="exact")
    assert variant("actor_sam").learner.sam == SamConfig(critic=False, actors="gated", cross_values="linear")
    assert variant("static_rho", "paper").learner.radius.actor.start == 0.5
    rho = variant("static_rho", actor=0.2, critic=0.3).learner.radius
    assert (rho.actor.start, rho.actor.end, rho.critic.start, rho.critic.shape) == (0.2, 0.2, 0.3, "constant")
    assert variant("plastic", reset_every=250).learner.regularisation.reset_every == 250


def test_names_of_variants() -> None:
    assert variant("tiny") is TINY
    assert variant("default") is DEFAULT
    assert TrainConfig() == PAPER == VARIANTS["paper"]  # the defaults of the fields are the paper's values
    assert variant("no_sam", "tiny") == VARIANTS["tiny_no_sam"]
    with pytest.raises(ValueError, match="variant is 'sharp'; allowed: default, paper, tiny"):
        variant("sharp")
    with pytest.raises(ValueError, match="base is 'huge'; allowed: default, paper, tiny"):
        variant("no_sam", "huge")


def test_centralised_is_the_base_of_table_2() -> None:
    for base in (DEFAULT, TINY):
        central, with_sam = variant("centralised", base), variant("centralised_ta_sam", base)
        assert (central.learner.sam.is_on, with_sam.learner.sam) == (False, base.learner.sam)
        assert replace(with_sam, name="x", learner=replace(with_sam.learner, sam=central.learner.sam)) == replace(
            central, name="x"
        )
        for config in (central, with_sam):
            assert (config.centralised, config.learner.critic, config.learner.objective) == (
                True,
                "joint",
                "individual",
            )


def test_the_other_environments_of_the_named_configurations() -> None:
    slice_mask = VARIANTS["slice_mask"]
    assert replace(slice_mask, name=DEFAULT.name, env_kwargs=DEFAULT.env_kwargs) == DEFAULT
    grid = VARIANTS["tiny_ue_grid"]
    assert replace(grid, name=TINY.name, env_kwargs=TINY.env_kwargs) == TINY
    assert grid.env_kwargs == {"scenario": "tiny", "codec": "ue_grid", "owned_rbs": 3}


@pytest.mark.parametrize("name", ["slice_mask", "tiny_ue_grid"])
def test_other_codecs_are_trained(name: str, tmp_path: Path) -> None:
    config = VARIANTS[name]
    config = replace(
        config,
        env_kwargs={**config.env_kwargs, "scenario": "tiny"},
        num_envs=2,
        iterations=2,
        steps_per_iteration=3,
        warmup_steps=4,
        validation_envs=2,
        learner=replace(config.learner, hidden=(16, 16), batch_size=8),
    )
    run = RunDirectory.open(train(config, tmp_path / "run", quiet=True))
    env = make_batched(config.env_id, config.env_kwargs, 2, [1, 2])
    assert env.action_sizes[0] == {"slice_mask": 3 * 10, "tiny_ue_grid": 67 * 10}[name]
    assert run.metrics()[-1]["updates"] == 2 * config.updates_per_iteration
    actors = load_actors(checkpoint.load(run.best), run.best, config, env)
    assert np.isfinite(evaluate(learned_policy(actors, deterministic=True), env, [1, 2]).returns).all()


@pytest.mark.parametrize("name", CHANGES)
def test_every_row_trains_and_its_actors_can_be_evaluated_twice_alike(name: str, tmp_path: Path) -> None:
    learner = VARIANTS[name].learner
    small = replace(
        learner,
        input_scaling=(),
        hidden=(16, 16, 16),
        batch_size=16,
        gate=GateConfig(calibration=(4, 8)),
    )
    if learner.regularisation.reset_every:
        small = replace(small, regularisation=replace(learner.regularisation, reset_every=7))
    config = replace(
        TINY, env_id="support.fakes:target_env", env_kwargs={}, num_envs=3, iterations=8, steps_per_iteration=4,
        updates_per_iteration=2, warmup_steps=5, evaluate_every=4, validation_envs=2, log_every=2, learner=small,
    )  # fmt: skip
    run = RunDirectory.open(train(config, tmp_path / "run", quiet=True))
    assert run.recorded_config() == config
    metrics = run.metrics()
    updates_of_sam = {"no_sam", "l2", "l2_in_loss", "dropout", "spectral_norm"}
    assert (metrics[-1]["critic_grad_norm_sam"] is None) == (name in updates_of_sam | {"actor_sam"})
    env = make_batched(config.env_id, {}, 2, [1, 2])
    actors = load_actors(checkpoint.load(run.best), run.best, config, env)
    policy = learned_policy(actors, deterministic=True)
    first, second = (evaluate(policy, env, [1, 2]) for _ in range(2))
    assert first.returns.tolist() == second.returns.tolist()
