"""What an ingest did, or would do, book by book."""

from __future__ import annotations

from dataclasses import dataclass, fields

from index_store.manifest import BookEntry


@dataclass(frozen=True)
class BookOutcome:
    """What became of one book: `status` is "read", "unchanged", "carried", "removed" or "refused" (then `error` says why).

    `added`, `removed` and `kept` count passages by their text and headings against the course as it was.
    """

    file: str
    status: str
    pages: int = 0
    passages: int = 0
    pages_without_text: int = 0
    lost_characters: int = 0
    repaired_characters: int = 0
    hidden_parts: int = 0
    hidden_characters: int = 0
    scanned_pages: tuple[int, ...] = ()
    ocr: str = ""
    added: int = 0
    removed: int = 0
    kept: int = 0
    error: str = ""


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did. `published` is False where nothing new went live; the old index is then as it was.

    `failed` are the checks that kept a complete new index from going live, or that were overridden. `warning` says where the
    live index was damaged, and books were taken from an earlier one.
    """

    course: str
    books: tuple[BookOutcome, ...]
    passages: int
    embedded: int
    published: bool
    failed: tuple[str, ...] = ()
    warning: str = ""

    @property
    def refused(self) -> list[BookOutcome]:
        return [book for book in self.books if book.status == "refused"]

    @property
    def changes(self) -> bool:
        """Whether the course's passages would be other ones."""
        return any(book.status in ("read", "removed") for book in self.books)


def outcome_of(book: BookEntry, status: str) -> BookOutcome:
    """The outcome `status` of a book with what is known of it."""
    told = {field.name for field in fields(BookOutcome)}
    return BookOutcome(status=status, **{name: value for name, value in vars(book).items() if name in told})
