"""Everything that knows stable-baselines3's own names: its algorithms, their arguments, and a saved policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from tasam_agents.baselines.config import OFF_POLICY, BaselineConfig
from tasam_agents.envs.centralised import Centralised, separate
from tasam_agents.envs.interface import BatchedEnv, ObservationPolicy
from tasam_agents.training import checkpoint

_LN_2 = math.log(2.0)


def require_library() -> None:
    """Raises ImportError naming the extra when stable-baselines3 is not installed."""
    try:
        import stable_baselines3  # noqa: F401
    except ImportError as error:
        raise ImportError("baselines need stable-baselines3: pip install 'oran-tasam[sb3]'") from error


def algorithm_class(config: BaselineConfig) -> Any:
    """SAC, TD3 or PPO."""
    require_library()
    import stable_baselines3

    return getattr(stable_baselines3, config.algorithm.upper())


def policy_kwargs(config: BaselineConfig) -> dict[str, Any]:
    """Networks: our widths and activation; policy and value functions apart, as the library does off-policy anyway."""
    hidden = list(config.hidden)
    return {
        "net_arch": {"pi": hidden, ("vf" if config.algorithm == "ppo" else "qf"): hidden},
        "activation_fn": {"tanh": nn.Tanh, "relu": nn.ReLU}[config.activation],
    }


def make_model(config: BaselineConfig, slots: Any) -> Any:
    """The algorithm with its networks and buffers, on ``Slots``; what is None in ``config`` is left to the library."""
    size = int(np.prod(slots.action_space.shape))
    networks = slots.num_envs // slots.slots_per_network
    target = config.target_entropy_per_dim
    warmup = config.warmup_steps
    given: dict[str, Any] = {
        "learning_rate": _learning_rate(config),
        "gamma": config.gamma,
        "batch_size": config.batch_size,
        "tau": config.polyak,
        "train_freq": config.train_every,
        "gradient_steps": config.updates_per_round,
        "learning_starts": None if warmup is None else warmup * networks * slots.slots_per_network,
        # Action values on [-1, 1] have ln 2 more entropy than on (0, 1).
        "target_entropy": None if target is None else (target + _LN_2) * size,
        "n_steps": config.rollout_steps,
        "n_epochs": config.epochs,
        "ent_coef": config.entropy_bonus,
    }
    if config.algorithm in OFF_POLICY:
        given["buffer_size"] = config.replay_capacity * slots.slots_per_network
    if config.initial_entropy_coefficient is not None:
        given["ent_coef"] = f"auto_{config.initial_entropy_coefficient!r}"
    if config.action_noise is not None:
        from stable_baselines3.common.noise import NormalActionNoise

        given["action_noise"] = NormalActionNoise(np.zeros(size), np.full(size, config.action_noise))
    return algorithm_class(config)(
        "MlpPolicy",
        slots,
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
    if config.algorithm in OFF_POLICY:
        return int(model._n_updates)
    return int(model._n_updates) * -(-int(model.n_steps * model.n_envs) // int(model.batch_size))


def gradients_per_update(config: BaselineConfig) -> float:
    """Gradients of a network taken in one update: SAC's actor and two critics; TD3's actor only every second time."""
    return {"sac": 3.0, "td3": 2.5, "ppo": 2.0}[config.algorithm]


def acting_tensors(policy: Any, config: BaselineConfig) -> dict[str, Tensor]:
    """What a saved policy consists of: the actor alone where it is a network of its own."""
    acting = policy.actor if config.algorithm in OFF_POLICY else policy
    return dict(acting.state_dict())


def restored_policy(config: BaselineConfig, env: BatchedEnv, tensors: Mapping[str, Tensor], where: str) -> Any:
    """The library's policy with saved weights, for the agents of ``env`` as they were in training.

    Raises:
        CheckpointError: tensors of another network.
    """
    algorithm = algorithm_class(config)
    from tasam_agents.baselines.vec_env import spaces_of

    kind = algorithm.policy_aliases["MlpPolicy"]
    policy = kind(*spaces_of(env, config), lambda _: 0.0, **policy_kwargs(config))
    checkpoint.check_fits(tensors, acting_tensors(policy, config), where)
    (policy.actor if config.algorithm in OFF_POLICY else policy).load_state_dict(dict(tensors))
    return policy


def as_policy(policy: Any, config: BaselineConfig, env: BatchedEnv, deterministic: bool = True) -> ObservationPolicy:
    """The library's policy for the separate agents of ``env``: (B, M, D) → (B, M, A) in [0, 1]."""
    from tasam_agents.baselines.vec_env import inputs_of

    inputs = inputs_of(Centralised(env) if config.view == "joint" else env, config)

    def act(observations: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = inputs(observations)
        actions, _ = policy.predict(rows.reshape(-1, rows.shape[-1]), deterministic=deterministic)
        return np.asarray(actions, np.float32).reshape(*rows.shape[:2], -1)

    return separate(act, env) if config.view == "joint" else act
