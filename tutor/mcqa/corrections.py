"""What takes a commitment back: "A... no, C", "but this is incorrect", "wait, it should be (D)"."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from tutor.mcqa.labels import label_at
from tutor.mcqa.options import Options
from tutor.mcqa.reading import Commitment

BACK = re.compile(
    r"[^.!?\n]{0,60}?[\s.,;:…()*-]*\b(?:oh|hmm|ah)?[\s,]*(?P<word>no(?!\s+[A-Z]\b)|wait|sorry|actually|scratch that|correction"
    r"|rather"
    r"|or rather|I meant?|oops|my mistake"
    r"|nein|moment|halt|genauer|vielmehr|besser gesagt"
    r"|(?<!\bet\s)(?<!\be\s)non(?!\s+[A-Z]\b)"
    r"|entschuldigung|verzeihung|pardon|attendez|plutôt|en fait|enfin|mejor dicho|perdón|anzi"
    r"|scusate)\b[\s,.:;!…-]*",
    re.IGNORECASE,
)
BETWEEN = re.compile(
    r"(?:[\s,.:;!…-]*(?:wait|no|sorry|actually|that is|that's|this is|it is|it's|it should be|should be|the answer is"
    r"|the correct answer is|I meant?|make that"
    r"|make it|is|wrong|not right|incorrect|rather"
    r"|it must be|ich meinte|ich meine|je voulais dire|c'est|plutôt|es ist|ist es|die Antwort ist|sondern"
    r"|la réponse est|das ist falsch|c'est faux)\b){0,6}[\s,.:;!…-]*",
    re.IGNORECASE,
)
# What announces that the answer stated is not the last word. It counts at a sentence's beginning, or with its subject.
RETRACTS = re.compile(
    r"(?:^|[.!?:;,)\n\u2026]|\s-)[\s*_(\"']{0,6}(?:(?:but|and|well|okay|ok|ah)[\s,]{1,2})?"
    r"(?:wait(?!\s+(?:time|for|until))|hold on|hang on|hmm+"
    r"|oops|oh(?=\s*[,.!])|(?:or\s+)?rather(?!\s+than)|scratch that|strike that"
    r"|no(?=\s*[,.!:\u2026]|\s-)|nope|correction(?=\s*[:,.])"
    r"|edit(?=\s*:)|update(?=\s*:)|actually|sorry|apologies|(?:on|upon|after|when|in)\s+(?:(?:second|closer|further|re|double-?)[\s-]*)?"
    r"(?:thoughts?|reflection|reflecting|re-?view(?:ing)?|re-?consider(?:ing|ation)|check(?:ing)?|re-?check(?:ing)?"
    r"|inspection|re-?examin(?:ing|ation)|looking again|hindsight)"
    r"|(?:double|re)-?\s?check(?:ing)?|re-?consider(?:ing)?|re-?think(?:ing)?"
    r"|nein|moment(?=\s*[,.!:\u2026]|\s+mal)|halt(?=\s*[,.!:\u2026])|doch"
    r"|korrektur|non(?=\s*[,.!])|attendez|pardon|en fait|perd\u00f3n|scusate)(?![^\W_])"
    r"|\b(?:I|we)(?:\s+(?:was|were|am|are|have|had)|'ve)?\s+(?:now\s+)?(?:wrong|mistaken|made\s+(?:a|an|the|some)\s+(?:\w+\s+)?"
    r"(?:mistake|error|slip)|misread|miscalculated|mis\w+ed|correct\s+myself|changed?\s+my\s+mind|take\s+(?:that|it)\s+back)\b"
    r"|\b(?:there\s+(?:is|was)\s+(?:a|an)\s+(?:mistake|error)\s+(?:in|above)|let\s+me\s+re-?\w+|let\s+me\s+correct)"
    r"|\bnot\s+(?:entirely\s+|quite\s+|completely\s+|fully\s+|so\s+)?(?:sure|certain)\b",
    re.IGNORECASE,
)
# Behind it, or behind an answer: what is given as the answer after all.
CONCLUDED = re.compile(
    r"\b(?:(?:answer|choice|chang\w+|switch\w*|move|go)\s+to|so|thus|hence|therefore|edit|correction|it|it's|answer|must\s+be|should\s+be|it\s+is|that\s+is|reflection|thoughts?"
    r"|also|daher|somit|doch|eher|muss|donc|c'est|plut\u00f4t|ist\s+es|is\s+it|take|think|with|choose|meant?)\b(?:\s+(?:it\s+)?(?:must\s+be|should\s+be|is|eher|doch|plut\u00f4t"
    r"|be|es))?[\s,:*]{1,4}(?=[(\[*_'\"]{0,4}(?:option\s+|choice\s+|answer\s+)?[(\[*_'\"]{0,4}(?-i:[A-Z0-9]))",
    re.IGNORECASE,
)
# Behind an answer: "But C is also correct", ", or maybe C".
ALSO = re.compile(
    r"(?<![\w(-])[(*_]{0,3}(?P<label>[A-Z])[)*_]{0,3}\s+(?:is|would\s+be|could\s+be|may\s+be|might\s+be|seems|ist|est)\s+"
    r"(?:also|equally|just\s+as|likewise|auch|ebenfalls|aussi|également)\b"
    r"|^[\s)*_]{0,4},?\s*(?:or|oder|ou)\s+(?:maybe|perhaps|possibly|vielleicht|peut-être)\s+[(*_]{0,3}(?P<maybe>[A-Z])\b"
)
JUDGED = re.compile(
    r"(?<![\w(-])(?P<label>[A-Z])\s+(?:(?:is|ist|est|really|indeed|clearly)\s+){1,2}(?:(?:the|die|la|an?)\s+)?"
    r"(?:correct|only|closer|right|best|better|answer|richtig|korrekt|juste|correcte)\b(?!\s+(?:if|only|when|that)\b)"
    r"|(?<![\w(-])(?P<fits>[A-Z])\s+(?:fits|holds|works|it\s+is)\b"
)
WRONG = re.compile(
    r"[\s.,;)*-]*(?:[^.!?\n]{0,60}[,;]\s*)?(?:but|however|though|although|aber|mais|pero|ma|wait|no|hmm"
    r"|actually)?[\s,]*\b(?:this|that|it|which|das|dies|cela|c'|ce n')\s*"
    r"(?:answer\s+|option\s+|choice\s+)?(?:(?:is|was|would be|seems|can|ist|est)\s*(?:not\s+(?:the\s+)?(?:correct|right"
    r"|be right|be correct)|n't\s+(?:correct|right)|incorrect|wrong|false|falsch|nicht richtig|faux|fausse|inexact"
    r"|not be (?:correct|right))|(?:isn't|wasn't|can't be|cannot be) (?:correct|right)"
    r"|ist (?:doch|aber|so|also) (?:falsch|nicht)|(?:can't|cannot|can not) be(?=\s*[.!,])"
    r"|(?:does not|doesn't|did not|didn't|do not) (?:match|fit|hold|work|add up|make sense"
    r"|(?:look|seem) (?:right|correct))|est pas (?:correct|juste))",
    re.IGNORECASE,
)


def applied(text: str, found: list[Commitment], options: Options) -> list[Commitment]:
    """The commitments with those replaced or left out that the text takes back at once."""
    kept: list[Commitment] = []
    for place, one in enumerate(found):
        until = found[place + 1].start if place + 1 < len(found) else len(text)
        kept.append(one)
        if one.kind not in ("label", "words", "value"):
            continue
        following = text[one.end : min(one.end + 160, max(until, one.end))]
        if back := _corrected(text, one, options):
            kept[-1] = replace(one, kind="label", label=back[0], end=back[1], against=None)
        elif WRONG.match(following):
            kept.append(replace(one, kind="not"))
    return kept


def unsettled(text: str, last: Commitment, found: list[Commitment], options: Options) -> bool:
    """Whether the text, behind the answer that it states last, takes it back or concludes another."""
    behind = text[last.end :]
    later = {one.label for one in found if one.kind == "label" and one.start >= last.end}
    later |= {match["label"] or match["fits"] for match in JUDGED.finditer(behind)} & options.labels
    later |= {match["label"] or match["maybe"] for match in ALSO.finditer(behind)} & options.labels
    for match in CONCLUDED.finditer(behind):
        form = label_at(behind, match.end(), options)
        if form and form.label in options.labels and re.match(r"[\s*_)]*(?:[.!\n]|$)", behind[form.end :][:8]):
            later.add(form.label)
    if alone := re.search(r"[.!?\n,:][\s(*_]{1,6}(?P<label>[A-Z])[\s)*_.]{0,6}$", behind[-30:]):
        later |= {alone["label"]} & options.labels
    if later - {last.label}:
        return True
    return bool(RETRACTS.search(behind)) and not later


def cut_off(text: str, firm: list[Commitment]) -> bool:
    """Whether the last letter stands in a bracket that the text breaks off in, behind another that does not."""
    stated = [one for one in firm if one.kind == "label"]
    open_at_end = re.search(r"[(\[{][\s*_'\"$]{0,4}(?:[A-Z]|\d\d?)[\s*_'\"$]{0,4}$", text[-20:])
    return len(stated) > 1 and bool(open_at_end) and stated[-1].end >= len(text) - 8 and stated[-1].label != stated[-2].label


def stated_in_turn(text: str, firm: list[Commitment], options: Options) -> bool:
    """Whether three or more letters are stated one after the other, and none is taken back in between."""
    stated = [one for one in firm if one.kind == "label"]
    kept = {stated[-1].label} if stated else set()
    for one, following in pairwise(stated):
        if one.label != following.label and not RETRACTS.search(text[one.end : following.start]):
            kept.add(one.label)
    return len(kept) > 2


def _corrected(text: str, one: Commitment, options: Options) -> tuple[str, int] | None:
    match = BACK.match(text, one.end, min(len(text), one.end + 160))
    if not match:
        return None
    between = BETWEEN.match(text, match.end(), min(len(text), match.end() + 120))
    for at in (match.end(), between.end() if between else match.end()):
        form = label_at(text, at, options)
        if form and form.label in options.labels and form.label != one.label:
            return form.label, form.end
    return None
