"""Links in what a stranger gives: whatever is written, cut or drawn, no file that a link leads to is changed."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.short_runs import FAKE, stop_after

from tasam_agents.cli.main import BAD_INPUT, main
from tasam_agents.config.variants import VARIANTS
from tasam_agents.files import run_log
from tasam_agents.files.atomic_write import opened_to_append
from tasam_agents.plotting.style import new_figure, save_picture
from tasam_agents.training import checkpoint
from tasam_agents.training.run_directory import RunDamaged, RunDirectory, RunError
from tasam_agents.training.run_lock import run_lock
from tasam_agents.training.trainer import train

PRECIOUS = b"precious\n" * 50
TINY = replace(
    VARIANTS["tiny"], iterations=2, warmup_steps=2, evaluate_every=1, checkpoint_every_s=0.0, validation_envs=2
)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_bytes(PRECIOUS)
    return path


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = train(TINY, tmp_path_factory.mktemp("honest") / "run", quiet=True)
    main(["evaluate", str(run), "--networks", "2"])
    main(["sharpness", str(run), "--batches", "1"])
    return run


def test_every_file_of_a_run_may_be_a_link(honest: Path, victim: Path, tmp_path: Path) -> None:
    """All that evaluate and sharpness write are links; afterwards none is."""
    run = tmp_path / "run"
    shutil.copytree(honest, run)
    written = [path for path in run.rglob("*") if path.is_file() and "checkpoints" not in path.parts
               and path.name not in ("config.json", "metrics.jsonl")]  # fmt: skip
    assert {path.suffix for path in written} == {".json", ".csv", ".png"}
    for path in written:
        path.unlink()
        path.symlink_to(victim)
    main(["evaluate", str(run), "--networks", "2"])
    main(["sharpness", str(run), "--batches", "1"])
    assert victim.read_bytes() == PRECIOUS
    assert not any(path.is_symlink() for path in written)


@pytest.mark.parametrize("name", ["checkpoints", "figures", "generalisation"])
def test_a_directory_of_a_run_that_leads_elsewhere_is_refused(
    honest: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    shutil.copytree(honest, run)
    (run / name).rename(elsewhere) if (run / name).is_dir() else elsewhere.mkdir()
    (run / name).symlink_to(elsewhere)
    with pytest.raises(SystemExit) as left:
        main(["train", "--resume", str(run)])
    assert left.value.code == BAD_INPUT
    assert f"{name} is a link; allowed: a directory of the run itself" in capsys.readouterr().err


def test_a_log_that_is_a_link_is_not_cut(tmp_path: Path, victim: Path) -> None:
    """Its checkpoint says that nothing stood in it, so a resume would let it end there."""
    path = tmp_path / "run"
    stop_after(FAKE, path, 7)
    run = RunDirectory(path)
    saved = checkpoint.load(run.latest)
    nothing = {"bytes": 0, "sha256": hashlib.sha256(b"").hexdigest()}
    checkpoint.save(run.latest, saved.tensors, saved.state | {"log": nothing})
    run.metrics_file.unlink()
    run.metrics_file.symlink_to(victim)
    with pytest.raises(RunDamaged, match=r"metrics\.jsonl is a link"):
        train(FAKE, path, resume=True, quiet=True)
    with pytest.raises(OSError, match="symbolic links"):  # nor if it has become one since
        run_log.cut(run.metrics_file, nothing)
    train(FAKE, path, resume=True, quiet=True, accept_changes=True)
    assert victim.read_bytes() == PRECIOUS
    assert run.metrics()[-1]["iteration"] == FAKE.iterations


def test_a_run_that_begins_again_makes_no_file_elsewhere(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", FAKE)
    run.metrics_file.unlink()
    run.metrics_file.symlink_to(tmp_path / "elsewhere")
    train(FAKE, run.path, resume=True, quiet=True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_that_is_a_link_is_not_taken(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "run.lock").symlink_to(victim)
    with pytest.raises(RunError, match=r"run\.lock cannot be made"), run_lock(tmp_path / "run"):
        pass
    assert victim.read_bytes() == PRECIOUS


def test_the_log_of_a_job_that_is_a_link_is_put_aside(tmp_path: Path, victim: Path) -> None:
    log = tmp_path / "job.log"
    log.symlink_to(victim)
    for line in ("one", "two"):
        with opened_to_append(log) as file:
            print(line, file=file)
    assert log.read_text() == "one\ntwo\n"
    assert (tmp_path / "job.log.link-1").readlink() == victim
    assert victim.read_bytes() == PRECIOUS


def test_a_picture_that_cannot_be_drawn_leaves_the_one_before(tmp_path: Path) -> None:
    figure, _ = new_figure(1, 1, (1.0, 1.0))
    save_picture(figure, tmp_path / "x.png", [{"a": 1}])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    figure.axes[0].set_title("$\\nothing$")
    with pytest.raises(ValueError, match="nothing"):
        save_picture(figure, tmp_path / "x.png", [{"a": 2}])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
