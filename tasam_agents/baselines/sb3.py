"""Everything that knows stable-baselines3's own names: its algorithms, their arguments, and a saved policy."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.baselines.config import (
    BaselineConfig,
    CrossQ,
    MaximumEntropy,
    OffPolicy,
    OnPolicy,
    Ppo,
    RecurrentPpo,
    Sac,
    Td3,
    Tqc,
)
from tasam_agents.envs.centralised import Centralised, separate
from tasam_agents.envs.interface import BatchedEnv, ObservationPolicy
from tasam_agents.training import checkpoint

_LN_2 = math.log(2.0)

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}
"""By ``BaselineConfig.activation``."""

VIEWS: dict[
    str, tuple[Callable[[BatchedEnv], BatchedEnv], Callable[[ObservationPolicy, BatchedEnv], ObservationPolicy]]
] = {
    "joint": (Centralised, separate),
    "shared": (lambda env: env, lambda policy, env: policy),
}
"""By ``BaselineConfig.view``: the environment as the library sees it, and a policy for that as one of all agents."""


EXTRAS = {"stable_baselines3": "sb3", "sb3_contrib": "sb3-contrib"}
"""The extra that brings a library, by the library's module."""


def require_library(config: BaselineConfig) -> Any:
    """The module that has the algorithm of a baseline; raises ImportError naming the extra if it is not installed."""
    module = _algorithm(config).module
    try:
        return importlib.import_module(module)
    except ImportError as error:
        needed = f"{config.name} needs {module.replace('_', '-')}"
        raise ImportError(f"{needed}: in the folder of the project: pip install -e '.[{EXTRAS[module]}]'") from error


@dataclass(frozen=True)
class Algorithm:
    """What the library calls the parts of one of its algorithms."""

    name: str
    """Of its class."""
    values: str
    """Of its value networks in ``net_arch``."""
    gradients_per_update: float
    """Gradients of a network taken in one update."""
    arguments: Callable[[Any, BaselineConfig, Any], dict[str, Any]]
    """Settings, their configuration and ``BatchedVecEnv`` → its own arguments of the class; None: the library's."""
    module: str = "stable_baselines3"
    """Of the library."""
    policy: str = "MlpPolicy"
    """Of its networks."""


def _off_policy(settings: OffPolicy, config: BaselineConfig, vec_env: Any) -> dict[str, Any]:
    warmup = settings.warmup_steps
    if settings.warmup_share is not None:
        warmup = round(settings.warmup_share * config.iterations)
    return {
        "buffer_size": settings.replay_capacity * vec_env.num_agents,
        "learning_starts": None if warmup is None else warmup * vec_env.num_envs,
        "train_freq": settings.train_every,
        "gradient_steps": settings.updates_per_round,
        "tau": settings.polyak,
    }


def _maximum_entropy(settings: MaximumEntropy, config: BaselineConfig, vec_env: Any) -> dict[str, Any]:
    first, target = settings.initial_entropy_coefficient, settings.target_entropy_per_dim
    return _off_policy(settings, config, vec_env) | {
        "ent_coef": first if first is None or settings.is_entropy_fixed else f"auto_{first!r}",
        # Action values on [-1, 1] have ln 2 more entropy than on (0, 1).
        "target_entropy": None if target is None else (target + _LN_2) * int(np.prod(vec_env.action_space.shape)),
    }


def _td3(settings: Td3, config: BaselineConfig, vec_env: Any) -> dict[str, Any]:
    from stable_baselines3.common.noise import NormalActionNoise

    shape, noise = vec_env.action_space.shape, settings.action_noise
    given = None if noise is None else NormalActionNoise(np.zeros(shape), np.full(shape, noise))
    return _off_policy(settings, config, vec_env) | {"action_noise": given}


def _on_policy(settings: OnPolicy, config: BaselineConfig, vec_env: Any) -> dict[str, Any]:
    return {"n_steps": settings.rollout_steps, "n_epochs": settings.epochs, "ent_coef": settings.entropy_bonus}


_CONTRIB = "sb3_contrib"

ALGORITHMS: dict[type, Algorithm] = {
    Sac: Algorithm("SAC", "qf", 3.0, _maximum_entropy),  # the actor and two critics
    Td3: Algorithm("TD3", "qf", 2.5, _td3),  # its actor only every second time
    Ppo: Algorithm("PPO", "vf", 2.0, _on_policy),
    CrossQ: Algorithm("CrossQ", "qf", 2.0 + 1 / 3, _maximum_entropy, _CONTRIB),  # its actor every third time
    Tqc: Algorithm("TQC", "qf", 3.0, _maximum_entropy, _CONTRIB),
    RecurrentPpo: Algorithm("RecurrentPPO", "vf", 2.0, _on_policy, _CONTRIB, "MlpLstmPolicy"),
}
"""By the class of ``BaselineConfig.settings``."""


