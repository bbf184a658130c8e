"""A passage cut into sentences: which are whole, which are captions, and which cannot stand without the one before.

Knows nothing of questions and models.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

SHORTEST, LONGEST = 25, 400
# A digit behind the full stop is a footnote's ("by Samuel.5 Then").
BOUNDARY = re.compile(
    r"(?:(?<=[.!?…])|(?<=[.!?…][”’\")])|(?<=[.!?…][”’\")]{2})|(?<=[a-zß-öø-ÿ)][.!?]\d))\s+(?=[“‘\"(]?[^\W_a-zß-öø-ÿ])"
    r"|\n{2,}|\n(?=(?:Figure|Table|Listing) \d)"
)
ENDS = re.compile(r"(?:[.!?:”’\")]|[a-zß-öø-ÿ)][.!?]\d)$")
# A citation: [2], not right behind a word, where it would be an index (`a[1]`).
MARKER = re.compile(r"(?<![\w\])])\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
ABBREVIATION = re.compile(r"\b(?:[A-Z]|e\.g|i\.e|cf|vs|Fig|Sec|Eq|No|pp?|z\.B|d\.h|bzw|resp|al|Dr|Prof|St)\.$")
# "Theorem (Bayes)." belongs to what follows.
LABEL = re.compile(
    r"(Figure|Table|Listing|Algorithm|Abbildung|Tabelle|Tableau|Theorem|Lemma|Corollary|Proposition|Definition|Example|Proof|Remark|Note|Satz|Beweis|Beispiel|Bemerkung"
    r"|Théorème|Corollaire|Définition|Exemple|Preuve|Remarque)( [\d.]+)?( \([^()]{2,60}\))?\."
)
# A caption says what a picture shows, and the picture is not there. Words of the picture may stand before it.
CAPTION = re.compile(
    r"(?:^|.*?(?<!\bin)(?<!\bsee)(?<!\bfrom)(?<!\bof)(?<!\bby)(?<!\band)(?<!\baus)(?<!\bdans)\s)"
    r"(?:Figure|Fig\.|Table|Listing|Abbildung|Tabelle|Tableau) [\d.]+[.:] (?=\S)"
)
# Opens by pointing at the sentence before it.
LEANS = re.compile(
    r"(?:The (?:reason|former|latter|same|cure|remedy|proof|converse)|In (?:other )?words"
    r"|In (?:this|that|these|both|either)(?! (?:book|chapter|section|course)\b)"
    r"|So(?! far)|Thus|Therefore|Hence|This|These|That|Those|It|Its|They|Their|Them|He|She|However|But|Yet|And|Or|Nor"
    r"|Then|Here|Such|There(?:by|after)|Otherwise|Instead(?! of)|Conversely|Similarly|Likewise|Also|Moreover"
    r"|Furthermore|Consequently|Accordingly|Nevertheless|Nonetheless|Still,|Even (?:this|that|so)"
    r"|As a (?:result|consequence)|To this end|By contrast"
    r"|On the other hand|For (?:example|instance|this)"
    r"|Dies|Diese[rsmn]?|Er|Sie|Es|Daher|Deshalb|Deswegen|Somit|Folglich|Aber|Jedoch|Doch|Dabei|Dadurch|Damit|Denn|Dann|Hier"
    r"|Hierbei|Außerdem|Zudem|Ebenso|Dagegen|Andererseits|Solche|Der Grund|In Worten|Zum Beispiel"
    r"|Ce|Cet|Cette|Ces|Cela|Ceci|C[’']est|Ils?|Elles?|Donc|Ainsi|Alors|Mais|Cependant|Toutefois|Par conséquent|En effet"
    r"|De même|En revanche|Par exemple|La raison|Autrement dit|Ici)(?!\w)"
    r"|[a-zß-öø-ÿ]{2}"  # the rest of a sentence that a formula broke
)
RELATION = re.compile(r"[=≤≥≈≠<>∈∝]")
OPENS_IN_WORDS = re.compile(r"\W?[^\W\d_]+,?\s+[^\W\d_]{2,}")
SPOKEN = re.compile(r"\b[a-zß-öø-ÿ]{3,}\b")
FEW_WORDS = 4
LONGEST_FORMULA = 100
PROSE = 0.6  # least share of letters and spaces; below it a line is a formula
PARENTHESIS = 3  # sentences that one parenthesis may hold


@dataclass(frozen=True)
class Sentence:
    """A sentence or fragment, white space folded.

    `paragraph`: it begins a line of its own. `whole`: it ends as a sentence does. A formula left out after it is "…".
    """

    text: str
    paragraph: bool
    whole: bool

    @property
    def leans(self) -> bool:
        return bool(LEANS.match(self.text))


def sentences(text: str) -> list[str]:
    """The sentences of `text`, white space folded; code, formulas and stray fragments left out."""
    return [sentence.text for sentence in cut(text) if sentence.whole and not sentence.text.endswith("…")]


def cut(text: str) -> list[Sentence]:
    """Everything in `text`, in order, with what is no sentence marked so."""
    parts: list[tuple[str, str]] = []  # the text, and the white space before it
    for space, raw in _split(text):
        last = " ".join(parts[-1][1].split()) if parts else ""
        if last and (ABBREVIATION.search(last) or LABEL.fullmatch(last)):
            parts[-1] = (parts[-1][0], f"{last} {raw}")
        else:
            parts.append((space, raw))
    found: list[Sentence] = []
    for i, (space, raw) in enumerate(_closed(parts)):
        folded = " ".join(raw.split())
        found.append(Sentence(folded, i == 0 or "\n" in space, _is_whole(folded)))
        if len(found) > 1 and "\n\n" in space and (led := _led_in(found[-2].text, raw)):
            found[-2] = replace(found[-2], text=led, whole=True)
    return found


def caption_of(sentence: Sentence) -> str | None:
    """What a caption says, without its label; None for what is none."""
    caption = CAPTION.match(sentence.text)
    return sentence.text[caption.end() :] if caption else None


def _split(text: str) -> Iterator[tuple[str, str]]:
    start, space = 0, ""
    for match in BOUNDARY.finditer(text):
        if text[start : match.start()].strip():
            yield space, text[start : match.start()].strip()
            space = ""
        start, space = match.end(), space + match[0]
    if text[start:].strip():
        yield space, text[start:].strip()


def _closed(parts: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The parts with those put together that one parenthesis holds."""
    i = 0
    while i < len(parts):
        space, raw = parts[i]
        for more in range(PARENTHESIS if _open(raw) > 0 else 0):
            joined = " ".join(part for _, part in parts[i : i + more + 1])
            if _open(joined) <= 0:
                raw, i = joined, i + more
                break
        yield space, raw
        i += 1


