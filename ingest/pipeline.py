"""The way through an ingest: PDFs -> pages -> sections -> passages -> vectors -> a new generation -> live.

A book that cannot be read is refused with its reason and the others go on; books that the course already has and that
were not given again are carried forward. Until the last rename the old generation stays live.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index_store.course import Course, CourseWriter
from index_store.embedding import Embedding
from index_store.errors import BookError, CourseError, IndexDamagedError
from index_store.files import sha256_of
from index_store.generation import BookEntry, Manifest, read_passages
from index_store.passage import Passage
from index_store.vectors import VectorCache
from index_store.verify import verify_in_child
from ingest.chunk import OVERLAP_TOKENS, PASSAGE_TOKENS, cut
from ingest.ocr import require_tesseract
from ingest.pdf import read_pdf
from ingest.structure import understand

# What decides how a book becomes passages; a course made with other values reads its books again.
VERSION = 3

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total): stage is a book's file name while it is read, then "embedding"."""


@dataclass(frozen=True)
class BookOutcome:
    """What became of one file: `status` is "read", "unchanged", "carried" or "refused" (then `error` says why)."""

    file: str
    status: str
    pages: int = 0
    passages: int = 0
    pages_without_text: int = 0
    lost_characters: int = 0
    repaired_characters: int = 0
    hidden_characters: int = 0
    scanned_pages: tuple[int, ...] = ()
    ocr: str = ""
    error: str = ""


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did. `published` is False where nothing new went live; the old index is then as it was."""

    course: str
    books: tuple[BookOutcome, ...]
    passages: int
    embedded: int
    published: bool

    @property
    def refused(self) -> list[BookOutcome]:
        return [book for book in self.books if book.status == "refused"]


def find_books(paths: Sequence[Path]) -> list[Path]:
    """The PDFs that `paths` name: files as given, folders searched through. Raises CourseError where one names nothing."""
    books: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(f for f in path.rglob("*") if f.suffix.lower() == ".pdf" and f.is_file() and f.name[0] != ".")
            if not found:
                raise CourseError(f"{path}: no PDF in this folder. Name a folder with books, or a PDF.")
            books += found
        elif path.is_file():
            books.append(path)
        else:
            raise CourseError(f"{path}: no such file or folder. Check the path.")
    unique = list({book.resolve(): book for book in books}.values())
    by_name: dict[str, Path] = {}
    for book in unique:
        if book.name in by_name:
            raise CourseError(f"{book}: a course holds one book of a name, and {by_name[book.name]} has it too. Rename one.")
        by_name[book.name] = book
    return unique


def ingest(
    paths: Sequence[Path],
    course: Course,
    embedding: Embedding,
    vectors: VectorCache,
    progress: Progress = lambda stage, done, total: None,
    ocr: str = "",
) -> IngestReport:
    """Read the books at `paths` into `course` and make the result live. Raises CourseError where another is writing.

    `ocr` names the languages ("eng+deu") in which scanned pages are read with Tesseract (SettingsError where it is missing).
    """
    files = find_books(paths)
    if ocr:
        require_tesseract(ocr)
    with course.writer() as writer:
        old = _state(course)
        return _ingest(files, course, writer, old, embedding, vectors, progress, ocr)


def unchanged(paths: Sequence[Path], course: Course, embedding_key: str, ocr: str = "") -> IngestReport | None:
    """The report of an ingest that would change nothing, without loading an embedding; None where something would."""
    files = find_books(paths)
    old = _state(course)
    same = old.made_with(_settings(), embedding_key)
    entries = [old.entry(file.name) for file in files]
    if not same or not all(_as_read(e, _sha256(f), ocr) for e, f in zip(entries, files, strict=True)) or _damaged(course):
        return None
    given = {file.name for file in files}
    books = old.manifest.books if old.manifest else ()
    outcomes = [_kept(book, "unchanged" if book.file in given else "carried") for book in books]
    return IngestReport(course.name, tuple(outcomes), sum(book.passages for book in books), 0, published=False)


def _as_read(entry: BookEntry | None, sha256: str, ocr: str) -> bool:
    """Whether a book need not be read again: the same file, and no scanned pages that `ocr` would now read."""
    return entry is not None and entry.sha256 == sha256 and not (ocr and entry.scanned_pages and entry.ocr != ocr)


def _settings() -> dict[str, Any]:
    return {"version": VERSION, "passage_tokens": PASSAGE_TOKENS, "overlap_tokens": OVERLAP_TOKENS}


def _kept(book: BookEntry, status: str) -> BookOutcome:
    return BookOutcome(
        book.file,
        status,
        book.pages,
        book.passages,
        book.pages_without_text,
        book.lost_characters,
        book.repaired_characters,
        book.hidden_characters,
        book.scanned_pages,
        book.ocr,
    )


@dataclass(frozen=True)
class _State:
    """The course as it was: its manifest and its passages by file; empty for a new one.

    `whole` is False where the passages are not those that the manifest tells of; its books are then read again.
    """

    manifest: Manifest | None
    passages: dict[str, list[Passage]]
    whole: bool = True

    def entry(self, file: str) -> BookEntry | None:
        books = self.manifest.books if self.manifest else ()
        return next((book for book in books if book.file == file), None)

    def made_with(self, settings: dict[str, Any], embedding_key: str) -> bool:
        """Whether the course is whole and was made in the way that it would be made now."""
        manifest = self.manifest
        return bool(manifest and self.whole and manifest.settings == settings and manifest.embedding_key == embedding_key)


def _state(course: Course) -> _State:
    try:
        manifest = course.manifest()
    except (CourseError, IndexDamagedError):  # a first ingest, or a damaged index that this one replaces
        return _State(None, {})
    by_file: dict[str, list[Passage]] = {book.file: [] for book in manifest.books}
    try:
        for passage in read_passages(course.live):
            by_file[passage.file].append(passage)
        whole = all(len(by_file[book.file]) == book.passages for book in manifest.books)
    except (KeyError, IndexDamagedError):
        whole = False
    return _State(manifest, by_file, whole)


def _ingest(
    files: Sequence[Path],
    course: Course,
    writer: CourseWriter,
    old: _State,
    embedding: Embedding,
    vectors: VectorCache,
    progress: Progress,
    ocr: str,
) -> IngestReport:
    settings = _settings()
    same_settings = old.made_with(settings, embedding.key)
    outcomes: list[BookOutcome] = []
    entries: dict[str, BookEntry] = {book.file: book for book in old.manifest.books} if old.manifest else {}
    passages = dict(old.passages)

    sources = list(files)
    if old.manifest and not same_settings:
        # Made otherwise, or damaged: the books kept with the course are read again too, so that one index is of one kind.
        given = {file.name for file in files}
        kept = {book.file: course.book_file(book) for book in old.manifest.books if book.file not in given}
    else:
        kept = {}

    for name, file in [*((f.name, f) for f in sources), *kept.items()]:
        sha256 = _sha256(file)
        entry = old.entry(name)
        if same_settings and entry and _as_read(entry, sha256, ocr):
            outcomes.append(_kept(entry, "unchanged"))
            continue
        try:
            languages = ocr or (entry.ocr if entry else "")  # what was once read with OCR is read with it again
            outcome, entries[name], passages[name] = _read(file, name, sha256, embedding, progress, languages)
        except BookError as error:
            outcomes.append(BookOutcome(name, "refused", error=str(error)))
            continue
        writer.keep_book(file, sha256)
        outcomes.append(outcome)

    done = {outcome.file for outcome in outcomes}
    outcomes += [_kept(entry, "carried") for entry in entries.values() if entry.file not in done]
    everything = [passage for file in sorted(entries) for passage in passages[file]]
    became = {outcome.status for outcome in outcomes}
    if "read" not in became and ("refused" in became or not _damaged(course)):
        return IngestReport(course.name, tuple(outcomes), len(everything), 0, published=False)
    matrix, embedded = vectors.embed(
        embedding, [p.embedded_text for p in everything], lambda n, total: progress("embedding", n, total)
    )
    writer.publish(everything, matrix, embedding, [entries[file] for file in sorted(entries)], settings)
    return IngestReport(course.name, tuple(outcomes), len(everything), embedded, published=True)


def _damaged(course: Course) -> bool:
    """Whether the live index is not sound although its passages are whole; it is then made again from them."""
    try:
        verify_in_child(course.live)
    except IndexDamagedError:
        return True
    return False


def _sha256(file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError:
        return ""  # unreadable: reading it says so


def _read(
    file: Path, name: str, sha256: str, embedding: Embedding, progress: Progress, ocr: str
) -> tuple[BookOutcome, BookEntry, list[Passage]]:
    if ocr:
        require_tesseract(ocr)
    document = read_pdf(file, lambda done, total: progress(name, done, total), ocr)
    book = understand(document)
    passages = cut(book, name, embedding.count_tokens, embedding.max_tokens)
    if not passages:
        raise BookError(
            str(file),
            f"no text on any of its {book.pages} pages" + ("" if ocr else ", so it is probably scanned"),
            "Text recognition found none either." if ocr else "Give --ocr to read scanned pages with Tesseract.",
        )
    entry = BookEntry(
        name,
        book.title,
        sha256,
        book.pages,
        len(passages),
        book.pages_without_text,
        book.lost_characters,
        book.repaired_characters,
        book.hidden_characters,
        book.scanned_pages,
        ocr if document.scanned_pages else "",
    )
    return _kept(entry, "read"), entry, passages
