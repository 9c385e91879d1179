"""TorchRL: B networks as one EnvBase of batch size [B], stepped in one call of the kernels.

    env = make_batch("paper", num_networks=64, seed=0)
    env.rollout(100, break_when_any_done=False)["next", "du", "reward"]  # (64, 100, M, 1)

Keys and specs are those of ``oran_env.adapters.torchrl.make_env`` with the networks in front: all DUs in one group
``du``, ends of episodes both at the root and for the group. An episode ends by truncation, ``terminated`` is never set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space

from oran_env.envs.action_face import ActionType, action_face
from oran_env.extras import how_to_install
from oran_env.model.outcome import INFO
from oran_env.numerics.seeding import Seed, network_names
from oran_env.scenario.fields import Scenario
from oran_env.simulator.components import Components
from oran_env.simulator.simulator import Simulator
from oran_env.simulator.view import Info, without_nan

try:
    import torch
    from tensordict import TensorDict, TensorDictBase
    from torchrl.data import Binary, Bounded, Categorical, Composite, Unbounded
    from torchrl.envs import EnvBase
except ImportError as error:
    raise ImportError(f"oran_env.adapters.torchrl_batch needs TorchRL: {how_to_install('torchrl')}") from error

GROUP = "du"
_DONE = ("done", "terminated", "truncated")


class OranBatch(EnvBase):  # type: ignore[misc]
    """B networks side by side; made by ``make_batch``.

    ``set_seed(s)`` makes network b (s, b) at the next reset; a reset without it goes on to the next network of each
    sequence. A partial reset (``"_reset"``, a mask) begins an episode where it says, as the collectors do.
    """

    def __init__(
        self, simulator: Simulator, action_type: ActionType, info_keys: Sequence[str], return_state: bool
    ) -> None:
        super().__init__(device=torch.device("cpu"), batch_size=torch.Size([simulator.num_networks]))
        for key in info_keys:
            if key not in INFO:
                raise ValueError(f"info_keys name {key!r}; allowed: {', '.join(INFO)}")
        self.simulator, self._info_keys, self._return_state = simulator, tuple(info_keys), return_state
        self._face = action_face(simulator, action_type)
        self.group_map = {GROUP: list(simulator.agents)}
        self._next_seed: int | Sequence[Seed] | None = None
        dus = len(simulator.agents)
        low, high = (
            torch.from_numpy(np.tile(bound, (dus, 1)))
            for bound in (simulator.observation_low, simulator.observation_high)
        )
        observed = Composite({"observation": Bounded(low, high, dtype=torch.float32)}, shape=(dus,))
        first = self._told(simulator.first_info)
        if first:
            observed["info"] = Composite({key: Unbounded(rows.shape[1:]) for key, rows in first.items()}, shape=(dus,))
        spec = Composite({GROUP: observed})
        if return_state:
            spec["state"] = Bounded(low.flatten(), high.flatten(), dtype=torch.float32)
        ends = {key: Binary(1, dtype=torch.bool) for key in _DONE}
        of_group = Composite({key: Binary(1, (dus, 1), dtype=torch.bool) for key in _DONE}, shape=(dus,))
        self.full_observation_spec_unbatched = spec
        self.full_action_spec_unbatched = _grouped("action", _spec_of(self._face.space(), dus), dus)
        self.full_reward_spec_unbatched = _grouped("reward", Unbounded((dus, 1)), dus)
        self.full_done_spec_unbatched = Composite({**ends, GROUP: of_group})

    def _set_seed(self, seed: int | None) -> None:
        self._next_seed = seed

    def seed_networks(self, seeds: int | Sequence[Seed]) -> None:
        """Begin at the next reset with these networks: an integer, or one seed or name for each."""
        network_names(seeds, self.simulator.num_networks)  # refused here rather than there
        self._next_seed = seeds

    def _reset(self, tensordict: TensorDictBase | None = None, **_: Any) -> TensorDictBase:
        which = None
        if tensordict is not None and "_reset" in tensordict.keys():  # noqa: SIM118
            which = tensordict["_reset"].reshape(self.simulator.num_networks).numpy()
        if which is None or self._next_seed is not None:
            self.simulator.reset(self._next_seed)
            self._next_seed = None
        else:
            self.simulator.reset(which=which)
        return self._seen(self.simulator.first_info)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        result = self.simulator.step(self._face.values(tensordict[GROUP, "action"].numpy()))
        after = self._seen(result.info)
        after[GROUP, "reward"] = torch.from_numpy(result.rewards)[..., None]
        return after

    def _seen(self, info: Info) -> TensorDictBase:
        """Observations, ends and infos as they stand now."""
        observations = torch.from_numpy(self.simulator.observations)
        batch, dus = observations.shape[:2]
        over = torch.from_numpy(self.simulator.truncated)[:, None]
        ends = {"done": over, "terminated": torch.zeros_like(over), "truncated": over.clone()}
        group = {key: end[:, None].repeat(1, dus, 1) for key, end in ends.items()}
        seen = TensorDict({**ends, GROUP: TensorDict({"observation": observations, **group}, (batch, dus))}, (batch,))
        if self._info_keys:
            seen[GROUP, "info"] = TensorDict(self._told(info), (batch, dus))
        if self._return_state:
            seen["state"] = observations.flatten(1)
        return seen

    def _told(self, info: Info) -> dict[str, torch.Tensor]:
        """Float32 (B, M, …) of the infos that were asked for."""
        told = without_nan({key: info[key] for key in self._info_keys})
        return {key: torch.from_numpy(np.asarray(rows, np.float32)) for key, rows in told.items()}

    def close(self, **arguments: Any) -> None:
        """End the threads of the simulator."""
        self.simulator.close()
        super().close(**arguments)


def _grouped(key: str, spec: Any, dus: int) -> Composite:
    return Composite({GROUP: Composite({key: spec}, shape=(dus,))})


def _spec_of(space: Space[Any], dus: int) -> Any:
    """Of the actions of so many DUs, whose own space is ``space``."""
    if isinstance(space, Box):
        low, high = (torch.from_numpy(np.tile(bound, (dus, 1))) for bound in (space.low, space.high))
        return Bounded(low, high, dtype=torch.float32)
    if isinstance(space, MultiBinary):
        return Binary(space.shape[0], (dus, *space.shape), dtype=torch.int8)
    if isinstance(space, MultiDiscrete):
        return Categorical(int(space.nvec[0]), (dus, len(space.nvec)), dtype=torch.int64)  # all alike
    assert isinstance(space, Discrete)
    return Categorical(int(space.n), (dus,), dtype=torch.int64)


def make_batch(
    scenario: str | Scenario = "paper",
    num_networks: int = 1,
    seed: int | Sequence[Seed] | None = None,
    info_keys: Sequence[str] = (),
    return_state: bool = False,
    action_type: ActionType = "box",
    num_threads: int = 1,
    components: Components | None = None,
    **overrides: Any,
) -> OranBatch:
    """B networks for TorchRL.

    Args:
        scenario: preset name or ``Scenario``.
        num_networks: B.
        seed: s makes network b (s, b); or one seed or name per network; None: from the system.
        info_keys: keys of ``simulator.Outcome`` to have under ``("du", "info", key)``, float32; zero after a reset.
        return_state: also give ``state``, all observations side by side (B, M·D), for a centralised critic.
        action_type: "box", "multi_binary", "multi_discrete" or "discrete".
        num_threads: threads that share the batch.
        components: the user's own reward, scheduler, … in place of the package's.
        overrides: scenario fields by name.

    Raises:
        ScenarioError: unknown preset or field, or a value that is not allowed.
        ValueError: num_networks, num_threads, seed, action_type or an info key that is not allowed.
    """
    simulator = Simulator(scenario, num_networks, seed, num_threads, components, **overrides)
    return OranBatch(simulator, action_type, info_keys, return_state)
