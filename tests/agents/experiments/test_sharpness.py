"""`tasam sharpness`: the losses are those of the update, the batches are fixed, the command says what it found."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch
from support import fakes
from torch import Tensor

from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config import LearnerConfig, SamConfig, TemperatureConfig
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.seeding import integer_of, validation_networks
from tasam_agents.experiments.sharpness.curvature import Loss, ascent_sharpness, largest_eigenvalue
from tasam_agents.experiments.sharpness.fixed_losses import (
    ACTOR,
    CRITIC,
    WITHOUT_ENTROPY,
    fixed_batches,
    load_learner,
    network_losses,
)
from tasam_agents.experiments.sharpness.measure import measure_run
from tasam_agents.learner.learner import Learner, TaskSpec
from tasam_agents.learner.replay import Batch
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train

M, D, A, N = 3, 4, 5, 8
SIZES = (5, 2, 3)
Kind = Literal["mean_field", "joint", "pooled"]
Objective = Literal["team", "individual"]
NO_SAM = SamConfig(critic=False, actors="none")

TINY = VARIANTS["tiny"]
SHORT = replace(
    TINY, iterations=6, evaluate_every=3, env_kwargs={"scenario": "tiny", "horizon": 12},
    learner=replace(TINY.learner, hidden=(8, 8), temperature=TemperatureConfig(initial=0.0245)),
)  # fmt: skip
FAKE = replace(
    TINY, env_id="support.fakes:target_env", env_kwargs={}, validation_envs=3, iterations=2,
    learner=replace(TINY.learner, input_scaling=(), hidden=(8,), shared_actor=False),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _calm_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("signal_at", "nan_at"):
        monkeypatch.setattr(fakes, name, None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return RunDirectory.open(train(SHORT, tmp_path_factory.mktemp("runs") / "tiny", quiet=True))


def make_learner(critic: Kind = "mean_field", objective: Objective = "team", **other: Any) -> Learner:
    task = TaskSpec(tuple(f"du_{i}" for i in range(M)), (D,) * M, SIZES, {"all": slice(0, D)})
    settings: dict[str, Any] = {
        "hidden": (6, 5), "batch_size": N, "sam": NO_SAM, "reward_scale": 2.0, "gamma": 0.7,
        "temperature": TemperatureConfig(initial=0.3), "critic_learning_rate": 1e-2,
    }  # fmt: skip
    return Learner(task, LearnerConfig(critic=critic, objective=objective, **(settings | other)), 0, total_updates=100)


def make_batch(seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(
        inputs=torch.randn(N, M, D, generator=generator),
        actions=torch.rand(N, M, A, generator=generator),
        rewards=torch.randn(N, M, generator=generator),
        next_inputs=torch.randn(N, M, D, generator=generator),
        terminated=(torch.rand(N, M, generator=generator) < 0.3).float(),
    )


def gradient_norm(loss: Loss, parameters: Sequence[Tensor]) -> float:
    gradient = torch.autograd.grad(loss(), list(parameters))
    return float(torch.cat([part.reshape(-1) for part in gradient]).norm())


# ---------------------------------------------------------------- what is measured is what is trained


@pytest.mark.parametrize("objective", ["team", "individual"])
@pytest.mark.parametrize("critic", ["mean_field", "joint", "pooled"])
def test_losses_and_gradients_are_those_of_the_update(critic: Kind, objective: Objective) -> None:
    learner, batch = make_learner(critic, objective), make_batch()
    learner.update(make_batch(1))  # targets and critics are no longer the same
    learner.update_noise.manual_seed(7)  # both then draw the same noise at s' and s
    before = network_losses(learner, batch, noise_seed=7)
    actors, log_temperature = learner.policy_tensors(), learner.log_temperature.detach().clone()
    logged = learner.update(batch)
    critics = [each for each in before if each.kind == CRITIC]
    assert [each.network for each in critics] == ["critic_1", "critic_2"]
    assert np.mean([each.loss().item() for each in critics]) == pytest.approx(logged["critic_loss"], rel=1e-5)
    norms = [gradient_norm(each.loss, each.parameters) for each in critics]
    assert np.mean(norms) == pytest.approx(logged["critic_grad_norm"], rel=1e-5)

    # The update takes the actors' gradients against the critics it has just moved.
    learner.load_policy_tensors(actors)
    with torch.no_grad():
        learner.log_temperature.copy_(log_temperature)
    after = network_losses(learner, batch, noise_seed=7)
    full, bare = ([each for each in after if each.kind == kind] for kind in (ACTOR, WITHOUT_ENTROPY))
    assert [each.network for each in full] == [each.network for each in bare] == ["du_0", "du_1", "du_2"]
    values = [each.loss().item() for each in full]
    assert np.mean(values) == pytest.approx(logged["actor_loss"], rel=1e-5)
    norms = [gradient_norm(each.loss, each.parameters) for each in full]
    np.testing.assert_allclose(norms, cast(list[float], logged["actor_grad_norm"]), rtol=1e-4)

    # Without the entropy term: less β_i times the mean of log π_i.
    log_probs = -np.array(logged["entropy"]) * np.array(SIZES)
    expected = np.array(values) - log_temperature.exp().numpy() * log_probs
    np.testing.assert_allclose([each.loss().item() for each in bare], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("critic", "objective"), [("mean_field", "team"), ("joint", "individual")])
def test_eigenvalues_are_those_of_a_hessian_by_finite_differences(critic: Kind, objective: Objective) -> None:
    learner = make_learner(critic, objective, hidden=(3,))
    for each in network_losses(learner, make_batch(), noise_seed=0, dtype=torch.float64)[1:4]:
        weights = list(each.parameters)
        flat = torch.nn.utils.parameters_to_vector(weights).detach()
        columns = []
        for step in 1e-5 * torch.eye(len(flat), dtype=torch.float64):
            sides = []
            for sign in (1, -1):
                torch.nn.utils.vector_to_parameters(flat + sign * step, weights)
                gradient = torch.autograd.grad(each.loss(), weights)
                sides.append(torch.nn.utils.parameters_to_vector(gradient))
            columns.append((sides[0] - sides[1]) / 2e-5)
        torch.nn.utils.vector_to_parameters(flat, weights)
        spectrum = torch.linalg.eigvalsh(torch.stack(columns))
        found = largest_eigenvalue(each.loss, weights, products=60)
        assert found.largest == pytest.approx(float(spectrum[-1]), rel=1e-6)
        assert found.smallest == pytest.approx(float(spectrum[0]), rel=1e-6, abs=1e-8)


def test_an_actor_answers_to_others_that_stay_where_they_are() -> None:
    losses = [each for each in network_losses(make_learner(), make_batch(), 0) if each.kind == ACTOR]
    before = [each.loss().item() for each in losses]
    with torch.no_grad():
        for weight in losses[0].parameters:
            weight.add_(0.5)
    after = [each.loss().item() for each in losses]
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def test_the_learner_and_its_generators_are_left_alone() -> None:
    learner = make_learner()
    before, state = learner.tensors(), torch.get_rng_state()
    for each in network_losses(learner, make_batch(), 0):
        largest_eigenvalue(each.loss, each.parameters, products=5)
        ascent_sharpness(each.loss, each.parameters, 0.1)
    after = learner.tensors()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert torch.equal(torch.get_rng_state(), state)
    assert all(weight.requires_grad for weight in learner.policy.parameters())


def test_padded_columns_do_not_matter_and_another_noise_does() -> None:
    learner, batch, other = make_learner(), make_batch(), make_batch()
    other.actions[:, 1, 2:] = 0.9
    one, two, three = (
        [each.loss().item() for each in network_losses(learner, given, seed)]
        for given, seed in ((batch, 0), (other, 0), (batch, 1))
    )
    assert one == two
    assert all(a != b for a, b in zip(one, three, strict=True))


def test_a_network_that_drops_units_in_training_is_measured_whole() -> None:
    learner = make_learner()
    for network in (*learner.policy.actors, *learner.critics):
        cast(torch.nn.Sequential, network.network).insert(2, torch.nn.Dropout(0.5))
    for each in network_losses(learner, make_batch(), 0):
        assert each.loss().item() == each.loss().item()
    assert learner.policy.training


# ---------------------------------------------------------------- the batches


def test_batches_are_transitions_of_whole_episodes_on_the_validation_networks() -> None:
    task = TaskSpec(("left", "right"), (2, 2), (2, 2), {"all": slice(0, 2)})
    learner = Learner(task, FAKE.learner, 0, total_updates=10)
    batches = fixed_batches(learner, FAKE, batches=2, n=64)
    again = fixed_batches(learner, FAKE, batches=2, n=64)
    for batch, repeated in zip(batches, again, strict=True):
        for field in fields(Batch):
            assert torch.equal(getattr(batch, field.name), getattr(repeated, field.name))
    assert not torch.equal(batches[0].inputs, batches[1].inputs)
    batch = batches[0]
    expected = 1 - (batch.actions - batch.inputs).abs().mean(dim=2)  # an action meets the observation it answers
    torch.testing.assert_close(batch.rewards, expected)
    assert batch.terminated.sum() == 0
    seeds = [integer_of(name) for name in validation_networks(3)]
    # 128 transitions of 3 networks: 43 steps, of 7 per episode; step s' of an episode's end is its eighth.
    drawn = {
        (seed, episode, step): np.random.default_rng([seed, episode, step]).random((2, 2), np.float32)
        for seed in seeds for episode in range(7) for step in range(8)
    }  # fmt: skip
    place = {value.tobytes(): key for key, value in drawn.items()}
    steps = set()
    for now, then in zip(batch.inputs.numpy(), batch.next_inputs.numpy(), strict=True):
        seed, episode, step = place[now.tobytes()]
        assert place[then.tobytes()] == (seed, episode, step + 1)
        steps.add(step)
    assert steps == set(range(7))


def test_few_transitions_still_come_from_a_whole_episode(run: RunDirectory) -> None:
    learner, _ = load_learner(run, SHORT)
    taken = []

    def act(*arguments: Any, **options: Any) -> Any:
        taken.append(options["deterministic"])
        return original(*arguments, **options)

    original, learner.act = learner.act, act  # type: ignore[method-assign]
    (batch,) = fixed_batches(learner, SHORT, batches=1, n=2)
    assert taken == [False] * 12
    assert len(batch.rewards) == 2


# ---------------------------------------------------------------- the command


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def test_the_command_prints_a_table_and_writes_json_and_csv(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sharpness", str(run.path), "--batches", "3", "--products", "12"])
    printed = capsys.readouterr().out
    document = read(run.path / "sharpness.json")
    assert [(each["network"], each["kind"]) for each in document["losses"]] == [
        ("critic_1", CRITIC), ("critic_2", CRITIC),
        ("shared actor", ACTOR), ("shared actor", WITHOUT_ENTROPY),
    ]  # fmt: skip
    assert (document["iteration"], document["num_batches"], document["batch_size"]) == (6, 3, 128)
    first = document["losses"][0]["lambda_max"]
    assert first["mean"] == pytest.approx(np.mean(first["values"]))
    assert first["standard_deviation"] == pytest.approx(np.std(first["values"], ddof=1))
    assert len(set(first["values"])) == 3
    critics = [value for each in document["losses"][:2] for value in each["lambda_max"]["values"]]
    assert document["mean_lambda_max"][CRITIC] == pytest.approx(np.mean(critics))
    assert f"{first['mean']:.4g}" in printed
    for words in ("critic_1", "shared actor", "without entropy", "3 fixed batches of 128", "single", "ρ = 0.05"):
        assert words in printed
    assert printed.count("written: ") == 2
    with (run.path / "sharpness.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 * 3
    assert float(lines[1]["lambda_max"]) == first["values"][1]
    assert {line["converged"] for line in lines} <= {"True", "False"}


def test_json_is_printed_alone_and_repeats_bit_for_bit(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sharpness", str(run.path), "--batches", "1", "--products", "8", "--batch-size", "16", "--json"]
    printed = []
    for _ in range(2):
        main(arguments)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert json.loads(printed[0]) == read(run.path / "sharpness.json")
    assert json.loads(printed[0])["losses"][0]["lambda_max"]["standard_deviation"] is None


def test_double_precision_measures_the_same_batches(run: RunDirectory) -> None:
    single, double = (measure_run(run.path, batches=2, products=25, double=double) for double in (False, True))
    for one, two in zip(single.rows, double.rows, strict=True):
        for name, values in one.columns().items():
            if name in ("lambda_max", "gradient_norm", "epsilon_sharpness"):
                np.testing.assert_allclose(values, two.columns()[name], rtol=2e-3, err_msg=f"{one.network} {name}")
                assert values != two.columns()[name]
    assert "double precision" in double.text()


def test_what_has_not_converged_is_marked(run: RunDirectory) -> None:
    coarse = measure_run(run.path, batches=1, products=2)
    assert not any(found.converged for row in coarse.rows for found in row.eigenvalues)
    assert coarse.text().count(" !  ") == len(coarse.rows)
    assert coarse.document()["losses"][0]["converged"] == [False]
    fine = measure_run(run.path, batches=1, products=30)
    assert all(found.converged for row in fine.rows for found in row.eigenvalues)
    assert " !  " not in fine.text()


def test_sharpness_grows_with_its_radius(run: RunDirectory) -> None:
    small, large = (measure_run(run.path, batches=1, products=2, rho=rho, double=True) for rho in (1e-6, 1e-5))
    assert "ρ = 1e-06" in small.text()
    for one, ten in zip(small.rows, large.rows, strict=True):
        # In the limit the increase is the slope alone.
        assert one.ascents[0].increase == pytest.approx(1e-6 * one.ascents[0].gradient_norm, rel=1e-2)
        assert ten.ascents[0].increase == pytest.approx(10 * one.ascents[0].increase, rel=1e-2)


def test_it_measures_the_end_of_the_run_and_no_later_state(run: RunDirectory) -> None:
    learner, iteration = load_learner(run, SHORT)
    assert (iteration, learner.updates) == (6, SHORT.total_updates)
    assert learner.log_temperature.exp().tolist() != pytest.approx([SHORT.learner.temperature.initial] * 2)
    pairs = zip(learner.critics[0].parameters(), learner.targets[0].parameters(), strict=True)
    assert not any(torch.equal(live, target) for live, target in pairs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{empty}"], "is not a run"),
        (["{run}", "--batches", "0"], "batches is 0; allowed: 1 or more"),
        (["{run}", "--batch-size", "0"], "batch_size is 0; allowed: 1 or more"),
        (["{run}", "--products", "1"], "products is 1; allowed: 2 or more"),
        (["{run}", "--rho", "-1"], "rho is -1.0; allowed: a finite number >= 0"),
    ],
)
def test_bad_input_is_one_line(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["sharpness", *(argument.format(run=run.path, empty=tmp_path) for argument in arguments)])
    assert leaving.value.code == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err


def test_runs_without_a_checkpoint_are_refused(tmp_path: Path) -> None:
    new = RunDirectory.create(tmp_path / "new", SHORT)
    with pytest.raises(RunError, match="has no checkpoint to measure yet"):
        measure_run(new.path)


def test_somebody_elses_environment_can_be_measured(tmp_path: Path) -> None:
    found = measure_run(train(FAKE, tmp_path / "fake", quiet=True), batches=1, products=10, trusted=(FAKE.env_id,))
    assert [row.network for row in found.rows] == ["critic_1", "critic_2", "left", "left", "right", "right"]
