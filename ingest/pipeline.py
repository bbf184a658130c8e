"""The way through an ingest: books -> pages -> sections -> passages -> vectors -> a new generation -> checks -> live.

A book that cannot be read is refused with its reason and the others go on; books that the course already has and that
were not given again are carried forward. Until the last rename the old generation stays live.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from index_store.course import Course, CourseWriter
from index_store.embedding import Embedding
from index_store.errors import BookError, CourseError, IndexDamagedError
from index_store.files import sha256_of
from index_store.generation import PASSAGES, load_writers, read_passages
from index_store.manifest import FORMAT, BookEntry, Manifest, read_manifest
from index_store.passage import Passage
from index_store.vectors import VectorCache
from index_store.verify import Verifier, check_sound
from ingest.books import BookRead, Job, Progress, Reader, read_here
from ingest.checks import check
from ingest.chunk import OVERLAP_TOKENS, PASSAGE_TOKENS
from ingest.cluster import Cluster
from ingest.ocr import require_tesseract
from ingest.report import BookOutcome, IngestReport, outcome_of
from ingest.sources import find_books

# What decides how a book becomes passages; a course made with other values reads its books again.
VERSION = 6


def ingest(
    paths: Sequence[Path],
    course: Course,
    embedding: Embedding,
    vectors: VectorCache,
    progress: Progress = lambda stage, done, total: None,
    force: bool = False,
    ocr: str = "",
    cluster: Cluster | None = None,
) -> IngestReport:
    """Read the books at `paths` into `course` and make the result live if the checks pass, or with `force`.

    `ocr` names the languages ("eng+deu") in which scanned pages are read with Tesseract (SettingsError where it is missing).
    With `cluster` the books are read and embedded there. Raises CourseError where another is writing.
    """
    files, refused = find_books(paths)
    if ocr:
        require_tesseract(ocr)

    def reader(jobs: Sequence[Job]) -> Iterator[tuple[str, BookRead]]:
        if jobs:  # what writing will take is loaded while they are read
            meanwhile.submit(load_writers)
        if 0 < len(jobs) < (os.cpu_count() or 1):  # on a core that reads nothing
            verifier.begin()
        return cluster.read_all(jobs, embedding, vectors, progress) if cluster else read_here(jobs, embedding, progress)

    before = cluster.embedded if cluster else 0
    # The thread is waited for: a process that ends while a library is half loaded is aborted by it.
    with ThreadPoolExecutor(1) as meanwhile, course.writer() as writer, Verifier() as verifier:
        plan = _plan(files, refused, course, embedding, reader, ocr, force)
        report = _carry_out(plan, course, writer, embedding, vectors, progress, force, verifier)
    return replace(report, embedded=report.embedded + cluster.embedded - before) if cluster else report


def preview(
    paths: Sequence[Path],
    course: Course,
    embedding: Embedding,
    progress: Progress = lambda stage, done, total: None,
    ocr: str = "",
) -> IngestReport:
    """What `ingest` would change. Reads the books; writes nothing."""
    files, refused = find_books(paths)
    plan = _plan(files, refused, course, embedding, lambda jobs: read_here(jobs, embedding, progress), ocr)
    return IngestReport(course.name, tuple(plan.outcomes), len(plan.everything), 0, published=False, warning=plan.old.warning)


def remove(
    names: Sequence[str], course: Course, embedding: Embedding, vectors: VectorCache, force: bool = False
) -> IngestReport:
    """Take books out of `course`. Raises CourseError for a name that it does not have, and for its last book."""
    with course.writer() as writer, Verifier() as verifier:
        old = _state(course)
        if not old.manifest or not old.whole:
            raise CourseError(f"course {course.name!r} has no sound index. Ingest it again, without the book.")
        for name in names:
            if old.entry(name) is None:
                known = ", ".join(book.file for book in old.manifest.books)
                raise CourseError(f"course {course.name!r} has no book {name!r}. Its books: {known}.")
        entries = {book.file: book for book in old.manifest.books if book.file not in names}
        if not entries:
            raise CourseError(
                f"{', '.join(names)}: nothing would be left of course {course.name!r}. Ingest another book first."
            )
        outcomes = [
            replace(outcome_of(book, "removed"), passages=0, removed=book.passages)
            if book.file in names
            else replace(outcome_of(book, "carried"), kept=book.passages)
            for book in old.manifest.books
        ]
        passages = {file: old.passages[file] for file in entries}
        plan = _Plan(old, outcomes, entries, passages, {}, old.manifest.settings)
        return _carry_out(plan, course, writer, embedding, vectors, lambda stage, done, total: None, force, verifier)


def unchanged(paths: Sequence[Path], course: Course, embedding_key: str, ocr: str = "") -> IngestReport | None:
    """The report of an ingest that would change nothing, without loading an embedding; None where something would."""
    files, refused = find_books(paths)
    old = _state(course, anew=True)
    if refused or old.warning or not old.made_with(_settings(), embedding_key):
        return None
    if not all(_as_read(old.entry(name), _sha256(file), ocr) for name, file in files.items()) or _damaged(course):
        return None
    books = old.manifest.books if old.manifest else ()
    outcomes = [
        replace(outcome_of(book, "unchanged" if book.file in files else "carried"), kept=book.passages) for book in books
    ]
    return IngestReport(course.name, tuple(outcomes), sum(book.passages for book in books), 0, published=False)


def _as_read(entry: BookEntry | None, sha256: str, ocr: str) -> bool:
    """Whether a book need not be read again: the same file, and no scanned pages that `ocr` would now read."""
    return entry is not None and entry.sha256 == sha256 and not (ocr and entry.scanned_pages and entry.ocr != ocr)


def _settings() -> dict[str, Any]:
    return {"version": VERSION, "passage_tokens": PASSAGE_TOKENS, "overlap_tokens": OVERLAP_TOKENS}


@dataclass(frozen=True)
class _State:
    """The course as it was: its manifest and its passages by file; empty for a new one.

    `whole` is False where the passages are not those that were written; there are none then, and its books are read again.
    `warning` says where it is an earlier state than the live one, which is damaged.
    """

    manifest: Manifest | None
    passages: dict[str, list[Passage]]
    whole: bool = True
    warning: str = ""

    def entry(self, file: str) -> BookEntry | None:
        books = self.manifest.books if self.manifest else ()
        return next((book for book in books if book.file == file), None)

    def made_with(self, settings: dict[str, Any], embedding_key: str) -> bool:
        """Whether the course is whole and was made in the way that it would be made now."""
        manifest = self.manifest
        return (
            manifest is not None
            and self.whole
            and (manifest.format, manifest.settings, manifest.embedding_key) == (FORMAT, settings, embedding_key)
        )


def _state(course: Course, anew: bool = False) -> _State:
    """The course as the live index has it; or else as the newest earlier one that can be read has it, which is then told.

    Raises CourseError where there were indexes and none can be read, for then it is not known what books there were; with
    `anew` the course begins from nothing.
    """
    if not course.published:
        return _State(None, {})
    try:
        return _state_of(course.live)
    except IndexDamagedError as error:
        for generation in course.earlier():
            with suppress(IndexDamagedError):
                earlier = _state_of(generation)
                if earlier.manifest and earlier.whole:
                    what = str(error).removesuffix(" Ingest the course again.")
                    told = f"the live index is damaged ({what}); books not given again are those of {earlier.manifest.created}"
                    return replace(earlier, warning=told)
        if anew:
            return _State(None, {})
        raise CourseError(
            f"no index of course {course.name!r} can be read, so it is not known which books it had ({error}). "
            "Give all of them with --force, and it is made anew."
        ) from error


def _state_of(generation: Path) -> _State:
    manifest = read_manifest(generation)
    by_file: dict[str, list[Passage]] = {book.file: [] for book in manifest.books}
    recorded = manifest.checksums.get(PASSAGES)
    try:
        for passage in read_passages(generation):
            by_file[passage.file].append(passage)
        whole = all(len(by_file[book.file]) == book.passages for book in manifest.books)
        if not whole or (recorded and sha256_of(generation / PASSAGES) != recorded):
            return _State(manifest, {}, whole=False)
    except (KeyError, OSError, IndexDamagedError):
        return _State(manifest, {}, whole=False)
    return _State(manifest, by_file)


@dataclass(frozen=True)
class _Plan:
    """What the course is to hold: `entries` and `passages` by book; `files` are the newly read ones, to be kept."""

    old: _State
    outcomes: list[BookOutcome]
    entries: dict[str, BookEntry]
    passages: dict[str, list[Passage]]
    files: dict[str, Path]
    settings: dict[str, Any]

    @property
    def everything(self) -> list[Passage]:
        return [passage for file in sorted(self.entries) for passage in self.passages[file]]

    @property
    def lost(self) -> list[str]:
        """What speaks against the plan: books that the course had, and would have no more although nobody removed them."""
        removed = {outcome.file for outcome in self.outcomes if outcome.status == "removed"}
        had = [book.file for book in self.old.manifest.books] if self.old.manifest else []
        return [
            f"{file}: its passages are damaged and it could not be read again; give the file once more, or it is lost"
            for file in had
            if file not in self.entries and file not in removed
        ]


def _plan(
    files: dict[str, Path],
    refused: list[BookOutcome],
    course: Course,
    embedding: Embedding,
    reader: Reader,
    ocr: str,
    force: bool = False,
) -> _Plan:
    """Have `reader` read what has to be read."""
    old = _state(course, anew=force)
    settings = _settings()
    same_settings = old.made_with(settings, embedding.key)
    entries: dict[str, BookEntry] = {book.file: book for book in old.manifest.books} if old.manifest else {}
    plan = _Plan(old, list(refused), entries, dict(old.passages), {}, settings)

    sources = dict(files)
    if old.manifest and not same_settings:
        # Made otherwise, or damaged: the books kept with the course are read again too, so that one index is of one kind.
        sources |= {book.file: course.book_file(book) for book in old.manifest.books if book.file not in files}
    hashes = {name: _sha256(file) for name, file in sources.items()}
    to_read: dict[str, Path] = {}
    owners = {book.sha256: book.file for book in entries.values()}
    for name, file in sources.items():
        entry = old.entry(name)
        if same_settings and entry and _as_read(entry, hashes[name], ocr):
            plan.outcomes.append(replace(outcome_of(entry, "unchanged"), kept=entry.passages))
        elif hashes[name] and (owner := owners.setdefault(hashes[name], name)) != name:
            way = (
                f"To rename it, take that one out with: tutor remove {owner}" if owner in entries else "Ingest one of the two."
            )
            error = BookError(str(file), f"the same file as {owner}, which this course has", way)
            plan.outcomes.append(BookOutcome(name, "refused", error=str(error)))
        else:
            to_read[name] = file
    # What was once read with OCR is read with it again.
    languages = {name: ocr or (entry.ocr if (entry := old.entry(name)) else "") for name in to_read}
    jobs = [Job(name, file, hashes[name], languages[name]) for name, file in to_read.items()]
    books = dict(reader(jobs))
    for job in jobs:
        book = books[job.name]
        if isinstance(book, BookError):
            plan.outcomes.append(BookOutcome(job.name, "refused", error=str(book)))
            continue
        plan.outcomes.append(_compared(outcome_of(book.entry, "read"), old.passages.get(job.name, []), book.passages))
        plan.entries[job.name], plan.passages[job.name], plan.files[job.name] = book.entry, list(book.passages), job.file
    for lost in plan.entries.keys() - plan.passages.keys():  # damaged and not read again: nothing to carry forward
        del plan.entries[lost]
    done = {outcome.file for outcome in plan.outcomes}
    plan.outcomes.extend(
        replace(outcome_of(e, "carried"), kept=e.passages) for e in plan.entries.values() if e.file not in done
    )
    return plan


def _compared(outcome: BookOutcome, old: Sequence[Passage], new: Sequence[Passage]) -> BookOutcome:
    before, after = (Counter(passage.embedded_text for passage in passages) for passages in (old, new))
    kept = (before & after).total()
    return replace(outcome, added=len(new) - kept, removed=len(old) - kept, kept=kept)


def _carry_out(
    plan: _Plan,
    course: Course,
    writer: CourseWriter,
    embedding: Embedding,
    vectors: VectorCache,
    progress: Progress,
    force: bool,
    verifier: Verifier,
) -> IngestReport:
    """Build the planned generation, check it, and make it live."""
    everything = plan.everything
    became = {outcome.status for outcome in plan.outcomes}
    if not became & {"read", "removed"} and ("refused" in became or not _damaged(course)):
        return IngestReport(course.name, tuple(plan.outcomes), len(everything), 0, published=False, warning=plan.old.warning)
    for name, file in plan.files.items():
        writer.keep_book(file, plan.entries[name].sha256)
    matrix, embedded = vectors.embed(
        embedding, [p.embedded_text for p in everything], lambda n, total: progress("embedding", n, total)
    )
    books = [plan.entries[file] for file in sorted(plan.entries)]
    verifier.begin()
    new = writer.build(everything, matrix, embedding, books, plan.settings)
    try:
        verifier.verify(new)
        failed = [*plan.lost, *check(course, new, embedding, plan.passages, plan.old.passages)]
        published = force or not failed
        if published:
            writer.make_live(new)
    except BaseException:
        writer.discard(new)
        raise
    if not published:
        writer.discard(new)
    return IngestReport(
        course.name, tuple(plan.outcomes), len(everything), embedded, published, tuple(failed), plan.old.warning
    )


def _damaged(course: Course) -> bool:
    """Whether the live index is not sound although its passages are whole; it is then made again from them."""
    try:
        check_sound(course.live)
    except IndexDamagedError:
        return True
    return False


def _sha256(file: Path) -> str:
    try:
        return sha256_of(file)
    except OSError:
        return ""  # unreadable: reading it says so
