"""What keeps the networks from overfitting, and when their heads are drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tasam_agents.config.checks import CountOrZero, PositiveOrZero, check_fields, within


@dataclass(frozen=True)
class NetworkRegularisation:
    """What keeps the networks of one kind (all actors, or both critics) from overfitting; by default nothing does."""

    l2: PositiveOrZero = 0.0
    """λ of L2: on the weight matrices, not on biases nor on the gains of layer normalisation."""
    l2_kind: Literal["decoupled", "in_loss"] = "decoupled"
    """`decoupled`: W ← W − η·λ·W before the Adam step, as AdamW does; `in_loss`: λ/2·‖W‖² is part of the loss, so that
    SAM and Adam's moments see its gradient λ·W."""
    dropout: Annotated[float, within("[0, 1)")] = 0.0
    """Share of hidden units set to zero while the network's own loss is differentiated, and only then."""
    spectral_norm: bool = False
    """Divide the weight matrix of every hidden layer by its largest singular value, followed by power iteration."""
    layer_norm: bool = False
    """Layer normalisation of every hidden layer before its activation."""
    activation: Literal["tanh", "crelu"] = "tanh"
    """`crelu`: (max(x, 0), max(−x, 0)), which doubles the inputs of the next layer."""

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class RegularisationConfig:
    """The regularisers that Table 3 compares with SAM, for actors and critics apart."""

    actor: NetworkRegularisation = NetworkRegularisation()
    critic: NetworkRegularisation = NetworkRegularisation()
    reset_every: CountOrZero = 0
    """Updates between two resets of all layers behind the encoder (hidden layers 1 and 2) of every network, of their
    Adam moments and of the temperatures; 0: never."""
    reset_keeps_prior: bool = False
    """What a reset leaves alone: the biases of the output layers, a prior of what is done and what it is worth on
    average, and the temperatures, which the entropy's schedule has brought where they are. PLASTIC keeps nothing."""

    def __post_init__(self) -> None:
        check_fields(self)
