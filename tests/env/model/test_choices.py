"""A name of a choice that is declared and does nothing is refused, wherever it was forgotten; one line adds another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import oran_env
from oran_env.model.mac.action_codec import CODECS
from oran_env.model.mac.mac_scheduler import SCHEDULERS
from oran_env.model.step import ORDER, PHASES, RESET
from oran_env.scenario.choices import Registry

FIELDS, SCHEDULER, CODEC = "scenario/fields.py", "model/mac/mac_scheduler.py", "model/mac/action_codec.py"
MORE_SCHEDULERS = (FIELDS, '"equal_rate", "max_rate"]', '"equal_rate", "max_rate", "edf"]')
MORE_CODECS = (FIELDS, '"zones", "prb_quota"]', '"zones", "prb_quota", "echo"]')
MERIT = (SCHEDULER, '"max_rate": max_rate}', '"max_rate": max_rate, "edf": edf}')
FUNCTION = (SCHEDULER, "MERITS = {", "@kernel\ndef edf(expected: float, tracked: float) -> float:\n"
            '    """Whoever is worst off at the moment."""\n    return -expected\n\n\nMERITS = {')  # fmt: skip
DECODES = "{name: codec.decode for name, codec in CODECS.items()}"
RUN = """
import sys
import numpy as np
from oran_env import Simulator, reference_policies
simulator = Simulator("tiny", 1, seed=1, **{sys.argv[1]: sys.argv[2]})
policy = reference_policies(simulator.scenario)["equal_shares"]
for _ in range(3):
    rate = simulator.step(policy(simulator.reset())).info["throughput_mbps"]
print(rate.sum())
"""


def run(tmp_path: Path, field: str, name: str, *edits: tuple[str, str, str]) -> tuple[str, str]:
    """Output and error of some steps with a choice, in a copy of the package with texts replaced."""
    copy = tmp_path / "oran_env"
    shutil.copytree(Path(oran_env.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in edits:
        source = (copy / file).read_text()
        assert source.count(old) == 1, (file, old)
        (copy / file).write_text(source.replace(old, new))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", RUN, field, name], env=environment, cwd=tmp_path, check=False,
                          capture_output=True, text=True)  # fmt: skip
    return done.stdout, done.stderr


def test_a_scheduler_without_a_function_is_refused(tmp_path: Path) -> None:
    out, error = run(tmp_path, "scheduler", "edf", MORE_SCHEDULERS)
    assert not out
    assert "TypeError: scheduler knows round_robin, proportional_fair, equal_rate, max_rate; declared are" in error


def test_a_codec_without_a_file_is_refused(tmp_path: Path) -> None:
    out, error = run(tmp_path, "codec", "echo", MORE_CODECS)
    assert not out
    assert "TypeError: codec knows two_bit, slice_mask, ue_grid, slice_share, zones, prb_quota; declared are" in error


def test_a_codec_without_a_branch_is_refused(tmp_path: Path) -> None:
    """Declared and registered, but lost on the way to the kernel."""
    entry = '"prb_quota": prb_quota.CODEC,'
    registered = (CODEC, entry, f'{entry} "echo": two_bit.CODEC,')
    lost = (CODEC, DECODES, DECODES.replace("}", ' if name != "echo"}'))
    out, error = run(tmp_path, "codec", "echo", MORE_CODECS, registered, lost)
    assert not out
    assert (
        "ValueError: codec: no such branch; allowed: two_bit, slice_mask, ue_grid, slice_share, zones, prb_quota"
        in error
    )


def test_a_scheduler_is_a_function_and_a_line(tmp_path: Path) -> None:
    rates = {}
    for name in ("edf", "proportional_fair", "round_robin"):
        out, error = run(tmp_path / name, "scheduler", name, MORE_SCHEDULERS, FUNCTION, MERIT)
        assert not error
        rates[name] = float(out)
    assert len(set(rates.values())) == 3


def test_names_without_an_entry() -> None:
    with pytest.raises(TypeError, match="csi knows wideband; declared are wideband, per_rb"):
        Registry("csi", {"wideband": 0})
    with pytest.raises(TypeError, match="csi knows wideband, per_rb, oracle; declared are"):
        Registry("csi", {"wideband": 0, "per_rb": 1, "oracle": 2})
    with pytest.raises(KeyError, match="codec 'echo' has no entry in its registry; allowed: two_bit"):
        CODECS["echo"]
    with pytest.raises(KeyError, match="scheduler 'edf' has no entry"):
        SCHEDULERS.number("edf")


def test_every_phase_has_a_kernel_of_its_own() -> None:
    assert {*ORDER, *RESET} == set(PHASES) == set(range(len(PHASES)))
    assert len(set(PHASES.values())) == len(PHASES)
