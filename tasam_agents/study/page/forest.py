"""Effects as a picture: for each claim what was measured, its interval, and what it has to beat.

Every row has a scale of its own, since one effect is a return and the next a number of updates. Zero stands in the
middle of all rows, and the right is where the paper says the effect is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from tasam_agents.study.page.page import Finding, Weighed

WIDTH, HEIGHT = 240, 22  # of a row, in its own units
MIDDLE, REACH, Y = WIDTH / 2, 110.0, HEIGHT / 2
LETTERS, NUMBERS = 78, 54  # letters of a claim and of its number, in the picture that stands alone
COLOURS = {"supported": "#00684a", "not supported": "#a83e00", "inconclusive": "#7a5200", "described": "#4a5561"}
LEGEND = "dot: effect; bar: 95 % interval; line in the middle: none; dashes: margin to beat; diamond: the paper's size"


def row(weighed: Weighed, colour: str) -> str:
    """The marks of one effect, as SVG elements; colour: of the dot and the bar, in CSS."""
    known = [value for value in weighed[1:6] if value is not None and value == value]
    if weighed.mean != weighed.mean:
        known = []
    largest = max((abs(value) for value in known), default=0.0) or 1.0

    def x(value: float) -> str:
        return f"{MIDDLE + REACH * value / largest:.1f}"

    marks = [f'<path d="M{MIDDLE:g} 1V{HEIGHT - 1}" stroke="#8a949e"/>']
    if weighed.margin is not None and known:
        marks.append(f'<path d="M{x(weighed.margin)} 1V{HEIGHT - 1}" stroke="#8a949e" stroke-dasharray="3 2"/>')
    if weighed.claimed is not None and known:
        marks.append(f'<path d="M{x(weighed.claimed)} 6l5 5-5 5-5-5z" fill="none" stroke="#8a949e"/>')
    if weighed.low is not None and weighed.high is not None and known:
        marks.append(f'<path d="M{x(weighed.low)} {Y:g}H{x(weighed.high)}" stroke="{colour}" stroke-width="4"/>')
    if known:
        marks.append(f'<circle cx="{x(weighed.mean)}" cy="{Y:g}" r="4.5" fill="{colour}"/>')
    return "".join(marks)


def row_picture(finding: Finding) -> str:
    """A row of the summary; empty if there is no number to show."""
    if finding.weighed is None:
        return ""
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(finding.weighed.text)}">'
        f"{row(finding.weighed, 'currentColor')}</svg>"
    )


def whole_picture(findings: Sequence[Finding], badge: Callable[[str], str]) -> str:
    """All rows that have a number, with their claims, as one SVG that stands alone.

    Args:
        findings: in their order.
        badge: how a verdict is written.
    """
    shown = [(finding, finding.weighed) for finding in findings if finding.weighed is not None]
    wide, line = 1340, 26
    lines = []
    for number, (finding, weighed) in enumerate(shown):
        top = 34 + line * number
        colour = COLOURS[finding.verdict]
        claim = _cut(finding.claim.replace("`", ""), LETTERS)
        lines.append(
            f'<text x="8" y="{top + 15}">{escape(claim)}</text>'
            f'<text x="560" y="{top + 15}" fill="{colour}" font-weight="bold">{escape(badge(finding.verdict))}</text>'
            f'<g transform="translate(690 {top})">{row(weighed, colour)}</g>'
            f'<text x="945" y="{top + 15}">{escape(_cut(weighed.text, NUMBERS))}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {40 + line * len(shown)}" width="{wide}" '
        f'font-family="system-ui, sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="8" y="20" fill="#59636e">{escape(LEGEND)}</text>{"".join(lines)}</svg>\n'
    )


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
