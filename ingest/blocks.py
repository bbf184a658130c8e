"""What the readers of documents without printed pages hand over: headings and pieces of text in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

CELLS = " | "
MOST_COLUMNS = 200  # that a cell may reach over


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, where `level` is 0 or more (0 the outermost), or else a piece of text: a paragraph, list, table or code.

    `page` counts from 1 in a file that has pages or slides, and is 0 elsewhere.
    """

    text: str
    level: int = -1
    page: int = 0


@dataclass
class Reading:
    """A document as read: `pages` is 0 where the format has none, `hidden` counts the parts that no reader of it is shown."""

    title: str
    blocks: list[Block]
    pages: int = 0
    hidden: int = 0


class Refused(Exception):
    """The file cannot be read; `word` is a key of `ingest.documents.REFUSALS`."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass
class Numbering:
    """The marker of each item of nested lists: "-" or its number; `style` is as in HTML's <ol type>, or empty for bullets."""

    counts: dict[int, int] = field(default_factory=dict)

    def marker(self, depth: int, style: str, start: int = 1) -> str:
        self.counts = {at: count for at, count in self.counts.items() if at <= depth}
        if not style:
            return "-"
        self.counts[depth] = self.counts.get(depth, start - 1) + 1
        return numeral(self.counts[depth], style)


def numeral(n: int, style: str) -> str:
    """ "3." or, for the styles "a" and "A", "c." or "C."."""
    letter = chr(ord("a") + n - 1) if style in ("a", "A") and 1 <= n <= 26 else ""
    return f"{letter.upper() if style == 'A' else letter or n}."


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table, and how many columns and rows it takes."""

    text: str
    across: int = 1
    down: int = 1


def table(rows: Iterable[Iterable[Cell]]) -> str:
    """A table as text: a row a line, its cells joined by " | ".

    A cell over several rows stands in each of them, one over several columns in the first, with empty ones behind it.
    """
    lines: list[str] = []
    from_above: dict[int, Cell] = {}
    for row in rows:
        line: list[str] = []
        below: dict[int, Cell] = {}
        own = list(row)[::-1]
        while own or len(line) in from_above:
            cell = from_above.get(len(line)) or own.pop()
            for text in [cell.text, *[""] * (min(cell.across, MOST_COLUMNS - len(line)) - 1)]:
                if cell.down > 1 and len(line) < MOST_COLUMNS:
                    below[len(line)] = Cell(text, 1, cell.down - 1)
                line.append(" ".join(text.split()))
        from_above = below
        if any(line):
            lines.append(CELLS.join(line).rstrip())
    return "\n".join(lines)


def item(marker: str, texts: Iterable[str]) -> str:
    """A list item as text: marker and first piece, the rest indented below it."""
    whole = "\n".join(texts)
    return f"{marker} {whole}".replace("\n", "\n  ").rstrip()


def spaced(text: str) -> str:
    """Text with each run of white space as one space, but for line feeds."""
    return re.sub(r" *\n[ \n]*", "\n", re.sub(r"[ \t\r\f\v]+", " ", text)).strip()
