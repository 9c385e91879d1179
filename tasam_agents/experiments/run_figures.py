"""Pictures of a run, each with the numbers it shows as CSV beside it.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; lines also differ in style or marker, so that
a print in grey can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran_env.scenario.slices import SLICES
from tasam_agents.experiments.run_evaluation import read_evaluation
from tasam_agents.files.form import OrNone, check_form
from tasam_agents.plotting.style import BLUE, COLOURS, RED, STYLES, new_figure, save_picture
from tasam_agents.training.run_directory import RunDamaged, RunDirectory, RunError

THRESHOLD = 0.5  # Q̄ of a slice that just reaches its Q_min, by construction of Q̄

Lines = Sequence[Mapping[str, Any]]


def draw_run(run: RunDirectory) -> list[Path]:
    """Draw all that the metrics of a run, our own or a baseline's, allow into its ``figures/``; return the pictures.

    Raises:
        RunError: there is not a single line of metrics yet.
    """
    lines = _lines(run)
    gated = [line for line in lines if line.get("gate_open") is not None]
    pictures = [learning_curves([run], run.figures / "learning_curve.png")]
    if _shapes(lines, "info/qos_normalised", "info/satisfied") == {(len(SLICES),)}:
        pictures.append(slice_quality(lines, run.figures / "slice_qos.png"))
    if gated and run.recorded_config().learner.sam.actors == "gated":
        of_actors, of_all = (
            _shapes(gated, "gate_open", "td_variance", "rho_actor"),
            _shapes(gated, "lambda_td", "rho_critic"),
        )
        if of_actors != {(len(np.atleast_1d(gated[0]["gate_open"])),)} or of_all != {()}:
            raise RunDamaged(f"{run.metrics_file} is damaged: gates, variances and radii are not of as many actors")
        pictures.append(selective_sam(gated, run.figures / "selective_sam.png"))
    return pictures


def learning_curves(runs: Sequence[RunDirectory], picture: Path) -> Path:
    """Return of training and on validation networks over the iterations; of one run, also the reference policies.

    Runs whose iterations differ in environment steps are drawn over these. The references are means over the held-out
    networks of ``evaluation.json``, and are drawn when it exists.
    """
    figure, axes = new_figure(1, 1, (7.0, 4.2))
    axis = axes[0]
    rows = []
    logs = [_lines(run) for run in runs]
    over = "iteration" if len(set().union(*map(_steps_of_an_iteration, logs))) <= 1 else "env_steps"
    for number, (run, lines) in enumerate(zip(runs, logs, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        iterations, training = _series(lines, over), _series(lines, "return")
        name = run.recorded_name() if len(runs) == 1 else run.path.name
        label = f"{name}, training" if number == 0 else None  # the others' are as faint, in their own colours
        axis.plot(iterations, training, color=colour, alpha=0.4, lw=1.2, marker=_dot(lines), ms=4, label=label)
        checked = [line for line in lines if "validation_return" in line]
        if checked:
            x, y = _series(checked, over), _series(checked, "validation_return")
            axis.plot(
                x, y, STYLES[number // len(COLOURS) % len(STYLES)], color=colour, lw=1.8, marker="os^Dv"[number % 5],
                ms=4, label=f"{name}, validation (deterministic)",
            )  # fmt: skip
        rows += [
            {"run": str(run.path), "name": name}
            | {key: line.get(key) for key in ("iteration", "env_steps", "return", "validation_return")}
            for line in lines
        ]
    if len(runs) == 1:
        shown = np.concatenate([training, _series(lines, "validation_return")])
        rows += _draw_references(axis, runs[0], shown[np.isfinite(shown)])
    axis.set_xlabel({"env_steps": "environment steps"}.get(over, over))
    axis.set_ylabel("return: mean reward per agent and step")
    figure.legend(loc="outside lower center", ncol=2, frameon=False, fontsize=8)
    return save_picture(figure, picture, rows)


def _draw_references(axis: Any, run: RunDirectory, shown: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Horizontal lines, named at the right edge; those far below the curve would squash it and are named only."""
    if not run.evaluation_file.is_file():
        return []
    document = read_evaluation(run.evaluation_file)
    prefix = f"{document['name']} ("
    references = {row["policy"]: row["return"]["mean"] for row in document["policies"]
                  if not row["policy"].startswith(prefix)}  # fmt: skip
    low = float(shown.min()) - 0.5 * float(np.ptp(shown)) - 0.05
    inside = {name: value for name, value in references.items() if value >= low}
    values = [*inside.values(), *shown]
    span = max(values) - min(values)
    axis.set_ylim(min(values) - 0.04 * span, max(values) + 0.06 * span)
    position = -np.inf
    for name, value in sorted(inside.items(), key=lambda item: item[1]):
        label = "reference policies, held-out networks" if position == -np.inf else None
        axis.axhline(value, color="0.35", lw=0.9, ls=(0, (4, 3)), zorder=1, label=label)
        position = max(value, position + 0.05 * (axis.get_ylim()[1] - axis.get_ylim()[0]))
        axis.annotate(
            f"{name} {value:.2f}", (1.0, value), xycoords=("axes fraction", "data"),
            xytext=(1.015, position), textcoords=("axes fraction", "data"), va="center", fontsize=8, color="0.2",
            annotation_clip=False,
        )  # fmt: skip
    outside = [f"{name} {value:.2f}" for name, value in references.items() if name not in inside]
    if outside:
        text = "below: " + ", ".join(outside)
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axis.annotate(text, (0.99, 0.02), xycoords="axes fraction", ha="right", fontsize=8, color="0.2", bbox=paper)
    return [{"run": str(run.path), "name": name, "return": value} for name, value in references.items()]


