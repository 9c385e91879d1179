"""Offline data: what stands in a dataset is what the environment does, and Minari makes that environment again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from oran_env import Simulator, reference_policies
from tasam_agents.cli.main import BAD_INPUT, FAILED, main
from tasam_agents.envs.seeding import training_networks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    pytest.importorskip("minari")
    pytest.importorskip("h5py")
    return tmp_path


def test_a_dataset_replays_in_the_environment_it_names(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import minari

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    command = ["dataset", "count-rule", "--env", "scenario=tiny", "--episodes", "3", "--seed", "7"]
    main(command)
    assert "minari.load_dataset('oran/tiny-count_rule-joint-v0')" in capsys.readouterr().out
    found = minari.load_dataset("oran/tiny-count_rule-joint-v0")
    assert (found.total_episodes, found.total_steps) == (3, 75)
    env = found.recover_environment()
    assert (env.observation_space, env.action_space) == (found.observation_space, found.action_space)
    first = found[0]
    seen, _ = env.reset(seed=7)
    for step in range(25):
        np.testing.assert_array_equal(first.observations[step], seen)
        seen, reward, terminated, truncated, _ = env.step(first.actions[step])
        assert first.rewards[step] == pytest.approx(reward, abs=1e-6)
        assert (first.terminations[step], first.truncations[step]) == (terminated, truncated)
    np.testing.assert_array_equal(first.observations[25], seen)
    with pytest.raises(SystemExit) as leaving:
        main(command)
    assert leaving.value.code == BAD_INPUT
    assert "is there already" in capsys.readouterr().err

    main([*command, "--view", "du", "--root", str(root)])
    apart = minari.load_dataset("oran/tiny-count_rule-du-v0")
    assert (apart.total_episodes, apart.total_steps) == (6, 150)
    both = np.mean([apart[0].rewards, apart[1].rewards], axis=0)
    np.testing.assert_allclose(both, first.rewards, atol=1e-6)
    simulator = Simulator("tiny", 3, training_networks(7, 3))
    observations = simulator.reset(seed=training_networks(7, 3))
    np.testing.assert_array_equal(apart[5].observations[0], observations[2, 1])
    expected = reference_policies(simulator.scenario)["count_rule"](observations)[2, 1]
    np.testing.assert_array_equal(apart[5].actions[0], expected)


def test_refusals(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "data" / "there-v0").mkdir(parents=True)
    for arguments, told in (
        (["count_rul"], "policy is 'count_rul'; did you mean 'count_rule'?"),
        (["random", "--episodes", "0"], "episodes is 0; allowed: 1 to 1_000_000"),
        (["random", "--episodes", "1000000000000"], "episodes is 1000000000000; allowed: 1 to 1_000_000"),
        (["random", "--seed", "-1"], "seed is -1; allowed: integers >= 0"),
        (["random", "--name", "../../outside-v0"], "Malformed dataset ID: ../../outside-v0"),
        (["random", "--name", "there-v0"], "dataset 'there-v0' is there already"),
        (["random", "--sampled"], "--sampled: allowed with a run"),
        (["random", "--env", "scenario=huge"], "unknown scenario 'huge'"),
        ([str(root)], "is not a run"),
    ):
        with pytest.raises(SystemExit) as leaving:
            main(["dataset", *arguments, "--root", str(root / "data")])
        assert leaving.value.code == BAD_INPUT
        assert told in capsys.readouterr().err
    assert {path.name for path in root.rglob("*")} == {"data", "there-v0"}


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(SystemExit) as leaving:
        main(["dataset", "random"])
    assert leaving.value.code == FAILED
    assert "pip install -e '.[minari]'" in capsys.readouterr().err
