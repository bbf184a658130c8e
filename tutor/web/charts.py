"""What a course's log says, as HTML that needs no script: figures, two charts drawn as SVG, and the same as tables.

Widths are percentages and heights pixels, so that a chart fills any screen and its words stay as large as the page's. Titles
and questions come from books and students: everything is escaped here.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

from tutor.activity.exchange import OUTCOMES
from tutor.activity.insight import ENDS, Day, Insight, Place

STYLE = (Path(__file__).parent / "charts.css").read_text("utf-8")
MOST_BARS = 62  # beyond so many days, a bar is a week
MOST_PLACES = 12
LONGEST_QUESTION = 200  # characters
LONGEST_LABEL = 46  # characters that a phone's width has room for
LEFT, RIGHT = 7.0, 99.5  # percent
TOP, BOTTOM = 16, 176  # pixels
ROW = 44


def insight_page(insight: Insight) -> str:
    """The fragment for an instructor's page, with its style."""
    parts = [
        f'<section class="insight" aria-label="What was asked"><style>{STYLE}</style>',
        _figures(insight),
        _stuck(insight),
    ]
    if insight.asked:
        parts += [_days(insight), _sections(insight), _table_of("By chapter", insight.chapters)]
        parts += [_table_of("By page", insight.pages), _refused(insight)]
    return "".join([*parts, "</section>"])


def _figures(insight: Insight) -> str:
    counts = insight.counts
    figures = {
        "questions": insight.asked,
        "students": insight.students_told,
        "not in the books": counts["refused"],
        "doubtful": counts["unsure"],
        "rated up": insight.rated_up,
        "rated down": insight.rated_down,
    }
    told = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in figures.items())
    return f"<p>{insight.first:%-d %B %Y} to {insight.last:%-d %B %Y} (days in UTC)</p><dl>{told}</dl>"


def _stuck(insight: Insight) -> str:
    if not insight.stuck:
        return (
            "<p>No section has clearly more trouble than the course as a whole.</p>" if insight.asked else "<p>Nothing yet.</p>"
        )
    told = "".join(f"<li>{html.escape(insight.sentence(place))}</li>" for place in insight.stuck)
    return f'<h3>Where students are stuck</h3><ul class="stuck">{told}</ul>'


def _days(insight: Insight) -> str:
    """Stacked bars, one a day, or a week where there are many."""
    bars, unit = _bars(insight.days)
    most = max((bar.asked for bar in bars), default=0) or 1
    step = (RIGHT - LEFT) / len(bars)
    shown = [outcome for outcome in OUTCOMES if insight.counts[outcome]]
    drawn = [_grid(most)]
    for number, bar in enumerate(bars):
        base = float(BOTTOM)
        for outcome, count in zip(OUTCOMES, bar.counts, strict=True):
            if not count:
                continue
            height = count / most * (BOTTOM - TOP)
            base -= height
            said = f"{_day(bar)}: {count} {ENDS[outcome]}"
            drawn.append(
                f'<rect x="{LEFT + (number + 0.1) * step:.2f}%" y="{base:.1f}" width="{0.8 * step:.2f}%" height="{height:.1f}"'
                f' style="fill:var(--{outcome})"><title>{said}</title></rect>'
            )
    for place, anchor, bar in ((LEFT, "start", bars[0]), (RIGHT, "end", bars[-1])):
        drawn.append(f'<text x="{place}%" y="{BOTTOM + 18}" text-anchor="{anchor}">{_day(bar)}</text>')
    what = f"{insight.asked} questions; at most {most} in a {unit}"
    table = _table(
        [unit.capitalize(), "Questions", *(ENDS[outcome].capitalize() for outcome in shown)],
        ([_day(bar), bar.asked, *(bar.counts[OUTCOMES.index(outcome)] for outcome in shown)] for bar in bars if bar.asked),
    )
    key = [(ENDS[outcome], outcome) for outcome in shown]
    return _chart("days", f"Questions by {unit}", what, BOTTOM + 26, drawn, key, table)


