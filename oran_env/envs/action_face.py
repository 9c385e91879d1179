"""In which form an agent hands in its action: numbers, bits, a slice per RB, or one of a hundred settings.

A face turns that into the values in [0, 1] that the codec reads, so that the simulator knows one form only. Which
faces a codec has, each says itself. A policy of the package, and one for the other DUs, always gives values.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, Protocol

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space
from numpy.typing import NDArray

from oran_env.model.mac.action_codec import CODECS, encode_owned, num_powers
from oran_env.model.mac.codecs.codec import BITS
from oran_env.scenario.fields import Scenario
from oran_env.scenario.near_miss import did_you_mean
from oran_env.scenario.slices import NUM_SLICES
from oran_env.simulator.checked import checked
from oran_env.simulator.simulator import Simulator

ActionType = Literal["box", "multi_binary", "multi_discrete", "discrete"]
Mask = NDArray[np.bool_]

_PARTS = 3
_SPLITS = [split for split in product(range(_PARTS + 1), repeat=NUM_SLICES) if sum(split) == _PARTS]


def _setting(own: tuple[int, ...], shared: tuple[int, ...]) -> tuple[float, ...]:
    """The values of ``zones`` for thirds of own and of shared RBs, each by eMBB, mMTC, URLLC."""
    (embb, mmtc, urllc), (shared_embb, shared_mmtc, shared_urllc) = own, shared
    second, fourth = mmtc + urllc, shared_embb + shared_mmtc
    return (
        embb / _PARTS,
        mmtc / second if second else 0.5,
        shared_urllc / _PARTS,
        shared_embb / fourth if fourth else 0.5,
    )


CATALOGUE = np.array([_setting(own, shared) for own, shared in product(_SPLITS, _SPLITS)], dtype=np.float32)
"""(100, 4): every split of a DU's own RBs into thirds with every split of the shared ones, as actions of ``zones``."""


class ActionFace(Protocol):
    """One form of an action; A values per DU."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the action of one DU."""

    def space(self, copies: int = 1) -> Space[Any]:
        """Of the actions of so many DUs side by side."""

    def values(self, actions: NDArray[Any]) -> NDArray[Any]:
        """Values (..., A) of actions (..., *shape).

        Raises:
            ValueError: integers that name nothing.
        """

    def masks(self, num_ues: NDArray[np.int64], ue_mask: Mask | None) -> Mask:
        """What may be chosen, flat, as sb3-contrib's MaskablePPO wants it.

        Args:
            num_ues: of each slice of each DU (M, 3), now.
            ue_mask: with ``ue_grid``, which columns have a UE (M, 64).

        Raises:
            ValueError: there is nothing to choose from.
        """


@dataclass(frozen=True)
class Numbers:
    """``box``: Box(0, 1) float32, the values themselves; one above 0.5 is a set bit where the codec has bits."""

    scenario: Scenario
    shape: tuple[int, ...]

    @staticmethod
    def fits(codec: str) -> bool:
        """Every codec."""
        return True

    def space(self, copies: int = 1) -> Space[Any]:
        """Box (copies·A,)."""
        return Box(0.0, 1.0, (copies * self.shape[0],), np.float32)

    def values(self, actions: NDArray[Any]) -> NDArray[Any]:
        """As they are."""
        return actions

    def masks(self, num_ues: NDArray[np.int64], ue_mask: Mask | None) -> Mask:
        """None."""
        raise ValueError(f"action_type is 'box', whose actions have no masks; allowed: {', '.join([*FACES][1:])}")


class Bits(Numbers):
    """``multi_binary``: MultiBinary, the bits themselves, for agents with a Bernoulli policy."""

    @staticmethod
    def fits(codec: str) -> bool:
        """Codecs of bits."""
        return CODECS[codec].seen == BITS

    def space(self, copies: int = 1) -> Space[Any]:
        """MultiBinary (copies·A,)."""
        return MultiBinary(copies * self.shape[0])

    def masks(self, num_ues: NDArray[np.int64], ue_mask: Mask | None) -> Mask:
        """(2·A·M,): bit 0 may be 0, bit 0 may be 1, bit 1 … All are free but, with ``ue_grid``, those of a column
        without UE, which can only be 0."""
        masks = np.ones((len(num_ues), *self.shape, 2), dtype=np.bool_)
        if ue_mask is not None:
            num_rbs = self.scenario.radio.num_rbs
            masks[:, NUM_SLICES * num_rbs :, 1] = np.repeat(ue_mask, num_rbs, axis=1)
        return masks.reshape(-1)