def _algorithm(config: BaselineConfig) -> Algorithm:
    return ALGORITHMS[type(config.settings)]


def algorithm_class(config: BaselineConfig) -> Any:
    """SAC, TD3, PPO, …"""
    return getattr(require_library(config), _algorithm(config).name)


def policy_kwargs(config: BaselineConfig) -> dict[str, Any]:
    """Networks: our widths and activation; policy and value functions apart, as the library does off-policy anyway."""
    hidden, settings = list(config.hidden), config.settings
    networks: dict[str, Any] = {
        "net_arch": {"pi": hidden, _algorithm(config).values: hidden},
        "activation_fn": ACTIVATIONS[config.activation],
    }
    if isinstance(settings, OnPolicy) and settings.initial_log_std is not None:
        networks["log_std_init"] = settings.initial_log_std
    if isinstance(settings, RecurrentPpo):
        networks["lstm_hidden_size"] = hidden[0]
    return networks


def make_model(config: BaselineConfig, vec_env: Any) -> Any:
    """The algorithm with its networks and buffers; what is None in ``config`` is left to the library.

    Args:
        config: of the run.
        vec_env: a ``BatchedVecEnv``.
    """
    given = {
        "learning_rate": _learning_rate(config),
        "gamma": config.gamma,
        "batch_size": config.batch_size,
        **_algorithm(config).arguments(config.settings, config, vec_env),
    }
    return algorithm_class(config)(
        _algorithm(config).policy,
        vec_env,
        policy_kwargs=policy_kwargs(config),
        seed=config.seed,
        device="cpu",
        **{name: value for name, value in given.items() if value is not None},
    )


def _learning_rate(config: BaselineConfig) -> Any:
    """A number, or the library's schedule: a function of the share of the budget that is left."""
    first, factor = config.learning_rate, config.final_learning_rate_factor
    return first if first is None or factor == 1 else lambda left: first * (factor + (1 - factor) * max(left, 0.0))


def updates_of(model: Any, config: BaselineConfig) -> int:
    """Gradient updates so far. The library counts PPO's by epochs."""
    if isinstance(config.settings, OffPolicy):
        return int(model._n_updates)
    return int(model._n_updates) * -(-int(model.n_steps * model.n_envs) // int(model.batch_size))


def gradients_per_update(config: BaselineConfig) -> float:
    """Gradients of a network taken in one update."""
    return _algorithm(config).gradients_per_update


def acting_tensors(policy: Any, config: BaselineConfig) -> dict[str, Tensor]:
    """What a saved policy consists of: the actor alone where it is a network of its own."""
    return dict(_acting(policy, config).state_dict())


def _acting(policy: Any, config: BaselineConfig) -> Any:
    return policy.actor if isinstance(config.settings, OffPolicy) else policy


def restored_policy(config: BaselineConfig, env: BatchedEnv, tensors: Mapping[str, Tensor], where: str) -> Any:
    """The library's policy with saved weights, for the agents of ``env`` as they were in training.

    Raises:
        CheckpointError: tensors of another network.
    """
    algorithm = algorithm_class(config)
    from tasam_agents.baselines.vec_env import spaces_of

    kind = algorithm.policy_aliases[_algorithm(config).policy]
    policy = kind(*spaces_of(env, config), lambda _: 0.0, **policy_kwargs(config))
    checkpoint.check_fits(tensors, acting_tensors(policy, config), where)
    _acting(policy, config).load_state_dict(dict(tensors))
    return policy


def as_policy(policy: Any, config: BaselineConfig, env: BatchedEnv, deterministic: bool = True) -> ObservationPolicy:
    """The library's policy for the separate agents of ``env``: (B, M, D) → (B, M, A) in [0, 1].

    A recurrent one remembers from call to call: take a new one for each episode.
    """
    from tasam_agents.baselines.vec_env import inputs_of, to_unit

    seen_as, separated = VIEWS[config.view]
    inputs = inputs_of(seen_as(env), config)
    memory: Any = None

    def act(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal memory
        rows = inputs(observations)
        flat = rows.reshape(-1, rows.shape[-1])
        actions, memory = policy.predict(flat, state=memory, deterministic=deterministic)
        return to_unit(actions, config).reshape(*rows.shape[:2], -1)

    return separated(act, env)