def slice_quality(lines: Lines, picture: Path) -> Path:
    """Per slice: mean normalised QoS of training against its threshold, and how often the threshold is reached."""
    figure, axes = new_figure(1, len(SLICES), (9.0, 3.3), sharey=True)
    iterations = _series(lines, "iteration")
    quality, satisfied = _series(lines, "info/qos_normalised"), _series(lines, "info/satisfied")
    for index, (axis, name) in enumerate(zip(axes, SLICES, strict=True)):
        axis.axhline(THRESHOLD, color="0.35", ls=(0, (4, 3)), lw=1, label="threshold of the normalised QoS")
        axis.plot(iterations, quality[:, index], color=BLUE, lw=1.6, marker=_dot(lines), label="normalised QoS")
        axis.plot(
            iterations,
            satisfied[:, index],
            color=RED,
            lw=1.6,
            ls="-.",
            marker=_dot(lines),
            label="share above the threshold",
        )
        axis.set_title(name, fontsize=10)
        axis.set_xlabel("iteration")
        axis.set_ylim(-0.02, 1.02)
    axes[0].set_ylabel("mean over DUs and steps")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncol=3, frameon=False, fontsize=9)
    rows = [
        {"iteration": line["iteration"], "slice": name, "threshold": THRESHOLD,
         "qos_normalised": quality[row, index], "satisfied": satisfied[row, index]}
        for row, line in enumerate(lines) for index, name in enumerate(SLICES)
    ]  # fmt: skip
    return save_picture(figure, picture, rows)


