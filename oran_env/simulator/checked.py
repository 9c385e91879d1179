"""The one check of arrays that come from outside."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.codecs.codec import THRESHOLD
from oran_env.numerics.jit import Integers, Singles


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


def singles(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers of more than single precision in that: none is moved over the threshold of a bit, or made infinite."""
    if values.dtype.kind != "f" or values.dtype.itemsize <= 4:
        return values
    most = np.finfo(np.float32).max
    narrow = np.where(np.isfinite(values), np.clip(values, -most, most), values).astype(np.float32)
    narrow[(values > THRESHOLD) & (narrow <= THRESHOLD)] = np.nextafter(np.float32(THRESHOLD), np.float32(1.0))
    return narrow


def checked_actions(actions: Any, shape: tuple[int, ...], which: Integers) -> Singles:
    """The actions (B, M, A) as the kernels take them; only those of the networks ``which`` need be finite.

    Raises:
        ValueError: wrong shape, or values that are not finite numbers.
    """
    values = singles(checked("actions (networks, DUs, values) are", actions, shape))
    if values.dtype != np.float32 or not (values.flags.c_contiguous and values.flags.writeable):
        values = np.require(values, np.float32, ["C", "W"])  # so that every call meets the same compiled kernel
    # A sum is finite only if every term is (float64, so that finite terms cannot overflow it).
    read = values if len(which) == len(values) else values[which]
    if not math.isfinite(read.sum(dtype=np.float64)):
        raise ValueError("actions hold NaN or infinity; allowed: finite numbers in [0, 1]")
    return values
