"""The words of books and questions: one spelling for each character in both, and a question's slips of the keyboard mended.

Knows nothing of passages and indexes.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from index_store.errors import IndexDamagedError

OVERLAY = "\N{COMBINING LONG SOLIDUS OVERLAY}"
NEGATED = re.compile(rf"{OVERLAY}(\S)|(?<!\S){OVERLAY}\s(\S)")
WORD = re.compile(r"[^\W\d_]{2,}")
# A word of a question that may be mended: not a part of code (`a.b`, `a_b`, `f(`) nor of an address or a path.
PLAIN_WORD = re.compile(r"(?<![\w./\\@_-])[^\W\d_]{4,}(?![\w(/\\@_]|[.-]\w)")
SEEN = 2  # a book's word counts as one where it stands twice: single ones may be slips themselves
MEDIUM = 6  # letters from which a word may have one slip of any kind: shorter words have too many neighbours
LONG = 8  # letters from which a word may have two slips
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "wxcvbn")
VOWELS = "aeiou"
# Written so in a hurry, and no slip of any other word.
WITHOUT_APOSTROPHE = {
    "arent", "cant", "couldnt", "didnt", "doesnt", "dont", "hadnt", "hasnt", "havent", "heres", "hows", "isnt", "shouldnt",
    "thats", "theres", "theyre", "wasnt", "werent", "weve", "whats", "wheres", "whos", "wont", "wouldnt", "youre", "youve",
}  # fmt: skip


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


def fold(text: str) -> str:
    """The text without accents, for an index by words: Erdős is found by Erdos, and the other way round."""
    if text.isascii():
        return text
    return "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))


class Words:
    """How often a course's books write each word of two letters or more, in lower case and without accents."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts

    @classmethod
    def of(cls, texts: Iterable[str]) -> Words:
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(WORD.findall(fold(text).lower()))
        return cls(dict(counts))

    @classmethod
    def read(cls, file: Path) -> Words:
        """The words kept in `file`."""
        try:
            return cls(json.loads(file.read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise IndexDamagedError(f"{file}: {error}. Ingest the course again.") from error

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(self.counts, ensure_ascii=False), "utf-8")

    def begin(self, letters: str) -> bool:
        """Whether a word begins with `letters`."""
        folded = fold(letters).lower()
        return folded in self.counts or any(word.startswith(folded) for word in self.counts)

    def corrected(self, question: str, is_word: Callable[[str], bool]) -> str:
        """The question with every word that neither the books nor `is_word` know exchanged for the book's nearest one.

        What counts as a slip is said at `is_slip`. A word that nothing is so near to stays as it is; so do code, and capitals
        (NP, BFS) in a question that is not all capitals.
        """
        if not self.counts:
            return question
        shouted = question.isupper()
        return PLAIN_WORD.sub(
            lambda match: match[0] if match[0].isupper() and not shouted else self._nearest(match[0], is_word), question
        )

    def _nearest(self, word: str, is_word: Callable[[str], bool]) -> str:
        folded = fold(word).lower()
        forms = {folded, folded.removesuffix("s")}
        if folded in WITHOUT_APOSTROPHE or any(form in self.counts or is_word(form) for form in forms):
            return word

        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        slips = 2 if len(folded) >= LONG else 1
        near = process.extract(folded, self.counts.keys(), scorer=OSA.distance, score_cutoff=slips, limit=None)
        likely = [
            (distance, -self.counts[found], found)
            for found, distance, _ in near
            if self.counts[found] >= SEEN and is_slip(folded, found, distance, name=word[0].isupper() and not word.isupper())
        ]
        if not likely:
            return word
        found = min(likely)[2]
        return found.capitalize() if word[0].isupper() else found


def is_slip(typed: str, meant: str, distance: int, name: bool = False) -> bool:
    """Whether `typed` is likely to be a slip for `meant`, which is `distance` edits away, and no word that the books lack.

    Letters change places in any word. In one of `MEDIUM` letters (a `name`: one more) one is left out or added, or exchanged
    for its neighbour on the keyboard; in a longer one a vowel for another too. Two slips leave both ends as they are.
    """
    long_enough = len(typed) >= MEDIUM + name
    if distance > 1:
        return typed[0] == meant[0] and typed[-1] == meant[-1]
    if len(typed) != len(meant):
        return typed[0] == meant[0] and long_enough
    first, *others = [i for i, (a, b) in enumerate(zip(typed, meant, strict=True)) if a != b]
    if others:  # two that changed places
        return True
    a, b = typed[first], meant[first]
    beside = any(a + b in row or b + a in row for row in KEYBOARD)
    vowels = a in VOWELS and b in VOWELS and len(typed) > MEDIUM
    return first > 0 and long_enough and (beside or vowels)
