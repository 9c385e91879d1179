"""The validation returns of all arms over all phases."""

from __future__ import annotations

from pathlib import Path

from tasam_agents.experiments.forgetting.experiment import WHERE
from tasam_agents.experiments.forgetting.result import NAMES, ForgettingResult, spoken
from tasam_agents.plotting.style import COLOURS, STYLES, new_figure, save_picture


def draw_forgetting(result: ForgettingResult, picture: Path) -> Path:
    """Validation return on A and on B over all phases, mean over the seeds, the switches marked."""
    plan = result.plan
    figure, axes = new_figure(1, 2, (9.5, 4.0), sharex=True)
    rows = []
    for number, arm in enumerate(plan.arms):
        points = result.curve(arm)
        for axis, where in zip(axes, WHERE, strict=True):
            x, y = [point["iteration"] for point in points], [point[where] for point in points]
            axis.plot(x, y, STYLES[number], color=COLOURS[number], lw=1.7, marker="os^D"[number], ms=3.5,
                      label=NAMES[arm])  # fmt: skip
        rows += [{"arm": arm, **point} for point in points]
    iterations = plan.config.iterations
    switches = [iterations, 2 * iterations][: 2 if plan.back_iterations else 1]
    last = 2 * iterations + plan.back_iterations
    for axis, title, kwargs in zip(axes, "AB", (plan.first, plan.then), strict=True):
        for at in switches:
            axis.axvline(at, color="0.35", lw=1.0, ls=(0, (4, 3)))
        for begin, end, name in zip([0, *switches], [*switches, last], "ABA", strict=False):
            axis.annotate(f"on {name}", ((begin + end) / 2, 1.0), xycoords=("data", "axes fraction"), ha="center",
                          va="bottom", fontsize=8, color="0.35")  # fmt: skip
        axis.set_title(f"on {title}: {spoken(kwargs)}", fontsize=9, pad=14)
        axis.set_xlabel("iteration")
    axes[0].set_ylabel("return on validation networks")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncol=len(labels), frameon=False, fontsize=9)
    return save_picture(figure, picture, rows)
