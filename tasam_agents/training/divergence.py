"""What is kept of a run whose numbers are no longer finite: where it stood, and which numbers they were."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tasam_agents.files.atomic_write import write_json_atomically
from tasam_agents.learner.diverged import DivergedError
from tasam_agents.learner.learner import Learner
from tasam_agents.training import checkpoint
from tasam_agents.training.checkpoint import CheckpointError
from tasam_agents.training.run_directory import RunDirectory

FILE = "diverged.json"
_LISTED = 50


def last_good(run: RunDirectory) -> str:
    """For messages: the newest checkpoint that can be read."""
    for directory in (run.latest, run.best):
        with suppress(CheckpointError):
            iteration = checkpoint.load_state(directory)["iteration"]
            return f"the last good checkpoint is {directory} (iteration {iteration})"
    return "there is no checkpoint yet"


def write_dump(
    run: RunDirectory, iteration: int, learner: Learner, observations: NDArray[np.float32], error: DivergedError
) -> Path | None:
    """Write diverged.json, a few KiB; returns it, or None where it cannot be written.

    It holds the message, the counters, and of every tensor of the learner that is not finite how many of its numbers
    are not, and where the first of them stands; likewise of the observations.
    """
    tensors: dict[str, Tensor] = {"observations": torch.from_numpy(observations), **learner.tensors()}
    document = {
        "message": str(error),
        "iteration": iteration,
        "updates": learner.updates,
        "not_finite": _not_finite(tensors),
        "largest": _largest(tensors),
    }
    with suppress(OSError):
        return write_json_atomically(run.path / FILE, document, indent=1)
    return None


def _not_finite(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, tensor in tensors.items():
        if len(found) < _LISTED and tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            places = (~tensor.isfinite()).nonzero()
            found[name] = {"numbers": len(places), "of": tensor.numel(), "first": places[0].tolist()}
    return found


def _largest(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """The tensors with the largest finite numbers: what was about to diverge."""
    sizes = {
        name: float(torch.nan_to_num(tensor, posinf=0.0, neginf=0.0).abs().max())
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and tensor.numel()
    }
    return dict(sorted(sizes.items(), key=lambda item: -item[1])[:10])
