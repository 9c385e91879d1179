"""``oran-env compile``: the kernels of some presets, so that no first step has to wait."""

from __future__ import annotations

import argparse
import time
from typing import Any

from oran_env.simulator.simulator import Simulator

HELP = "Compile what presets run, once for all copies of this code on the machine."


def register(subparsers: Any) -> None:
    """Add the subcommand."""
    parser: argparse.ArgumentParser = subparsers.add_parser("compile", help=HELP, description=HELP)
    parser.add_argument("presets", nargs="*", default=["paper", "tiny"], help="see oran-env list (default: paper tiny)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Compile what a reset and a step need.

    Raises:
        ScenarioError: unknown preset.
    """
    for preset in options.presets:
        begin, used = time.perf_counter(), time.process_time()
        Simulator(preset).compile()
        used = time.process_time() - used
        print(f"{preset}: ready after {time.perf_counter() - begin:.1f} s, {used:.1f} CPU-seconds", flush=True)
