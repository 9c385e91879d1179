"""What may be scored, turned into one kind of thing: a callable observations (B, M, D) → actions (B, M, A)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.model.mac.action_codec import CODECS
from oran_env.numerics.jit import Singles
from oran_env.numerics.seeding import Seed
from oran_env.policies.lookahead import LookaheadPolicy
from oran_env.policies.reading_rules import reading_policies
from oran_env.policies.rules import Policy, reuse_3, rules_on_counts
from oran_env.scenario.fields import Scenario
from oran_env.scenario.near_miss import did_you_mean
from oran_env.simulator.checked import checked
from oran_env.simulator.simulator import Simulator

Scorable = Any  # a name, a callable, an SB3 model, or a mapping from scenario names to any of these
Maker = Callable[[Scenario], Scorable]


class PolicyError(ValueError):
    """A policy that cannot be scored, or does not fit a scenario of the suite."""


def named_policies(scenario: Scenario) -> dict[str, Policy]:
    """Every rule that can act in a scenario, by name; beside them there is "lookahead", which needs its simulator."""
    known = {**rules_on_counts(scenario), **reading_policies(scenario)}
    if CODECS[scenario.control.codec].claims > 0:
        known["reuse_3"] = partial(reuse_3, scenario=scenario)
    return known


def policy_on(policy: Scorable, simulator: Simulator) -> Policy:
    """The policy for the scenario of this simulator.

    Raises:
        PolicyError: unknown name, no policy for this scenario, a model of other shapes, or nothing that can be called.
    """
    name = simulator.scenario.name
    if isinstance(policy, Mapping):
        if name not in policy:
            raise PolicyError(f"no policy for scenario {name!r}; there are policies for: {', '.join(map(str, policy))}")
        return policy_on(policy[name], simulator)
    if isinstance(policy, str):
        if policy == "lookahead":
            return LookaheadPolicy(simulator)
        known = named_policies(simulator.scenario)
        if policy not in known:
            allowed = [*known, "lookahead"]
            near = did_you_mean(policy, allowed)
            raise PolicyError(f"scenario {name}: no policy {policy!r}; {near}allowed: {', '.join(allowed)}")
        return known[policy]
    if hasattr(policy, "predict") and hasattr(policy, "observation_space"):
        return _of_model(policy, simulator)
    if not callable(policy):
        raise PolicyError(
            f"policy is a {type(policy).__name__}; allowed: a name, a callable observations -> actions, a "
            "stable-baselines3 model, or a mapping from scenario names to these"
        )
    return policy  # type: ignore[no-any-return]


def _of_model(model: Any, simulator: Simulator) -> Policy:
    """A stable-baselines3 model, joint (all DUs side by side) or shared (one at a time), known by its spaces."""
    num_dus, size, bits = len(simulator.agents), simulator.observation_sizes[0], simulator.action_size
    found = (model.observation_space.shape, model.action_space.shape)
    shared, joint = ((size,), (bits,)), ((num_dus * size,), (num_dus * bits,))
    if found not in (shared, joint):
        raise PolicyError(
            f"scenario {simulator.scenario.name}: the model maps observations {found[0]} to actions {found[1]}; "
            f"allowed: {shared[0]} to {shared[1]} (shared by the DUs) or {joint[0]} to {joint[1]} (joint). "
            "Train one model per scenario and give a mapping from scenario names to models"
        )

    def policy(observations: Singles) -> Singles:
        batch = len(observations)
        actions, _ = model.predict(observations.reshape(-1, *found[0]), deterministic=True)
        return np.asarray(actions, dtype=np.float32).reshape(batch, num_dus, bits)

    return policy


def checked_actions(policy: Policy, observations: Singles, simulator: Simulator) -> NDArray[Any]:
    """Ask a policy, and name the scenario if what it answers are no actions.

    Raises:
        PolicyError: another shape or type than actions (B, M, A), or values that are not finite.
    """
    actions = policy(observations)
    expected = (simulator.num_networks, len(simulator.agents), simulator.action_size)
    given = f"scenario {simulator.scenario.name}: for observations of shape {observations.shape} the policy returned"
    try:
        return checked(given, actions, expected, finite=True)
    except ValueError as error:
        raise PolicyError(f"{error} = (networks, DUs, values)") from error


def returns_of(
    policy: Scorable, simulator: Simulator, seeds: Sequence[Seed], progress: Any = None
) -> NDArray[np.float64]:
    """Mean reward per DU and step of one whole episode in each network (B,). ``progress(step)`` after each step."""
    observations = simulator.reset(seeds)
    act = policy_on(policy, simulator)
    total = np.zeros(simulator.num_networks)
    horizon = simulator.scenario.control.horizon
    for t in range(horizon):
        result = simulator.step(checked_actions(act, observations, simulator))
        observations = result.observations
        total += result.rewards.mean(axis=1, dtype=np.float64)
        if progress is not None:
            progress(t + 1)
    return total / horizon
