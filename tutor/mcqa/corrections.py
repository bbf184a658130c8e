"""What takes a commitment back: "A... no, C", "but this is incorrect", "wait, it should be (D)"."""

from __future__ import annotations

import re
from dataclasses import replace

from tutor.mcqa.labels import label_at
from tutor.mcqa.options import Options
from tutor.mcqa.reading import Commitment

BACK = re.compile(
    r"[^.!?\n]{0,60}?[\s.,;:…()*-]*\b(?:oh|hmm|ah)?[\s,]*(?P<word>no|wait|sorry|actually|scratch that|correction|rather"
    r"|or rather|I meant?|oops|my mistake"
    r"|nein|moment|halt|genauer|vielmehr|besser gesagt|non|pardon|attendez|plutôt|en fait|enfin|mejor dicho|perdón|anzi"
    r"|scusate)\b[\s,.:;!…-]*",
    re.IGNORECASE,
)
BETWEEN = re.compile(
    r"(?:[\s,.:;!…-]*(?:wait|no|sorry|actually|that is|that's|this is|it is|it's|it should be|should be|the answer is"
    r"|the correct answer is|I meant?|make that"
    r"|make it|is|wrong|not right|incorrect|rather|it must be|c'est|plutôt|es ist|ist es|die Antwort ist|sondern"
    r"|la réponse est|das ist falsch|c'est faux)\b){0,6}[\s,.:;!…-]*",
    re.IGNORECASE,
)
WRONG = re.compile(
    r"[\s.,;)*-]*(?:[^.!?\n]{0,60}[,;]\s*)?(?:but|however|though|although|aber|mais|pero|ma|wait|no|hmm"
    r"|actually)?[\s,]*\b(?:this|that|it|which|das|dies|cela|c'|ce n')\s*"
    r"(?:answer\s+|option\s+|choice\s+)?(?:(?:is|was|would be|seems|can|ist|est)\s*(?:not\s+(?:the\s+)?(?:correct|right"
    r"|be right|be correct)|n't\s+(?:correct|right)|incorrect|wrong|false|falsch|nicht richtig|faux|fausse|inexact"
    r"|not be (?:correct|right))|isn't (?:correct|right)|est pas (?:correct|juste))",
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
