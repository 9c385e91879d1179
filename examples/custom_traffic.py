"""Traffic of one's own: alarms. In every fifth step all URLLC UEs of a DU report at once, the DUs in turn.

python examples/custom_traffic.py
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import oran_env
from oran_env.scenario.slices import URLLC

REPORT_BITS = 8 * 100_000.0
PERIOD = 5  # steps


def alarms(network: oran_env.Network) -> NDArray[np.float64]:
    """Bits that arrive at each UE (B, N) in this step."""
    state = network.state
    step = state.key[:, 3].astype(np.int64)
    turn = (step[:, None] + state.serving) % PERIOD == 0  # DU m has its turn in steps -m, 5 - m, …
    return np.where(turn & (state.slice_of_ue == URLLC), REPORT_BITS, 0.0)


def main() -> None:
    """Show how the backlog of URLLC follows the alarms."""
    components = oran_env.Components(traffic=alarms)
    env = oran_env.parallel_env("paper", components=components, latency="queue", num_dus=3, num_ues=60)
    policy = env.reference_policies()["equal_shares"]
    observations, _ = env.reset(seed=1)
    print("URLLC bits waiting at the end of the step [kbit]")
    for step in range(10):
        actions = policy(np.stack(list(observations.values())))
        observations, *_ = env.step(dict(zip(env.possible_agents, actions, strict=True)))
        state = env.simulator.state
        waiting = [state.backlog[0, state.serving[0] == m].sum() / 1e3 for m in range(3)]
        print(f"step {step}: " + "  ".join(f"du_{m} {bits:6.0f}" for m, bits in enumerate(waiting)))


if __name__ == "__main__":
    main()
