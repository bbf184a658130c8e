"""From lines on pages to sections of flowing text: the way through, and the book that comes of it.

Knows nothing of how the lines were read, of passages or of embeddings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.flow import Flow, Section
from ingest.furniture import Margins, body_size, is_contents, is_index, without_labels
from ingest.headings import LOST, by_size, from_outline, key, kind_of
from ingest.notes import Note, take_notes
from ingest.pdf import Document, Page
from ingest.spelling import Vocabulary

__all__ = ["Book", "Section", "understand"]

NOT_INDEXED = {
    "contents", "tableofcontents", "index", "subjectindex", "inhaltsverzeichnis", "stichwortverzeichnis", "sachverzeichnis",
    "sachregister", "tabledesmatières", "sommaire",
}  # fmt: skip
TITLE_PAGES = 4
# A line of its own: "Second Edition", "3rd revised edition", "2., überarbeitete Auflage", "2e édition".
EDITION = re.compile(r"(?:\w+|\d+\.?,?)(?: \w{4,15})? (?:edition|auflage|édition)", re.IGNORECASE)


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
    pages = document.pages
    size = body_size(pages)
    margins = Margins(pages, size)
    lost = sum(line.text.count(LOST) for lines in margins.lines.values() for line in lines)
    empty = sum(not lines for lines in margins.lines.values())
    after = _take_off(document, margins, size)
    kept = margins.lines
    headings = from_outline(document, kept) if document.outline else by_size(pages, margins, size)
    flow = Flow(Vocabulary(kept.values()))
    sections = [Section(())]
    for page in pages:
        flow.turn_to(kept[page.number])
        for i in range(len(kept[page.number])):
            path = headings.get((page.number, i))
            if path:
                flow.end(sections[-1])
                sections.append(Section(path, kind=kind_of(path)))
            if path is None:
                flow.append(sections[-1], page.number, i, after[page.number].get(i, ()))
            else:
                flow.notes += after[page.number].get(i, ())
    flow.end(sections[-1])
    written = tuple(s for s in sections if s.text.strip() and not NOT_INDEXED.intersection(key(title) for title in s.path))
    return Book(
        title=_with_edition(document.title or _title(written) or document.file.stem, pages),
        sections=written,
        labels=margins.labels(),
        pages=len(pages),
        pages_without_text=empty,
        lost_characters=lost,
        repaired_characters=document.repaired_characters,
        hidden_characters=document.hidden_characters,
        scanned_pages=document.scanned_pages,
    )


def _take_off(document: Document, margins: Margins, size: float) -> dict[int, dict[int, list[Note]]]:
    """Take contents and index pages, labels in figures and footnotes off `margins.lines`; the notes by page and line."""
    after: dict[int, dict[int, list[Note]]] = {}
    contents = index = False
    last: Note | None = None
    for page in document.pages:
        lines = margins.lines[page.number]
        contents = is_contents(lines, len(document.pages), contents)
        index = not contents and is_index(lines, index)
        if contents or index:
            lines = []
        footed = take_notes(page.number, without_labels(lines, size), size, last)
        last = next((notes[-1] for notes in reversed(footed.after.values())), last)
        margins.lines[page.number], after[page.number] = footed.lines, footed.after
    return after


def _with_edition(title: str, pages: Sequence[Page]) -> str:
    """The title with the edition that a line of the first pages names, where the title does not: citations then name it."""
    if EDITION.search(title) or re.search(r"\b\d+e$", title):
        return title
    lines = (" ".join(line.text.split()) for page in pages[:TITLE_PAGES] for line in page.lines)
    return f"{title}, {found}" if (found := next((line for line in lines if EDITION.fullmatch(line)), "")) else title


def _title(sections: Sequence[Section]) -> str:
    """The heading that most sections stand under, as a single chapter has one; empty where there is none."""
    tops = Counter(section.path[0] for section in sections if section.path)
    title, count = tops.most_common(1)[0] if tops else ("", 0)
    return title if len(title) >= 4 and 2 * count > len(sections) else ""
