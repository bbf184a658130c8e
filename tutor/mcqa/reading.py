"""What is said at a place where an answer is given: a label, an option's words, its value, or that none is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tutor.mcqa.labels import Form, joined, label_at, mentions
from tutor.mcqa.options import Options
from tutor.mcqa.wording import BOX, END, INSTEAD, IS_WRONG, NONE, NOT, NOT_BEFORE, STILL

# "unknown": a label that no option has; "number": a value that no option has; "not": a label that is denied.
Kind = Literal["label", "words", "value", "not", "several", "none", "unknown", "number"]
LONGEST = 300  # characters of an answer
WRAPPING = re.compile(r"(?:\\[(\[]|[\s*_$]){0,40}")
LIST_MARK = re.compile(r"[(\[*]{0,3}[A-Za-z0-9]{1,2}[.)\]*]{1,3}\s?")
LIKE_A_LABEL = re.compile(r"[\s*$]{0,9}\(?([^\W_]{1,4})\)?(?=[\s*$.]{0,9}$|[.,;](?!\s?\d))")
EMPTY = re.compile(r"\(\s*[_.?]*\s*\)")
FOR = re.compile(
    r"\s+(?:for|in|to|für|pour)\s+(?:\(?[a-e1-4ivx]{1,3}\)|the\s+first|part|question|statement|die|la)", re.IGNORECASE
)
FOR_EACH = re.compile(
    r"[)*_]{0,4}\s+(?:for|für|pour)\s+[^.;\n]{1,40}?(?:,|\s+and|\s+und|\s+et)\s+[(*_]{0,3}(?P<label>[A-Z])[)*_]{0,3}\s+(?:for|für|pour)\b"
)
SEPARATOR = re.compile(r"[\s.:,)*-]{0,9}")


@dataclass(frozen=True)
class Commitment:
    """What is said where an answer is given, from `start` to `end` of the text; `firm` where a cue leaves no doubt.

    `against` is the option whose words or value stand beside a label that is another's; `judged`: the label is called right.
    """

    kind: Kind
    start: int
    end: int
    label: str | None = None
    firm: bool = True
    against: str | None = None
    judged: bool = False


@dataclass(frozen=True)
class Said:
    """What is read at a place, and where it ends: one commitment, or "not A" and what is said instead."""

    parts: tuple[Commitment, ...]
    end: int


def read(text: str, at: int, options: Options) -> Said | None:
    """What is said where an answer is given; None where it is nothing about an option."""
    begin, end = answer_at(text, at)
    said = text[begin:end]
    plain = said.lstrip(" (*\"'$\n")
    lead = begin + len(said) - len(plain)
    named = options.by_beginning(plain)
    if not named and (denied := NOT.match(said)):
        form = label_at(text, begin + denied.end(), options)
        if form is None or form.label not in options.labels:
            other = options.by_beginning(said[denied.end() :].lstrip(" (*\"'$"))
            return _one("not", begin, end, other[0], end) if other else None
        return Said((Commitment("not", begin, form.end, form.label), *instead(text, form, options)), end)
    if token := _like_a_label(said, options):
        return _one("words", begin, begin + token[1], token[0], end)
    if EMPTY.match(said):
        return _one("none", begin, end, None, end)
    form = label_at(text, at, options)
    if form and form.label in options.labels:
        # "2" may be the second option or the one that says 2, "I" the ninth or the first statement.
        ambiguous = options.digits and options.by_value(form.label)[0] not in (None, form.label)
        if not form.sure and (ambiguous or (options.roman and form.label == "I")):
            return _one("several", begin, form.end, None, end)
        # "I and II only", "A rise in prices" are an option's words.
        if named and not form.sure and named[1] > form.end - lead + 1 and named[0] != form.label:
            return _one("words", begin, lead + named[1], named[0], end)
        return stated(text, form, begin, end, options)
    if named:
        return _unless_labelled("words", text, begin, lead + named[1], named[0], end, options)
    value, numeric = options.by_value(plain)
    none = NONE.search(said)
    if none:
        return _none(text, begin, begin + none.end(), end, options)
    if value:
        return _unless_labelled("value", text, begin, end, value, end, options)
    mentioned = [m for m in mentions(text, begin, end, options) if not denied_before(text, begin, m.start)]
    if len({m.label for m in mentioned}) == 1 and not IS_WRONG.match(text, mentioned[-1].end, end):
        return _one("label", begin, mentioned[-1].end, mentioned[-1].label, end)
    if form:
        return _one("unknown", begin, form.end, None, end)
    return _one("number", begin, end, None, end) if numeric else None


def _one(kind: Kind, start: int, end: int, label: str | None, until: int) -> Said:
    return Said((Commitment(kind, start, end, label),), until)


def answer_at(text: str, at: int) -> tuple[int, int]:
    """From where an answer begins, behind its wrapping, to where it ends: with its box, its sentence or its line."""
    lead = WRAPPING.match(text, at)
    begin = lead.end() if lead else at
    if box := BOX.match(text, begin):
        return box.end(), closed(text, box.end())
    # "B. Technological developments": the stop behind a label ends nothing.
    mark = LIST_MARK.match(text, begin)
    end = END.search(text, mark.end() if mark else begin, begin + LONGEST)
    return begin, end.start() if end else min(len(text), begin + LONGEST)


def closed(text: str, at: int) -> int:
    """Where the brace that is opened before `at` is closed."""
    depth = 1
    for place in range(at, min(len(text), at + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return place
    return min(len(text), at + LONGEST)


def _like_a_label(said: str, options: Options) -> tuple[str, int] | None:
    """An option whose text looks like a label, as it is written: "(a)" where F is "(a)"."""
    match = LIKE_A_LABEL.match(said)
    if match and match[1] not in options.labels and (label := options.tokens.get(match[1])):
        return label, match.end()
    return None


def stated(text: str, form: Form, begin: int, end: int, options: Options) -> Said:
    """The label, or the several that are joined to it, unless an option is about these: "A and B"."""
    forms = joined(text, form, options)
    if len({one.label for one in forms}) > 1 or _for_parts(text, form, end, options):
        whole = options.by_words(text[begin : forms[-1].end])
        return _one("words" if whole else "several", begin, forms[-1].end, whole, max(end, forms[-1].end))
    return Said((Commitment("label", begin, form.end, form.label, against=_beside(text, form, options)),), max(end, form.end))


def _for_parts(text: str, form: Form, end: int, options: Options) -> bool:
    """ "(C) for the first and (E) for the second", "A for France and C for Germany"."""
    if (each := FOR_EACH.match(text, form.end)) and each["label"] in options.labels - {form.label}:
        return True
    return bool(FOR.match(text, form.end)) and any(m.label != form.label for m in mentions(text, form.end, end, options))


def _beside(text: str, form: Form, options: Options) -> str | None:
    """The option whose words or value follow a label that is another's: "(B) 2/3" where 2/3 is C."""
    separator = SEPARATOR.match(text, form.end)
    at = separator.end() if separator else form.end
    end = END.search(text, at, at + LONGEST)
    following = text[at : end.start() if end else at + LONGEST]
    if "\n" in text[form.end : at] or not following:
        return None
    named = options.by_beginning(following)
    other = named[0] if named else options.by_value(following)[0]
    return other if other != form.label else None


