"""Books that are not PDFs, as sections: Markdown, HTML, plain text, DOCX and PPTX, each read in a limited child process.

`python -m ingest.document_reader` opens the file (see child.py) and prints its headings and pieces of text; here they become
sections. A slide is a page. The other formats have none (but for form feeds in plain text), so that their top-level sections
are counted in place of pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from index_store.words import normalize
from ingest.blocks import Block
from ingest.headings import kind_of
from ingest.readers import DAMAGED, EMPTY, MEGABYTES, Readers, rows_of
from ingest.structure import LOST, Book, Section

TEXT_MEGABYTES = 50
UNPACKED_MEGABYTES = 500
# What no reader sees: control characters, soft hyphens, marks without width, the tag characters.
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\U000e0000-\U000e007f]")
NEWER = "Open it in Word, PowerPoint or LibreOffice and save it as DOCX or PPTX."

# What the child reports about a file that it cannot read, and how to mend it.
REFUSALS = {
    "empty": EMPTY,
    "corrupt": DAMAGED,
    "too-large": (f"it has more than {TEXT_MEGABYTES} MB of text", "Split it into volumes."),
    "too-much": (f"unpacked it is larger than {UNPACKED_MEGABYTES} MB", "Take out films and large pictures, or split it."),
    "not-text": ("not text: its bytes are those of some other kind of file", "Give it the suffix of what it is."),
    "not-docx": ("not a DOCX document", NEWER),
    "not-pptx": ("not a PPTX presentation", NEWER),
    "encrypted": ("the file is encrypted and needs a password", "Save a copy without the password and ingest that."),
    "old-office": ("the file is in the Office format from before 2007", NEWER),
    "declares": ("its XML declares entities, which no Office program writes", NEWER),
    "too-deep": ("its parts are nested too deep", "Save it again with another program."),
    "no-text": ("there is no text in it", "If it shows text on the screen, print it to a PDF and ingest that."),
    "memory": (f"reading needs more than {MEGABYTES} MB of memory", "Save it again with another program, or split it."),
}


def read_document(
    file: Path, progress: Callable[[int, int], None] = lambda done, total: None, readers: Readers | None = None
) -> Book:
    """Read a document by its suffix. Raises BookError with reason and remedy; `progress(done, total)` counts pages or parts.

    `readers` spare it a process of its own.
    """
    head: dict = {}
    blocks: list[Block] = []
    limits = (file.suffix.lower(), str(TEXT_MEGABYTES), str(UNPACKED_MEGABYTES))
    for kind, row in rows_of("ingest.document_reader", file, REFUSALS, readers, megabytes=MEGABYTES, options=limits):
        if kind == "head":
            head = row
        else:
            text, level, page = row
            blocks.append(Block(_clean(text), level, page))
    sections = _sections(blocks)
    pages = head["pages"]
    if not pages:
        _number_parts(sections)
        pages = sections[-1].pages[-1]
    # A slide has no number printed that could differ; a text file's form feeds number its printed pages.
    printed = head["pages"] and file.suffix.lower() != ".pptx"
    progress(pages, pages)
    return Book(
        title=_one_line(head["title"]) or file.stem,
        sections=tuple(sections),
        labels={number: str(number) if printed else "" for number in range(1, pages + 1)},
        pages=pages,
        pages_without_text=pages - len({page for section in sections for page in section.pages}),
        lost_characters=sum(block.text.count(LOST) for block in blocks),
        hidden_parts=head["hidden"],
    )


def _clean(text: str) -> str:
    return INVISIBLE.sub("", normalize(text.replace("\r\n", "\n").replace("\r", "\n")))


def _one_line(text: str) -> str:
    return " ".join(_clean(text).split())


def _sections(blocks: Sequence[Block]) -> list[Section]:
    """The blocks under their headings; a heading without text of its own is still in the path of those below it.

    A heading under which nothing follows, as on a slide of one line, is its section's text.
    """
    sections = [_Open(())]
    path: list[tuple[int, str]] = []
    for at, block in enumerate(blocks):
        if block.level < 0:
            sections[-1].append(block)
            continue
        title = _one_line(block.text)
        path = [(level, above) for level, above in path if level < block.level] + ([(block.level, title)] if title else [])
        sections.append(_Open(tuple(above for _, above in path)))
        below = blocks[at + 1] if at + 1 < len(blocks) else None
        if below is None or below.page != block.page or 0 <= below.level <= block.level:
            sections[-1].append(Block(title, page=block.page))
    return [section.closed() for section in sections if section.pieces]


@dataclass
class _Open:
    """A section that is being written: its text in pieces, and their length so far."""

    path: tuple[str, ...]
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    starts: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)

    def append(self, block: Block) -> None:
        """Add a piece of text below a blank line; a sentence that a page's end broke goes on behind a space."""
        text = block.text.strip("\n").rstrip()
        if not text.strip():
            return
        turned = not self.pages or self.pages[-1] != block.page
        if self.pieces:
            goes_on = turned and text[0].islower() and self.pieces[-1][-1] not in ".?!:;"
            self._add(" " if goes_on else "\n\n")
        if turned:
            self.starts.append(self.length)
            self.pages.append(block.page)
        self._add(text)

    def _add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)

    def closed(self) -> Section:
        return Section(self.path, "".join(self.pieces), self.starts, self.pages, kind_of(self.path))


def _number_parts(sections: Sequence[Section]) -> None:
    """Number the sections' pages by their outermost heading; where all stand under one, the title, by that below it."""
    paths = [section.path for section in sections if section.path]
    levels = list(zip(*paths, strict=False))
    shared = next((n for n, titles in enumerate(levels) if len(set(titles)) > 1), len(levels))
    number, before = 0, None
    for section in sections:
        outermost = section.path[: shared + 1]
        if outermost != before:
            number, before = number + 1, outermost
        section.pages = [number] * len(section.pages)
