"""The scenario as the kernels read it: a group per concept, made in the file of the concept.

Linear units, arrays, numbers for names.
"""

from __future__ import annotations

from typing import NamedTuple

from oran_env.model.cell.deployment import Deployment, area_of, deployment_of, sites_of
from oran_env.model.cell.handover import Handover, handover_of
from oran_env.model.cell.mobility import Mobility, mobility_of
from oran_env.model.cell.sessions import Sessions, sessions_of
from oran_env.model.demand.trace import Trace, trace_of
from oran_env.model.demand.traffic import Traffic, traffic_of
from oran_env.model.demand.variation import Variation, variation_of
from oran_env.model.mac.action_codec import Decoding, decoding_of
from oran_env.model.mac.mac_scheduler import Scheduling, scheduling_of
from oran_env.model.radio.channel import Channel, channel_of
from oran_env.model.radio.link_adaptation import Links, links_of
from oran_env.model.radio.path_loss import PathLoss, path_loss_of
from oran_env.model.reward.energy import Energy, energy_of
from oran_env.model.reward.kpi import Kpi, kpi_of
from oran_env.model.reward.observation import View, view_of
from oran_env.model.reward.qos import Qos, qos_of
from oran_env.model.reward.reward import RewardTerms, reward_of
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
