"""The questions that a person should look at, as a CSV file for a spreadsheet. Knows nothing of keys."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from tutor.activity.tables import defused
from tutor.mcqa.confidence import confidence_of
from tutor.mcqa.results import Result

HEAD = ("id", "subject", "question", "options", "letter", "confidence", "why", "reasoning", "citations", "decision")
LONGEST_CELL = 32_000  # characters; beyond 32,767 Excel cuts without a word
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Flagged:
    """A question for a person, and why, in words."""

    result: Result
    confidence: float | None
    why: str


def review_queue(results: Sequence[Result], below: float) -> list[Flagged]:
    """Unparsed ones, then those whose confidence is unknown or under `below`, or whose letter has another option's words beside
    it; the least sure first."""
    flagged = []
    for result in results:
        confidence = confidence_of(result)
        if why := _why(result, confidence, below):
            flagged.append(Flagged(result, confidence, why))
    return sorted(flagged, key=lambda one: (one.result.letter is not None, -1.0 if one.confidence is None else one.confidence))


def _why(result: Result, confidence: float | None, below: float) -> str:
    if result.letter is None:
        return f"no option: {result.why}" if result.why else "no option"
    reasons = []
    if confidence is None:
        reasons.append("confidence unknown")
    elif confidence < below:
        reasons.append(f"confidence under {below:.2f}")
    words = next((sample.against for sample in result.samples if sample.letter == result.letter), None)
    if words and words != result.letter:
        reasons.append(f"the words beside the letter are those of {words}")
    if reasons and result.fallback:
        reasons.append("no chain of thought said a letter")
    return "; ".join(reasons)


def as_csv(flagged: Sequence[Flagged]) -> str:
    """A row each; `decision` is empty, for the person. Begins with a byte order mark, without which Excel garbles accents."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(HEAD)
    for one in flagged:
        result = one.result
        cells = (
            result.id,
            result.subject,
            result.question,
            "\n".join(f"{label}) {text}" for label, text in result.options.items()),
            result.letter or "",
            "" if one.confidence is None else f"{one.confidence:.2f}",
            one.why,
            reasoning_told(result),
            "\n".join(f"[{cited.number}] {cited.book}, {cited.label}" for cited in result.citations),
            "",
        )
        table.writerow([_cell(cell) for cell in cells])
    return "\ufeff" + written.getvalue()


def _cell(text: str) -> str:
    text = printable(text)
    if len(text) > LONGEST_CELL:
        text = f"{text[:LONGEST_CELL]} … (cut: the results file has all of it)"
    return defused(text)


def reasoning_told(result: Result) -> str:
    """The reasoning, with how its options stood before it where not as in the sheet."""
    order = shown_as(result)
    return f"(Options shuffled: {order}.)\n{result.reasoning}" if order else result.reasoning


def shown_as(result: Result) -> str:
    """How the options stood in the reasoning, where not as in the sheet: "A is C, B is A, ..."; "" otherwise."""
    sample = next((one for one in result.samples if one.text == result.reasoning and one.letter == result.letter), None)
    if sample is None or sample.order == tuple(result.options):
        return ""
    return ", ".join(f"{letter} is {label}" for letter, label in zip(ascii_uppercase, sample.order, strict=False))


def printable(text: str) -> str:
    """Without control characters and halves of surrogate pairs, which no file of text can hold."""
    return UNPRINTABLE.sub("\ufffd", text)
