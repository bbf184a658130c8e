"""Lines joined to flowing text: words, paragraphs, rows of tables, listings as set, footnotes after their paragraph.

Knows nothing of how headings and margins were found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from index_store.passage import Kind
from ingest.notes import Note
from ingest.pdf import Line
from ingest.spelling import SOFT_HYPHEN, Vocabulary, normalize

CELL = " | "
OPERATORS = tuple("=+-−–×·/<>≤≥≈(,")
SENTENCE_ENDS = (".", "?", "!", "”", "□", ".)")


@dataclass
class Section:
    """A stretch of text under one heading; `path` runs from the chapter down to that heading.

    `starts[i]` is the offset in `text` where page `pages[i]` begins; a footnote may bring an earlier page back.
    """

    path: tuple[str, ...]
    text: str = ""
    starts: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    kind: Kind = "text"

    def page_at(self, offset: int) -> int:
        """The physical page (from 1) that the character at `offset` stands on."""
        return self.pages[max(0, bisect_right(self.starts, offset) - 1)]

    def pages_of(self, start: int, end: int) -> tuple[int, int]:
        """The first and the last physical page that the characters from `start` up to `end` stand on."""
        first = max(0, bisect_right(self.starts, start) - 1)
        last = max(first, bisect_right(self.starts, end - 1) - 1)
        return min(self.pages[first : last + 1]), max(self.pages[first : last + 1])


class Flow:
    """Joins lines to a section's text: spaces inside a paragraph, blank lines between, code as set."""

    def __init__(self, words: Vocabulary) -> None:
        self.words = words
        self.notes: list[Note] = []
        self.previous: Line | None = None
        self.listing_left = 0.0  # of the listing that ended the page before, from the page's left edge

    def turn_to(self, lines: Sequence[Line]) -> None:
        """Measure the next page, whose `lines` follow."""
        gaps = [a.y - b.y for a, b in pairwise(lines) if 0 < a.y - b.y < 40]
        self.pitch = median(gaps) if gaps else 12.0
        self.margin = max((line.right for line in lines), default=0.0)
        self.left = min((line.x for line in lines), default=0.0)
        self.code = _code(lines, self.left, self.pitch)
        self.code_left: dict[Line, float] = {}
        goes_on = bool(self.previous and self.previous.pitch)
        for is_code, run in groupby(lines, key=self.code.__contains__):
            if not is_code:
                continue
            block = list(run)
            left = min(line.x for line in block)
            if goes_on and block[0] is lines[0]:
                left = min(left, self.left + self.listing_left)
            self.listing_left = left - self.left
            self.code_left.update(dict.fromkeys(block, left))
        self.cells = _cells(lines, self.left, self.pitch)
        self.row: float | None = None  # where the cell begins that a table's row has come to
        self.previous = None

    def append(self, section: Section, page: int, line: Line, notes: Sequence[Note] = ()) -> None:
        """Add a line of page `page`; `notes` are the footnotes it refers to."""
        text = line.text
        if line in self.code_left:
            text = " " * round((line.x - self.code_left[line]) / line.pitch) + text
        text = normalize(text)
        turned = not section.pages or section.pages[-1] != page
        if self.previous is None or not section.text:
            between = self._across_pages(section, text)
        else:
            between = self._between(self.previous, line, section)
        if "\n\n" in between and self.notes and section.text.rstrip().endswith(SENTENCE_ENDS):
            self.end(section)
            turned = section.pages[-1] != page
        if turned:
            section.text = section.text.rstrip() + between if section.text else ""
            section.starts.append(len(section.text))
            section.pages.append(page)
        else:
            section.text += between
        *pieces, last = text.split(SOFT_HYPHEN)
        for piece in pieces:
            self._add(section, piece)
            section.text += SOFT_HYPHEN
        self._add(section, last)
        self.notes += notes
        self.previous = line

    def end(self, section: Section) -> None:
        """End the paragraph: the footnotes that it refers to follow it."""
        for note in self.notes:
            text = ""
            for line in note.texts:
                line = normalize(line)
                text = self.words.join(text[:-1], line) if text.endswith(SOFT_HYPHEN) else f"{text} {line}".lstrip()
            section.text = f"{section.text.rstrip()}\n\n" if section.text else ""
            if not section.pages or section.pages[-1] != note.page:
                section.starts.append(len(section.text))
                section.pages.append(note.page)
            section.text += text.replace(SOFT_HYPHEN, "-")
        self.notes = []

    def _add(self, section: Section, text: str) -> None:
        if text and section.text.endswith(SOFT_HYPHEN):
            section.text = self.words.join(section.text[:-1], text)
        else:
            section.text += text

    def _between(self, previous: Line, line: Line, section: Section) -> str:
        if section.text.endswith(SOFT_HYPHEN):
            return ""
        after, here = previous in self.code_left, line in self.code_left
        gap = previous.y - line.y
        if line in self.cells:
            self.row = line.x
            return CELL
        if after or here:
            blank = gap > 1.8 * self.pitch or after != here
            return "\n\n" if blank else "\n"
        if gap > 1.5 * self.pitch:
            self.row = None
            return "\n\n"
        if self.row is not None and gap > 0.5 * self.pitch:
            if abs(line.x - self.row) < line.size:
                return " "  # the cell goes on
            self.row = None
            return "\n"
        if previous.right < self.left + 0.8 * (self.margin - self.left) and gap > 0.5 * self.pitch:
            return "\n"
        indented = line.x - previous.x > 6 and previous.x - self.left < 4 and gap > 0.5 * self.pitch
        return "\n\n" if indented and previous.text.rstrip().endswith((".", "?", "!", ":")) else " "

    def _across_pages(self, section: Section, text: str) -> str:
        if section.text.endswith(SOFT_HYPHEN) or not section.text:
            return ""
        ended = section.text.rstrip().endswith((".", "?", "!", ":", ";"))
        return "\n\n" if ended or not text[:1].islower() else " "


