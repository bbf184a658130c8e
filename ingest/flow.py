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
from index_store.words import normalize
from ingest.notes import Note
from ingest.pdf import Line
from ingest.spelling import SOFT_HYPHEN, Vocabulary

CELL = " | "
BULLETS = ("• ", "◦ ", "▪ ", "■ ", "‣ ")
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
        self.lines: Sequence[Line] = ()
        self.at: int | None = None  # the index of the line that was appended last, None at the top of a page
        self.listing_left = 0.0

    def turn_to(self, lines: Sequence[Line]) -> None:
        """Measure the next page, whose `lines` follow."""
        goes_on = bool(self.lines) and self.at == len(self.lines) - 1 and bool(self.lines[-1].pitch)
        gaps = [a.y - b.y for a, b in pairwise(lines) if 0 < a.y - b.y < 40]
        self.pitch = median(gaps) if gaps else 12.0
        self.margin = max((line.right for line in lines), default=0.0)
        self.left = min((line.x for line in lines), default=0.0)
        self.code_left: dict[int, float] = {}  # where the listing begins that a line is of
        for is_code, run in groupby(range(len(lines)), key=_code(lines, self.pitch).__contains__):
            if not is_code:
                continue
            block = list(run)
            left = min(lines[i].x for i in block)
            indentation = (left - self.listing_left) / lines[block[0]].pitch
            if goes_on and block[0] == 0 and indentation > 0 and abs(indentation - round(indentation)) < 0.05:
                left = self.listing_left  # of the page before
            self.listing_left = left
            self.code_left.update(dict.fromkeys(block, left))
        self.cells = _cells(lines, self.left, self.pitch)
        self.row: float | None = None  # where the cell begins that a table's row has come to
        self.lines, self.at = lines, None

    def append(self, section: Section, page: int, i: int, notes: Sequence[Note] = ()) -> None:
        """Add line `i` of the page turned to, which is page `page`; `notes` are the footnotes it refers to."""
        line = self.lines[i]
        text = line.text
        if i in self.code_left:
            text = " " * round((line.x - self.code_left[i]) / line.pitch) + text
        text = normalize(text)
        turned = not section.pages or section.pages[-1] != page
        if self.at is None or not section.text:
            between = self._across_pages(section, text)
        else:
            between = self._between(self.at, i, section)
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
        self.at = i

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

    def _between(self, before: int, i: int, section: Section) -> str:
        if section.text.endswith(SOFT_HYPHEN):
            return ""
        previous, line = self.lines[before], self.lines[i]
        after, here = before in self.code_left, i in self.code_left
        gap = previous.y - line.y
        if i in self.cells:
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
        if line.text.startswith(BULLETS) and gap > 0.5 * self.pitch:
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


def _cells(lines: Sequence[Line], left: float, pitch: float) -> set[int]:
    """The lines (by index) that begin a further cell of a table's row: right of the line before, not lower, in a column.

    Columns are cells of one size and one left or right edge, one below the other; formulas and figures have no three of them.
    """
    beside = [
        i
        for i, (a, b) in enumerate(pairwise(lines), 1)
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
    sides = {i: ((0, round(lines[i].x / 4)), (1, round(lines[i].right / 4))) for i in beside}
    edges = Counter(edge for pair in sides.values() for edge in pair)
    return {i for i in beside if any(sum(edges[side, x + d] for d in (-1, 0, 1)) >= 3 for side, x in sides[i])}


def _code(lines: Sequence[Line], pitch: float) -> set[int]:
    """The indices of the lines of listings: of fixed pitch, and not prose that happens to begin with a word of code."""
    code: set[int] = set()
    for i, line in enumerate(lines):
        if not line.pitch:
            continue
        # Prose is narrower than so many characters of one width, or wider by a broken number of them.
        excess = (line.right - line.x) / line.pitch - (len(line.text) - 1)
        mixed = excess < -0.5 or abs(excess - round(excess)) > 0.1
        beside = [
            other
            for other in (*lines[max(0, i - 1) : i], *lines[i + 1 : i + 2])
            if not other.pitch and 0.8 * pitch < abs(other.y - line.y) < 1.15 * pitch and abs(other.x - line.x) < 4
        ]
        if not (mixed and beside):
            code.add(i)
    return code
