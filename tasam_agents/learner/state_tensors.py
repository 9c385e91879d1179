"""Named tensors of everything that a learner holds, and putting saved ones back in place."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tasam_agents.learner.adam import NetworkAdam


def live_tensors(modules: Mapping[str, nn.Module], adams: Mapping[str, NetworkAdam]) -> dict[str, Tensor]:
    """Weights and buffers as `<module>.<name>`, moments as `adam.<optimiser>.<name>`; not copies."""
    live = {f"{owner}.{name}": t for owner, module in modules.items() for name, t in module.state_dict().items()}
    return live | {f"adam.{owner}.{name}": t for owner, adam in adams.items() for name, t in adam.state().items()}


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


def generator_states(generators: Mapping[str, torch.Generator]) -> dict[str, Tensor]:
    """`generator.<name>` of each."""
    return {f"generator.{name}": generator.get_state() for name, generator in generators.items()}


def restore_generators(generators: Mapping[str, torch.Generator], saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take the states over and return the other tensors of `saved`.

    Raises:
        ValueError: a generator is not among them.
    """
    rest = dict(saved)
    for name, generator in generators.items():
        if f"generator.{name}" not in rest:
            raise ValueError(f"saved tensors lack 'generator.{name}'")
        generator.set_state(rest.pop(f"generator.{name}"))
    return rest
