"""Pages of a PDF as lines with their place and size, printed labels and outline, read in a limited child process.

`python -m ingest.pdf_reader` opens the file (see child.py). Here is the parent: it collects what the child prints, and has
the words for what it refuses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.readers import EMPTY, MEGABYTES, SECONDS_A_BOOK, Readers, rows_of

SECONDS_A_PAGE = 60
SECONDS_A_BOOK_WITH_OCR = 12 * 3600
PAGES = 5000
SAME_SIZE = 0.15  # recognised sizes that differ by less are one


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line; lengths are points from the page's lower left.

    A hyphen at a line's end is U+00AD; a character that the PDF gives no meaning to is U+FFFD. `size` is the height of
    the line's first character, `x` and `y` its origin, `right` the origin of the last; `pitch` is the width of every
    character of a fixed-pitch font, and 0 elsewhere.
    """

    text: str
    size: float
    x: float
    y: float
    right: float
    pitch: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page: `number` counts from 1 in the file, `label` is what the file says is printed on it, or empty."""

    number: int
    label: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: `level` 0 is the outermost, `page` counts from 1, `y` is its height in points if it names one."""

    level: int
    title: str
    page: int
    y: float | None


@dataclass(frozen=True)
class Document:
    """A PDF as read: nothing interpreted yet. `repaired_characters` are those that mended fonts changed (see repair.py).

    `hidden_characters` counts those that a reader of the page does not see (see hidden.py); they are left out.
    `scanned_pages` are the numbers of pages that are pictures, `recognised_pages` those of them that OCR read.
    """

    file: Path
    title: str
    pages: tuple[Page, ...]
    outline: tuple[OutlineEntry, ...] = field(default=())
    repaired_fonts: tuple[str, ...] = ()
    repaired_characters: int = 0
    hidden_characters: int = 0
    scanned_pages: tuple[int, ...] = ()
    recognised_pages: tuple[int, ...] = ()


# What the child reports about a file that it cannot read, and how to mend it.
REFUSALS = {
    "empty": EMPTY,
    "not-pdf": ("not a PDF file", "Give the book as a PDF."),
    "encrypted": ("the PDF is encrypted and needs a password", "Save a copy without the password and ingest that."),
    "corrupt": ("the PDF is damaged and cannot be opened", "Export or download it again."),
    "no-pages": ("the PDF has no pages", "Export or download it again."),
    "too-many-pages": (f"the PDF has more than {PAGES} pages", "Split it into volumes."),
    "memory": (f"reading needs more than {MEGABYTES} MB of memory", "Save it again with another program, or split it."),
}


def read_pdf(
    file: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    ocr: str = "",
    readers: Readers | None = None,
) -> Document:
    """Read a PDF. Raises BookError with reason and remedy; `progress(done, total)` counts pages.

    `ocr` names the languages ("eng+deu") in which Tesseract reads scanned pages; they stay unread without. `readers` spare
    it a process of its own.
    """
    rows: dict[str, list] = {"page": [], "outline": []}
    head: dict = {}
    repaired: dict = {"fonts": [], "characters": 0}

    def place() -> str:
        return f" at page {len(rows['page']) + 1} of {head['pages']}" if head else ""

    seconds = SECONDS_A_BOOK_WITH_OCR if ocr else SECONDS_A_BOOK
    options = (str(PAGES), str(SECONDS_A_PAGE), ocr)
    for kind, row in rows_of(
        "ingest.pdf_reader", file, REFUSALS, readers, megabytes=MEGABYTES, seconds=seconds, options=options, place=place
    ):
        if kind == "head":
            head = row
        elif kind == "repaired":
            repaired = row
        elif kind == "again":
            rows["page"] = []
        else:
            rows[kind].append(row)
            if kind == "page":
                progress(len(rows["page"]), head["pages"])
    pages = tuple(Page(row["number"], row["label"], tuple(Line(*line) for line in row["lines"])) for row in rows["page"])
    recognised = tuple(row["number"] for row in rows["page"] if row["ocr"])
    return Document(
        file=file,
        title=head["title"],
        pages=even_sizes(pages, set(recognised)) if recognised else pages,
        outline=tuple(OutlineEntry(*row) for row in rows["outline"]),
        repaired_fonts=tuple(repaired["fonts"]),
        repaired_characters=repaired["characters"],
        hidden_characters=sum(row["hidden"] for row in rows["page"]),
        scanned_pages=tuple(row["number"] for row in rows["page"] if row["scanned"]),
        recognised_pages=recognised,
    )


def even_sizes(pages: Sequence[Page], recognised: set[int]) -> tuple[Page, ...]:
    """The pages, where the recognised ones (page numbers) have one size for what is nearly as large as most of their text.

    A recogniser measures each line anew, and headings are told from text by a few per cent.
    """
    sizes: Counter[float] = Counter()
    for page in pages:
        if page.number in recognised:
            for line in page.lines:
                sizes[line.size] += len(line.text)
    half, body = sizes.total() / 2, 0.0
    for size, count in sorted(sizes.items()):
        half -= count
        if half <= 0:
            body = size
            break
    return tuple(
        replace(
            page,
            lines=tuple(replace(line, size=body) if abs(line.size - body) <= SAME_SIZE * body else line for line in page.lines),
        )
        if page.number in recognised
        else page
        for page in pages
    )
