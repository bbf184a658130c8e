"""Pages of a PDF as lines with their place and size, printed labels and outline, read in a limited child process.

A PDF is untrusted input: seventy kilobytes can cost a parser gigabytes or crash it, so it is read by
`python -m ingest.pdf_reader`, under limits on memory and time. Here is the parent: it starts the child, collects what it
prints, and words what went wrong.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from index_store.errors import BookError
from ingest.ocr import even_sizes

SECONDS_A_BOOK = 600
SECONDS_A_PAGE = 60
SECONDS_A_BOOK_WITH_OCR = 12 * 3600
MEGABYTES = 2048
PAGES = 5000


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
    "empty": ("the file is empty", "Export or download it again."),
    "not-pdf": ("not a PDF file", "Give the book as a PDF."),
    "encrypted": ("the PDF is encrypted and needs a password", "Save a copy without the password and ingest that."),
    "corrupt": ("the PDF is damaged and cannot be opened", "Export or download it again."),
    "no-pages": ("the PDF has no pages", "Export or download it again."),
    "too-many-pages": (f"the PDF has more than {PAGES} pages", "Split it into volumes."),
    "memory": (f"reading needs more than {MEGABYTES} MB of memory", "Save it again with another program, or split it."),
}


def read_pdf(file: Path, progress: Callable[[int, int], None] = lambda done, total: None, ocr: str = "") -> Document:
    """Read a PDF. Raises BookError with reason and remedy; `progress(done, total)` counts pages.

    `ocr` names the languages ("eng+deu") in which Tesseract reads scanned pages; they stay unread without.
    """
    seconds = SECONDS_A_BOOK_WITH_OCR if ocr else SECONDS_A_BOOK
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BookError(str(file), error.strerror or str(error), "Check the path and its permissions.") from error
    limits = [str(limit) for limit in (MEGABYTES, seconds, PAGES, SECONDS_A_PAGE)]
    child = subprocess.Popen(
        [sys.executable, "-m", "ingest.pdf_reader", str(file.resolve()), *limits, ocr],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        cwd=Path(__file__).parent.parent,
    )
    overtime = threading.Timer(seconds, child.kill)
    overtime.start()
    rows: dict[str, list] = {"page": [], "outline": []}
    head: dict = {}
    repaired: list[str] = []
    as_it_was: list = []
    refused = ""
    ended = False
    try:
        assert child.stdout is not None
        for text in child.stdout:
            try:
                kind, row = json.loads(text)
            except ValueError:  # half a line: the child was ended while it wrote
                continue
            if kind == "head":
                head = row
            elif kind == "refused":
                refused = row
            elif kind == "end":
                ended = True
            elif kind == "again":
                repaired, as_it_was, rows["page"] = row, rows["page"], []
            else:
                rows[kind].append(row)
                if kind == "page":
                    progress(len(rows["page"]), head["pages"])
        child.wait()
    finally:
        timed_out = overtime.finished.is_set()
        overtime.cancel()
        child.kill()
        child.wait()
    if refused:
        reason, remedy = REFUSALS.get(refused, REFUSALS["corrupt"])
        raise BookError(str(file), reason, remedy)
    if not ended:
        at = f"page {len(rows['page']) + 1} of {head['pages']}" if head else "its beginning"
        if timed_out or child.returncode == -signal.SIGXCPU:
            reason = f"reading took longer than {seconds} s"
        elif child.returncode == -signal.SIGPROF:
            reason = f"reading {at} took longer than {SECONDS_A_PAGE} s"
        else:
            reason = f"the reader stopped at {at} (code {child.returncode})"
        raise BookError(str(file), reason, "Save the PDF again with another program and ingest that.")
    pages = tuple(Page(row["number"], row["label"], tuple(Line(*line) for line in row["lines"])) for row in rows["page"])
    recognised = tuple(row["number"] for row in rows["page"] if row["ocr"])
    return Document(
        file=file,
        title=head["title"],
        pages=even_sizes(pages, set(recognised)) if recognised else pages,
        outline=tuple(OutlineEntry(*row) for row in rows["outline"]),
        repaired_fonts=tuple(repaired),
        repaired_characters=(_characters(rows["page"]) - _characters(as_it_was)).total() if repaired else 0,
        hidden_characters=sum(row["hidden"] for row in rows["page"]),
        scanned_pages=tuple(row["number"] for row in rows["page"] if row["scanned"]),
        recognised_pages=recognised,
    )


def _characters(pages: list) -> Counter[str]:
    return Counter(character for page in pages for line in page["lines"] for character in line[0] if not character.isspace())