def _open(text: str) -> int:
    """How many brackets stay open; "[0, 1)" is closed."""
    return sum(character in "([" for character in text) - sum(character in ")]" for character in text)


def _is_whole(text: str) -> bool:
    balance = _open(text)
    return (
        SHORTEST <= len(text) <= LONGEST
        and bool(ENDS.search(text))
        and _is_prose(text)
        and not _is_formula(text)
        and balance <= 0
        and not (balance < 0 and text.endswith((")", ").")))
    )


def _is_prose(text: str) -> bool:
    return sum(character.isalpha() or character.isspace() for character in text) >= PROSE * len(text)


def _is_formula(text: str) -> bool:
    """Whether it opens with a symbol, states a relation and says little in words."""
    return bool(RELATION.search(text)) and not OPENS_IN_WORDS.match(text) and len(SPOKEN.findall(text)) < FEW_WORDS


def _led_in(text: str, following: str) -> str:
    """`text` with the formula it leads to, or "…" for one that lost its lines; empty where it leads to none."""
    leads = SHORTEST <= len(text) <= LONGEST and re.search(r"(?:[^\W\d_A-Z]{2}|[,:])$", text) and _is_prose(text)
    if (
        not leads
        or _open(text)
        or text[0].islower()
        or not RELATION.search(following)
        or _is_whole(" ".join(following.split()))
    ):
        return ""
    if "\n" not in following and len(following) <= LONGEST_FORMULA:
        return f"{text} {following}" if following.endswith(".") else f"{text} {following.rstrip(' ,;')} …"
    return f"{text} …"
