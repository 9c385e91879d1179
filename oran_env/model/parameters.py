"""The scenario as the kernels read it: a group per concept, made in the file of the concept.

Linear units, arrays, numbers for names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from oran_env.model.cell.deployment import Deployment, deployment_of, hexagonal_sites, service_area
from oran_env.model.cell.mobility import Mobility, mobility_of
from oran_env.model.cell.sessions import Sessions, sessions_of
from oran_env.model.demand.trace import Trace, trace_of
from oran_env.model.demand.traffic import Traffic, traffic_of
from oran_env.model.demand.variation import Variation, variation_of
from oran_env.model.mac.action_codec import Decoding, decoding_of
from oran_env.model.mac.mac_scheduler import Scheduling, scheduling_of
from oran_env.model.radio.channel import Channel, channel_of
from oran_env.model.radio.fading import Fading
from oran_env.model.radio.path_loss import PathLoss, path_loss_of
from oran_env.model.radio.uma_path_loss import UrbanMacro
from oran_env.model.reward.kpi import Kpi, kpi_of
from oran_env.model.reward.observation import View, view_of
from oran_env.model.reward.qos import Qos, qos_of
from oran_env.model.reward.reward import RewardTerms, reward_of
from oran_env.numerics.jit import kernel
from oran_env.scenario.fields import Scenario


class Parameters(NamedTuple):
    """The scenario as the kernels read it."""

    deployment: Deployment
    mobility: Mobility
    sessions: Sessions
    path_loss: PathLoss
    channel: Channel
    traffic: Traffic
    variation: Variation
    decoding: Decoding
    scheduling: Scheduling
    kpi: Kpi
    qos: Qos
    reward: RewardTerms
    observation: View
    trace: Trace


def parameters_of(scenario: Scenario) -> Parameters:
    """Translate a scenario for the kernels."""
    trace = trace_of(scenario)
    sites = hexagonal_sites(scenario.layout.num_dus, scenario.layout.site_spacing_m)
    return Parameters(
        deployment=deployment_of(scenario),
        mobility=mobility_of(scenario, service_area(sites, scenario.layout.margin_m)),
        sessions=sessions_of(scenario),
        path_loss=path_loss_of(scenario, sites),
        channel=channel_of(scenario),
        traffic=traffic_of(scenario, trace),
        variation=variation_of(scenario),
        decoding=decoding_of(scenario),
        scheduling=scheduling_of(scenario),
        kpi=kpi_of(scenario),
        qos=qos_of(scenario),
        reward=reward_of(scenario),
        observation=view_of(scenario),
        trace=trace,
    )


def packed(p: Any) -> tuple[Any, ...]:
    """Parameters without their names: numba needs 0.4 µs to recognise a named tuple, at every call of a kernel."""
    return tuple(packed(value) if isinstance(value, tuple) else value for value in p)


@kernel
def unpacked(p: Any) -> Parameters:
    """The inverse of ``packed``."""
    return Parameters(
        Deployment(*p[0]),
        Mobility(*p[1]),
        Sessions(*p[2]),
        PathLoss(UrbanMacro(*p[3][0]), *p[3][1:]),
        Channel(Fading(*p[4][0]), *p[4][1:]),
        Traffic(*p[5]),
        Variation(*p[6]),
        Decoding(*p[7]),
        Scheduling(*p[8]),
        Kpi(*p[9]),
        Qos(*p[10]),
        RewardTerms(*p[11]),
        View(*p[12]),
        Trace(*p[13]),
    )
