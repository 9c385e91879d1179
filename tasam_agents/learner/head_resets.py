"""Periodic resets as in PLASTIC: what follows the encoder starts anew and learns again from the replay buffer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import nn

from tasam_agents.learner.adam import NetworkAdam
from tasam_agents.networks.layers import encoder_and_head


def is_due(updates: int, period: int) -> bool:
    """Whether the update after `updates` ones begins with a reset; period 0: never.

    A reset comes before an update, so none follows the last one: a run does not end with what has learnt nothing.
    """
    return period > 0 and updates > 0 and updates % period == 0


def reset_heads(
    actors: Iterable[tuple[nn.Sequential, NetworkAdam]],
    critics: Iterable[tuple[nn.Sequential, nn.Sequential, NetworkAdam]],
    seed: int,
    keeps_prior: bool = False,
) -> None:
    """Draw the layers behind the encoders anew, in place; the optimisers forget their moments.

    Args:
        actors: network and optimiser of each.
        critics: network, target network and optimiser of each; a target gets the critic's new layers, because averaging
            would keep the old ones alive.
        seed: of the new weights.
        keeps_prior: the biases of the output layers, with their moments, stay.
    """
    with torch.random.fork_rng(devices=[]):  # torch's layers draw their weights from the global generator only
        torch.manual_seed(seed)
        for network, adam in actors:
            _reset_head(network, adam, keeps_prior)
        for network, target, adam in critics:
            new = _reset_head(network, adam, keeps_prior)
            encoder_and_head(target)[1].load_state_dict(new.state_dict())


def _reset_head(network: nn.Sequential, adam: NetworkAdam, keeps_prior: bool) -> nn.Sequential:
    _, head = encoder_and_head(network)
    bias = cast(nn.Linear, head[-1]).bias
    prior = bias.detach().clone()
    for layer in head:
        if isinstance(layer, (nn.Linear, nn.LayerNorm)):
            layer.reset_parameters()
    if keeps_prior:
        with torch.no_grad():
            bias.copy_(prior)
    adam.forget([weight for weight in head.parameters() if not (keeps_prior and weight is bias)])
    return head
