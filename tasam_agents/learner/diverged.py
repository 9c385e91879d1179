"""Numbers that must be finite: a run whose losses are not has come to its end."""

from __future__ import annotations

import torch
from torch import Tensor


class DivergedError(FloatingPointError):
    """A loss is no longer a finite number. The weights are those of before the step that would have used it."""


def check_finite(update: int, name: str, losses: Tensor) -> None:
    """Raise `DivergedError` when one of the losses of this update is NaN or infinite."""
    if not torch.isfinite(losses).all():
        raise DivergedError(f"update {update}: {name} = {losses.tolist()}, must be finite")
