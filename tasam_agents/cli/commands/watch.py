"""`tasam watch RUN`: a film of the best actors of a run at work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tyro

from tasam_agents.cli.arguments import call, print_paths


def run(arguments: Sequence[str]) -> None:
    """Run the command."""
    call(watch, "tasam watch", arguments)


def watch(
    run: tyro.conf.Positional[Path],
    out: Path | None = None,
    steps: int | None = None,
    seed: int | None = None,
    fps: float | None = None,
    trust_env: tuple[str, ...] = (),
) -> None:
    """Film the best actors of a run, deterministic, on one network.

    Args:
        run: run directory.
        out: a file ending in .gif, .mp4, or .png for the last frame alone; default: RUN/figures/watch.gif.
        steps: frames, one per step; default: one episode.
        seed: of the network; default: the first held-out one.
        fps: frames per second; default: as many as the environment's own.
        trust_env: environment ids with a module that the run may name; else only a registry's are made.
    """
    from oran_env.rendering import RENDER_FPS
    from tasam_agents.experiments.run_film import film_run

    print_paths([film_run(run, out, steps, seed, RENDER_FPS if fps is None else fps, trust_env)])
