"""Numbers that must be finite: a run whose losses are not has come to its end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class DivergedError(FloatingPointError):
    """A loss is no longer a finite number. The weights are those of before the step that would have used it."""


def check_finite(update: int, name: str, losses: Tensor) -> None:
    """Raise `DivergedError` when one of the losses of this update is NaN or infinite."""
    if not torch.isfinite(losses).all():
        raise DivergedError(f"update {update}: {name} = {losses.tolist()}, must be finite")


def check_each_finite(update: int, name: str, agents: Sequence[str], losses: Tensor) -> None:
    """The same for one loss per agent, (G,); the message names the first that is not: `{}` in `name` is the agent."""
    if not torch.isfinite(losses).all():
        for agent, loss in zip(agents, losses, strict=True):
            check_finite(update, name.format(agent), loss)
