"""Energy: what the RU of a DU draws in a step, by the linear model of the EARTH project (deliverable D2.3).

    P = n·P_0 + Δ_p·share·p   while the RU transmits with a share of its power,        P = n·P_sleep   when with none

p is the power of an RU on all its RBs, n = p/p_max the number of amplifiers that give it. Each RB that a DU leaves idle
saves its part of Δ_p·p, as does lower power on it; a DU that leaves them all idle sleeps. ``info`` has P·Δt, and
``energy_weight`` takes it from the reward, as a share of the energy at full use.
"""

from __future__ import annotations

from typing import NamedTuple

from oran_env.model.outcome import Outcome
from oran_env.model.radio.channel import on_air
from oran_env.numerics.jit import Integers, kernel
from oran_env.scenario.fields import Scenario


class Energy(NamedTuple):
    """What an RU draws in a step."""

    awake: float  # on the air with no RB: the limit of few [J]
    transmitting: float  # more than that, with all RBs [J]
    asleep: float  # [J]


def energy_of(scenario: Scenario) -> Energy:
    """The energy of a scenario."""
    energy, step_s = scenario.energy, scenario.control.step_s
    power_w = 10 ** (scenario.radio.power_dbm / 10 - 3)
    amplifiers = power_w / energy.amplifier_w
    return Energy(
        awake=float(amplifiers * energy.power_fixed_w * step_s),
        transmitting=float(energy.power_slope * power_w * step_s),
        asleep=float(amplifiers * energy.power_sleep_w * step_s),
    )


def full_use(scenario: Scenario) -> float:
    """The energy of a step in which an RU transmits on every RB [J]."""
    energy = energy_of(scenario)
    return energy.awake + energy.transmitting


@kernel
def measure_energy(which: Integers, p: Energy, out: Outcome) -> None:
    """The energy of every DU."""
    for b in which:
        for m in range(out.energy_j.shape[1]):
            share = on_air(out.ue_of_rb[b, m], out.rb_power[b, m])
            out.energy_j[b, m] = p.awake + p.transmitting * share if share > 0.0 else p.asleep
