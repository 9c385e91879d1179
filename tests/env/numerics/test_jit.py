"""Compiled and plain Python agree, and the disk cache survives damage, edits and a read-only home."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oran_env
from oran_env.numerics.jit import kernel, switch

PACKAGE = Path(oran_env.__file__).parent

STEPS = """
import json, sys
import numpy as np
from oran_env import Simulator
log = []
for scenario, steps, overrides in json.loads(sys.argv[1]):
    simulator = Simulator(scenario, 1, seed=12, **overrides)
    log.append(simulator.reset().ravel().tolist())
    rng = np.random.default_rng(13)
    for _ in range(steps):
        shape = (1, len(simulator.agents), simulator.action_size)
        result = simulator.step(rng.random(shape, dtype=np.float32))
        arrays = [result.observations, result.rewards, *result.info.values(), *simulator.last_outcome[-4:]]
        log.extend(np.asarray(array, dtype=float).ravel().tolist() for array in arrays)
json.dump(log, sys.stdout)
"""

CASES = [
    ("tiny", 3, {}),
    ("tiny", 3, {"latency": "queue", "observation": "extended", "interference": "as_printed", "codec": "slice_mask"}),
    ("tiny", 2, {"num_dus": 7, "num_ues": 9, "alpha": "literal", "max_spectral_efficiency": 7.4, "fading": "none"}),
    ("paper", 1, {}),
    ("tiny", 3, {"codec": "prb_quota", "latency": "queue", "observation": "kpm", "link_adaptation": "mcs",
                 "power_range_db": 10.0, "tx_evm": 0.08, "fading": "jakes", "rbs_per_fade": 2, "sectors": 3,
                 "num_dus": 3, "handover_interruption_s": 0.04, "time_to_trigger_s": 0.1, "latency_percentile": 0.9}),
    ("tiny", 2, {"codec": "zones", "fading": "ergodic", "power_range_db": 10.0, "demand_trace": "synthetic",
                 "latency": "queue", "num_dus": 4, "wrap_around": True}),
]  # fmt: skip


def run(program: str, *arguments: str, **environment: str) -> str:
    """Standard output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", program, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plain_python_agrees() -> None:
    """NUMBA_DISABLE_JIT=1 gives the same steps within rounding: nothing relies on what only numba does."""
    compiled = json.loads(run(STEPS, json.dumps(CASES), NUMBA_DISABLE_JIT="0"))
    plain = json.loads(run(STEPS, json.dumps(CASES), NUMBA_DISABLE_JIT="1"))
    assert len(compiled) == len(plain) > 100
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


# Kernels small enough to compile in a fraction of a second. Prints what they return, and which came from the cache.
SMALL = """
import numpy as np
from oran_env.model.mac.action_codec import count_clipped
from oran_env.model.mac.codecs.codec import Du
from oran_env.model.mac.codecs.slice_mask import decode_slice_mask
from oran_env.model.mac.codecs.two_bit import decode_two_bit
from oran_env.model.reward.reward import min_qos_penalty, resource_penalty
kernels = [count_clipped, decode_slice_mask, decode_two_bit, min_qos_penalty, resource_penalty]
action, slices = np.array([0, 0, 1, 1, 0, 1], dtype=np.float32), np.empty(3, dtype=np.int64)
none = slices[:0]
du = Du(0, 1, 0, none, none, none)
results = [count_clipped(2 * action), decode_slice_mask(action, du, slices[:2], none)]
results += [decode_two_bit(action, du, slices, none)]
results += [min_qos_penalty(np.array([0.0, 0.5, 1.0]), 0.5, 2.0), resource_penalty(150, 100, 2.0)]
print(*results, *slices)
print(*[kernel.__name__ for kernel in kernels if kernel.stats.cache_hits])
"""
RESULTS = [3, 3, 2, -1.0, -1.0, 0, -1, 1]
KERNELS = ["count_clipped", "decode_slice_mask", "decode_two_bit", "min_qos_penalty", "resource_penalty"]


def hits(environment: dict[str, str]) -> list[str]:
    """Run the kernels in a fresh process, and return which of them it found compiled."""
    results, found = run(SMALL, **environment).split("\n")[:2]
    assert [float(number) for number in results.split()] == RESULTS
    return found.split()


