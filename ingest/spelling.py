"""The book's own spelling of words broken at line ends.

Knows nothing of pages and sections.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from index_store.words import normalize
from ingest.pdf import Line

SOFT_HYPHEN = "\N{SOFT HYPHEN}"
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
HEAD = re.compile(r"(?:[^\W\d_]+-)*[^\W\d_]*$")
TAIL = re.compile(r"[^\W\d_]*")
LONGEST_WORD = 80
INFLECTION = re.compile(r"(?:s|es|d|ed|ing|ly|er|ers)$")


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
