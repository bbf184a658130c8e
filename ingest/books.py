"""Many books read into passages: each in a child process, as many at a time as there are cores.

Knows nothing of courses and generations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from index_store.embedding import Embedding
from index_store.errors import BookError
from index_store.manifest import BookEntry
from index_store.passage import Passage
from ingest.chunk import cut
from ingest.formats import read_book, without_text
from ingest.ocr import require_tesseract
from ingest.readers import Readers

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total): stage is a book's name while it is read, then "embedding". From several threads."""


@dataclass(frozen=True)
class Job:
    """A book to read: `name` is its name in the course, `ocr` the languages ("eng+deu") that its scanned pages are read in."""

    name: str
    file: Path
    sha256: str
    ocr: str


@dataclass(frozen=True)
class ReadBook:
    """A book as a course takes it up."""

    entry: BookEntry
    passages: tuple[Passage, ...]

    @property
    def texts(self) -> list[str]:
        """What is to be embedded."""
        return [passage.embedded_text for passage in self.passages]


BookRead = ReadBook | BookError
Reader = Callable[[Sequence[Job]], Iterator[tuple[str, BookRead]]]
"""Reads every job's book, or says why it cannot be read, in any order."""


def read_job(
    job: Job,
    embedding: Embedding,
    progress: Progress = lambda stage, done, total: None,
    readers: Readers | None = None,
) -> BookRead:
    """Read one book; `readers` are for reading many."""
    try:
        return _read(job, embedding, progress, readers)
    except BookError as error:
        return error


def read_here(jobs: Sequence[Job], embedding: Embedding, progress: Progress) -> Iterator[tuple[str, BookRead]]:
    """Read the books on this machine, in order."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        with Readers() as readers:
            books = pool.map(lambda job: read_job(job, embedding, progress, readers), jobs)
            yield from ((job.name, book) for job, book in zip(jobs, books, strict=True))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read(job: Job, embedding: Embedding, progress: Progress, readers: Readers | None) -> ReadBook:
    if job.ocr:
        require_tesseract(job.ocr)
    book = read_book(job.file, lambda done, total: progress(job.name, done, total), job.ocr, readers)
    passages = cut(book, job.name, embedding.count_tokens, embedding.max_tokens)
    if not passages:
        raise without_text(job.file, book.pages, bool(job.ocr))
    entry = BookEntry(
        file=job.name,
        title=book.title,
        sha256=job.sha256,
        pages=book.pages,
        passages=len(passages),
        pages_without_text=book.pages_without_text,
        lost_characters=book.lost_characters,
        repaired_characters=book.repaired_characters,
        hidden_parts=book.hidden_parts,
        hidden_characters=book.hidden_characters,
        scanned_pages=book.scanned_pages,
        ocr=job.ocr if book.scanned_pages else "",
    )
    return ReadBook(entry, tuple(passages))