def cache_home(tmp_path: Path) -> dict[str, str]:
    """An environment whose two candidate cache directories lie below tmp_path."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir(exist_ok=True)
    temporary.mkdir(exist_ok=True)
    return {"XDG_CACHE_HOME": str(home), "TMPDIR": str(temporary), "NUMBA_DISABLE_JIT": "0"}


def stored(folder: Path, suffix: str = "*") -> list[Path]:
    """Files of the cache."""
    return [path for path in folder.rglob(f"*.{suffix}") if path.is_file()]


def test_a_damaged_cache_is_repaired(tmp_path: Path) -> None:
    """Compile; damage the index or the code of four kernels; they are compiled anew, and found the next time."""
    environment = cache_home(tmp_path)
    assert hits(environment) == []
    assert not stored(tmp_path / "temporary")
    for name, suffix, keep in [(0, "nbi", 0), (1, "nbi", 0.5), (2, "nbc", 0), (3, "nbc", 0.5)]:
        damaged = [path for path in stored(tmp_path / "home", suffix) if f".{KERNELS[name]}-" in path.name]
        assert damaged
        for path in damaged:
            path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    assert "resource_penalty" in hits(environment)
    assert hits(environment) == KERNELS


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """Root may write anywhere, so the directories are ones that nobody can make: below a file."""
    environment = {**cache_home(tmp_path), "XDG_CACHE_HOME": "/dev/null/cache", "HOME": "/dev/null"}
    hits(environment)
    assert stored(tmp_path / "temporary", "nbc")


def test_nowhere_to_write(tmp_path: Path) -> None:
    environment = {**cache_home(tmp_path), "XDG_CACHE_HOME": "/dev/null/cache"}
    (tmp_path / "temporary" / f"oran-env-{os.getuid()}").touch()  # a file where the directory would stand
    assert hits(environment) == []
    assert not stored(tmp_path, "nbc")


def test_an_edit_of_any_module_changes_the_cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """numba itself would not notice an edit in a module that a cached function calls into."""
    copy = tmp_path / "copy"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    modules = sorted(copy.rglob("*.py"))
    assert {"jit.py", "simulator.py", "channel.py"} <= {path.name for path in modules}

    def directories() -> set[str]:
        """All cache directories made so far, after the copy's jit.py has been loaded once more."""
        spec = importlib.util.spec_from_file_location("jit_of_the_copy", copy / "numerics" / "jit.py")
        assert spec is not None
        assert spec.loader is not None
        module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return {path.name for path in (tmp_path / "home" / "oran-env").iterdir()}

    assert len(directories()) == 1
    assert len(directories()) == 1
    for edits, path in enumerate(modules, start=2):
        path.write_text(path.read_text() + "\n# an edit\n")
        assert len(directories()) == edits, path.name
    (copy / "rendering" / "another.py").touch()
    assert len(directories()) == len(modules) + 2
    (copy / "rendering" / "another.py").rename(copy / "rendering" / "renamed.py")
    assert len(directories()) == len(modules) + 3
    (copy / "rendering" / "renamed.py").rename(copy / "renamed.py")
    assert len(directories()) == len(modules) + 4


FIRST_STEP = """
from oran_env import Simulator
from oran_env.model.step import TICK
Simulator("tiny", 1, seed=0)._runner.prepare((TICK,))
"""


CALLER = """
import sys
sys.path.insert(0, sys.argv[1])
from somebody.calls import twice
print(twice(10.0))
"""


def test_an_edit_of_what_a_kernel_of_somebody_elses_calls_is_noticed(tmp_path: Path) -> None:
    """numba itself looks at the file of the function alone."""
    package = tmp_path / "somebody"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "called.py").write_text(
        "from oran_env.numerics.jit import kernel\n\n@kernel\ndef once(x):\n    return x + 1.0\n"
    )
    (package / "calls.py").write_text(
        "from oran_env.numerics.jit import kernel\nfrom somebody.called import once\n\n"
        "@kernel\ndef twice(x):\n    return 2.0 * once(x)\n"
    )

    def printed() -> float:
        env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", CALLER, str(tmp_path)]
        return float(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)

    assert [printed(), printed()] == [22.0, 22.0]
    (package / "called.py").write_text((package / "called.py").read_text().replace("1.0", "5.0"))
    assert printed() == 30.0


def test_one_process_compiles_while_another_waits_and_a_copy_elsewhere_finds_it(tmp_path: Path) -> None:
    """A line on stderr says so, once, and only where there is something to compile."""
    environment = {**os.environ, **cache_home(tmp_path)}
    program = [sys.executable, "-c", FIRST_STEP]
    both = [subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert all(text.count("compiling kernels") <= 1 for text in said)
    assert any("compiling kernels" in text for text in said)
    shutil.copytree(PACKAGE, tmp_path / "elsewhere" / "oran_env", ignore=shutil.ignore_patterns("__pycache__"))
    environment["PYTHONPATH"] = str(tmp_path / "elsewhere")
    found = subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert not found.stderr


@kernel
def plus(a: float, b: float) -> float:
    return a + b


@kernel
def minus(a: float, b: float) -> float:
    return a - b


def test_a_switch_calls_the_branch_of_its_number() -> None:
    sign = switch("sign", {"plus": plus, "minus": minus})
    assert (sign(0, 3.0, 1.0), sign(1, 3.0, 1.0)) == (4.0, 2.0)
    for number in (-1, 2):
        with pytest.raises(ValueError, match="sign: no such branch; allowed: plus, minus"):
            sign(number, 3.0, 1.0)
    with pytest.raises(TypeError, match=r"sign: branches take .*; needed: the same arguments"):
        switch("sign", {"plus": plus, "other": kernel(lambda a, c: a * c)})
