"""The options of a question, ready to be compared with what a text says: by label, by words, by value."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tutor.mcqa.plain import folded, words
from tutor.mcqa.values import Quantity, alike, quantities

FEWEST, MOST = 2, 26
# Behind one of these an answer's text goes on to something else.
BOUNDARY = re.compile(
    # But not within a number or what is reckoned: "1,000", "2, 3", "5:3", "5 - 3", "5!", "2(3)", "2 and 3".
    r"\s*(?:(?<!\d)[,:]|[,:](?!\s?\d)|[;\n])|(?<![\d\s])\(|\s+\(|\s+-+\s(?!\s*\d)|(?:(?<!\d)!|[.?])(?=\s|$)|\*\*"
    r"|(?!(?<=\d)\s+(?:and|und|et)\s+-?\d)\s+(?:because|since|as|which|due|where|when|so|is|are|and|but|not|parce"
    r"|car|puisque|qui|weil|da|denn|und|et"
    r"|porque|perché)\b",
    re.IGNORECASE,
)
RESULTS = re.compile(r"\s*[^\W\d]\w{0,9}\s?=[^=,\n]{1,40},\s+(?:and\s+)?[^\W\d]\w{0,9}\s?=")  # "x = 2, y = 3"
MOST_PREFIXES = 8
ARTICLES = frozenset(
    re.findall(r"\w+", "the a an that it to of le la les l un une que der die das ein eine dass el los las una il lo gli")
)
# Left out where words are compared in any order; what may turn a sentence round is not among them.
SMALL = ARTICLES | frozenset(
    re.findall(r"\w+", "this these its is are be was will would there which and his her their as for on at by has have")
)
FEWEST_WORDS = 4  # besides, that a text must have to be compared so
NONE_OF = re.compile(
    r"none of (?:the |these |those )?(?:above|these|those|others?)?(?: ?(?:options|choices|answers|alternatives))?"
    r"(?: (?:is|are) correct)?"
)
MARK = re.compile(r"\s*\(?([A-Za-z]|[1-9])\)")


@dataclass(frozen=True)
class Options:
    """Texts by label, in upper case; `given` has the label as the caller wrote it."""

    texts: Mapping[str, str]
    given: Mapping[str, str]

    @cached_property
    def labels(self) -> frozenset[str]:
        return frozenset(self.texts)

    @cached_property
    def digits(self) -> bool:
        return all(label.isdigit() for label in self.texts)

    @cached_property
    def words(self) -> dict[str, str]:
        return {label: bare(words(text)) for label, text in self.texts.items()}

    @cached_property
    def roman(self) -> bool:
        """Whether statements I, II, ... are what the options are about."""
        return any("ii" in text.split() for text in self.words.values())

    @cached_property
    def values(self) -> dict[str, tuple[Quantity, ...]]:
        values = {label: quantities(text.strip()) for label, text in self.texts.items() if len(text) < 300}
        return {label: value for label, value in values.items() if value is not None}

    @cached_property
    def tokens(self) -> dict[str, str]:
        """Label by text, of options whose text looks like a label: "(a)", "II"."""
        tokens = {folded(text).strip(" ().*$"): label for label, text in self.texts.items()}
        return {token: label for token, label in tokens.items() if 0 < len(token) <= 4 and token.isalnum()}

    @cached_property
    def none_of(self) -> str | None:
        """The option that says that no other is right, where there is one."""
        found = [label for label, text in self.words.items() if NONE_OF.fullmatch(text)]
        return found[0] if len(found) == 1 else None

    def by_words(self, said: str) -> str | None:
        """The one option whose words `said` consists of."""
        mine = bare(words(said))
        if not mine:
            return None
        same = [label for label, text in self.words.items() if text == mine]
        if not same and len(key := _content(mine)) >= FEWEST_WORDS:
            same = self.contents.get(key, [])
        return same[0] if len(same) == 1 else None

    @cached_property
    def contents(self) -> dict[tuple[str, ...], list[str]]:
        """Labels by the option's words in any order, small ones left out."""
        contents: dict[tuple[str, ...], list[str]] = {}
        for label, text in self.words.items():
            contents.setdefault(_content(text), []).append(label)
        return contents

    @cached_property
    def marks(self) -> frozenset[str]:
        """What several options begin with and what looks like a label: "(a) 2 m, (b) 3 m"."""
        marks = [match[1] for text in self.texts.values() if (match := MARK.match(text))]
        return frozenset(mark for mark in marks if marks.count(mark) > 1)

    def by_beginning(self, said: str) -> tuple[str, int] | None:
        """The option whose words `said` begins with, and how many characters of `said` they are."""
        ends = [len(said), *(match.start() for match in BOUNDARY.finditer(said))]
        for end in sorted(set(ends[:MOST_PREFIXES]), reverse=True):
            if end and (label := self.by_words(said[:end])):
                return label, end
        return None

    def by_value(self, said: str, whole: bool = False) -> tuple[str | None, bool]:
        """The one option with the value that `said` begins with, or is as a `whole`; and whether it has a value at all."""
        ends = [len(said)] if whole else [len(said), *(match.start() for match in BOUNDARY.finditer(said))]
        numeric = False
        if RESULTS.match(said):
            return None, True
        for end in sorted(set(ends[:MOST_PREFIXES]), reverse=True):
            part = said[:end]
            for text in (part, part[_last_equals(part) :]):
                if text.strip() and (value := quantities(text.strip())):
                    numeric = True
                    if label := self.equal_to(value):
                        return label, True
        return None, numeric

    def equal_to(self, value: tuple[Quantity, ...]) -> str | None:
        """The one option with that value; none where "1.000" may be a thousand, and options say both."""
        for exactly in (True, False):
            same = [label for label, own in self.values.items() if alike(own, value, exactly)]
            if same:
                return same[0] if len(same) == 1 and not self._may_be_thousands(value) else None
        return None

    def _may_be_thousands(self, value: tuple[Quantity, ...]) -> bool:
        if len(value) != 1 or not math.isclose(value[0].step, 1e-3):
            return False
        grouped = (replace(value[0], number=value[0].number * 1000, step=0.0),)
        return any(alike(own, grouped, True) for own in self.values.values())


