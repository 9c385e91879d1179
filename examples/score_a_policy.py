"""Score a rule of your own. Run it: ``python examples/score_a_policy.py`` (a few seconds)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oran_env import Scenario
from oran_env.policies.rules import Policy, apportion, attached_ues, encode
from oran_env.scoring.score import score


def my_rule(scenario: Scenario) -> Policy:
    """RBs in proportion to the UEs of each slice, those of URLLC counted double.

    Called once for each scenario of the suite, since the sizes differ: D values are observed, A decided per DU.
    """

    def policy(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        ues = attached_ues(observations, scenario)  # (networks, DUs, 3): eMBB, mMTC, URLLC
        return encode(apportion(ues * [1.0, 1.0, 2.0], scenario.radio.num_rbs), scenario)

    return policy


if __name__ == "__main__":
    for name in ("demand_proportional", "count_rule"):  # two rules that the package ships, to compare with
        print(score(name, suite="tiny-v1").table().splitlines()[-1])
    result = score(make=my_rule, suite="tiny-v1")  # the suite to report is oran-v2
    print(result.table())  # result.save("result.json") writes the file that can be sent in
