"""The scenario as the kernels read it: a group per concept, made in the file of the concept.

Linear units, arrays, numbers for names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from oran_env.model.cell.deployment import Deployment, area_of, deployment_of, sites_of
from oran_env.model.cell.handover import Handover, handover_of
from oran_env.model.cell.mobility import Mobility, mobility_of
from oran_env.model.cell.sessions import Sessions, sessions_of
from oran_env.model.demand.trace import Trace, trace_of
from oran_env.model.demand.traffic import Traffic, traffic_of
from oran_env.model.demand.variation import Variation, variation_of
from oran_env.model.mac.action_codec import Decoding, decoding_of
from oran_env.model.mac.mac_scheduler import Scheduling, scheduling_of
from oran_env.model.radio.antenna import Antenna
from oran_env.model.radio.channel import Channel, channel_of
from oran_env.model.radio.fading import Fading
from oran_env.model.radio.link_adaptation import Links, links_of
from oran_env.model.radio.path_loss import PathLoss, path_loss_of
from oran_env.model.radio.uma_path_loss import UrbanMacro
from oran_env.model.reward.energy import Energy, energy_of
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
    handover: Handover
    links: Links
    energy: Energy
    trace: Trace


def parameters_of(scenario: Scenario) -> Parameters:
    """Translate a scenario for the kernels."""
    trace = trace_of(scenario)
    return Parameters(
        deployment=deployment_of(scenario),
        mobility=mobility_of(scenario, area_of(scenario)),
        sessions=sessions_of(scenario),
        path_loss=path_loss_of(scenario, sites_of(scenario), area_of(scenario)),
        channel=channel_of(scenario),
        traffic=traffic_of(scenario, trace),
        variation=variation_of(scenario),
        decoding=decoding_of(scenario),
        scheduling=scheduling_of(scenario),
        kpi=kpi_of(scenario),
        qos=qos_of(scenario),
        reward=reward_of(scenario),
        observation=view_of(scenario),
        handover=handover_of(scenario),
        links=links_of(scenario),
        energy=energy_of(scenario),
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
        PathLoss(UrbanMacro(*p[3][0]), Antenna(*p[3][1]), *p[3][2:]),
        Channel(Fading(*p[4][0]), *p[4][1:]),
        Traffic(*p[5]),
        Variation(*p[6]),
        Decoding(*p[7]),
        Scheduling(*p[8]),
        Kpi(*p[9]),
        Qos(*p[10]),
        RewardTerms(*p[11]),
        View(*p[12]),
        Handover(*p[13]),
        Links(*p[14]),
        Energy(*p[15]),
        Trace(*p[16]),
    )
