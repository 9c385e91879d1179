"""Compiled code is unpickled: nothing is loaded from a directory into which somebody else could have put it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from oran_env.numerics.cache_directory import cache_directory

USER = os.getuid()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory for temporary files, and no home that could be written."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/cache")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tmp_path.chmod(0o1777)
    return tmp_path


def test_the_fallback_is_for_its_user_alone(temporary: Path) -> None:
    found = cache_directory("hash")
    assert found == temporary / f"oran-env-{USER}" / "hash"
    assert [path.stat().st_mode & 0o777 for path in (found, found.parent)] == [0o700, 0o700]
    assert cache_directory("hash") == found


def given_away(around: Path) -> None:
    os.chown(around, 12345, 12345)


def given_away_within(around: Path) -> None:
    os.chown(around / "hash", 12345, 12345)


def opened(around: Path) -> None:
    around.chmod(0o777)


def opened_to_the_group(around: Path) -> None:
    (around / "hash").chmod(0o770)


def linked(around: Path) -> None:
    around.rename(around.with_name("elsewhere"))
    around.symlink_to(around.with_name("elsewhere"))


def linked_within(around: Path) -> None:
    (around / "hash").rename(around / "other")
    (around / "hash").symlink_to(around / "other")


def without_sticky_bit(around: Path) -> None:
    around.parent.chmod(0o777)


PREPARED = [given_away, given_away_within, opened, opened_to_the_group, linked, linked_within, without_sticky_bit]


@pytest.mark.parametrize("prepare", PREPARED, ids=lambda prepare: prepare.__name__)
def test_what_another_user_could_have_prepared_is_not_used(temporary: Path, prepare: Callable[[Path], None]) -> None:
    if prepare in (given_away, given_away_within) and USER != 0:
        pytest.skip("only root can give a directory to another user")
    around = temporary / f"oran-env-{USER}"
    (around / "hash").mkdir(parents=True, mode=0o700)
    around.chmod(0o700)
    assert cache_directory("hash") == around / "hash"
    prepare(around)
    assert cache_directory("hash") is None


def test_a_relative_cache_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    """As the XDG Base Directory Specification asks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    for value in ("cache", "./cache", ""):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_directory("hash") == tmp_path / "home" / ".cache" / "oran-env" / "hash"
    assert not (tmp_path / "cache").exists()
