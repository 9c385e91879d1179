"""Which observation columns the networks see, and in which units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray


class InputScaling:
    """x = (o − offset)·scale, of the columns that are kept.

    Args:
        layout: named groups of observation columns.
        observation_sizes: columns of each agent that are not padding; padding stays zero after scaling.
        scaling: (group, offset, scale); scale 0 drops the group; groups not named stay as they are.

    Raises:
        ValueError: a group that the layout does not have, or no column left.
    """

    def __init__(
        self,
        layout: Mapping[str, slice],
        observation_sizes: Sequence[int],
        scaling: Sequence[tuple[str, float, float]],
    ) -> None:
        width = max(observation_sizes)
        offset, scale = np.zeros(width, np.float32), np.ones(width, np.float32)
        for group, group_offset, group_scale in scaling:
            if group not in layout:
                raise ValueError(f"input_scaling names {group!r}, allowed: groups of the observation {list(layout)}")
            offset[layout[group]], scale[layout[group]] = group_offset, group_scale
        self.columns = np.flatnonzero(scale)
        self._layout = layout
        if self.columns.size == 0:
            raise ValueError(f"input_scaling = {scaling!r} drops every column, allowed: one scale or more not 0")
        is_own = np.arange(width) < np.asarray(observation_sizes)[:, None]  # (M, D)
        self._offset = offset[self.columns]
        self._scale = np.where(is_own, scale, np.float32(0))[:, self.columns]  # (M, d)

    @property
    def size(self) -> int:
        """d."""
        return int(self.columns.size)

    def kept(self, group: str) -> list[int]:
        """Where the columns of a group stand among the inputs.

        Raises:
            ValueError: the layout has no such group, or the scaling drops it.
        """
        if group not in self._layout:
            raise ValueError(f"load_group is {group!r}, allowed: groups of the observation {list(self._layout)}")
        places = np.flatnonzero(np.isin(self.columns, np.arange(self.columns.max() + 1)[self._layout[group]]))
        if not places.size:
            raise ValueError(f"load_group is {group!r}, which input_scaling drops; allowed: a group that is kept")
        return [int(place) for place in places]

    def __call__(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """(…, M, D) observations → (…, M, d) float32 inputs.

        They lie in memory of torch, which begins at a multiple of 64 bytes. NumPy's begins anywhere, and the last bit
        of a matrix product of few rows depends on that (torch 2.6 and 2.13 on x86).
        """
        inputs = (observations[..., self.columns] - self._offset) * self._scale
        aligned: NDArray[np.float32] = torch.tensor(inputs, dtype=torch.float32).numpy()
        return aligned
