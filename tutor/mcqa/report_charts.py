"""The report's drawings as inline SVG: the reliability diagram, and how often each position is chosen.

Every colour is a variable of report.css. Numbers only: nothing in here comes from a sheet or a model.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from tutor.mcqa.calibration import Bin
from tutor.mcqa.position import Preference

SIDE, LEFT, TOP = 240.0, 58.0, 10.0  # of the square between 0 and 1
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability_diagram(bins: Sequence[Bin]) -> Markup:
    """Confidence to the right, share of right ones up; a dot a bin, larger for more questions, with its 95 % interval."""
    bottom, total = TOP + SIDE, sum(bin.questions for bin in bins)
    drawn = []
    for tick in TICKS:
        x, y = _x(tick), _y(tick)
        drawn += [
            f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{LEFT + SIDE}" y2="{y}"/>',
            f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{tick:.0%}</text>',
            f'<text x="{x}" y="{bottom + 17}" text-anchor="middle">{tick:.0%}</text>',
        ]
    drawn.append(f'<line class="ideal" x1="{LEFT}" y1="{bottom}" x2="{LEFT + SIDE}" y2="{TOP}"/>')
    for bin in bins:
        x, (low, high) = _x(bin.confidence), bin.interval
        told = f"{bin.questions} questions, mean confidence {bin.confidence:.0%}: {bin.share:.0%} right"
        drawn.append(
            f'<g><title>{told}</title><line class="whisker" x1="{x:.1f}" y1="{_y(low):.1f}" x2="{x:.1f}" y2="{_y(high):.1f}"/>'
            f'<circle class="dot" cx="{x:.1f}" cy="{_y(bin.share):.1f}" r="{3 + 8 * (bin.questions / total) ** 0.5:.1f}"/></g>'
        )
    drawn.append(f'<text x="{LEFT + SIDE / 2}" y="{bottom + 36}" text-anchor="middle">confidence</text>')
    drawn.append(
        f'<text transform="translate(11 {TOP + SIDE / 2}) rotate(-90)" text-anchor="middle">share of right ones</text>'
    )
    told = "; ".join(f"{bin.confidence:.0%} sure, {bin.share:.0%} right" for bin in bins)
    return _svg("reliability", "Reliability diagram", told, LEFT + SIDE + 22, bottom + 44, drawn)


def position_chart(found: Preference) -> Markup:
    """A bar for each position, and a mark for what is expected without a preference."""
    width, height, gap = 300.0, 150.0, 0.25
    base = TOP + height
    most = max(max(one.chosen, one.expected) for one in found.positions)
    step = width / len(found.positions)
    drawn = []
    for number, one in enumerate(found.positions):
        left, wide = number * step + gap / 2 * step, (1 - gap) * step
        tall, mark = one.chosen / most * height, base - one.expected / most * height
        middle = left + wide / 2
        drawn.append(
            f"<g><title>{one.label}: chosen {one.chosen} times, {one.expected:.1f} expected</title>"
            f'<rect class="bar" x="{left:.1f}" y="{base - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}"/>'
            f'<line class="expected" x1="{left - 3:.1f}" y1="{mark:.1f}" x2="{left + wide + 3:.1f}" y2="{mark:.1f}"/>'
            f'<text x="{middle:.1f}" y="{base + 16}" text-anchor="middle">{one.label}</text>'
            f'<text class="count" x="{middle:.1f}" y="{base + 32}" text-anchor="middle">{one.chosen}</text></g>'
        )
    told = "; ".join(f"{one.label}: {one.chosen} of {one.expected:.1f} expected" for one in found.positions)
    return _svg("position", "How often each position is chosen", told, width, base + 38, drawn)


def _x(share: float) -> float:
    return LEFT + share * SIDE


def _y(share: float) -> float:
    return TOP + (1 - share) * SIDE


def _svg(name: str, title: str, told: str, width: float, height: float, drawn: Sequence[str]) -> Markup:
    return Markup(
        f'<svg role="img" aria-labelledby="{name}-title {name}-told" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="max-width:{1.3 * width:.0f}px"><title id="{name}-title">{title}</title><desc id="{name}-told">{told}</desc>'
        f"{''.join(drawn)}</svg>"
    )
