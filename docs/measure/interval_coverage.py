"""How often 95 % intervals over seeds hold the truth: the t-interval, and both ways to draw the bootstrap.

python -m docs.measure.interval_coverage

Each trial invents trainings whose true mean is 0: return = network + seed + rest, with 20 networks from −1 to 1, a
normal effect of the seed of 0.1 and a normal rest of 0.05, as one training is evaluated on all networks. A share far
below 95 % means that the interval claims to know more than it does.
"""

from __future__ import annotations

import numpy as np

from tasam_agents.stats.bootstrap import Bootstrap, interquartile_mean_interval
from tasam_agents.stats.intervals import over_seeds

TRIALS, NETWORKS = 1000, 20


def coverage(num_seeds: int) -> tuple[float, float, float]:
    """Shares of intervals that hold 0: t, bootstrap of whole seeds, bootstrap within networks."""
    generator = np.random.default_rng(num_seeds)
    network = np.linspace(-1, 1, NETWORKS)
    hits = np.zeros(3)
    for trial in range(TRIALS):
        rest = generator.normal(0, 0.05, (num_seeds, NETWORKS))
        returns = network + generator.normal(0, 0.1, (num_seeds, 1)) + rest
        intervals = (
            over_seeds(returns),
            interquartile_mean_interval(returns, Bootstrap(500, seed=trial)),
            interquartile_mean_interval(returns, Bootstrap(500, resample="within_networks", seed=trial)),
        )
        hits += [interval is not None and interval.low <= 0 <= interval.high for interval in intervals]
    t, whole, within = (hits / TRIALS).tolist()
    return t, whole, within


def main() -> None:
    """Print the table of docs/statistics.md."""
    print("| seeds | t-interval of the mean | IQM, whole seeds drawn | IQM, seeds drawn within each network |")
    print("|---|---|---|---|")
    for num_seeds in (3, 5, 10, 20):
        shares = " | ".join(f"{share:.1%}" for share in coverage(num_seeds))
        print(f"| {num_seeds} | {shares} |")


if __name__ == "__main__":
    main()
