"""Make the synthetic trace that is shipped as ``demand_trace="synthetic"``.

Run: python -m measure.make_trace (in docs/). Nothing is drawn: the file follows from this formula alone. At step t of a
day of T = 240 steps DU m offers slice l

    bits = base_l · (1 + swing_l·sin(2π·(t/T + m/6 + shift_l))) · (factor_l in a burst, else 1)

rounded to 10 bits, where DU m is in a burst of slice l for length_l steps in every every_l + 3·m.
"""

from __future__ import annotations

import math
from pathlib import Path

from oran_env import SLICES
from oran_env.model.demand.trace_file import COLUMNS, SHIPPED

STEPS, DUS = 240, 6
# base [bit per step and DU], swing, shift, burst factor, length and period [steps]; with steps of 100 ms the bases are
# 12 Mbit/s, 20 Mbit/s and what 11 UEs of preset paper send
LAW = {
    "eMBB": (1_200_000, 0.6, 0.0, 1.5, 12, 60),
    "mMTC": (2_000_000, 0.3, 0.25, 1.0, 0, 1),
    "URLLC": (70_000, 0.2, 0.5, 6.0, 8, 40),
}


def offered_bits(step: int, du: int, name: str) -> int:
    """Bits offered to a slice of a DU in a step."""
    base, swing, shift, factor, length, every = LAW[name]
    bits = base * (1.0 + swing * math.sin(2.0 * math.pi * (step / STEPS + du / 6.0 + shift)))
    if step % (every + 3 * du) < length:
        bits *= factor
    return 10 * round(bits / 10.0)


def text() -> str:
    """The file."""
    rows = [
        f"{step},{du},{name},{offered_bits(step, du, name)}"
        for step in range(STEPS)
        for du in range(DUS)
        for name in SLICES
    ]
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"


def main(path: Path = SHIPPED["synthetic"]) -> None:
    """Write it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text(), encoding="utf-8")
    print(f"{path.name}: {STEPS} steps, {DUS} DUs, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
