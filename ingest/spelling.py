"""One spelling for each character, in index and query alike, and the book's own spelling of words broken at line ends.

Knows nothing of pages and sections.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from ingest.pdf import Line

SOFT_HYPHEN = "\N{SOFT HYPHEN}"
OVERLAY = "\N{COMBINING LONG SOLIDUS OVERLAY}"
NEGATED = re.compile(rf"{OVERLAY}(\S)|(?<!\S){OVERLAY}\s(\S)")
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
HEAD = re.compile(r"(?:[^\W\d_]+-)*[^\W\d_]*$")
TAIL = re.compile(r"[^\W\d_]*")
LONGEST_WORD = 80
INFLECTION = re.compile(r"(?:s|es|d|ed|ing|ly|er|ers)$")


def normalize(text: str) -> str:
    """NFKC, minus and hyphens as "-", mu as the Greek letter, and a relation struck through as one character (≠, ∉)."""
    if text.isascii():
        return text
    # NFKC makes the micro sign mu and the non-breaking hyphen a hyphen by itself.
    text = unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-").replace("\N{HYPHEN}", "-")
    return NEGATED.sub(_negated, text) if OVERLAY in text else text


def _negated(match: re.Match[str]) -> str:
    # TeX sets the stroke before the sign that it strikes; Unicode composes only what comes after.
    composed = unicodedata.normalize("NFC", (match[1] or match[2]) + OVERLAY)
    return composed if len(composed) == 1 else match[0]


class Vocabulary:
    """The words that a book writes on one line, with their hyphens, and how often."""

    def __init__(self, pages: Iterable[Sequence[Line]]) -> None:
        texts: list[str] = []
        broken = False
        for lines in pages:
            for line in lines:
                text = line.text
                if broken:  # the second half of a word is no word of the book
                    text = text.partition(" ")[2]
                broken = line.text.endswith(SOFT_HYPHEN)
                texts.append(text.rpartition(" ")[0] if broken else text)
        self.counts = Counter(WORD.findall(normalize("\n".join(texts)).casefold()))
        self.beginnings = Counter(word.partition("-")[0] for word in self.counts if "-" in word)
        self.parts = self.counts + Counter(part for word in self.counts if "-" in word for part in word.split("-"))

    def join(self, before: str, after: str) -> str:
        """The text `before` a line's end and `after` it as one, with a hyphen where the book itself writes the word so."""
        head = HEAD.search(before[-LONGEST_WORD:])
        tail = TAIL.match(after)
        return before + ("-" if self._hyphenated(head.group() if head else "", tail.group() if tail else "") else "") + after

    def _hyphenated(self, head: str, tail: str) -> bool:
        counts = self.counts
        chain, right = head.casefold(), tail.casefold()
        left = chain.rpartition("-")[2]
        if not left or not right:
            return True
        whole = counts[left + right]
        written = max(counts[f"{left}-{right}"], counts[f"{chain}-{right}"])
        if written or whole:
            return written > whole
        if tail[0].isupper() and not head.isupper():
            return True
        if counts[INFLECTION.sub("", left + right)]:
            return False
        # Neither is written anywhere: two words of the book keep their hyphen, and so does a letter before a word.
        words = min(len(left), len(right)) >= 3 and min(self.parts[left], self.parts[right]) >= 2
        return words or (self.parts[right] >= 2 and (self.beginnings[left] >= 3 or len(left) == 1))