def selective_sam(lines: Lines, picture: Path) -> Path:
    """Which actors were gated when, the TD-error variances that decided it, and the radii."""
    iterations = _series(lines, "iteration")
    gate, variance, radius = (_series(lines, key) for key in ("gate_open", "td_variance", "rho_actor"))
    threshold, critic_radius = _series(lines, "lambda_td"), _series(lines, "rho_critic")
    num_actors, dot = gate.shape[1], _dot(lines)
    figure, axes = new_figure(3, 1, (7.5, 6.5), sharex=True, height_ratios=(2, 3, 3))
    edges = np.concatenate([[0.0], iterations])  # a line tells of the iterations since the one before
    mesh = axes[0].pcolormesh(
        edges, np.arange(num_actors + 1) - 0.5, gate.T, cmap="cividis", vmin=0, vmax=1, shading="flat"
    )
    axes[0].set_yticks(range(num_actors), [f"{i}" for i in range(num_actors)])
    axes[0].invert_yaxis()
    axes[0].grid(False)
    axes[0].set_ylabel("actor i")
    figure.colorbar(mesh, cax=axes[0].inset_axes([1.02, 0.0, 0.025, 1.0]), label="gate open\n(share of time)")
    for i in range(num_actors):
        look: dict[str, Any] = {
            "color": COLOURS[i % len(COLOURS)],
            "ls": STYLES[i % len(STYLES)],
            "lw": 1.4,
            "marker": dot,
        }
        look["clip_on"] = not dot  # a point stands at the edge of its panel
        axes[1].plot(iterations, variance[:, i], **look, label=f"actor {i}")
        axes[2].plot(iterations, radius[:, i], **look)
    axes[1].plot(
        iterations,
        threshold,
        color="black",
        lw=2.2,
        marker=dot,
        alpha=0.6,
        clip_on=not dot,
        label=r"threshold $\lambda_{TD}$",
    )
    axes[1].set_ylabel(r"TD-error variance $\sigma_i^2$")
    known = variance[np.isfinite(variance) & (variance > 0)]
    if known.size and known.max() > 20 * known.min():
        axes[1].set_yscale("log")
    axes[2].plot(
        iterations, critic_radius, color="black", lw=2.2, marker=dot, alpha=0.6, clip_on=not dot, label="critic"
    )
    axes[2].set_ylabel(r"radius $\rho_i$")
    axes[2].set_xlabel("iteration")
    axes[2].set_ylim(bottom=0)
    axes[2].set_xlim(edges[0], edges[-1])
    for axis in axes[1:]:
        axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False, fontsize=8)
    rows = [
        {"iteration": line["iteration"], "actor": i, "gate_open": gate[row, i], "td_variance": variance[row, i],
         "lambda_td": threshold[row], "rho_actor": radius[row, i], "rho_critic": critic_radius[row]}
        for row, line in enumerate(lines) for i in range(num_actors)
    ]  # fmt: skip
    return save_picture(figure, picture, rows)


def _steps_of_an_iteration(lines: Lines) -> set[float]:
    """Environment steps of all networks together; empty where a single line does not tell."""
    steps, iterations = (lines[-1][name] - lines[0][name] for name in ("env_steps", "iteration"))
    return {steps / iterations} if iterations else set()


def _dot(lines: Lines) -> str:
    """The marker of a line: a run of one entry has no line to draw, and its panel would be empty."""
    return "o" if len(lines) < 2 else ""


def _lines(run: RunDirectory) -> list[dict[str, Any]]:
    lines = run.metrics()
    if not lines:
        raise RunError(f"{run.metrics_file} has no line yet; there is nothing to draw")
    for line in lines:
        shown = [line.get("return"), line.get("validation_return")]
        check_form(shown, (OrNone(float),) * 2, f"{run.metrics_file}, iteration {line['iteration']}, returns")
    return lines


def _shapes(lines: Lines, *keys: str) -> set[tuple[int, ...]]:
    """Of the values of some metrics; (): a number."""
    return {_series(lines, key).shape[1:] for key in keys}


def _series(lines: Lines, key: str) -> NDArray[np.float64]:
    """A metric over the lines, (lines,) or (lines, n); NaN where it is missing or null."""
    values = [line.get(key) for line in lines]
    shape = next((np.shape(value) for value in values if value is not None), ())
    return np.array([np.full(shape, np.nan) if value is None else value for value in values], dtype=np.float64)
