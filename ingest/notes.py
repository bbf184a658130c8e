"""Footnotes: found at the foot of a page, and the place in the text that refers to each. Knows nothing of paragraphs.

A line has no word on what is superscript, so a number in the text is taken for a mark only where a note of that number
stands at the foot of the same page and the number stands glued to a word or its full stop; O(V2) stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest.pdf import Line

SMALL = 0.93
TINY = 0.8
MARK = re.compile(r"(\d{1,3}|[*†‡§])")
OPENING = re.compile(r"(\d{1,3}|[*†‡§])(?:(?=[^\W\d_])|\s?(?=[A-ZÀ-ÖØ-Þ“\"'(‘«„\[☞]|\. \. \.))")
GLUED = re.compile(r"\d{1,3}(?!st\b|nd\b|rd\b|th\b)[^\W\d_]{2}")
END = '[.!?)”’"»☞]'


@dataclass
class Note:
    """A footnote: its own mark, its text in lines, and the page that it stands on."""

    mark: str
    page: int
    texts: list[str] = field(default_factory=list)
    size: float = 0.0

    @property
    def open(self) -> bool:
        """Whether it goes on at the foot of the next page."""
        return not re.search(r"[.!?)”’\"»\]☞]\s*$", self.texts[-1]) if self.texts else True


@dataclass
class Footed:
    """A page's lines without its notes and their marks; `after[i]` are the notes that line `i` refers to."""

    lines: list[Line]
    after: dict[int, list[Note]]


def take_notes(page: int, lines: Sequence[Line], size: float, last: Note | None) -> Footed:
    """Take the footnotes off a page whose body text has height `size`; `last` is the note before, which may
    go on here."""
    start = _start(lines, size)
    body = list(lines[:start])
    if last and last.open and last.page == page - 1:
        _take_continuation(body, last, size)
    if start == len(lines):
        return Footed(body, {})
    notes = _split(page, lines[start:], size)
    after: dict[int, list[Note]] = {}
    row = 0
    marked = list(body)
    for note in notes:
        place = _reference(marked, row, note.mark, size)
        if place:
            row, a, b = place
            text = marked[row].text
            marked[row] = replace(marked[row], text=(text[:a] + text[b:]).strip())
        after.setdefault(row if place else len(body) - 1, []).append(note)
    expected = last is not None and last.mark.isdigit() and notes[0].mark == str(int(last.mark) + 1)
    if not expected and not any(_reference(body, 0, note.mark, size) for note in notes):
        return Footed(list(lines), {})  # nothing refers to them: small type at the foot for another reason
    return Footed(marked, after)


def _start(lines: Sequence[Line], size: float) -> int:
    """The index of the first line of the notes, or the number of lines."""
    low = min((line.y for line in lines if line.size >= 0.97 * size), default=float("inf"))
    for i, line in enumerate(lines):
        if line.size > SMALL * size or line.y > low:
            continue
        following = lines[i + 1] if i + 1 < len(lines) else None
        lone = bool(MARK.fullmatch(line.text)) and following is not None
        if lone and following is not None:
            # In a table or a formula, what follows a raised number goes on in small letters.
            beside = -2 < line.y - following.y < 8 and 0 < following.x - line.x < 2.5 * size
            lone = beside and following.size <= SMALL * size and bool(re.match(r"[^\da-z]", following.text))
        glued = OPENING.match(line.text) if line.size < TINY * size else GLUED.match(line.text)
        if lone or (glued and len(line.text) > 12):
            rest = lines[i:]
            if 10 * sum(other.size <= SMALL * size for other in rest) >= 8 * len(rest) and all(
                other.y < line.y + 5 for other in rest
            ):
                return i
    return len(lines)


def _split(page: int, lines: Sequence[Line], size: float) -> list[Note]:
    notes: list[Note] = []
    for i, line in enumerate(lines):
        text = line.text
        if not notes or not notes[-1].mark.isdigit():
            match = MARK.fullmatch(text) or OPENING.match(text)
            if match and line.size < SMALL * size and (not notes or match[1] != notes[-1].mark):
                notes.append(Note(match[1], page))
                text = text[match.end() :].strip()
        elif line.size < TINY * size and text == str(int(notes[-1].mark) + 1) and i + 1 < len(lines):
            notes.append(Note(text, page))
            continue
        if not notes:
            continue
        if notes[-1].mark.isdigit():
            while match := re.search(_next_mark(notes[-1], line.size < TINY * size and text == line.text), text):
                if before := text[: match.start()].strip():
                    notes[-1].texts.append(before)
                notes.append(Note(str(int(notes[-1].mark) + 1), page))
                text = text[match.end() :].strip()
        if text:
            notes[-1].texts.append(text)
            notes[-1].size = notes[-1].size or line.size
    return [note for note in notes if note.texts]


def _next_mark(before: Note, raised: bool) -> str:
    """What the mark of the note after `before` looks like; `raised`: whether the line begins with a small character."""
    number = int(before.mark) + 1
    begins = rf"^{number}(?=\s?[^\W\d_]|\s?[“(☞]|\. \. \.)|" if before.texts and (raised or not before.open) else ""
    return rf"{begins}(?<={END}) {number}(?:$|\s?(?=[^\W\d_a-z]|[“(☞]|\. \. \.))"


def _reference(lines: Sequence[Line], first: int, mark: str, size: float) -> tuple[int, int, int] | None:
    """Where a mark stands, from line `first` on: line index, start and end in its text; None where that cannot be told."""
    sign = re.escape(mark)
    after_word = r"(?:[^\W\d_][.,;:!?”’\"»\]]{1,3}|[^\W\d_]{3,}[.,!?]?\)[.,;:!?”’]{0,2})"
    glued = re.compile(rf"{after_word}({sign})(?=[\s—–-]|$)")
    to_word = re.compile(rf"[^\W\d_]{{4,}}({sign})(?=[\s.,;:!?)”—–-]|$)")
    apart = re.compile(rf"[^\W\d_]{{2,}}[.!?”]({sign}|\s{sign}$)")
    for i in range(first, len(lines)):
        if mark not in lines[i].text:
            continue
        before = lines[i - 1] if i else None
        if (
            before
            and lines[i].size < TINY * size
            and 0 < lines[i].y - before.y < 0.6 * size
            and re.match(rf"{sign}(?=\s\D|$)", lines[i].text)
            and re.search(r"[.,;:!?”’\"»]$|[^\W\d_]{4,}\)?$", before.text)  # or else it is an exponent
        ):
            return i, 0, len(mark)
        if match := glued.search(lines[i].text):
            return i, match.start(1), match.end(1)
    for pattern in (to_word, apart):
        for i in range(first, len(lines)):
            if mark in lines[i].text and (match := pattern.search(lines[i].text)):
                return i, match.start(1), match.end(1)
    return None


def _take_continuation(body: list[Line], note: Note, size: float) -> None:
    """Move the lines at the page's foot that are set like the open note to it."""
    taken: list[str] = []
    while body and note.size and abs(body[-1].size - note.size) < 0.3 and body[-1].size <= SMALL * size:
        taken.append(body.pop().text)
    if taken and not re.match(r"(?:Figure|Table|Abbildung|Tabelle|Tableau)\b", taken[-1]):
        note.texts += reversed(taken)
