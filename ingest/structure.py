"""From lines on pages to sections of flowing text: running heads off, hyphens joined, headings found, pages remembered.

Knows nothing of how the lines were read, of passages or of embeddings.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from ingest.pdf import Document, Line, Page

SOFT_HYPHEN = "\N{SOFT HYPHEN}"
LOST = "\N{REPLACEMENT CHARACTER}"
LEADER = re.compile(r"(\.\s?){4,}\s*([0-9]+|[ivxlc]+)$", re.IGNORECASE)
NOT_INDEXED = {"contents", "tableofcontents", "index", "inhaltsverzeichnis", "tabledesmatières"}
HEADING_RATIO = 1.04
TITLE = re.compile(r"(\d+(\.\d+)*\.?\s+)?[^\W\d_a-z][^=<>≤≥∑∈{}|]*[^\s.,;:]")
FOLDED = str.maketrans({"\N{MINUS SIGN}": "-", "\N{NON-BREAKING HYPHEN}": "-", "\N{HYPHEN}": "-", "\N{MICRO SIGN}": "μ"})


@dataclass
class Section:
    """A stretch of text under one heading; `path` runs from the chapter down to that heading.

    `starts[i]` is the offset in `text` where page `pages[i]` begins.
    """

    path: tuple[str, ...]
    text: str = ""
    starts: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)

    def page_at(self, offset: int) -> int:
        """The physical page (from 1) that the character at `offset` stands on."""
        return self.pages[max(0, bisect_right(self.starts, offset) - 1)]


@dataclass(frozen=True)
class Book:
    """A book as understood: its sections in reading order and what was noticed on the way.

    `hidden_parts` counts what the file holds and shows to none of its readers; that is not read.
    """

    title: str
    sections: tuple[Section, ...]
    labels: dict[int, str]
    pages: int
    pages_without_text: int
    lost_characters: int
    repaired_characters: int = 0
    hidden_parts: int = 0
    hidden_characters: int = 0
    scanned_pages: tuple[int, ...] = ()


def understand(document: Document) -> Book:
    """Find the structure of a document as read."""
    body_size = _body_size(document.pages)
    text_lines = _without_running_heads(document.pages, body_size)
    kept = [text_lines[page.number] for page in document.pages]
    headings = (
        _headings_from_outline(document, kept) if document.outline else _headings_by_size(document.pages, kept, body_size)
    )
    words = Counter(
        word for lines in kept for line in lines for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", line.text.casefold())
    )
    sections: list[Section] = [Section(())]
    for page, lines in zip(document.pages, kept, strict=True):
        if _is_contents(lines):
            continue
        flow = _Flow(lines, words)
        for i, line in enumerate(lines):
            heading = headings.get((page.number, i))
            if heading is None:
                flow.append(sections[-1], page.number, line)
            elif heading:
                sections.append(Section(heading))
    written = tuple(s for s in sections if s.text.strip() and not (s.path and _key(s.path[-1]) in NOT_INDEXED))
    return Book(
        title=document.title or _title(written) or document.file.stem,
        sections=written,
        labels=_labels(document.pages, kept),
        pages=len(document.pages),
        pages_without_text=sum(not lines for lines in kept),
        lost_characters=sum(line.text.count(LOST) for lines in kept for line in lines),
        repaired_characters=document.repaired_characters,
        hidden_characters=document.hidden_characters,
        scanned_pages=document.scanned_pages,
    )


def _title(sections: Sequence[Section]) -> str:
    """The heading that most sections stand under, as a single chapter has one; empty where there is none."""
    tops = Counter(section.path[0] for section in sections if section.path)
    title, count = tops.most_common(1)[0] if tops else ("", 0)
    return title if len(title) >= 4 and 2 * count > len(sections) else ""


def _labels(pages: Sequence[Page], kept: Sequence[list[Line]]) -> dict[int, str]:
    """The printed label of each page: the file's own, or else read from the running heads; empty where neither tells.

    The number in a running head is the page's where it runs on with the pages: on half of them at least it is the same
    distance from the page's place in the file.
    """
    labels = {page.number: page.label for page in pages}
    if any(labels.values()):
        return labels
    distances: Counter[int] = Counter()
    for page, lines in zip(pages, kept, strict=True):
        heads = [line.text.strip() for line in page.lines if line not in lines]
        distances.update({int(text) - page.number for text in heads if re.fullmatch(r"\d{1,4}", text)})
    if not distances or 2 * distances.most_common(1)[0][1] < len(pages):
        return labels
    distance = distances.most_common(1)[0][0]
    return {number: str(number + distance) if number + distance > 0 else "" for number in labels}


def normalize(text: str) -> str:
    """One spelling for each character, in index and query alike: NFKC, minus and hyphens as "-", mu as the Greek letter."""
    return unicodedata.normalize("NFKC", text.translate(FOLDED)).translate(FOLDED)


def _body_size(pages: Iterable[Page]) -> float:
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page.lines:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _without_running_heads(pages: Sequence[Page], body_size: float) -> dict[int, list[Line]]:
    """Per page number the lines without running heads and page numbers.

    The outermost lines of a page are running heads where they are its printed label, or stand at a height where many
    pages have their outermost line and are either smaller than the text or repeat with other digits.
    """
    dropped: dict[int, set[int]] = {page.number: set() for page in pages}
    for outermost in (max, min):
        edge: dict[int, int] = {}
        for page in pages:
            if page.lines:
                edge[page.number] = outermost(range(len(page.lines)), key=lambda i: page.lines[i].y)
        heights = Counter(round(page.lines[edge[page.number]].y / 3) for page in pages if page.number in edge)
        texts = Counter(_digitless(page.lines[edge[page.number]].text) for page in pages if page.number in edge)
        for page in pages:
            if page.number not in edge:
                continue
            line = page.lines[edge[page.number]]
            slot = round(line.y / 3)
            recurring = sum(heights[slot + d] for d in (-1, 0, 1)) >= max(3, len(pages) // 8)
            repeated = texts[_digitless(line.text)] >= 3
            if line.text.strip() == page.label or (recurring and (line.size < 0.95 * body_size or repeated)):
                # The whole baseline: a head set in two pieces is two lines to the reader.
                dropped[page.number] |= {i for i, other in enumerate(page.lines) if abs(other.y - line.y) < 2}
    return {page.number: [line for i, line in enumerate(page.lines) if i not in dropped[page.number]] for page in pages}


def _digitless(text: str) -> str:
    return re.sub(r"\d+", "#", text).strip().casefold()


def _headings_from_outline(document: Document, kept: Sequence[list[Line]]) -> dict[tuple[int, int], tuple[str, ...]]:
    """(page number, line index) -> path of the heading that stands there; () for a further line of the same heading."""
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    path: list[str] = []
    for entry in document.outline:
        title = " ".join(normalize(entry.title).split())
        path = [*path[: entry.level], title]
        lines = kept[entry.page - 1]
        place = _place_of(title, entry.y, lines, {i for page, i in found if page == entry.page})
        if place is None:
            continue
        first, last = place
        found[entry.page, first] = tuple(path)
        for i in range(first + 1, last + 1):
            found[entry.page, i] = ()
    return found


def _place_of(title: str, y: float | None, lines: Sequence[Line], taken: set[int]) -> tuple[int, int] | None:
    """First and last line of the heading `title`, which may wrap; compared without spaces, nearest to `y` first."""
    wanted = _key(title)
    if not wanted:
        return None
    order = sorted(range(len(lines)), key=lambda i: abs(lines[i].y - y) if y is not None else i)
    for first in order:
        text = ""
        for last in range(first, min(first + 4, len(lines))):
            if last in taken:
                break
            text += _key(lines[last].text)
            if text == wanted:
                return first, last
            if not wanted.startswith(text):
                break
    return None


def _headings_by_size(
    pages: Sequence[Page], kept: Sequence[list[Line]], body_size: float
) -> dict[tuple[int, int], tuple[str, ...]]:
    """Headings of a book without an outline: short titles set larger than the text, with room above.

    The level is the depth of the number where there is one ("8.6" is 2), and the rank of the size elsewhere. A formula's
    first character can be tall too, so a heading has to read like a title.
    """
    candidates: list[tuple[int, int, Line]] = []
    for page, lines in zip(pages, kept, strict=True):
        for i, line in enumerate(lines):
            room = i == 0 or lines[i - 1].y - line.y > 1.2 * body_size or lines[i - 1].y < line.y
            # The further line of a heading begins like any word.
            goes_on = bool(candidates) and candidates[-1][:2] == (page.number, i - 1) and candidates[-1][2].size == line.size
            text = line.text.capitalize() if goes_on else line.text
            if line.size > HEADING_RATIO * body_size and room and _reads_like_a_title(text):
                candidates.append((page.number, i, line))
    sizes: list[float] = []
    for size in sorted({line.size for _, _, line in candidates}, reverse=True):
        if not sizes or size < 0.95 * sizes[-1]:
            sizes.append(size)
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    path: list[str] = []
    previous: tuple[int, int, int] | None = None
    broken = False
    for number, i, line in candidates:
        title = " ".join(normalize(line.text.replace(SOFT_HYPHEN, "")).split())
        numbered = re.match(r"\d+(?:\.\d+)*", title)
        level = (
            numbered.group().count(".")
            if numbered
            else min(next(n for n, size in enumerate(sizes) if line.size >= 0.95 * size), 3)
        )
        if previous and previous[:2] == (number, i - 1) and (level == previous[2] or title[0].islower()):
            level = previous[2]  # a heading over two lines
            path[-1] = f"{path[-1]}{'' if broken else ' '}{title}"
            start = next(key for key in reversed(found) if found[key])
            found[start] = tuple(path)
            found[number, i] = ()
        else:
            path = [*path[:level], title]
            found[number, i] = tuple(path)
        previous, broken = (number, i, level), line.text.endswith(SOFT_HYPHEN)
    return found


def _reads_like_a_title(text: str) -> bool:
    words = re.sub(r"^[\d.]+\s+", "", text)
    letters = sum(character.isalpha() or character.isspace() for character in words)
    return len(text) <= 90 and letters >= 0.75 * len(words) and bool(TITLE.fullmatch(text)) and LOST not in text


def _key(title: str) -> str:
    # Without hyphens too: a heading broken at its own hyphen has a soft one there.
    return re.sub(r"[\s'\"‘’“”\u00ad-]+", "", normalize(title)).casefold()


def _is_contents(lines: Sequence[Line]) -> bool:
    return len(lines) >= 4 and 2 * sum(bool(LEADER.search(line.text)) for line in lines) > len(lines)


class _Flow:
    """Joins the lines of one page to a section's text: spaces inside a paragraph, blank lines between, code as set."""

    def __init__(self, lines: Sequence[Line], words: Counter[str]) -> None:
        gaps = [a.y - b.y for a, b in pairwise(lines) if 0 < a.y - b.y < 40]
        self.pitch = median(gaps) if gaps else 12.0
        self.margin = max((line.right for line in lines), default=0.0)
        self.left = min((line.x for line in lines), default=0.0)
        self.code_left: dict[Line, float] = {}
        for fixed_pitch, run in groupby(lines, key=lambda line: bool(line.pitch)):
            block = list(run) if fixed_pitch else []
            self.code_left.update(dict.fromkeys(block, min((line.x for line in block), default=0.0)))
        self.words = words
        self.previous: Line | None = None

    def append(self, section: Section, page: int, line: Line) -> None:
        text = line.text
        if line.pitch:
            text = " " * round((line.x - self.code_left[line]) / line.pitch) + text
        text = normalize(text)
        if not section.pages or section.pages[-1] != page:
            before = self._across_pages(section, text)
            section.text = section.text.rstrip() + before if section.text else ""
            section.starts.append(len(section.text))
            section.pages.append(page)
        elif self.previous is not None:
            section.text += self._between(self.previous, line, section)
        *pieces, last = text.split(SOFT_HYPHEN)
        for piece in pieces:
            self._add(section, piece)
            section.text += SOFT_HYPHEN
        self._add(section, last)
        self.previous = line

    def _add(self, section: Section, text: str) -> None:
        if text and section.text.endswith(SOFT_HYPHEN):
            section.text = self._joined(section.text[:-1], text)
        else:
            section.text += text

    def _between(self, previous: Line, line: Line, section: Section) -> str:
        if section.text.endswith(SOFT_HYPHEN) or not section.text:
            return ""
        if previous.pitch or line.pitch:
            blank = previous.y - line.y > 1.8 * self.pitch or bool(previous.pitch) != bool(line.pitch)
            return "\n\n" if blank else "\n"
        gap = previous.y - line.y
        if gap > 1.5 * self.pitch:
            return "\n\n"
        if previous.right < self.left + 0.8 * (self.margin - self.left) and gap > 0.5 * self.pitch:
            return "\n"
        indented = line.x - previous.x > 6 and previous.x - self.left < 4 and gap > 0.5 * self.pitch
        return "\n\n" if indented and previous.text.rstrip().endswith((".", "?", "!", ":")) else " "

    def _across_pages(self, section: Section, text: str) -> str:
        if section.text.endswith(SOFT_HYPHEN) or not section.text:
            return ""
        ended = section.text.rstrip().endswith((".", "?", "!", ":", ";"))
        return "\n\n" if ended or not text[:1].islower() else " "

    def _joined(self, before: str, after: str) -> str:
        """A word broken at a line's end, with its hyphen where the book itself writes it so elsewhere."""
        head = re.search(r"[^\W\d_]*$", before)
        tail = re.match(r"[^\W\d_]*", after)
        left, right = (head.group() if head else "").casefold(), (tail.group() if tail else "").casefold()
        hyphenated = self.words[f"{left}-{right}"]
        return before + ("-" if hyphenated > self.words[left + right] else "") + after
