"""A MAC scheduler of one's own, compiled with numba: each RB goes to the UE of its slice that is farthest behind.

python examples/custom_scheduler.py
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

import oran_env


@numba.njit  # type: ignore[untyped-decorator]
def deal(slice_of_rb: NDArray[np.int64], first: NDArray[np.int64], members: NDArray[np.int64],
         average: NDArray[np.float64]) -> NDArray[np.int64]:  # fmt: skip
    """UE of each RB (B, M, K): each time the UE with the least average rate, those just served going last."""
    ue_of_rb = np.full(slice_of_rb.shape, -1)
    for b in range(slice_of_rb.shape[0]):
        behind = average[b].copy()
        for m in range(slice_of_rb.shape[1]):
            for k in range(slice_of_rb.shape[2]):
                i = slice_of_rb[b, m, k]
                if i < 0 or first[b, 3 * m + i] == first[b, 3 * m + i + 1]:
                    continue
                ues = members[b, first[b, 3 * m + i] : first[b, 3 * m + i + 1]]
                u = ues[np.argmin(behind[ues])]
                ue_of_rb[b, m, k] = u
                behind[u] += 1e6  # about what an RB carries [bit/s]
    return ue_of_rb


def least_served(network: oran_env.Network, slice_of_rb: NDArray[np.int64]) -> NDArray[np.int64]:
    """The component: slice of each RB (B, M, K) to its UE."""
    state = network.state
    ue_of_rb: NDArray[np.int64] = deal(slice_of_rb, state.first, state.members, state.average)
    return ue_of_rb


def main() -> None:
    """Compare it with two schedulers of the package: how even are the rates of the UEs?"""
    own = oran_env.Components(scheduler=least_served)
    for name, simulator in {
        "round_robin": oran_env.Simulator("paper", 8, seed=1, scheduler="round_robin"),
        "equal_rate": oran_env.Simulator("paper", 8, seed=1, scheduler="equal_rate"),
        "least_served": oran_env.Simulator("paper", 8, seed=1, components=own),
    }.items():
        policy = oran_env.reference_policies(simulator.scenario)["static"]
        observations = simulator.reset()
        for _ in range(50):
            observations = simulator.step(policy(observations)).observations
        rate = simulator.state.average / 1e6
        print(f"{name:13s} UE rate: 10th percentile {np.percentile(rate, 10):.2f}, median {np.median(rate):.2f} Mbit/s")


if __name__ == "__main__":
    main()
