"""``PYTHONPATH=tests python -m interop [TRY…] [--again] [--reuse SITE_PACKAGES]``: see docs/interop.md."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from interop.libraries import BESIDE, LIBRARIES, OURS
from interop.page import PAGE, RESULTS, ROOT, page, stored

TRIES = Path(__file__).parent / "tries"
VENVS = ROOT / ".venv-interop"
_VERSIONS = """
import json, platform
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in %r:
    try: found[name] = version(name)
    except PackageNotFoundError: pass
print(json.dumps([platform.python_version(), found]))
"""


def main() -> None:
    """Try what was not tried yet, one after the other, and write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tries", nargs="*", metavar="TRY", help=", ".join(LIBRARIES))
    parser.add_argument("--again", action="store_true", help="also what has a result already")
    parser.add_argument("--reuse", type=Path, help="site-packages of another environment, for torch and the like")
    parser.add_argument("--timeout", type=float, default=1800.0, help="of an installation or a try [s]")
    options = parser.parse_args()
    for name in options.tries:
        if name not in LIBRARIES:
            parser.error(f"{name!r}; allowed: {', '.join(LIBRARIES)}")
    for name in options.tries or LIBRARIES:
        if options.again or name not in stored():
            result = tried(name, options.reuse, options.timeout)
            RESULTS.write_text(json.dumps(dict(sorted({**stored(), name: result}.items())), indent=1) + "\n", "utf-8")
            print(f"{name}: {result['verdict']}: {result['how']}", flush=True)
        PAGE.write_text(page(stored()), "utf-8")


def tried(name: str, reuse: Path | None, timeout: float) -> dict[str, Any]:
    """Install one library and run its script; what happened, as the table tells it."""
    library, directory = LIBRARIES[name], VENVS / name
    python = directory / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    (site,) = directory.glob("lib/python*/site-packages")
    (site / "reused.pth").write_text(f"{reuse}\n" if reuse else "")
    pip: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if reuse:  # else a library may bring another torch, with CUDA, all of several GB
        (torch,) = reuse.glob("torch-*.dist-info")
        (directory / "constraints.txt").write_text(torch.name.removesuffix(".dist-info").replace("-", "==", 1))
        pip += ["-c", directory / "constraints.txt"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run([*pip, *OURS, *library.requirements], capture_output=True, text=True, timeout=timeout)
        if not done.returncode:
            command: list[str | Path] = [python, TRIES / f"{name}.py"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
    except subprocess.TimeoutExpired as error:
        done = subprocess.CompletedProcess([], 1, "", f"nothing came of it in {error.timeout:.0f} s")
    last = [line.strip() for line in (done.stderr if done.returncode else done.stdout).splitlines() if line.strip()]
    verdict, how = "fails", last[-1][:300] if last else f"exit code {done.returncode}"
    if not done.returncode:
        verdict, how = how.split(": ", 1)
    asked = _VERSIONS % ([library.distribution, *BESIDE],)
    told = subprocess.run([python, "-c", asked], capture_output=True, text=True, env=environment).stdout
    running, versions = json.loads(told)
    own = versions.pop(library.distribution, "not installed")
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "version": own, "verdict": verdict, "how": how, "python": running, "beside": versions,
        "reused": reuse is not None,
    }  # fmt: skip


if __name__ == "__main__":
    main()
