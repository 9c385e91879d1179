"""Numbers that must be finite: a run whose losses are not has come to its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from torch import Tensor


class DivergedError(FloatingPointError):
    """A loss is no longer a finite number. The weights are those of before the step that would have used it."""


def are_finite(few: Tensor | NDArray[Any]) -> bool:
    """Whether all of some numbers are finite; for a few of them quicker than `torch.isfinite`."""
    return all(map(math.isfinite, few.flatten().tolist()))


def check_finite(update: int, name: str, losses: Tensor | NDArray[Any]) -> None:
    """Raise `DivergedError` when one of the losses of this update is NaN or infinite."""
    if not are_finite(losses):
        raise DivergedError(f"update {update}: {name} = {losses.tolist()}, must be finite")


def check_each_finite(update: int, name: str, agents: Sequence[str], losses: Tensor | NDArray[Any]) -> None:
    """The same for one loss per agent, (G,); the message names the first that is not: `{}` in `name` is the agent."""
    if not are_finite(losses):
        for agent, loss in zip(agents, losses, strict=True):
            check_finite(update, name.format(agent), loss)