def _none(text: str, begin: int, at: int, end: int, options: Options) -> Said:
    """None of the options is right; but an option may say that, and one may be named as the closest."""
    mentioned = list(mentions(text, at, end, options)) if STILL.search(text, at, end) else []
    if len({m.label for m in mentioned}) == 1:
        return _one("label", begin, mentioned[0].end, mentioned[0].label, end)
    return _one("words" if options.none_of else "none", begin, end, options.none_of, end)


def _unless_labelled(kind: Kind, text: str, begin: int, until: int, label: str, end: int, options: Options) -> Said:
    """An option by its content, unless its sentence has a label too: "The answer is 12 m (B)"."""
    mentioned = {m.label: m for m in mentions(text, begin, end, options) if not denied_before(text, begin, m.start)}
    if len(mentioned) == 1:
        ((named, form),) = mentioned.items()
        return Said((Commitment("label", begin, form.end, named, against=label if label != named else None),), end)
    return _one(kind, begin, until, label, end)


def denied_before(text: str, begin: int, at: int) -> bool:
    return bool(NOT_BEFORE.search(text[max(begin, at - 40) : at].replace("*", "").replace("_", "")))


def instead(text: str, form: Form, options: Options) -> Iterator[Commitment]:
    """The label behind "not (A) but"."""
    but = INSTEAD.match(text, form.end)
    if but and (other := label_at(text, but.end(), options)) and other.label in options.labels:
        yield Commitment("label", form.end, other.end, other.label)
