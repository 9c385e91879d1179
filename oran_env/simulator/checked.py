"""The one check of arrays that come from outside."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def checked(
    what: str,
    value: Any,
    shape: tuple[int, ...] | None,
    *,
    finite: bool = False,
    integers: bool = False,
    bounds: tuple[float, float] | None = None,
) -> NDArray[Any]:
    """Return ``value`` as an array if it holds real numbers (or bits) in the right shape.

    Args:
        what: how the error begins, as in "actions are".
        value: anything.
        shape: that is allowed.
        finite: NaN and infinity are refused.
        integers: other numbers are refused.
        bounds: least and greatest number; they are then finite too.

    Raises:
        ValueError: says what was given and what is allowed.
    """
    array = np.asarray(value)
    fits = array.shape == shape and array.dtype.kind in ("iub" if integers else "fiub")
    if not fits or (finite and not np.isfinite(array).all()):
        kind = "integers" if integers else "finite numbers" if finite else "numbers"
        raise ValueError(f"{what} {array.dtype} of shape {array.shape}; allowed: {kind} of shape {shape}")
    if bounds is not None and array.size:
        least, greatest = array.min(), array.max()
        if not (np.isfinite(array).all() and bounds[0] <= least and greatest <= bounds[1]):
            raise ValueError(
                f"{what} values from {least} to {greatest}; allowed: finite numbers from {bounds[0]} to {bounds[1]}"
            )
    return array