def _last_equals(text: str) -> int:
    return max(text.rfind("="), text.rfind("≈"), text.rfind("\\approx") + 6 if "\\approx" in text else -1) + 1


def bare(text: str) -> str:
    """Words without the articles that they begin with."""
    tokens = text.split()
    while len(tokens) > 1 and tokens[0] in ARTICLES:
        tokens.pop(0)
    return " ".join(tokens)


def _content(text: str) -> tuple[str, ...]:
    return tuple(sorted(token for token in text.split() if token not in SMALL))


def labelled(options: Sequence[str] | Mapping[str, str]) -> Options:
    """Options from a sequence, lettered A, B, ..., or from a mapping of label to text.

    Raises ValueError where there are fewer than 2 or more than 26, two labels are alike, or a label is neither a letter nor
    a number from 1 to 99.
    """
    if isinstance(options, str):
        raise ValueError("options are a sequence or a mapping of texts, not one text")
    if not FEWEST <= len(options) <= MOST:
        raise ValueError(f"{FEWEST} to {MOST} options, not {len(options)}")
    if not isinstance(options, Mapping):
        options = dict(zip(string.ascii_uppercase, options, strict=False))
    given = {label.strip().upper(): label for label in options}
    if len(given) < len(options):
        raise ValueError(f"two options have the same label: {', '.join(options)}")
    for label in given:
        if not re.fullmatch(r"[A-Z]|[1-9][0-9]?", label):
            raise ValueError(f"an option's label is a letter or a number from 1 to 99, not {label!r}")
    return Options({label: options[given[label]] for label in given}, given)
