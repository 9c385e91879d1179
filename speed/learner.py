"""Speed of the learner on one core, against the floor of its matrix products.

    python -m speed.learner [--seconds 0.2]

prints one JSON object: updates per second and gradient evaluations per update of the default configuration (paper
scenario) without SAM, with SAM on the critic, with SAM on the critic and 0, 3 or 6 open gates, and with
SAM everywhere; then of every named configuration of that scenario, with 3 of 6 gates open where it has gates. The floor
multiplies matrices of the shapes of one update without SAM, forward and backward, and does nothing else; beside that
of the default there are those of `dynamic` (two layers of 128, batch 43, targets) and of `paper` (300/400/400, 200
bits, batch 128). They take turns of some updates, so that a
change in the machine's speed meets all of them; the first update of a turn, which finds the caches full of somebody
else's numbers, is not counted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from tasam_agents.config import TrainConfig
from tasam_agents.config.variants import VARIANTS, variant
from tasam_agents.envs.make import make_batched
from tasam_agents.learner.learner import Learner
from tasam_agents.learner.replay import Batch
from tasam_agents.learner.td_gate import TDVarianceGate
from tasam_agents.training.evaluation import task_of

TURN_S = 0.03


class HeldGate(TDVarianceGate):
    """A gate that watches the variances but keeps the first ``num_open`` actors open, whatever they are."""

    def __init__(self, learner: Learner, num_open: int) -> None:
        num_agents = len(learner.task.agents)
        super().__init__(learner.config.gate, num_agents)
        self._held = torch.arange(num_agents).numpy() < num_open

    def observe(self, variances: Sequence[float]) -> None:
        """Take in the variances; the gates stay."""
        super().observe(variances)
        self.open = self._held


def learner_of(config: TrainConfig, num_open: int | None) -> Learner:
    """Fresh, with so many gates held open; None: as the configuration has them."""
    env = make_batched(config.env_id, config.env_kwargs, 1, 0, config.centralised)
    learner = Learner(task_of(env), config.learner, seed=0, total_updates=10**9)
    if num_open is not None:
        learner.gate = HeldGate(learner, num_open)
    return learner


def batch_of(learner: Learner) -> Batch:
    """Of its size, drawn at random."""
    generator = torch.Generator().manual_seed(0)
    n, num_agents = learner.config.batch_size, len(learner.task.agents)
    return Batch(
        inputs=torch.randn(n, num_agents, learner.input_size, generator=generator),
        actions=torch.rand(n, num_agents, learner.action_size, generator=generator),
        rewards=torch.rand(n, num_agents, generator=generator),
        next_inputs=torch.randn(n, num_agents, learner.input_size, generator=generator),
        terminated=torch.zeros(n, num_agents),
    )


def _products(rows: int, widths: Sequence[int], forward: int, weights: int, inputs: int, first: int) -> list[Any]:
    """Shapes (p, q, r) of the products of one network: so many forward passes, weight and input gradients.

    ``first``: how many of the input gradients go all the way to the network's input.
    """
    shapes = []
    for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        shapes += [(rows, fan_in, fan_out)] * forward + [(fan_in, rows, fan_out)] * weights
        shapes += [(rows, fan_out, fan_in)] * (inputs if layer else first)
    return shapes


def _widths(network: torch.nn.Sequential) -> list[int]:
    """Inputs of each linear layer and outputs of the last."""
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    return [*(layer.in_features for layer in linear), linear[-1].out_features]


def floor_of(learner: Learner) -> Callable[[], None]:
    """The matrix products of one update without SAM."""
    config, num_agents = learner.config, len(learner.task.agents)
    n = config.batch_size
    critic, actor = (_widths(network) for network in (learner.critics[0].network, learner.policy.networks[0]))
    shapes = []
    targets = 1 if config.gamma > 0.0 else 0  # with γ = 0 nobody asks what comes next
    for _ in range(2):  # twins: target, loss, and the value of the actors' actions
        shapes += _products(n * num_agents, critic, forward=2 + targets, weights=1, inputs=2, first=1)
    for served in learner.policy.served:  # next actions and own actions of the DUs that each network acts for
        shapes += _products(n * len(served), actor, forward=1 + targets, weights=1, inputs=1, first=0)
    pairs = [(torch.randn(p, q), torch.randn(q, r), torch.empty(p, r)) for p, q, r in shapes]

    def work() -> None:
        for a, b, out in pairs:
            torch.mm(a, b, out=out)

    return work


def measure(seconds: float) -> dict[str, Any]:
    """Return all figures; ``seconds`` for each, in turns."""
    torch.set_num_threads(1)
    default = VARIANTS["default"]
    learners = {
        "no_sam": learner_of(VARIANTS["no_sam"], None),
        "critic_sam": learner_of(VARIANTS["critic_sam"], None),
        "ta_sam_0_open": learner_of(default, 0),
        "ta_sam_3_open": learner_of(default, 3),
        "ta_sam_6_open": learner_of(default, 6),
        "sam_everywhere": learner_of(VARIANTS["no_selective"], None),
    }
    for name, config in VARIANTS.items():
        if name not in (*learners, "default") and config.env_kwargs == default.env_kwargs:
            is_gated = config.learner.sam.actors == "gated"
            num_open = (1 if config.centralised else 3) if is_gated else None
            learners[name] = learner_of(config, num_open)
    batches = {name: batch_of(learner) for name, learner in learners.items()}
    evaluations = {name: learner.update(batches[name])["gradient_evaluations"] for name, learner in learners.items()}
    work: dict[str, Callable[[], Any]] = {
        name: partial(learner.update, batches[name], log=False) for name, learner in learners.items()
    }
    work["floor"] = floor_of(learners["no_sam"])
    for base in ("dynamic", "paper"):
        other = learner_of(variant("no_sam", base), None)
        work[f"no_sam_{base}"] = partial(other.update, batch_of(other), log=False)
        work[f"floor_{base}"] = floor_of(other)
    spent: dict[str, list[float]] = {name: [] for name in work}
    for turn in itertools.count():
        for name, update in work.items():
            update()
            number, began = 0, time.perf_counter()
            while time.perf_counter() - began < TURN_S:
                update()
                number += 1
            if turn:  # the first turn warms up
                spent[name].append((time.perf_counter() - began) / number)
        if turn * TURN_S >= seconds:
            break
    median = {name: statistics.median(times) for name, times in spent.items()}
    return {
        "scenario": "paper",
        "cores": 1,
        "hidden": default.learner.hidden,
        "critic": default.learner.critic,
        "objective": default.learner.objective,
        "batch_joint_transitions": default.learner.batch_size,
        "updates_per_second": {name: round(1 / time_s, 2) for name, time_s in median.items()},
        "no_sam_over_floor": {
            "default": round(median["floor"] / median["no_sam"], 3),
            **{base: round(median[f"floor_{base}"] / median[f"no_sam_{base}"], 3) for base in ("dynamic", "paper")},
        },
        "cost_over_no_sam": {name: round(median[name] / median["no_sam"], 2) for name in learners},
        "gradient_evaluations_per_update": evaluations,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Speed of the learner on one core.")
    parser.add_argument("--seconds", type=float, default=0.2, help="time for each, in turns")
    print(json.dumps(measure(parser.parse_args().seconds), indent=2))


if __name__ == "__main__":
    main()
