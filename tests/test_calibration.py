"""The page on geometry and handovers quotes the stored numbers, and these agree with what is published or derived."""

from __future__ import annotations

import csv
import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/calibration.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tested_calibration", ROOT / "docs/measure/calibration.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored() -> dict[tuple[str, ...], float]:
    with (ROOT / "docs/results/calibration.csv").open(encoding="utf-8") as file:
        return {tuple(list(row.values())[:5]): float(row["value"]) for row in csv.DictReader(file)}


def test_the_page_quotes_the_stored_numbers(calibration: ModuleType) -> None:
    found = stored()
    for name in {key[1] for key in found if key[0] == "geometry"}:
        row = [found["geometry", name, "", "", f"sinr_db_at_{share}"] for share in (5, 50, 95)]
        lines = [line for line in PAGE.splitlines() if line.replace("`", "").replace("*", "").startswith(f"| {name} |")]
        assert any(" | ".join(f"{value:.1f}" for value in row) in line for line in lines), name
    for (what, name, hysteresis, trigger, quantity), value in found.items():
        if what == "handovers" and quantity == "per_ue_minute" and "closed" not in name:
            (line,) = re.findall(
                rf"^\| {name} \| {float(hysteresis):g} dB \| {float(trigger):g} s \| (\S+) ", PAGE, re.M
            )
            assert float(line) == pytest.approx(value, abs=0.00501)
        if what == "family" and quantity == "count_rule":
            assert any(line.startswith(f"| {name} |") and f"| {value:.3f} |" in line for line in PAGE.splitlines()), (
                name
            )


def test_what_is_stored_agrees_with_what_is_known(calibration: ModuleType) -> None:
    """A torus crosses borders as often as the closed form says; the sectors' grid is near 3GPP's full calibration."""
    found = stored()
    rate = found["handovers", "paper, wrap-around", "0.0", "0.0", "per_ue_minute"]
    assert rate == pytest.approx(calibration.crossings({}), rel=0.03)
    grid = "UMa, 36 x 3 sectors, one element"
    ours = np.array([found["geometry", grid, "", "", f"sinr_db_at_{share}"] for share in range(5, 100, 5)])
    published = np.array(calibration.PUBLISHED["3GPP, full calibration, antennas 1: wideband SINR"])
    assert np.abs(ours - published).max() < 2.0


def test_a_small_run(
    calibration: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    few: dict[str, Any] = {"num_ues": 20, "horizon": 3}
    torus: dict[str, Any] = {"num_dus": 4, "wrap_around": True}
    monkeypatch.setattr(calibration, "GEOMETRIES", (("`tiny`", "tiny", {}), ("torus", "tiny", torus)))
    monkeypatch.setattr(calibration, "FAMILY", (("plain", few), ("cut off", {**few, "handover_interruption_s": 0.1})))
    for name in ("FAST", "SMALL", "WRAPPED"):
        monkeypatch.setattr(calibration, name, few)
    calibration.main(["--networks", "2", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "| torus |" in printed
    assert "| cut off |" in printed
    assert (tmp_path / "calibration.png").stat().st_size > 5000
    assert len((tmp_path / "calibration.csv").read_text().splitlines()) > 100
