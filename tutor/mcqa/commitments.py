"""Where a text commits itself to an option: "The answer is (B)", "Option B is correct", "\\boxed{B}", "which is the answer".

Which of a text's commitments counts is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from tutor.mcqa.doubts import (
    CLASSIFIED,
    CONDITIONAL,
    CONTRAST,
    DOUBTED,
    EACH,
    ELSEWHERE,
    HEDGED,
    IN_ANOTHER,
    MIGHT_BE,
    MISTAKEN,
    OF_OTHERS,
    ONLY_IF,
    OTHER_ANSWER,
    PAIRED,
    QUOTED,
    SUPPOSED,
    UNDER_CONDITIONS,
    WOULD_BE,
)
from tutor.mcqa.labels import Form, label_at, mentions, own
from tutor.mcqa.options import Options
from tutor.mcqa.plain import words
from tutor.mcqa.reading import Commitment, answer_at, closed, instead, read, stated
from tutor.mcqa.wording import (
    BOX,
    CHOOSES,
    CHOOSES_FILLER,
    CONCLUDES,
    CONTRASTS,
    DENIES,
    END,
    FILLER,
    GIVES,
    GIVES_UNSPACED,
    IS,
    IS_RIGHT,
    IS_THE_ANSWER,
    IS_WRONG,
    JOINS_BEFORE,
    LINK,
    LINK_DENIED,
    NAMES_THE_ANSWER,
    NONE,
    NOT_CHOSEN,
    ONLY_LEADS,
    SUBJECT,
    WORD,
    Cue,
)

MOST_CUES = 24  # of one kind; the last of them are read
JUDGED = 6_000  # characters at the end in which labels are looked for that are judged
CLAUSE = 160  # characters before "is the answer"
LABEL_AT_END = re.compile(
    r"(?:^|[\s(\[*_'\"$])(?P<form>(?:(?i:option|choice|answer|statement|réponse"
    r"|antwort)\s+)?[(\[*_'\"$]{0,4}(?P<label>[A-Z]|[1-9]\d?)"
    r"[)\]*_'\"$]{0,4})$"
)
NOUN_AT_END = re.compile(r"(?:[^\W\d_]+\s+)?[(\[*_'\"$]{0,4}$")
DIRECTLY = re.compile(
    rf"[\s*_'\"]*(?:[-,:.(]|(?:does|indeed|clearly|thus|therefore|then|also|alone|here)\b|{IS}|seems|appears|looks)"
)
NUMBERED = re.compile(
    r"\s+(?:to|of|for)\s+(?:the\s+)?(?:question|problem|part|item|exercise)\s+\(?(\d{1,3}|[a-h])\b", re.IGNORECASE
)
FOR_ONE = re.compile(r"(?:^|[.;\n]\s?)\s*(?:for|für|pour)\s+([^,.;\n]{1,40}),\s*(?:the\s+|ist\s+die\s+|la\s+)?$", re.IGNORECASE)
WOULD = re.compile(r"\bwould\b", re.IGNORECASE)
# "Option A is correct; so is option B", "and B is correct too".
ALSO = re.compile(r"\s*[,;.]?\s*(?:and\s+)?(?:so\s+(?:is|are)|as\s+is|and)\s+(?:is\s+)?(?:the\s+)?", re.IGNORECASE)
CLAUSE_END = re.compile(r"(?<=[.!?])\s+|\n")


def commitments(text: str, options: Options) -> list[Commitment]:
    """The last commitments of a text, in order, one for each place."""
    starts = [(match.start(), match[0].lower()) for match in WORD.finditer(text)]
    found = [
        *_given(text, [*_matches(GIVES_UNSPACED, text), *_cues(GIVES, text, starts)], options),
        *_boxed(text, options),
        *_before(text, _cues(IS_THE_ANSWER, text, starts), options),
        *_chosen(text, _cues(CHOOSES, text, starts), options),
        *_judged(text, options),
    ]
    found.sort(key=lambda one: (one.end, not one.firm, one.start))
    kept: list[Commitment] = []
    for one in found:
        place = len(kept) - 1
        if place < 0 or kept[place].end <= one.start:
            kept.append(one)
        elif _rank(one) > _rank(kept[place]):
            kept[place] = one
    return kept


def _rank(one: Commitment) -> tuple[bool, bool, bool]:
    return one.firm, one.kind in ("label", "several", "not"), one.kind in ("words", "value")


def _cues(cue: Cue, text: str, starts: list[tuple[int, str]]) -> list[re.Match[str]]:
    found = []
    for start, word in reversed(starts):
        if word in cue.first and (match := cue.pattern.match(text, start)):
            found.append(match)
            if len(found) == MOST_CUES:
                break
    return found[::-1]


def _matches(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return list(pattern.finditer(text))[-MOST_CUES:]


def _given(text: str, cues: list[re.Match[str]], options: Options) -> Iterator[Commitment]:
    """What follows "the answer is"."""
    parts = [NUMBERED.match(text, cue.end()) or FOR_ONE.search(text[max(0, cue.start() - 60) : cue.start()]) for cue in cues]
    numbers = {part[1].casefold() for part in parts if part}
    for cue, part in zip(cues, parts, strict=True):
        before = text[max(0, cue.start() - 40) : cue.start()]
        sentence = _sentence(text, cue.start())
        if EACH.search(before) or SUPPOSED.search(before) or OTHER_ANSWER.search(before) or MISTAKEN.match(cue[0]):
            continue
        if _hedged(sentence) or QUOTED.search(text[max(0, cue.start() - 60) : cue.start()]):
            continue
        denied = LINK_DENIED.match(text, cue.end())
        form = label_at(text, denied.end(), options) if denied else None
        if form and form.label in options.labels:
            yield Commitment("not", cue.start(), form.end, form.label)
            yield from instead(text, form, options)
            continue
        if denied and (other := options.by_beginning(text[denied.end() : denied.end() + 200].lstrip(" (*\"'$"))):
            yield Commitment("not", cue.start(), denied.end(), other[0])
            continue
        link = LINK.match(text, cue.end())
        if link is None or _labelled(text, cue, link, options):
            yield from _adjoining(text, cue, options)
            continue
        if ELSEWHERE.search(link["gap"]):
            continue
        if NONE.search(link["gap"]) or MIGHT_BE.search(link[0]) or (WOULD_BE.search(link[0]) and ONLY_IF.search(sentence)):
            continue
        filler = FILLER.match(text, link.end())
        at = filler.end() if filler else link.end()
        said = read(text, at, options)
        if said is None or text[said.end : said.end + 1] == "?":
            continue
        if cue[0].lower() == "solution" and not all(one.kind in ("label", "several") for one in said.parts):
            continue
        if len(numbers) > 1 and part:
            yield Commitment("several", cue.start(), said.end)
            continue
        firm = bool(NAMES_THE_ANSWER.search(cue[0]) or GIVES_UNSPACED.match(cue[0]))
        begin, _ = answer_at(text, at)
        for one in said.parts:
            about = one.kind == "label" and SUBJECT.match(text, one.end) and not IS_RIGHT.match(text, one.end, one.end + 200)
            if about or CONDITIONAL.match(text, one.end) or IN_ANOTHER.match(text, one.end) or PAIRED.match(text, one.end):
                continue
            if WOULD_BE.search(link[0]) and UNDER_CONDITIONS.match(text, one.end):
                continue
            yield replace(one, start=cue.start() if one.start <= begin else one.start, firm=firm)


def _sentence(text: str, at: int) -> str:
    """What stands before a place in its sentence."""
    return CLAUSE_END.split(text[max(0, at - CLAUSE) : at])[-1]


def _labelled(text: str, cue: re.Match[str], link: re.Match[str], options: Options) -> bool:
    """Whether what is linked is said of a label: "Answer (B) is ruled out", but not "answer choice: B"."""
    form = label_at(text, cue.end(), options)
    return form is not None and form.label in options.labels and form.label.isupper() and form.end <= link.end() - 2


def _adjoining(text: str, cue: re.Match[str], options: Options) -> Iterator[Commitment]:
    """ "Answer (B)", "Réponse B": the label follows at once, and is not only spoken about."""
    form = label_at(text, cue.end(), options)
    if form is None or form.label not in options.labels or IS_WRONG.match(text, form.end, form.end + 80):
        return
    if CONTRASTS.match(text, form.end):
        return
    if not ONLY_LEADS.fullmatch(_sentence(text, cue.start())):
        return
    ends = END.match(text, form.end) or form.end == len(text)
    if text[form.end : form.end + 1] != "?" and (ends or text[form.end] in ".:,;)" or IS_RIGHT.match(text, form.end)):
        yield from stated(text, form, cue.start(), form.end, options).parts


def _boxed(text: str, options: Options) -> Iterator[Commitment]:
    for box in _matches(BOX, text):
        end = closed(text, box.end())
        said = read(text[:end], box.end(), options)
        if said:
            for one in said.parts:
                yield replace(one, start=box.start(), end=max(one.end, end))
        elif re.search(r"\d", text[box.end() : end]):
            yield Commitment("number", box.start(), end)


def _before(text: str, cues: list[re.Match[str]], options: Options) -> Iterator[Commitment]:
    """What stands before "is the answer"."""
    for cue in cues:
        clause = CLAUSE_END.split(text[max(0, cue.start() - CLAUSE) : cue.start()])[-1]
        begin = cue.start() - len(clause)
        clause = re.sub(r",?\s+(?:which|that|this)\s*$", "", clause).rstrip()
        if DENIES.search(clause[-30:]) or SUPPOSED.search(clause + " ") or CONDITIONAL.match(text, cue.end()):
            continue
        form = LABEL_AT_END.search(clause)
        elided = form and form[0].endswith("'") and form[0].count("'") == 1  # "C'est la réponse"
        before = clause[: form.start("form")] if form else ""
        if form and (_hedged(before) or CLASSIFIED.search(before) or OF_OTHERS.match(text, cue.end())):
            continue
        if form and form["label"] in options.labels and not elided:
            yield Commitment("label", begin + form.start("form"), cue.end(), form["label"])
            continue
        if elided:
            continue
        lead = CONCLUDES.match(clause)
        plain = clause[lead.end() :] if lead else clause
        if label := options.by_words(plain) or _ending(plain, options):
            yield Commitment("words", begin, cue.end(), label)
        elif label := options.by_value(plain)[0]:
            yield Commitment("value", begin, cue.end(), label)


def _ending(clause: str, options: Options) -> str | None:
    """The one option with whose words a clause ends."""
    mine = f" {words(clause)}"
    ending = {label: text for label, text in options.words.items() if text and mine.endswith(f" {text}")}
    longest = [label for label, text in ending.items() if len(text) == max(map(len, ending.values()))]
    return longest[0] if len(longest) == 1 else None


def _chosen(text: str, cues: list[re.Match[str]], options: Options) -> Iterator[Commitment]:
    """ "I choose (B)", "which matches option B"."""
    for cue in cues:
        filler = CHOOSES_FILLER.match(text, cue.end())
        form = label_at(text, cue.end(), options) or (label_at(text, filler.end(), options) if filler else None)
        if form is None or form.label not in options.labels or IS_WRONG.match(text, form.end, form.end + 60):
            continue
        if not NOT_CHOSEN.search(text[max(0, cue.start() - 20) : cue.start()]):
            for one in stated(text, form, cue.start(), form.end, options).parts:
                yield replace(one, firm=False)


def _judged(text: str, options: Options) -> Iterator[Commitment]:
    """ "Option B is correct"."""
    for form in list(mentions(text, max(0, len(text) - JUDGED), len(text), options))[-MOST_CUES:]:
        if JOINS_BEFORE.search(text[max(0, form.start - 20) : form.start]) or doubted(text, form.start):
            continue
        if end := judged_right(text, form, options):
            yield Commitment("label", form.start, end, form.label, False, judged=True)
            if (also := ALSO.match(text, end)) and (other := label_at(text, also.end(), options)) and other.label != form.label:
                yield Commitment("several", end, other.end, None, False)


def doubted(text: str, at: int) -> bool:
    """Whether what is said of the label at a place is only what someone thinks, or is denied as a whole."""
    return _hedged(NOUN_AT_END.sub("", _sentence(text, at)))


def _hedged(before: str) -> bool:
    """Whether what follows in a sentence is not meant, by what stands `before`."""
    return bool(DOUBTED.search(before) or HEDGED.search(CONTRAST.split(before)[-1]))


def judged_right(text: str, form: Form, options: Options) -> int | None:
    """Where "is correct" ends that is said of a label without condition; None where it is not."""
    end = behind(text, form)
    if IS_WRONG.match(text, end, end + 80) or (right := IS_RIGHT.match(text, end, end + 200)) is None:
        return None
    # "Option B says what is correct" judges something else.
    directly = end > form.end or DIRECTLY.match(text, end) or own(text, end, form.label, options)
    would = WOULD.search(text, end, right.end()) and UNDER_CONDITIONS.match(text, right.end())
    return None if CONDITIONAL.match(text, right.end()) or would or not directly else right.end()


def behind(text: str, form: Form) -> int:
    """Where what is said of a label begins: behind its mark where it opens a line of a list ("B. rises is wrong")."""
    opens = not text[text.rfind("\n", max(0, form.start - 40), form.start) + 1 : form.start].strip(" (*_")
    mark = re.compile(r"[ .:)*_]{0,5}").match(text, form.end)
    return mark.end() if opens and mark else form.end