def _sections(insight: Insight) -> str:
    """Bars of how much was asked, with how much of it went wrong."""
    places = insight.sections[:MOST_PLACES]
    most = max((place.asked for place in places), default=0)
    if not most:
        return ""
    drawn = []
    for number, place in enumerate(places):
        top = number * ROW
        told = f"{place.trouble} of {place.asked}"
        whole = html.escape(_full_name(place))
        # The figure stands behind the bar, which leaves room for it.
        width, wrong = place.asked / most * 80, place.trouble / most * 80
        drawn.append(
            f'<g><title>{whole}: {told} with trouble</title><text x="0" y="{top + 14}">{html.escape(_short(place.name))}</text>'
            f'<rect x="0" y="{top + 20}" width="{width:.2f}%" height="16" style="fill:var(--asked)"/>'
            f'<rect x="0" y="{top + 20}" width="{wrong:.2f}%" height="16" style="fill:var(--trouble)"/>'
            f'<text x="{width + 1:.2f}%" y="{top + 33}">{told}</text></g>'
        )
    what = "; ".join(f"{place.name}: {place.trouble} of {place.asked}" for place in places)
    key = [("not in the books, rated down or doubtful", "trouble"), ("all other questions", "asked")]
    table = _table(PLACE_HEAD, map(_place_row, insight.sections))
    return _chart("sections", "Questions by section", what, len(places) * ROW, drawn, key, table)


PLACE_HEAD = ("Place", "Questions", "Not in the books", "Rated down", "Doubtful", "Hints", "With trouble", "Students")


def _place_row(place: Place) -> Sequence[object]:
    counts = (place.asked, place.refused, place.rated_down, place.unsure, place.hints, place.trouble)
    return (_full_name(place), *counts, place.students_told)


def _table_of(title: str, places: Sequence[Place]) -> str:
    """Places that have no chart of their own."""
    if not places:
        return ""
    return f"<h3>{title}</h3>{_folded(f'{len(places)} rows', _table(PLACE_HEAD, map(_place_row, places)))}"


def _refused(insight: Insight) -> str:
    if not insight.refused:
        return ""
    rows = [(_begun(asked.question), asked.times) for asked in insight.refused]
    return f"<h3>Asked, and not in the books</h3>{_table(('Question', 'Times'), rows)}"


def _begun(question: str) -> str:
    """As much of a question as tells what it is about."""
    return (
        question
        if len(question) <= LONGEST_QUESTION
        else f"{question[:LONGEST_QUESTION].rstrip()}… ({len(question):,} characters)"
    )


def _chart(
    name: str, title: str, what: str, height: int, drawn: Sequence[str], key: Sequence[tuple[str, str]], table: str
) -> str:
    """A drawing with its title, what it says in words, its key, and the table that says the same."""
    named = "".join(f'<li><i style="background:var(--{colour})"></i>{text}</li>' for text, colour in key)
    return (
        f'<h3>{title}</h3><ul class="key">{named}</ul>'
        f'<svg role="img" aria-labelledby="insight-{name} insight-{name}-told" width="100%" height="{height}">'
        f'<title id="insight-{name}">{title}</title><desc id="insight-{name}-told">{html.escape(what)}</desc>'
        f"{''.join(drawn)}</svg>{_folded('As a table', table)}"
    )


def _grid(most: int) -> str:
    """Lines at the whole numbers that stand at nought, about half, and the most."""
    lines = []
    for value in sorted({0, most // 2, most}):
        y = BOTTOM - value / most * (BOTTOM - TOP)
        lines.append(f'<line x1="{LEFT}%" x2="{RIGHT}%" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 1}%" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    return "".join(lines)


def _bars(days: Sequence[Day]) -> tuple[Sequence[Day], str]:
    """The days, or weeks that go by their first day, and the name of what they are."""
    if len(days) <= MOST_BARS:
        return days, "day"
    first = days[0].day - timedelta(days=days[0].day.weekday())
    weeks: dict[int, list[Day]] = {}
    for day in days:
        weeks.setdefault((day.day - first).days // 7, []).append(day)
    sums = [Day(week[0].day, tuple(map(sum, zip(*(day.counts for day in week), strict=True)))) for week in weeks.values()]
    return sums, "week"


def _day(day: Day) -> str:
    return f"{day.day:%-d %b}"


def _full_name(place: Place) -> str:
    parts = [place.book, place.chapter, place.section if not place.section.startswith(place.chapter) else "", place.page]
    if place.section.startswith(place.chapter) and place.section:
        parts[1] = place.section
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1].rstrip() + "…"


def _folded(summary: str, body: str) -> str:
    return f"<details><summary>{summary}</summary>{body}</details>"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    def cells(tag: str, values: Sequence[object]) -> str:
        return "".join(f"<{tag}>{html.escape(str(value))}</{tag}>" for value in values)

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'
