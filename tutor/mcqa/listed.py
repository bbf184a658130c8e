"""Texts that go through the options one by one: what is a list of them, and which one it calls right.

Knows nothing of what the text says elsewhere.
"""

from __future__ import annotations

import re

from tutor.mcqa.labels import own
from tutor.mcqa.options import Options
from tutor.mcqa.reading import Commitment

TAIL = 3_000  # characters at the end that are looked through
# "A is incorrect.", "B) Paris: false", "wrong: (C) Rome", each in a sentence or line of its own.
VERDICT = re.compile(
    r"(?:^|\n|(?<=[.;!])\s)[ \t*_#>-]{0,6}(?:\d{1,2}[.)]\s)?(?P<sign>(?:right|wrong):\s+)?"
    r"(?:(?i:option|choice|answer|statement|antwort|réponse)\s+)?"
    r"[(*_]{0,3}(?P<label>[A-Z])(?![\w'])[).:*_]{0,4}"
    r"(?:(?(sign)[^\n]{0,120}|(?:[ \t][^.;\n]{0,120}?)??[ \t:–-]{1,3}(?:is|ist|est)?\s?"
    r"(?P<verdict>(?i:yes|no|ja|nein|oui|non|correct|right|true|richtig|korrekt|wahr|vraie?|juste|correcte|incorrect|wrong|false|not\s+(?:correct|right|true)"
    r"|falsch|faux|fausse))))(?=[\s*_]*(?:[.;!\n,(-]|$))",
)
RIGHT = re.compile(r"^(?:right|correct|true|yes|ja|oui|richtig|korrekt|wahr|vrai|juste)", re.IGNORECASE)
# An option as it is listed: "A) Paris", "2. (B) London", "- **C**: Rome".
ITEM = re.compile(
    r"(?:^|(?<=[\n:;,.])|(?<=\s)(?=\())[ \t*_>#•-]{0,8}(?:\d{1,2}[.)][ \t]+)?(?:(?i:option|choice|answer)[ \t]+)?"
    r"[(\[*_]{0,4}(?P<label>[A-Z])(?:[)\]]|[.:](?=[ \t*_])|\*\*)[)\].:*_]{0,4}[ \t]{0,3}"
)
# Before the first of them: "Let's go through each option.", "The possible answers are:".
GOES_THROUGH = re.compile(
    r"\b(?:(?:each|every|all|jede\w*|alle|chaque|tou\w+)\s+(?:\w+\s+){0,2}?(?:option|choice|answer|statement|antwort|aussage|réponse)\w*"
    r"|(?:each|which)\s+one|(?:first|correct)\s+option|find\s+the\s+answer"
    r"|discard\w*|eliminat\w*|rule\s+out|following|folgende\w*|suivant\w*|options|choices|answers|statements|possibilities|antworten|möglichkeiten|réponses|choix|opciones|opzioni)\b"
    r"[^.:\n]{0,40}(?:[.:?–-]\s*|\s*\n\s*)$",
    re.IGNORECASE,
)


def judged_each(text: str, options: Options) -> Commitment | None:
    """The one option that is called right where two others at least are called wrong: "A: false, B: true, C: false"."""
    begin = max(0, len(text) - TAIL)
    said: dict[str, set[bool]] = {}
    place: dict[str, tuple[int, int]] = {}
    for match in VERDICT.finditer(text, begin):
        if match["label"] in options.labels:
            right = bool(RIGHT.search(match["sign"] or match["verdict"] or ""))
            said.setdefault(match["label"], set()).add(right)
            place[match["label"]] = match.span()
    rights = [label for label, verdicts in said.items() if verdicts == {True}]
    wrongs = [label for label, verdicts in said.items() if verdicts == {False}]
    if len(rights) != 1 or len(wrongs) < 2 or len(said) != 1 + len(wrongs):
        return None
    return Commitment("label", *place[rights[0]], rights[0], False, judged=True)


def last_item(text: str, options: Options) -> int:
    """Where the last option stands, and one, that the text lists or goes through one by one; 0 where it does not."""
    seen: set[str] = set()
    first = last = 0
    for item in ITEM.finditer(text, max(0, len(text) - TAIL)):
        label = item["label"]
        bare = not text[item.end() : item.end() + 1].strip()
        if label in options.labels and (bare or own(text, item.end(), label, options)):
            seen.add(label)
            first = first or item.start()
            last = item.start("label") + 1
    begun = bool(seen) and GOES_THROUGH.search(text[max(0, first - 200) : first])
    return last if len(seen) > 1 or begun else 0
