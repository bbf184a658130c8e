"""What a text ends on where no sentence gives the answer: a label in its last sentence, an option's words, its value."""

from __future__ import annotations

import re

from tutor.mcqa import runon
from tutor.mcqa.commitments import NONE, WRONG, Commitment
from tutor.mcqa.labels import Form, label_at, mentions
from tutor.mcqa.options import Options
from tutor.mcqa.plain import words

SENTENCES = 2  # at the end in which a label counts
PART = re.compile(r"(?:^|\n|(?<=[.:;)]\s))[ \t*_]{0,6}(?:part\s+)?\(?(?P<part>[a-e]|i{1,3}|[1-4])[).:][*_]{0,2}(?=\s)", re.IGNORECASE)
# The beginning of a sentence that was about to give the answer.
STUB = re.compile(r"\s*(?:(?:so|thus|hence|therefore),?\s*)?(?:the|the (?:final |correct |best )?(?:answ\w*|opt\w*|cho\w*)(?:\s+is)?)?[\s:(*]*", re.IGNORECASE)
CONCLUDES = re.compile(r"^\W*(?:so|thus|hence|therefore|in conclusion|consequently|then|finally|as a result|overall|donc|ainsi|also|somit|daher|folglich)\b[\s,]*|^\W*(?:this|that|it)\s+(?:is|leaves|means)\b", re.IGNORECASE)
COMES_TO = re.compile(r"(?:=|≈|\\approx|\b(?:is|are|be|equals|about|approximately|gives|get|yields|obtain|to|of|ist|est|beträgt|ergibt|vaut|donne))\s*(?P<value>[^=≈]{1,80})$", re.IGNORECASE)
HYPOTHETICAL = re.compile(r"\b(?:if|assum\w+|suppose|would be|might|perhaps|maybe)\b", re.IGNORECASE)
COVERS = 0.6  # of a last sentence that an option's words must make up


def weak(text: str, later: list[Commitment], options: Options) -> Commitment | None:
    """The one option that is chosen or judged right without a sentence that gives the answer."""
    labels = [one for one in later if one.kind == "label"]
    if not labels or any(one.kind == "several" for one in later):
        return None
    chosen = labels[-1]
    if len({one.label for one in labels}) > 1:
        return None
    after = text[chosen.end :]
    return None if WRONG.match(after[:80]) or (NONE.search(after) and not re.match(r"\s*\(", after)) else chosen


def in_parts(text: str, firm: list[Commitment]) -> bool:
    """Whether parts (a) and (b) of a question are answered with a letter each."""
    stated = [one for one in firm if one.label and one.kind != "not"]
    parts = {match["part"].lower(): match.start() for match in PART.finditer(text)}
    for first, second in (("a", "b"), ("1", "2"), ("i", "ii")):
        if first in parts and second in parts and parts[first] < parts[second]:
            before = {one.label for one in stated if parts[first] < one.start < parts[second]}
            behind = [one.label for one in stated if one.start > parts[second]]
            return len(before) == 1 and len(behind) == 1 and behind[0] not in before
    return False


def alternates(firm: list[Commitment]) -> bool:
    """Whether different letters are stated one right after the other, with nothing between."""
    stated = [one for one in firm if one.kind == "label"]
    for earlier, later in zip(stated, stated[1:], strict=False):
        if later is stated[-1] and earlier.label != later.label and 0 <= later.start - earlier.end < 4:
            return True
    return False


def late(text: str, options: Options, run_on: bool) -> Commitment | None:
    """The option that the last finished sentences end on; None for a text that goes round in circles or breaks off elsewhere."""
    found = runon.sentences(text, max(0, len(text) - 3_000))
    if not found or runon.looped(text):
        return None
    begin, end = found[-1]
    if not run_on and not runon.finished(text):
        if not STUB.fullmatch(text[begin:end]) or len(found) < 2:
            return None
        found = found[:-1]
        begin, end = found[-1]
    if NONE.search(text[found[-min(3, len(found))][0] : end]):
        return None
    return _label(text, found, options) or _line(text, found, options) or _content(text, begin, end, options) or _value(text, begin, end, options)


def _label(text: str, found: list[tuple[int, int]], options: Options) -> Commitment | None:
    alone = label_at(text, found[-1][0], options)
    if alone and alone.label in options.labels and not text[alone.end : found[-1][1]].strip(" .*\n"):
        return Commitment("label", alone.start, alone.end, alone.label)
    for begin, end in reversed(found[-SENTENCES:]):
        forms = [form for form in mentions(text, begin, end, options) if not form.label.isdigit()]
        if not forms:
            continue
        if len({form.label for form in forms}) > 1 or WRONG.match(text[forms[-1].end : end]) or _denied(text, begin, forms[0]):
            return None
        return Commitment("label", forms[-1].start, forms[-1].end, forms[-1].label)
    return None


def _denied(text: str, begin: int, form: Form) -> bool:
    return bool(re.search(r"\b(?:not|nor|neither|nicht|pas|except|eliminat\w*|rule\w* out|exclud\w*|incorrect|wrong)\b", text[begin : form.start], re.IGNORECASE))


def _line(text: str, found: list[tuple[int, int]], options: Options) -> Commitment | None:
    """A line that is a label with that option's own words, where only one is given so."""
    lines: dict[str, Commitment] = {}
    for match in re.finditer(r"^[ \t*_>#-]{0,6}(?=\(?[A-Za-z0-9]{1,2}[).:])", text, re.MULTILINE):
        form = label_at(text, match.end(), options)
        if form and form.label in options.labels:
            end = text.find("\n", form.end)
            said = text[form.end : end if end >= 0 else len(text)].lstrip(" .:*)")
            named = options.by_beginning(said[:300])
            if named and named[0] == form.label:
                lines[form.label] = Commitment("label", form.start, form.end, form.label)
    return next(iter(lines.values())) if len(lines) == 1 else None


def _content(text: str, begin: int, end: int, options: Options) -> Commitment | None:
    sentence = CONCLUDES.sub("", text[begin:end])
    if len([match for match in PART.finditer(text)]) > 1:
        return None
    if label := options.by_words(sentence.strip(" .\n")):
        return Commitment("words", begin, end, label, False) if len(options.words[label]) > 3 else None
    mine = f" {words(sentence)} "
    inside = {label: text for label, text in options.words.items() if text and f" {text} " in mine}
    longest = max(inside.values(), key=len, default="")
    if not longest or any(said not in longest for said in inside.values()) or list(inside.values()).count(longest) > 1:
        return None
    if len(longest.split()) < 2 or len(longest) < COVERS * (len(mine) - 2) or re.search(r"\b(?:not|no|nor|neither|without|nicht|pas)\b", mine.replace(longest, "")):
        return None
    label = next(label for label, said in inside.items() if said == longest)
    return Commitment("words", begin, end, label, False)


def _value(text: str, begin: int, end: int, options: Options) -> Commitment | None:
    sentence = text[begin:end].strip().rstrip(".*").rstrip()
    if HYPOTHETICAL.search(sentence) or len(PART.findall(text)) > 1:
        return None
    plain = re.sub(r"\\[()\[\]]|\$(?!\d)|\*\*", " ", sentence).rstrip()
    match = COMES_TO.search(plain[-200:])
    if not match:
        return None
    label, _ = options.by_value(match["value"].strip())
    return Commitment("value", begin, end, label, False) if label else None
