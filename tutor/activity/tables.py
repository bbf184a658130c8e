"""An insight as JSON and as CSV, for use elsewhere: without what tells of fewer than three students (see insight.py)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from tutor.activity.exchange import OUTCOMES
from tutor.activity.insight import Insight, Place

HEAD = (
    "table",
    "book",
    "chapter",
    "section",
    "page",
    "day",
    "question",
    "asked",
    *OUTCOMES,
    "rated_down",
    "trouble",
    "students",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet may run begins with one of these


def as_dictionary(insight: Insight) -> dict[str, Any]:
    """For json.dumps."""
    told = insight.for_export()
    return {
        "course": told.course,
        "first": told.first.isoformat(),
        "last": told.last.isoformat(),
        "asked": told.asked,
        "students": told.students_told,
        "outcomes": told.counts,
        "rated_up": told.rated_up,
        "rated_down": told.rated_down,
        "mean_trouble": round(told.mean_trouble, 4),
        "stuck": [{**_place(place), "sentence": told.sentence(place)} for place in told.stuck],
        "days": [{"day": day.day.isoformat(), **dict(zip(OUTCOMES, day.counts, strict=True))} for day in told.days],
        "chapters": [_place(place) for place in told.chapters],
        "sections": [_place(place) for place in told.sections],
        "pages": [_place(place) for place in told.pages],
        "refused": [{"question": asked.question, "times": asked.times} for asked in told.refused],
    }


def as_csv(insight: Insight) -> str:
    """One table of all rows; the column `table` says which they are of. Cells that a spreadsheet might run are defused."""
    told = insight.for_export()
    rows: list[dict[str, Any]] = []
    for day in told.days:
        rows.append(
            {"table": "day", "day": day.day.isoformat(), "asked": day.asked, **dict(zip(OUTCOMES, day.counts, strict=True))}
        )
    for name, places in (("chapter", told.chapters), ("section", told.sections), ("page", told.pages)):
        rows += [{"table": name, **_columns(place)} for place in places]
    rows += [{"table": "refused", "question": asked.question, "refused": asked.times} for asked in told.refused]
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(HEAD)
    table.writerows([defused(row.get(column, "")) for column in HEAD] for row in rows)
    return written.getvalue()


def _place(place: Place) -> dict[str, Any]:
    named = {name: getattr(place, name) for name in ("book", "chapter", "section", "page") if getattr(place, name)}
    return {
        **named,
        **_counts(place, ("asked", "refused", "rated_down", "unsure", "hints", "trouble")),
        "students": place.students_told,
    }


def _columns(place: Place) -> dict[str, Any]:
    return {**_place(place), "hint": place.hints}


def _counts(place: Place, names: Sequence[str]) -> dict[str, int]:
    return {name: getattr(place, name) for name in names}


def defused(cell: object) -> str:
    """The cell with an apostrophe before what a spreadsheet would take for a formula (OWASP, CSV injection)."""
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
