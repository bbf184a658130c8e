"""Results as one HTML file that stands alone: no script, nothing fetched, every text escaped.

`report` is the way through; the words and the order are in templates/report.html. Knows nothing of models and commands.
"""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tutor.mcqa.calibration import Bin, brier_score, expected_calibration_error, reliability
from tutor.mcqa.compare import NO_SUBJECT, OUTCOMES, Comparison, p_told, p_value, verdict
from tutor.mcqa.confidence import Calibration, confidence_of, is_calibrated
from tutor.mcqa.confusion import confusion
from tutor.mcqa.position import position_preference
from tutor.mcqa.report_charts import position_chart, reliability_diagram
from tutor.mcqa.results import Result, Results, RunSettings
from tutor.mcqa.review import printable, shown_as
from tutor.mcqa.score import Score, by_subject, score, wilson

FOLDER = Path(__file__).parent / "templates"
SHOWN = 10  # questions in each list of examples
FEWEST_SHOWN = 3  # of the least sure and the slowest, of which every question is one
SURE = 0.8  # who is so sure and not of the key's opinion may have found a wrong key
MOST_CHARACTERS = 20_000  # of one chain of thought


def _plain(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_environment = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_plain,
)


_environment.filters["exp"] = math.exp


@dataclass(frozen=True)
class Calibrated:
    """How true the confidences are. `ece_raw`: of what there was before fitting, where both are known for every question."""

    bins: tuple[Bin, ...]
    questions: int
    ece: float
    brier: float
    fitted: bool
    ece_raw: float | None


def report(
    results: Results,
    graded: datetime,
    passages: Mapping[str, str] | None = None,
    calibration: Calibration | None = None,
    comparison: Comparison | None = None,
) -> str:
    """The report of `results`, which were finished at `graded`.

    `passages`: the texts that are still to be had, by Passage.id. `calibration`: what the confidences were fitted with; it is
    said where that was on this very sheet. `comparison`: results on the same questions, of which `results` are A.
    """
    rows = results.rows
    values = {
        "style": Markup((Path(__file__).parent / "report.css").read_text("utf-8")),
        "settings": settings_told(results.settings),
        "sheet": results.settings.sheet,
        "model": results.settings.model,
        "course": results.settings.course,
        "k": results.settings.samples,
        "graded": f"{graded:%-d %B %Y, %H:%M}",
        "rows": rows,
        "asked": results.settings.questions,
        "score": score(rows),
        "subjects": subjects(rows),
        "confusion": confusion(rows),
        "found": Counter(row.how or f"none: {row.why or 'unknown'}" for row in rows).most_common(),
        "unparsed_why": Counter(row.why or "unknown" for row in rows if row.letter is None).most_common(),
        "calibrated": calibrated(rows),
        "fitted": is_calibrated(rows),
        "calibration": calibration,
        "fitted_here": bool(calibration and fitted_on(calibration, results.settings)),
        "preference": position_preference(rows),
        "lists": examples(rows),
        "passages": passages or {},
        "comparison": comparison,
        "outcomes": OUTCOMES,
    }
    return _environment.get_template("report.html").render(
        **values,
        reliability_diagram=reliability_diagram,
        position_chart=position_chart,
        marked=marked,
        confidence_of=confidence_of,
        wilson=wilson,
        shown_as=shown_as,
        p_told=p_told,
        p_value=p_value,
        verdict=verdict,
    )


def fitted_on(calibration: Calibration, settings: RunSettings) -> bool:
    """Whether the questions, or some of them, are likely to be those that it was fitted on: the same ones, or the same file."""
    return settings.digest in calibration.digests or settings.sheet in calibration.sheets


def subjects(rows: Sequence[Result]) -> dict[str, Score]:
    """Subject to score, of the subjects that have a key; {} where the sheet names none."""
    found = {subject: figures for subject, figures in by_subject(rows).items() if figures.keyed}
    return {subject or NO_SUBJECT: figures for subject, figures in found.items()} if any(found) else {}


