"""What a page carries besides its text: running heads, page numbers, contents and index pages, labels inside figures.

Knows nothing of headings and paragraphs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from ingest.pdf import Line, Page

LEADER = re.compile(r"(\.\s?){4,}\s*([0-9]+|[ivxlc]+)$", re.IGNORECASE)
ENDS_IN_PAGE = re.compile(r"[^\W\d_]{2}.*[^\d,;(=+*/<>-]\s(\d{1,4})$")
INDEX_ENTRY = re.compile(r"[^\W\d_].*,\s*\d{1,4}(?:\s?[-–]\s?\d{1,4}|ff?\.?)?$")
LABEL = re.compile(r"[\w.,'′∞–−+-]{1,12}(?: [\w.,'′∞–−+-]{1,4}){0,8}")
CAPTION = re.compile(r"(?:figure|fig\.|abbildung|abb\.|bild)\s*[\dA-Z]", re.IGNORECASE)
SMALL = 0.95
FEWEST_LABELS = 8


def body_size(pages: Iterable[Page]) -> float:
    """The height of most characters, in points; 0 where there are none."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


class Margins:
    """The running heads and page numbers of a book, told apart from its text.

    The outermost lines of a page belong to the margin where they are its label, or stand at a height where many pages have
    their outermost line and most of those run on with the pages, repeat with other digits, or are small and stand apart.
    """

    def __init__(self, pages: Sequence[Page], size: float) -> None:
        self.pages = {page.number: page for page in pages}
        self.size = size
        self.lines: dict[int, list[Line]] = {page.number: list(page.lines) for page in pages}
        self.headed: dict[int, list[Line]] = {page.number: [] for page in pages}
        edges = [self._edge(outermost) for outermost in (max, min)]
        votes = Counter(
            distance for edge in edges for number, i in edge.items() for distance in _distances(self.pages[number], i)
        )
        self.distance, count = votes.most_common(1)[0] if votes else (0, 0)
        self.numbered = count >= max(3, len(pages) // 4)
        for edge in edges:
            self._clear(edge)

    def _edge(self, outermost: Callable[..., int]) -> dict[int, int]:
        """Page number -> index of the outermost line."""
        return {p.number: outermost(range(len(p.lines)), key=lambda i: p.lines[i].y) for p in self.pages.values() if p.lines}

    def _clear(self, edge: dict[int, int]) -> None:
        line_of = {number: self.pages[number].lines[i] for number, i in edge.items()}
        repeats = Counter(_digitless(line.text) for line in line_of.values())
        heights = Counter(round(line.y / 3) for line in line_of.values())
        furniture: dict[int, bool] = {}
        marginal: Counter[int] = Counter()
        for number, line in line_of.items():
            page = self.pages[number]
            furniture[number] = (
                repeats[_digitless(line.text)] >= 3
                or (self.numbered and self.distance in _distances(page, edge[number]))
                or (bool(page.label) and page.label in (line.text.split()[0], line.text.split()[-1]))
                or (line.size < SMALL * self.size and self._apart(page, line))
            )
            marginal[round(line.y / 3)] += furniture[number]
        for number, line in line_of.items():
            page = self.pages[number]
            near = [round(line.y / 3) + d for d in (-1, 0, 1)]
            lines = sum(heights[slot] for slot in near)
            recurring = lines >= max(3, len(self.pages) // 8) and 2 * sum(marginal[slot] for slot in near) >= lines
            if line.text.strip() == page.label or (recurring and furniture[number]):
                # The whole baseline: a head set in pieces is several lines to the reader.
                gone = [other for other in self.lines[number] if abs(other.y - line.y) < 3]
                self.headed[number] += gone
                self.lines[number] = [other for other in self.lines[number] if abs(other.y - line.y) >= 3]

    def _apart(self, page: Page, line: Line) -> bool:
        """Whether there is more room to the next line than between lines of text."""
        gaps = [gap for other in page.lines if (gap := abs(other.y - line.y)) >= 3]
        return not gaps or min(gaps) > 1.5 * line.size

    def labels(self) -> dict[int, str]:
        """The printed label of each page: the file's own, or else read from the margins; empty where neither tells.

        The number in a margin is the page's where it runs on with the pages: on half of them at least it is the same
        distance from the page's place in the file.
        """
        labels = {number: page.label for number, page in self.pages.items()}
        if any(labels.values()):
            return labels
        votes = Counter(
            distance
            for number, heads in self.headed.items()
            for distance in {d for line in heads for d in _number_distances(line.text, number)}
        )
        if not votes or 2 * votes.most_common(1)[0][1] < len(self.pages):
            return labels
        distance = votes.most_common(1)[0][0]
        return {number: str(number + distance) if number + distance > 0 else "" for number in labels}


def _distances(page: Page, edge: int) -> set[int]:
    y = page.lines[edge].y
    return {d for line in page.lines if abs(line.y - y) < 3 for d in _number_distances(line.text, page.number)}


def _number_distances(text: str, page: int) -> set[int]:
    """How far the numbers that the text begins or ends with are from `page`; a number may be glued to the next ("1594. X")."""
    text = text.strip()
    leading = re.match(r"\d{1,6}", text)
    trailing = re.search(r"\d{1,6}$", text)
    digits = leading.group() if leading else ""
    found = {digits[:n] for n in range(1, min(len(digits), 4) + 1)} if leading and leading.end() < len(text) else {digits}
    if trailing:
        found.add(trailing.group())
    return {int(number) - page for number in found if number and len(number) <= 4}


def _digitless(text: str) -> str:
    return re.sub(r"\d+", "#", text).strip().casefold()


def is_contents(lines: Sequence[Line], pages: int, follows: bool) -> bool:
    """Whether the page lists headings with their pages: with dot leaders, or most lines end in numbers that go up.

    `follows`: whether the page before does; then the last few entries are enough.
    """
    hits = [int(m[1]) for line in lines if line.text[-1:].isdigit() and (m := ENDS_IN_PAGE.search(line.text))]
    if len(lines) >= 4 and 2 * sum(bool(LEADER.search(line.text)) for line in lines) > len(lines):
        return True
    if 2 * len(hits) < len(lines) or (len(hits) < 6 and not (follows and hits)):
        return False
    rising = sum(a <= b for a, b in pairwise(hits))
    return rising >= 0.9 * (len(hits) - 1) and hits[-1] <= pages + 50 and (follows or hits[-1] > hits[0])


def is_index(lines: Sequence[Line], follows: bool) -> bool:
    """Whether the page is of an index: many lines end in ", 12", in the order of the alphabet."""
    entries = [line.text for line in lines if line.text[-1:] in "0123456789f." and INDEX_ENTRY.match(line.text)]
    if len(entries) < 6 - 3 * follows or len(entries) < 0.4 * len(lines):
        return False
    initials = [entry[0].casefold() for entry in entries]
    return sum(a <= b for a, b in pairwise(initials)) >= 0.7 * (len(initials) - 1)


def without_labels(lines: Sequence[Line], size: float) -> list[Line]:
    """The lines without runs of loose labels, as figures have them: short, smaller than the text, strewn over the page.

    Formulas stay, which have signs between their letters. A table of fractions looks much the same, so a run needs a figure's
    caption beside it, or to be long and to go up the page often, as a table does not.
    """
    loose = [
        line.size < 0.93 * size and not line.pitch and len(line.text) <= 30 and bool(LABEL.fullmatch(line.text))
        for line in lines
    ]
    if sum(loose) < FEWEST_LABELS:
        return list(lines)
    kept: list[Line] = []
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and (
            loose[end] or (end > start and len(lines[end].text) <= 8 and end + 1 < len(lines) and loose[end + 1])
        ):
            end += 1
        run = lines[start:end]
        beside = [*lines[max(0, start - 2) : start], *lines[end : end + 2]]
        if not _strewn(run, size, any(CAPTION.match(line.text) for line in beside)):
            kept += lines[start : max(end, start + 1)]
        start = max(end, start + 1)
    return kept


def _strewn(run: Sequence[Line], size: float, captioned: bool) -> bool:
    if len(run) < FEWEST_LABELS:
        return False
    columns = len({round(line.x / 3) for line in run})
    heights = [line.y for line in run]
    if columns < max(4, 0.3 * len(run)) or max(heights) - min(heights) <= 2 * size:
        return False
    ups = sum(b.y > a.y + 3 for a, b in pairwise(run))
    if captioned:
        return True
    wordless = not any(re.search(r"[^\W\d_]{4}", line.text) for line in run)
    strewn = ups >= 0.2 * len(run) and len({round(y / 3) for y in heights}) >= 6
    return len(run) >= 2 * FEWEST_LABELS and wordless and strewn