@dataclass(frozen=True)
class SlicePerRb:
    """``multi_discrete``: for each RB 0 idle, 1 eMBB, 2 mMTC or 3 URLLC, executed as the codec's bits for that."""

    scenario: Scenario
    shape: tuple[int, ...]

    @staticmethod
    def fits(codec: str) -> bool:
        """Codecs whose bits are a slice per RB and nothing more."""
        return CODECS[codec].seen == BITS and CODECS[codec].named_ues == 0

    def space(self, copies: int = 1) -> Space[Any]:
        """MultiDiscrete [4, …] (copies·K,)."""
        return MultiDiscrete([NUM_SLICES + 1] * (copies * self.shape[0]))

    def values(self, actions: NDArray[Any]) -> NDArray[Any]:
        """(..., K) → (..., A)."""
        chosen = checked("actions are", actions, actions.shape, integers=True, bounds=(0, NUM_SLICES))
        owns = chosen[..., None, :] == np.arange(1, NUM_SLICES + 1)[:, None]
        return encode_owned(owns, self.scenario)

    def masks(self, num_ues: NDArray[np.int64], ue_mask: Mask | None) -> Mask:
        """(4·K·M,): a slice without UE at the DU cannot be chosen; an RB of it would carry nothing, as an idle one."""
        may = np.concatenate([np.ones((len(num_ues), 1), dtype=np.bool_), num_ues > 0], axis=1)
        return np.repeat(may[:, None], self.shape[0], axis=1).reshape(-1)


@dataclass(frozen=True)
class Setting:
    """``discrete``: the number of a setting in ``CATALOGUE``, for agents with one value per action (DQN, QMIX, VDN)."""

    scenario: Scenario
    shape: tuple[int, ...]

    @staticmethod
    def fits(codec: str) -> bool:
        """Zones."""
        return codec == "zones"

    def space(self, copies: int = 1) -> Space[Any]:
        """Discrete(100), of several DUs MultiDiscrete [100, …]."""
        return Discrete(len(CATALOGUE)) if copies == 1 else MultiDiscrete([len(CATALOGUE)] * copies)

    def values(self, actions: NDArray[Any]) -> NDArray[Any]:
        """(...) → (..., 4)."""
        last = len(CATALOGUE) - 1
        chosen: NDArray[np.float32] = CATALOGUE[
            checked("actions are", actions, actions.shape, integers=True, bounds=(0, last))
        ]
        return chosen

    def masks(self, num_ues: NDArray[np.int64], ue_mask: Mask | None) -> Mask:
        """(100·M,): all are free. RBs for a slice without UE are the only idle ones that zones have."""
        return np.ones(len(num_ues) * len(CATALOGUE), dtype=np.bool_)


FACES: dict[str, type[Numbers] | type[SlicePerRb] | type[Setting]] = {
    "box": Numbers,
    "multi_binary": Bits,
    "multi_discrete": SlicePerRb,
    "discrete": Setting,
}
"""By ``action_type``."""


def action_face(simulator: Simulator, action_type: ActionType = "box") -> ActionFace:
    """The face of a simulator's actions.

    Raises:
        ValueError: unknown, or none that the scenario's codec has.
    """
    scenario = simulator.scenario
    check_action_type(action_type, scenario.control.codec)
    if action_type != "box" and num_powers(scenario):
        raise ValueError(f"action_type is {action_type!r}; allowed with power_range_db, whose values are no bits: box")
    shapes = {"multi_discrete": (scenario.radio.num_rbs,), "discrete": ()}
    return FACES[action_type](scenario, shapes.get(action_type, (simulator.action_size,)))


def check_action_type(action_type: str, codec: str) -> None:
    """Raise ValueError unless the codec can be driven with this action type."""
    if action_type not in FACES:
        near = did_you_mean(action_type, FACES)
        raise ValueError(f"action_type is {action_type!r}; {near}allowed: {', '.join(FACES)}")
    if not FACES[action_type].fits(codec):
        fitting = ", ".join(name for name, face in FACES.items() if face.fits(codec))
        raise ValueError(f"action_type is {action_type!r}; allowed with codec {codec!r}: {fitting}")


def masks_of(face: ActionFace, simulator: Simulator, network: int, dus: slice) -> Mask:
    """What some DUs of a network may choose in the coming step, see ``ActionFace.masks``."""
    first = simulator.state.first[network]
    num_ues = np.diff(first).reshape(-1, NUM_SLICES)[dus]
    ue_mask = simulator.reset_info.get("ue_mask")
    return face.masks(num_ues, None if ue_mask is None else ue_mask[network, dus])
