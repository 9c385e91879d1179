"""`tasam watch`: the film shows the run's own actors on the network that was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from oran_env import parallel_env
from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config.variants import VARIANTS
from tasam_agents.envs.make import make_batched
from tasam_agents.envs.seeding import held_out_networks
from tasam_agents.errors import UserError
from tasam_agents.experiments.run_film import film_run
from tasam_agents.training import checkpoint
from tasam_agents.training.evaluation import learned_policy, load_actors
from tasam_agents.training.run_directory import RunDirectory, RunError
from tasam_agents.training.trainer import train

image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")

TINY = VARIANTS["tiny"]
SHORT = replace(
    TINY, iterations=4, evaluate_every=2, env_kwargs={"scenario": "tiny", "num_dus": 3, "horizon": 6},
    learner=replace(TINY.learner, hidden=(16,)),
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return RunDirectory.open(train(SHORT, tmp_path_factory.mktemp("runs") / "tiny", quiet=True))


def test_by_default_one_episode_into_the_figures_of_the_run(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["watch", str(run.path)])
    out = run.figures / "watch.gif"
    assert f"written: {out}" in capsys.readouterr().out
    with image.open(out) as film:
        assert film.n_frames == 6


def test_the_last_frame_is_what_the_best_actors_did(run: RunDirectory, tmp_path: Path) -> None:
    env = parallel_env("tiny", "rgb_array", num_dus=3, horizon=6)
    env.unwrapped.caption = "policy: TA-SAM-tiny, trained"
    batched = make_batched(SHORT.env_id, SHORT.env_kwargs, 1, 0)
    policy = learned_policy(load_actors(checkpoint.load(run.best), run.best, run.config(), batched), deterministic=True)
    for seed, steps in ((None, 6), (None, 8), (5, 2)):
        observations, _ = env.reset(seed=held_out_networks(1)[0] if seed is None else seed)
        for number in range(steps):
            if number == 6:
                break
            actions = policy(np.stack(list(observations.values()))[None])[0]
            observations, *_ = env.step(dict(zip(env.agents, actions, strict=True)))
        out = film_run(run.path, tmp_path / f"{seed}-{steps}.png", steps=steps, seed=seed)
        with image.open(out) as picture:
            assert (np.asarray(picture) == env.render()).all() == (steps <= 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{empty}"], "is not a run"),
        (["{run}", "--out", "{empty}/film.avi"], "film.avi; allowed: a file ending in .gif, .mp4, .png"),
        (["{run}", "--out", "{empty}/no/film.gif"], "there is no directory"),
        (["{run}", "--steps", "0"], "steps is 0; allowed: 1 or more"),
        (["{run}", "--seed", "-2"], "seed is -2; allowed: integers >= 0"),
        (["{run}", "--seed", "9" * 40], "9; allowed: integers >= 0 (below 2^128)"),
        (["{run}", "--fps", "1000"], "fps is 1000; allowed: 0.1 to 50"),
    ],
)
def test_bad_input_is_one_line(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["watch", *(argument.format(run=run.path, empty=tmp_path) for argument in arguments)])
    assert leaving.value.code == BAD_INPUT
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert len(printed.err.splitlines()) == 1
    assert message in printed.err
    assert not list(tmp_path.iterdir())


def test_runs_without_a_checkpoint_or_on_another_environment_are_refused(tmp_path: Path) -> None:
    new = RunDirectory.create(tmp_path / "new", SHORT)
    with pytest.raises(RunError, match="has no policy yet"):
        film_run(new.path)
    config = replace(
        SHORT, env_id="mpe2.simple_spread_v3:parallel_env", env_kwargs={"N": 2, "continuous_actions": True},
        iterations=2, learner=replace(SHORT.learner, input_scaling=()),
    )  # fmt: skip
    other = train(config, tmp_path / "other", quiet=True)
    with pytest.raises(UserError, match=r"trained on 'mpe2.simple_spread_v3:parallel_env', which cannot be watched"):
        film_run(other)
    assert not list((other / "figures").glob("watch*"))