def _cells(lines: Sequence[Line], left: float, pitch: float) -> set[Line]:
    """The lines that begin a further cell of a table's row: right of the line before, as high or higher, in a column.

    Columns are cells of one size and one left or right edge, one below the other; formulas and figures have no three of them.
    """
    beside = [
        b
        for a, b in pairwise(lines)
        if b.x - a.right > 1.5 * b.size
        and b.x > left + b.size
        and -4 * pitch < a.y - b.y < 2
        and abs(a.size - b.size) < 0.15 * b.size
        and not b.pitch
        and not a.text.endswith(OPERATORS)
        and not b.text.startswith(OPERATORS)
    ]
    if len(beside) < 3:
        return set()
    edges = Counter((side, round(edge / 4)) for line in beside for side, edge in ((0, line.x), (1, line.right)))
    return {
        line
        for line in beside
        if any(
            sum(edges[side, round(edge / 4) + d] for d in (-1, 0, 1)) >= 3 for side, edge in ((0, line.x), (1, line.right))
        )
    }


def _code(lines: Sequence[Line], left: float, pitch: float) -> set[Line]:
    """The lines of listings: of fixed pitch, and not prose that happens to begin with a word of code."""
    code: set[Line] = set()
    for i, line in enumerate(lines):
        if not line.pitch:
            continue
        # Prose is narrower or wider than so many characters of one width.
        excess = (line.right - line.x) / line.pitch - (len(line.text) - 1)
        mixed = abs(excess) > 0.2 and abs(excess - round(excess)) > 0.08
        beside = [
            other
            for other in (*lines[max(0, i - 1) : i], *lines[i + 1 : i + 2])
            if not other.pitch and 0.5 * pitch < abs(other.y - line.y) < 1.4 * pitch and abs(other.x - line.x) < 4
        ]
        if not (mixed and beside):
            code.add(line)
    return code
