"""The fading of oran_env beside that of the channel model TDL-C of 3GPP TR 38.901, and beside closed forms.

python -m docs.measure.fading [--output docs/fading.md]    # about a minute; without --output it prints

The links are those of one network of `paper`, every RU on the air, 3.5 GHz, steps of 100 ms, RBs of 200 kHz. TDL-C is
simulated tap by tap: each tap a complex normal process with autocorrelation J0(2πf_D·τ), 128 samples in a step.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env import Simulator, make_scenario
from oran_env.model.radio.coherence import SPEED_OF_LIGHT, bessel_j0, blocks_of, group_of, independent_fades
from oran_env.model.radio.ergodic import mean_efficiency, nodes_of
from oran_env.model.radio.fading import draw_fades, fading_of, room_for

Array = NDArray[np.float64]

# TR 38.901, table 7.7.2-3: delay over the delay spread, power [dB].
TDL_C = np.array(
    [
        (0.0, -4.4), (0.2099, -1.2), (0.2219, -3.5), (0.2329, -5.2), (0.2176, -2.5), (0.6366, 0.0), (0.6448, -2.2),
        (0.6560, -3.9), (0.6584, -7.4), (0.7935, -7.1), (0.8213, -10.7), (0.9336, -11.1), (1.2285, -5.1),
        (1.3083, -6.8), (2.1704, -8.7), (2.7105, -13.2), (4.2589, -13.9), (4.6003, -13.9), (5.4902, -15.8),
        (5.6077, -17.1), (6.3065, -16.0), (6.6374, -15.7), (7.0427, -21.6), (8.6523, -22.8),
    ]
)  # fmt: skip
DELAYS_S = TDL_C[:, 0] * 363e-9
POWERS = 10 ** (TDL_C[:, 1] / 10) / (10 ** (TDL_C[:, 1] / 10)).sum()
RB_HZ, STEP_S, CARRIER_HZ = 200e3, 0.1, 3.5e9
SAMPLES, TRIALS, UES = 128, 400, 40
OPTIONS: dict[str, dict[str, Any]] = {
    '`"rayleigh"`, the default': {},
    "the same, `fading_blocks=None`": {"fading_blocks": None},
    "the same, `rbs_per_fade=None` too": {"fading_blocks": None, "rbs_per_fade": None},
    "`fading_blocks=4, rbs_per_fade=4`": {"fading_blocks": 4, "rbs_per_fade": 4},
    '`"jakes"`, both `None`': {"fading": "jakes", "fading_blocks": None, "rbs_per_fade": None},
}


def correlation(hertz: float) -> float:
    """Of |h|² at two frequencies, with TDL-C: that of h, squared."""
    return float(abs((POWERS * np.exp(-2j * np.pi * hertz * DELAYS_S)).sum()) ** 2)


def half() -> float:
    """Where ``correlation`` has fallen to 1/2, times the delay spread."""
    low, high = 0.0, 2e6
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if correlation(middle) > 0.5 else (low, middle)
    return low * 363e-9


def tdl_c(rng: np.random.Generator, speed: float, links: int) -> Array:
    """|h|² of TDL-C (samples, 3 RBs, links, trials)."""
    times = (np.arange(SAMPLES) + 0.5) / SAMPLES * STEP_S
    lags = 2 * np.pi * speed * CARRIER_HZ / SPEED_OF_LIGHT * abs(times[:, None] - times)
    values, vectors = np.linalg.eigh(bessel_j0(lags))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    shape = (SAMPLES, len(POWERS) * links * TRIALS)
    taps = root @ (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * math.sqrt(0.5)
    taps = taps.reshape(SAMPLES, len(POWERS), links * TRIALS)
    phases = np.exp(-2j * np.pi * RB_HZ * np.outer(np.arange(3), DELAYS_S)) * np.sqrt(POWERS)
    power: Array = abs(np.einsum("kp,tpn->tkn", phases, taps)) ** 2
    return power.reshape(SAMPLES, 3, links, TRIALS)


def ours(speed: float, links: int, step: int = 0, **overrides: Any) -> Array:
    """|h|² of oran_env (blocks, 3 RBs, links, trials): a UE per trial, each beginning at another RB."""
    p = fading_of(make_scenario("paper", min_speed_mps=speed, max_speed_mps=speed, **overrides))
    key = np.array([1, 2, 0, step], dtype=np.uint64)
    ues, speeds, power = np.arange(TRIALS), np.full(TRIALS, speed), np.empty((p.blocks, 3, links, TRIALS))
    for block in range(p.blocks):
        for k in range(3):
            groups = (np.arange(TRIALS) % 97 + k) // p.group
            draw_fades(key, ues, groups, block, 0, speeds, p, room_for(TRIALS), power[block, k])
    return power


def network() -> tuple[Array, Array, float]:
    """Mean powers (UES,) of signal, (UES, interferers) of the rest, and noise [mW]."""
    simulator = Simulator("paper", 1, seed=0)
    simulator.reset()
    gain, serving = simulator.state.gain[0, :UES], simulator.state.serving[0, :UES]
    mine = np.arange(gain.shape[1]) == serving[:, None]
    return gain[mine], gain[~mine].reshape(UES, -1), simulator.parameters.channel.noise_mw


def efficiencies(power: Array) -> Array:
    """Log2(1 + SINR) (UES, samples, 3 RBs, trials) under |h|² (samples, 3, links, trials)."""
    signal, others, noise = network()
    disturbed = np.einsum("ui,tkin->utkn", others, power[:, :, 1:]) + noise
    rate: Array = np.log2(1.0 + signal[:, None, None, None] * power[None, :, :, 0] / disturbed)
    return rate


def variation(rate: Array) -> float:
    """Coefficient of variation of what three RBs side by side carry in a step, mean of the UEs."""
    carried = rate.mean(axis=1).sum(axis=1)
    return float((carried.std(axis=-1) / carried.mean(axis=-1)).mean())


def fades(rate: Array) -> float:
    """How many independent values the mean of a step is worth: variance of one over variance of the mean."""
    return float((rate[:, :, 0].var(axis=(1, 2)) / rate[:, :, 0].mean(axis=1).var(axis=-1)).mean())


def report() -> str:
    """The tables as Markdown."""
    rng = np.random.default_rng(0)
    links = make_scenario("paper").layout.num_dus
    told = [f"{correlation(d * RB_HZ):.2f}" for d in (1, 2, 5)]
    group = group_of(make_scenario("paper", rbs_per_fade=None))
    shared = [f"{max(0.0, 1 - d / group):.2f}" for d in (1, 2, 5)]
    lines = [
        f"RBs 1, 2 and 5 apart: correlation of \\|h\\|² {', '.join(told)} with TDL-C, {', '.join(shared)} with "
        f"`rbs_per_fade=None` ({group} RBs), 0 with `rbs_per_fade=1`. TDL-C falls to 1/2 at {half():.3f} over the "
        "delay spread.",
        "",
        "| speed | fades of a step, \\|h\\|², closed form | the same, of the rate, TDL-C | `fading_blocks=None` |",
        "|---|---|---|---|",
    ]
    true = {speed: efficiencies(tdl_c(rng, speed, links)) for speed in (10.0, 15.0, 20.0)}
    for speed, rate in true.items():
        closed = independent_fades(speed * CARRIER_HZ / SPEED_OF_LIGHT, STEP_S)
        blocks = blocks_of(make_scenario("paper", fading_blocks=None, min_speed_mps=speed, max_speed_mps=speed))
        lines.append(f"| {speed:g} m/s | {closed:.1f} | {fades(rate):.1f} | {blocks} |")
    lines += ["", "| 15 m/s | coefficient of variation of the rate of three RBs side by side |", "|---|---|"]
    lines.append(f"| TDL-C | {variation(true[15.0]):.3f} |")
    for name, overrides in OPTIONS.items():
        lines.append(f"| {name} | {variation(efficiencies(ours(15.0, links, **overrides))):.3f} |")
    lines.append('| `"ergodic"`, `"none"` | 0 |')
    signal, others, noise = network()
    closed_form = np.array(
        [mean_efficiency(s, o, noise, nodes_of(math.inf)) for s, o in zip(signal, others, strict=True)]
    )
    drawn = efficiencies(ours(15.0, links, fading_blocks=256)).mean(axis=(1, 2, 3))
    flat = np.log2(1 + signal / (others.sum(axis=1) + noise))
    lines += [
        "",
        f"Mean of log2(1 + SINR) over {UES} UEs: {drawn.mean():.3f} bit/s/Hz drawn, {closed_form.mean():.3f} with "
        f'`"ergodic"` (largest difference of a UE {abs(drawn - closed_form).max():.3f}), '
        f'{flat.mean():.3f} with `"none"`.',
        "",
        '| step | correlation of \\|h\\|² from step to step at 15 m/s, closed form | `"jakes"` |',
        "|---|---|---|",
    ]
    for step_s in (5e-4, 1e-3, 2e-3, 1e-2, 1e-1):
        closed = float(bessel_j0(np.array(2 * np.pi * 15.0 * CARRIER_HZ / SPEED_OF_LIGHT * step_s)) ** 2)
        one, other = (ours(15.0, links, step, fading="jakes", step_s=step_s).ravel() for step in (0, 1))
        lines.append(f"| {1e3 * step_s:g} ms | {closed:.2f} | {np.corrcoef(one, other)[0, 1]:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables, or put them in place of those of a page."""
    parser = argparse.ArgumentParser(description="Fading here, in TDL-C and in closed form.")
    parser.add_argument("--output", type=Path, help="page whose part between the marks is replaced")
    given = parser.parse_args()
    text = report()
    print(text)
    if given.output is not None:
        before, mark, rest = given.output.read_text("utf-8").partition("<!-- measured -->\n")
        _, end, after = rest.partition("<!-- /measured -->\n")
        given.output.write_text(before + mark + text + "\n" + end + after, "utf-8")


if __name__ == "__main__":
    main()
