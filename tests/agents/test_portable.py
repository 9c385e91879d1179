"""Nothing that only POSIX has is needed: a run trains without `fcntl` and its kin, and without their calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ELSEWHERE = """
import os, signal, sys
# These ask for the system by its name.
import numba, torch, matplotlib.pyplot, scipy.stats, pettingzoo, gymnasium, tqdm, tyro

MISSING = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline")

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Blocked())
for name in ("getuid", "geteuid", "getgid", "fork", "mkfifo", "sysconf", "O_NOFOLLOW", "O_NONBLOCK"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGUSR1"):
    delattr(signal, name)

from tasam_agents.cli.main import main
main(sys.argv[1:])
"""


def test_a_run_trains_where_there_is_no_posix(tmp_path: Path) -> None:
    arguments = ["train", "--config", "tiny", "--iterations", "2", "--run-dir", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *arguments], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "evaluation.json").is_file()
