"""The kinds of files that can be read, and which reader reads each."""

from __future__ import annotations

from collections.abc import Callable, Set
from pathlib import Path

from index_store.errors import BookError
from ingest.documents import REFUSALS, read_document
from ingest.pdf import read_pdf
from ingest.readers import Readers
from ingest.structure import Book, understand

DOCUMENTS = {".md", ".markdown", ".html", ".htm", ".txt", ".docx", ".pptx"}
SUFFIXES = {".pdf", *DOCUMENTS}
READABLE = "PDF, DOCX, PPTX, HTML, Markdown (.md) and plain text (.txt)"

# Other kinds that books come in, and what makes one of the above of them.
WAYS = {
    **dict.fromkeys((".doc", ".docm", ".dot", ".odt", ".rtf", ".pages", ".wpd"), "Save it as DOCX."),
    **dict.fromkeys((".ppt", ".pps", ".ppsx", ".pptm", ".odp", ".key"), "Save it as PPTX."),
    **dict.fromkeys((".epub", ".mobi", ".azw3"), "Convert it to HTML or PDF, for instance with Calibre or pandoc."),
    **dict.fromkeys((".tex", ".latex", ".typ", ".djvu", ".ps", ".eps", ".xps"), "Make a PDF of it."),
    **dict.fromkeys((".rst", ".adoc", ".org", ".mht", ".mhtml"), "Save it as HTML."),
    **dict.fromkeys((".xls", ".xlsx", ".ods", ".csv", ".one"), "Print it to a PDF."),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff"), "Run text recognition (OCR) on it and save a PDF."),
    **dict.fromkeys((".zip", ".tar", ".gz", ".7z", ".rar"), "Unpack it and name the folder."),
    ".ipynb": "Export it as HTML or Markdown, for instance with jupyter nbconvert.",
}


# Those of them that are books or lectures for themselves, and not a source, a picture or data beside one.
UNREADABLE_BOOKS = {
    ".doc", ".docm", ".odt", ".rtf", ".pages", ".wpd", ".ppt", ".pps", ".ppsx", ".pptm", ".odp", ".key", ".epub", ".mobi",
    ".azw3", ".djvu", ".ps", ".xps", ".ipynb",
}  # fmt: skip


def books_in(folder: Path, kinds: Set[str] = SUFFIXES) -> list[Path]:
    """The files of these kinds below `folder`, by name; not the hidden ones, nor the locks that Office leaves ("~$...")."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in kinds
        and not file.name.startswith("~$")
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.is_file()
    )


def read_book(
    file: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    ocr: str = "",
    readers: Readers | None = None,
) -> Book:
    """Read a book by its suffix. Raises BookError with reason and remedy; `progress(done, total)` counts its pages.

    `ocr` names the languages in which scanned pages of a PDF are read; they stay unread without. `readers`
    are for reading many.
    """
    suffix = file.suffix.lower()
    if suffix in DOCUMENTS:
        return read_document(file, progress, readers)
    if suffix == ".pdf":
        return understand(read_pdf(file, progress, ocr, readers))
    raise unreadable(file)


def unreadable(file: Path) -> BookError:
    """What to say of a file of a kind that is not read."""
    suffix = file.suffix.lower()
    kind = f"{suffix} files are" if suffix else "a file without a suffix is"
    way = WAYS.get(suffix, "Save or export it as one of these.")
    return BookError(str(file), f"{kind} not read; {READABLE} are", way)


def without_text(file: Path, pages: int, ocr: bool) -> BookError:
    """What to say of a book that was read and gave no passage."""
    if file.suffix.lower() in DOCUMENTS:
        return BookError(str(file), *REFUSALS["no-text"])
    return BookError(
        str(file),
        f"no text on any of its {pages} pages" + ("" if ocr else ", so it is probably scanned"),
        "Text recognition found none either." if ocr else "Give --ocr to read scanned pages with Tesseract.",
    )
