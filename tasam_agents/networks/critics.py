"""The global critic Q: networks over rows of inputs, after column selection and scaling.

Shapes: n mini-batch, M agents, d inputs per agent, A action size (A_i of agent i, A the largest; the columns beyond
A_i are padding, constant 0.5, and count nowhere). Actions lie in (0, 1).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tasam_agents.config import NetworkRegularisation
from tasam_agents.networks.layers import PLAIN, HiddenLayers, num_encoder_tensors

LOAD_UNITS = 16
"""H, kinds of load."""

STEEPNESS = 3.0
"""Factor on the spread of torch's fresh weights, for those of the load."""

CALM_GAIN = 3.0
"""Factor on what is done on calm resources: they are few and count for much, so the critic must hear of them."""

PADDING = 0.5
"""Action value in padded columns: the centre of (0, 1), so that the critics' centred input is zero there."""


@dataclass(frozen=True)
class CriticRows:
    """What a critic reads of every joint transition."""

    num_agents: int
    """M."""
    num_inputs: int
    """d."""
    action_size: int
    """A."""
    action_scale: float
    """The critics see (a − 0.5)·action_scale."""
    resource_columns: Sequence[Sequence[int]] = ()
    """Per interchangeable resource, the action columns that claim it."""


class PerAgentCritic(nn.Module):
    """Q of one DU from its own row: input, action, one-hot id and, for `mean_field`, the mean over the other DUs of
    their actions and inputs. All DUs share the weights, so a mini-batch of n joint transitions is n·M rows.

    The actions come in twice, as the DU's own and as the others' context, so that the gradients with respect to the
    two roles of an action can be taken apart. `pooled` (mean_field=False) has no context and ignores it.
    """

    identity: Tensor

    def __init__(self, rows: CriticRows, hidden: HiddenLayers, mean_field: bool) -> None:
        super().__init__()
        self.num_agents, self.action_scale, self.has_context = rows.num_agents, rows.action_scale, mean_field
        row = rows.num_inputs + rows.action_size
        self.network = hidden.make(row * (2 if mean_field else 1) + rows.num_agents, 1)
        self.register_buffer("identity", torch.eye(rows.num_agents), persistent=False)

    @property
    def num_encoder_tensors(self) -> int:
        """How many of the parameters, from the first on, are those of the encoder."""
        return num_encoder_tensors(self.network)

    def forward(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Values (n, M) of all DUs, or (n, G) of the G DUs `agents`.

        inputs (n, M, d) and context (n, M, A) always hold all DUs; own is (n, M, A) or (n, G, A).
        """
        chosen = slice(None) if agents is None else list(agents)
        rows = inputs[:, chosen]
        features = [rows, (own - PADDING) * self.action_scale, self.identity[chosen].expand(len(inputs), -1, -1)]
        if self.has_context:
            # The mean over no other DU (M = 1) is zero.
            share = 1.0 / max(self.num_agents - 1, 1)
            features.append((inputs.sum(dim=1, keepdim=True) - rows) * share)
            centred = context - PADDING
            others = centred.sum(dim=1, keepdim=True) - centred[:, chosen]
            features.append(others * (share * self.action_scale))
        values: Tensor = self.network(torch.cat(features, dim=-1)).squeeze(-1)
        return values


class JointCritic(nn.Module):
    """Q of all DUs from everything concatenated, one output per DU. An action has one role here, since every output
    reads the same vector: `own` counts, `context` is ignored."""

    has_context = False

    def __init__(self, rows: CriticRows, hidden: HiddenLayers) -> None:
        super().__init__()
        self.action_scale = rows.action_scale
        self.network = hidden.make(rows.num_agents * (rows.num_inputs + rows.action_size), rows.num_agents)

    @property
    def num_encoder_tensors(self) -> int:
        """How many of the parameters, from the first on, are those of the encoder."""
        return num_encoder_tensors(self.network)

    def forward(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Values (n, M) of all DUs, or (n, G) of the G DUs `agents`; inputs (n, M, d), own (n, M, A)."""
        centred = (own - PADDING) * self.action_scale
        values: Tensor = self.network(torch.cat([inputs.flatten(1), centred.flatten(1)], dim=-1))
        return values if agents is None else values[:, list(agents)]


class ResourceCritic(nn.Module):
    """Q of one DU from how it uses its resources (RBs) and who else uses the same ones; all resources are alike.

    An RB is as good as any other: the fading is independent and identically distributed, so that only the claims of
    the DUs tell RBs apart. On each resource a DU's claims, as signs −1 or 1, and their products in pairs make x_i, and
    what it puts on that resource is the load softplus(B·x_i + c); cut off sharply, as max(0, ·), it learnt far worse.
    How calm the others leave it for DU i is y_i = exp(−Σ_{j≠i} w_ij·load_j), 1 where nobody else is. The sums of x_i
    and of x_i·y_iᵀ over the resources replace the action among the network's inputs, as eq. (1) adds over RBs. w_ij, B
    and c are learnt.

    Actions that claim no resource enter as they are.
    """

    identity: Tensor
    others: Tensor
    has_context = True

    def __init__(self, rows: CriticRows, hidden: HiddenLayers) -> None:
        super().__init__()
        num_agents, resource_columns = rows.num_agents, rows.resource_columns
        if not resource_columns:
            raise ValueError(
                "critic = 'resource', allowed: 'mean_field', 'joint', 'pooled'; this environment names no resources"
            )
        self.action_scale = rows.action_scale
        self._resources, claims = len(resource_columns), len(resource_columns[0])
        self._columns = [column for kind in zip(*resource_columns, strict=True) for column in kind]
        self._rest = sorted(set(range(rows.action_size)) - set(self._columns))
        self._claims = claims
        self._pairs = list(itertools.combinations(range(claims), 2))
        num_products = claims + len(self._pairs)
        self.neighbours = nn.Parameter(torch.ones(num_agents, num_agents))
        self.load = nn.Linear(num_products, LOAD_UNITS)
        with torch.no_grad():  # steep enough that some loads are close to zero for an idle DU and none for a busy one
            for parameter in self.load.parameters():
                parameter.mul_(STEEPNESS)
        features = num_products * (1 + LOAD_UNITS) + len(self._rest)
        self.network = hidden.make(rows.num_inputs + features + num_agents, 1)
        self.register_buffer("identity", torch.eye(num_agents), persistent=False)
        self.register_buffer("others", 1.0 - torch.eye(num_agents), persistent=False)

    @property
    def num_encoder_tensors(self) -> int:
        """How many of the parameters, from the first on, are those of the encoder: all before the head."""
        behind = len(list(self.network.parameters())) - num_encoder_tensors(self.network)
        return len(list(self.parameters())) - behind

    def forward(self, inputs: Tensor, own: Tensor, context: Tensor, agents: Sequence[int] | None = None) -> Tensor:
        """Values (n, M) of all DUs, or (n, G) of the G DUs `agents`.

        inputs (n, M, d) and context (n, M, A) always hold all DUs; own is (n, M, A) or (n, G, A).
        """
        chosen = slice(None) if agents is None else list(agents)
        used, theirs = self._products(own), self._products(context)  # (n, G, F, K), (n, M, F, K)
        n, m, _, k = theirs.shape
        weight, bias = self.load.weight[:, :, None], self.load.bias  # the same map on every resource: a convolution
        load = F.softplus(F.conv1d(theirs.flatten(0, 1), weight, bias)).view(n, m, -1)  # (n, M, H·K)
        weights = (self.neighbours * self.others)[chosen]
        calm = torch.exp(-torch.einsum("gm,nmx->ngx", weights, load)).view(*used.shape[:2], -1, k)  # (n, G, H, K)
        root = math.sqrt(self._resources)
        met = used @ calm.transpose(-1, -2) * (CALM_GAIN / root)  # (n, G, F, H)
        features = [
            inputs[:, chosen],
            used.sum(dim=-1) / root,
            met.flatten(2),
            (own[..., self._rest] - PADDING) * self.action_scale,
            self.identity[chosen].expand(len(inputs), -1, -1),
        ]
        values: Tensor = self.network(torch.cat(features, dim=-1)).squeeze(-1)
        return values

    def _products(self, actions: Tensor) -> Tensor:
        """(n, G, A) → (n, G, F, K): the claims as signs, and their products in pairs."""
        k = self._resources
        if self._columns == list(range(len(self._columns))):
            claims = actions[..., : len(self._columns)]
        else:
            claims = actions[..., self._columns]
        signs = ((claims - PADDING) / PADDING).reshape(*actions.shape[:-1], self._claims, k)
        pairs = [signs[..., i, :] * signs[..., j, :] for i, j in self._pairs]
        return torch.cat([signs, *(pair.unsqueeze(-2) for pair in pairs)], dim=-2)


GlobalCritic = PerAgentCritic | JointCritic | ResourceCritic


CRITICS: dict[str, Callable[[CriticRows, HiddenLayers], GlobalCritic]] = {
    "mean_field": partial(PerAgentCritic, mean_field=True),
    "pooled": partial(PerAgentCritic, mean_field=False),
    "joint": JointCritic,
    "resource": ResourceCritic,
}
"""The global critics by `LearnerConfig.critic`."""


def make_critic(
    kind: str,
    num_agents: int,
    num_inputs: int,
    action_size: int,
    hidden: Sequence[int],
    action_scale: float,
    regularisation: NetworkRegularisation = PLAIN,
    resource_columns: Sequence[Sequence[int]] = (),
) -> GlobalCritic:
    """The global critic of `LearnerConfig.critic`."""
    rows = CriticRows(num_agents, num_inputs, action_size, action_scale, resource_columns)
    return CRITICS[kind](rows, HiddenLayers(hidden, regularisation))
