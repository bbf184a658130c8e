"""From a chain of thought to the option that it commits to. Knows no model, no key and no question: only text and options.

A wrong letter does harm, none is only work: where a text does not settle it, the answer is none, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tutor.mcqa import corrections, lateness, listed, runon
from tutor.mcqa.commitments import commitments
from tutor.mcqa.labels import label_at
from tutor.mcqa.options import Options, labelled
from tutor.mcqa.plain import Flat, flattened
from tutor.mcqa.reading import Commitment

How = Literal["stated letter", "letter late", "option's content", "option's value"]
Why = Literal["no commitment", "two commitments", "truncated", "looped", "not an option"]
HEAD = 100_000  # characters at the beginning in which another question is looked for; a longer text's end is read without
WINDOW = 20_000  # characters before the end of the answering in which it commits itself
MOST_MARKS = 12
NO_OPTION = re.compile(
    r"\bnone of the (?:given |provided |above )?(?:options|choices|answers|above)|\bnot (?:listed|among|one of|an option)",
    re.IGNORECASE,
)
NEAR = 200  # characters between a letter and a value that belongs to it


@dataclass(frozen=True)
class Choice:
    """The option that a text commits to, or why it commits to none.

    `letter` is the option's label as given, None where there is none; then `why` says why, and `how` is None.
    `how` it was found: "stated letter" is a label in a sentence that gives the answer ("The answer is (B)."); "letter late"
    a label that stands at the end, or is judged right, without such a sentence; "option's content" and "option's value" an
    option's words or a number equal to it.
    `span`: `text[slice(*span)]` is what it was found in, in characters of the text given; None where there is nothing to show.
    `run_on`: the text went on to another question, and what came from there on was left out.
    `against`: the option whose words or value stand beside a letter that is another's; worth a person's look.
    """

    letter: str | None
    how: How | None = None
    span: tuple[int, int] | None = None
    why: Why | None = None
    run_on: bool = False
    against: str | None = None


def extract(text: str, options: Sequence[str] | Mapping[str, str]) -> Choice:
    """The option that `text` commits to in the end.

    Options given as a sequence are labelled A, B, C, ...; a mapping gives the labels, letters or numbers. Only the last
    20,000 characters of the answering are read, and of a text of more than 100,000 the end. Raises ValueError where there are
    fewer than 2 or more than 26 options, or labels are not letters or numbers, or two are alike.
    """
    known = labelled(options)
    text = runon.without_thinking(text)
    flat = flattened(text[:HEAD])
    end, run_on = _answering(flat.text, known)
    if not run_on and len(text) > HEAD:
        flat = flattened(text[-WINDOW:], len(text) - WINDOW)
        end = len(flat.text)
    start = max(0, end - WINDOW)
    choice = _settled(flat.text[start:end], known, run_on)
    return _placed(choice, known, flat, start)


def _placed(choice: Choice, options: Options, flat: Flat, start: int) -> Choice:
    # An end is where the last character stood, and one: behind it there may be a gap.
    span = choice.span and (flat.place(choice.span[0] + start), flat.place(choice.span[1] + start - 1) + 1)
    letter = options.given[choice.letter] if choice.letter else None
    return replace(choice, letter=letter, span=span, against=options.given[choice.against] if choice.against else None)


def _answering(text: str, options: Options) -> tuple[int, bool]:
    """Where the answering ends, and whether another question begins there."""
    for mark in runon.marks(text)[:MOST_MARKS]:
        before = text[max(0, mark - WINDOW) : mark]
        if not before.strip():
            continue
        if not _committed(before, options) and (
            (len(before) < runon.INTRODUCTION and _announces(before)) or runon.ours(text, mark, options)
        ):
            continue
        end = mark
        break
    else:
        end = len(text)
    begin = max(0, end - WINDOW)
    firm = _committed(text[begin:end], options)
    letters = [one for one in firm if one.kind == "label"]
    if letters:
        for mark in runon.again(text[:end], begin + letters[0].end):
            if runon.ours(text, mark, options):
                continue
            colon = text.find(":", mark, mark + 40)
            form = label_at(text, colon + 1, options) if colon >= 0 else None
            if form is None or form.label not in options.labels:
                return mark, True
    return end, end < len(text)


def _announces(before: str) -> bool:
    """Whether what stands before "Question:" only says that it comes."""
    return before.rstrip().rstrip("*_").endswith(":") or not re.search(r"[.!?]", before)


def _committed(text: str, options: Options) -> list[Commitment]:
    return [one for one in commitments(text, options) if one.firm and one.label and one.kind != "not"]


def _settled(text: str, options: Options, run_on: bool) -> Choice:
    found = corrections.applied(text, commitments(text, options), options)
    firm = [one for one in found if one.firm]
    last = _last(firm)
    if last is None or last.kind in ("none", "unknown", "number", "several"):
        later = [one for one in found if not one.firm and (last is None or one.end > last.end)]
        weak = listed.judged_each(text, options) or lateness.weak(text, later, options)
        if weak:
            return Choice(weak.label, _how(weak, late=True), (weak.start, weak.end), run_on=run_on)
        if last is None:
            late = None if later or firm else lateness.late(text, options, run_on)
            if late:
                return Choice(late.label, _how(late, late=True), (late.start, late.end), run_on=run_on)
            return Choice(None, why=_why_none(text, later, run_on), run_on=run_on)
        why: Why = "two commitments" if last.kind == "several" else "not an option"
        return Choice(None, span=(last.start, last.end), why=why, run_on=run_on)
    if lateness.in_parts(text, firm):
        return Choice(None, span=(last.start, last.end), why="two commitments", run_on=run_on)
    if corrections.cut_off(text, firm):
        return Choice(None, span=(last.start, last.end), why="truncated", run_on=run_on)
    if lateness.alternates(text, firm, options):
        why = "looped" if len(firm) > 3 else "two commitments"
        return Choice(None, span=(last.start, last.end), why=why, run_on=run_on)
    if corrections.stated_in_turn(text, firm, options):
        why = "looped" if len(firm) > 3 else "two commitments"
        return Choice(None, span=(last.start, last.end), why=why, run_on=run_on)
    if corrections.unsettled(text, last, found, options):
        return Choice(None, span=(last.start, last.end), why="two commitments", run_on=run_on)
    if last.kind != "label" and NO_OPTION.search(text[last.end :]):
        return Choice(None, span=(last.start, last.end), why="not an option", run_on=run_on)
    against = last.against or (lateness.contradicts(text, last, options) if last.kind == "label" else None)
    return Choice(last.label, _how(last, late=False), (last.start, last.end), run_on=run_on, against=against)


def _how(one: Commitment, late: bool) -> How:
    match one.kind:
        case "words":
            return "option's content"
        case "value":
            return "option's value"
    return "letter late" if late else "stated letter"


def _last(firm: list[Commitment]) -> Commitment | None:
    """The commitment that stands in the end: a later one replaces an earlier one, but content beside a letter does not."""
    current: Commitment | None = None
    for one in firm:
        match one.kind:
            case "not":
                if current and current.label == one.label:
                    current = None
            case "words" | "value" | "number" if current and current.kind == "label":
                if one.label == current.label or one.kind == "number":
                    continue
                if one.start - current.end < NEAR:
                    current = replace(current, against=one.label)
                else:
                    current = Commitment("several", current.start, one.end)
            case _:
                current = one
    return current


def _why_none(text: str, later: list[Commitment], run_on: bool) -> Why:
    if later:
        return "two commitments"
    if runon.looped(text):
        return "looped"
    return "no commitment" if run_on or runon.finished(text) else "truncated"
