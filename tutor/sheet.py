"""From an assignment's sheet to its exercises' texts. Knows nothing of courses and help levels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from index_store.errors import BookError
from ingest.formats import read_book

# "3.", "3)", "(3)", "Exercise 3:", "Aufgabe 2 (5 points)", "1.4" at the beginning of a line.
BEGINS = re.compile(
    r"^[ \t]*(?:(?:exercise|problem|question|task|aufgabe|exercice|probl[eè]me)\s+\d+(?:\.\d+)*\b"
    r"[.:)]*(?:\s*\([^)\n]{1,30}\))?[.:]?|\(?\d{1,2}(?:\.\d{1,2})?[.)](?=\s))"
    r"|(?<=[.?!:]\s)\(?\d{1,2}[.)](?=\s[^\W\d_])",  # a list that was set as one paragraph
    re.IGNORECASE | re.MULTILINE,
)
FEWEST_WORDS = 3


def exercises_of(file: Path) -> tuple[str, ...]:
    """The exercises of a sheet of any kind that is read as a book. Raises BookError for one that has none."""
    found = [text for section in read_book(file).sections for text in split(section.text)]
    if not found:
        raise BookError(str(file), "no exercise in it", "Write one a paragraph, or number them.")
    return tuple(found)


def split(text: str) -> Iterator[str]:
    """The exercises in a text: its parts, without those of fewer than three words."""
    for part in parts(text):
        if len(part.split()) >= FEWEST_WORDS:
            yield part


def parts(text: str) -> Iterator[str]:
    """What each number opens, or else each paragraph."""
    starts = [match.start() for match in BEGINS.finditer(text)]
    if starts:
        found = [text[begin:end] for begin, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    else:
        found = re.split(r"\n\s*\n", text)
    for part in found:
        if exercise := " ".join(BEGINS.sub("", part, count=1).split()):
            yield exercise
