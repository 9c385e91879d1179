"""Named tensors of everything that a learner holds, and putting saved ones back in place."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tasam_agents.learner.adam import NetworkAdam


class StateTensors:
    """Weights, moments and generators of a learner, under the names that a checkpoint gives them.

    Args:
        modules: weights and buffers, `<module>.<name>`.
        adams: moments, `adam.<optimiser>.<name>`.
        others: further tensors, under their own names.
        generators: `generator.<name>`.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        adams: Mapping[str, NetworkAdam],
        others: Mapping[str, Tensor],
        generators: Mapping[str, torch.Generator],
    ) -> None:
        self._modules, self._adams, self._others, self._generators = modules, adams, others, generators

    def live(self) -> dict[str, Tensor]:
        """All but the generators; not copies."""
        held = {owner: module.state_dict() for owner, module in self._modules.items()}
        held |= {f"adam.{owner}": adam.state() for owner, adam in self._adams.items()}
        live = {f"{owner}.{name}": tensor for owner, tensors in held.items() for name, tensor in tensors.items()}
        return live | {name: tensor.detach() for name, tensor in self._others.items()}

    def copy(self) -> dict[str, Tensor]:
        """Everything that `load` needs, in tensors of its own."""
        states = {f"generator.{name}": generator.get_state() for name, generator in self._generators.items()}
        return {name: tensor.clone() for name, tensor in self.live().items()} | states

    def load(self, saved: Mapping[str, Tensor]) -> None:
        """Go on exactly where `saved` was taken.

        Raises:
            ValueError: names or shapes differ.
        """
        rest = dict(saved)
        for name, generator in self._generators.items():
            if f"generator.{name}" not in rest:
                raise ValueError(f"saved tensors lack 'generator.{name}'")
            generator.set_state(rest.pop(f"generator.{name}"))
        copy_into(self.live(), rest)


@torch.no_grad()
def copy_into(live: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    """Overwrite `live` by `saved`.

    Raises:
        ValueError: names or shapes differ.
    """
    if live.keys() != saved.keys():
        raise ValueError(f"saved tensors differ from this learner's in {sorted(live.keys() ^ saved.keys())}")
    for name, tensor in live.items():
        if tensor.shape != saved[name].shape:
            raise ValueError(f"{name} has shape {tuple(saved[name].shape)}, expected {tuple(tensor.shape)}")
        tensor.copy_(saved[name])