def settings_told(settings: RunSettings) -> dict[str, str]:
    """What the results depend on, in words."""
    course = f"{settings.course}, index of {settings.index}" if settings.course else "none"
    return {
        "Model": settings.model,
        "Engine": settings.engine,
        "Course": course,
        "Passages a question": str(settings.passages) if settings.course else "none",
        "Chains of thought a question": str(settings.samples),
        "Temperature": f"{settings.temperature:g}, the first one greedy" if settings.samples > 1 else "greedy",
        "Seed": str(settings.seed),
        "Most tokens of a chain of thought": str(settings.max_tokens),
        "Where no text commits": "a constrained completion" if settings.fallback else "unparsed",
        "Letter log-probabilities": "asked for" if settings.letter_logprobs else "not asked for",
        "Versions": ", ".join(f"{package} {version}" for package, version in settings.versions.items()),
    }


def calibrated(rows: Sequence[Result]) -> Calibrated | None:
    """Of the questions with key, letter and confidence; None where there are none."""
    told = [row for row in rows if row.outcome in ("right", "wrong")]
    known = [(row, confidence) for row in told if (confidence := confidence_of(row)) is not None]
    if not known:
        return None
    right = [row.outcome == "right" for row, _ in known]
    confidences = [confidence for _, confidence in known]
    raw = [confidence for row, _ in known if (confidence := row.raw_confidence) is not None]
    bins = reliability(confidences, right)
    fitted = is_calibrated(rows)
    before = expected_calibration_error(reliability(raw, right)) if fitted and len(raw) == len(known) else None
    ece = expected_calibration_error(bins)
    return Calibrated(tuple(bins), len(known), ece, brier_score(confidences, right), fitted, before)


@dataclass(frozen=True)
class Shown:
    """A question in a list, under a name that is one in the page; `again` where an earlier list has it in full."""

    row: Result
    anchor: str
    again: bool


@dataclass(frozen=True)
class Examples:
    """Questions to look at. `all`: how many there are; `shown` are the first of them."""

    title: str
    note: str
    shown: tuple[Shown, ...]
    all: int


def examples(rows: Sequence[Result]) -> list[Examples]:
    """The lists of the report that are not empty."""
    unparsed = [row for row in rows if row.letter is None]
    known = [(confidence, row) for row in rows if (confidence := confidence_of(row)) is not None]
    least = [row for _, row in sorted(known, key=lambda pair: pair[0])]
    sure = sorted(((c, row) for c, row in known if c >= SURE and row.outcome == "wrong"), key=lambda pair: -pair[0])
    slowest = sorted(rows, key=lambda row: (-round(row.seconds), -row.tokens))
    few = min(SHOWN, max(FEWEST_SHOWN, len(rows) // 4))
    lists = (
        ("Unparsed", "No option could be read from what the model wrote.", unparsed, SHOWN),
        ("Least sure", "The lowest confidence first.", least, few),
        ("Sure, and not the key", f"Confidence of {SURE:.0%} and more: look at the key, too.", [row for _, row in sure], SHOWN),
        (
            "Slowest",
            "Seconds from when a question's group was asked until its result was there; a group is asked together, and its "
            "questions stand here by their tokens.",
            slowest,
            few,
        ),
    )
    anchors = {row.id: f"q{number}" for number, row in enumerate(rows, 1)}
    seen: set[str] = set()
    found = []
    for title, note, chosen, most in lists:
        shown = tuple(Shown(row, anchors[row.id], row.id in seen) for row in chosen[:most])
        seen |= {one.row.id for one in shown}
        if shown:
            found.append(Examples(title, note, shown, len(chosen)))
    return found


def marked(row: Result) -> Markup:
    """The chain of thought, escaped, with what the letter was found in marked."""
    text = row.reasoning[:MOST_CHARACTERS]
    cut = "" if len(text) == len(row.reasoning) else f" … ({len(row.reasoning) - len(text):,} characters more)"
    sample = next((one for one in row.samples if one.text == row.reasoning and one.letter == row.letter), None)
    begin, end = sample.span if sample and sample.span else (len(text), len(text))
    parts = [html.escape(printable(part)) for part in (text[:begin], text[begin:end], text[end:])]
    inside = f"<mark>{parts[1]}</mark>" if parts[1] else ""
    return Markup(f"{parts[0]}{inside}{parts[2]}{html.escape(cut)}")
